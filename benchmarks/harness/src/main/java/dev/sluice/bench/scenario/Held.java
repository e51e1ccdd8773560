package dev.sluice.bench.scenario;

import dev.sluice.Sluice;
import dev.sluice.bench.measure.Figures;
import dev.sluice.bench.measure.Memory;
import dev.sluice.bench.measure.RedisUnderLoad;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.dispatch.QueueSettings;
import dev.sluice.task.Queue;
import dev.sluice.task.Task;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** What a running task whose handler waits has of the heap, its payload as text included. */
final class Held implements Variant {
    private static final int TASKS = 100_000;
    private static final int FIRST = 1_000;
    private static final long LONGEST_MINUTES = 2;

    private final RedisUnderLoad redis;
    private final Load load;

    private Held(RedisUnderLoad redis, Load load) {
        this.redis = redis;
        this.load = load;
    }

    static List<Variant> variants(RedisUnderLoad redis, Load load) {
        return List.of(new Held(redis, load));
    }

    @Override
    public String name() {
        return "hold " + TASKS + " tasks";
    }

    @Override
    public Figures run() throws InterruptedException {
        Queue queue = Queue.named("sluice-bench-held");
        redis.clear(queue.name());
        Figures figures = new Figures();
        Sluice sluice = Sluice.connect(redis.uri());
        AtomicInteger started = new AtomicInteger();
        CountDownLatch first = new CountDownLatch(FIRST);
        CountDownLatch all = new CountDownLatch(FIRST + TASKS);
        Dispatcher dispatcher = sluice.dispatcher()
                .queue(queue, QueueSettings.standard().concurrency(TASKS)) // the most there may be
                .build()
                .handler("noop", String.class, task -> {
                    boolean isHeld = started.incrementAndGet() > FIRST;
                    first.countDown();
                    all.countDown();
                    return isHeld ? Mono.never() : Mono.empty();
                });
        try {
            dispatcher.start().block();
            put(sluice, queue, FIRST); // loads what is loaded once
            await(first);
            double before = Memory.live();
            put(sluice, queue, TASKS);
            await(all);
            figures.put("bytes of live heap per task", (Memory.live() - before) / TASKS);
        } finally {
            dispatcher.stop(Duration.ZERO).block();
            sluice.close().block();
            redis.clear(queue.name());
        }
        return figures;
    }

    private void put(Sluice sluice, Queue queue, int tasks) {
        Task<String> task = Task.of("noop", load.text());
        sluice.client(queue)
                .enqueueAll(Flux.range(0, tasks).map(i -> task))
                .blockLast();
    }

    private static void await(CountDownLatch left) throws InterruptedException {
        if (!left.await(LONGEST_MINUTES, TimeUnit.MINUTES)) {
            throw new IllegalStateException(left.getCount() + " tasks did not start within 2 minutes");
        }
    }
}
