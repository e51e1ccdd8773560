package dev.sluice.bench.scenario;

import dev.sluice.Sluice;
import dev.sluice.bench.measure.Effort;
import dev.sluice.bench.measure.Figures;
import dev.sluice.bench.measure.RedisUnderLoad;
import dev.sluice.dispatch.QueueSettings;
import dev.sluice.task.Queue;
import dev.sluice.task.ResultRetention;
import dev.sluice.task.Task;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** What is left in Redis of tasks that have ended and whose results are kept. */
final class Retain implements Variant {
    private static final Queue QUEUE = Queue.named("sluice-bench-retain");

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
    public Figures run() throws InterruptedException {
        redis.clear(QUEUE.name());
        Figures figures = new Figures();
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
        QueueSettings settings = QueueSettings.standard()
                .concurrency(load.concurrency)
                .results(ResultRetention.standard().maxAge(Duration.ofHours(1)));
        Worker worker = new Worker(sluice.dispatcher().queue(QUEUE, settings), left, task -> {
            left.countDown();
            return hasValue ? Mono.just(value) : Mono.empty();
        });
        try (worker) {
            worker.start();
            worker.await();
        }
    }
}
