package dev.sluice.bench.scenario;

import dev.sluice.Sluice;
import dev.sluice.bench.measure.Figures;
import dev.sluice.bench.measure.RedisUnderLoad;
import dev.sluice.dispatch.QueueSettings;
import dev.sluice.task.Queue;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import reactor.core.publisher.Mono;

/** How fast a queue is drained whose handler waits 10 ms without blocking: at best concurrency / 10 ms. */
final class Work implements Variant {
    private static final Duration WAIT = Duration.ofMillis(10);
    private static final int[] CONCURRENCIES = {1_000, 10_000};

    private final RedisUnderLoad redis;
    private final Load load;
    private final int concurrency;

    private Work(RedisUnderLoad redis, Load load, int concurrency) {
        this.redis = redis;
        this.load = load;
        this.concurrency = concurrency;
    }

    static List<Variant> variants(RedisUnderLoad redis, Load load) {
        return List.of(new Work(redis, load, CONCURRENCIES[0]), new Work(redis, load, CONCURRENCIES[1]));
    }

    @Override
    public String name() {
        return "drain of tasks that wait " + WAIT.toMillis() + " ms, concurrency " + concurrency;
    }

    @Override
    public Figures run() throws InterruptedException {
        Queue queue = Queue.named("sluice-bench-work");
        redis.clear(queue.name());
        Figures figures = new Figures();
        Sluice sluice = Sluice.connect(redis.uri());
        CountDownLatch left = new CountDownLatch(load.tasks);
        Worker worker = new Worker(
                sluice.dispatcher().queue(queue, QueueSettings.standard().concurrency(concurrency)),
                left,
                task -> Mono.delay(WAIT).doOnNext(over -> left.countDown()).then());
        try (worker) {
            Drain.fill(sluice, queue, redis, load, false, 0);
            worker.drain(redis, load.tasks, figures);
        } finally {
            sluice.close().block();
            redis.clear(queue.name());
        }
        return figures;
    }
}
