package dev.sluice.bench;

import dev.sluice.Sluice;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.dispatch.QueueSettings;
import dev.sluice.task.Queue;
import dev.sluice.task.ResultRetention;
import dev.sluice.task.Task;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** What is left in Redis of tasks that have ended and whose results are kept. */
final class Retain implements Variant {
    private static final Queue QUEUE = Queue.named("sluice-bench-retain");
    private static final long LONGEST_MINUTES = 10;

    private final RedisUnderLoad redis;
    private final Load load;
    private final boolean hasValue;

    private Retain(RedisUnderLoad redis, Load load, boolean hasValue) {
        this.redis = redis;
        this.load = load;
        this.hasValue = hasValue;
    }

    static List<Variant> variants(RedisUnderLoad redis, Load load) {
        return List.of(new Retain(redis, load, false), new Retain(redis, load, true));
    }

    @Override
    public String name() {
        return "retain " + load.tasks + " results " + (hasValue ? "of " + load.payload + " bytes" : "without a value");
    }

    @Override
    public Map<String, Double> run() throws InterruptedException {
        redis.clear(QUEUE.name());
        Map<String, Double> figures = new LinkedHashMap<>();
        Sluice sluice = Sluice.connect(redis.uri());
        try {
            sluice.client(QUEUE).status("t").block(); // connects
            Effort before = Effort.now(redis);
            sluice.client(QUEUE)
                    .enqueueAll(Flux.range(0, load.tasks).map(i -> Task.of("noop", null)))
                    .blockLast();
            run(sluice);
            Effort after = Effort.now(redis);
            figures.put("bytes per result", (after.memory() - before.memory()) / (double) load.tasks);
            after.since(before, load.tasks, after.secondsSince(before), figures);
        } finally {
            sluice.close().block();
            redis.clear(QUEUE.name());
        }
        return figures;
    }

    private void run(Sluice sluice) throws InterruptedException {
        CountDownLatch left = new CountDownLatch(load.tasks);
        String value = load.text();
        Dispatcher dispatcher = sluice.dispatcher()
                .queue(
                        QUEUE,
                        QueueSettings.standard()
                                .concurrency(load.concurrency)
                                .results(ResultRetention.standard().maxAge(Duration.ofHours(1))))
                .build()
                .handler("noop", Void.class, task -> {
                    left.countDown();
                    return hasValue ? Mono.just(value) : Mono.empty();
                });
        dispatcher.start().block();
        boolean ended = left.await(LONGEST_MINUTES, TimeUnit.MINUTES);
        dispatcher.stop(Duration.ofSeconds(5)).block();
        if (!ended) {
            throw new IllegalStateException(left.getCount() + " tasks were not handled within 10 minutes");
        }
    }
}
