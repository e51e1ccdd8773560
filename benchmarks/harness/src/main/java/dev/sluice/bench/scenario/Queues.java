package dev.sluice.bench.scenario;

import dev.sluice.Sluice;
import dev.sluice.bench.measure.Figures;
import dev.sluice.bench.measure.RedisUnderLoad;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.dispatch.QueueSettings;
import dev.sluice.task.Queue;
import dev.sluice.task.Task;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** How fast one dispatcher drains many queues, and how many connections it needs for them. */
final class Queues implements Variant {
    private static final int QUEUES = 100;
    private static final String COMMON_NAME = "sluice-bench-queues";

    private final RedisUnderLoad redis;
    private final Load load;

    private Queues(RedisUnderLoad redis, Load load) {
        this.redis = redis;
        this.load = load;
    }

    static List<Variant> variants(RedisUnderLoad redis, Load load) {
        return List.of(new Queues(redis, load));
    }

    @Override
    public String name() {
        return "drain of " + QUEUES + " queues";
    }

    @Override
    public Figures run() throws InterruptedException {
        redis.clear(COMMON_NAME);
        List<Queue> queues = IntStream.range(0, QUEUES)
                .mapToObj(i -> Queue.named(COMMON_NAME + "-" + i))
                .toList();
        int each = Math.max(1, load.tasks / QUEUES);
        Figures figures = new Figures();
        Sluice sluice = Sluice.connect(redis.uri());
        CountDownLatch left = new CountDownLatch(each * QUEUES);
        Dispatcher.Builder served = sluice.dispatcher();
        queues.forEach(queue -> served.queue(queue, QueueSettings.standard().concurrency(load.concurrency)));
        Worker worker = new Worker(served, left, task -> {
            left.countDown();
            return Mono.empty();
        });
        try (worker) {
            Task<String> task = Task.of("noop", load.text());
            queues.forEach(queue -> sluice.client(queue)
                    .enqueueAll(Flux.range(0, each).map(i -> task))
                    .blockLast());
            int before = redis.connections();
            worker.drain(redis, each * QUEUES, figures);
            figures.put("connections", redis.connections() - before);
        } finally {
            sluice.close().block();
            redis.clear(COMMON_NAME);
        }
        return figures;
    }
}
