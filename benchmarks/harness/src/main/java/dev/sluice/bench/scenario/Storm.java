package dev.sluice.bench.scenario;

import dev.sluice.Sluice;
import dev.sluice.bench.measure.Figures;
import dev.sluice.bench.measure.RedisUnderLoad;
import dev.sluice.dispatch.QueueSettings;
import dev.sluice.task.Queue;
import dev.sluice.task.RetryPolicy;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import reactor.core.publisher.Mono;

/** Every task fails twice and is tried again 100 ms later, as when what all of them need is away for a moment. */
final class Storm implements Variant {
    private static final int ATTEMPTS = 3;
    private static final Duration WAIT = Duration.ofMillis(100);

    private final RedisUnderLoad redis;
    private final Load load;

    private Storm(RedisUnderLoad redis, Load load) {
        this.redis = redis;
        this.load = load;
    }

    static List<Variant> variants(RedisUnderLoad redis, Load load) {
        return List.of(new Storm(redis, load));
    }

    @Override
    public String name() {
        return "drain of tasks that fail " + (ATTEMPTS - 1) + " times";
    }

    @Override
    public Figures run() throws InterruptedException {
        Queue queue = Queue.named("sluice-bench-storm");
        redis.clear(queue.name());
        Figures figures = new Figures();
        Sluice sluice = Sluice.connect(redis.uri());
        CountDownLatch left = new CountDownLatch(load.tasks);
        QueueSettings settings = QueueSettings.standard()
                .concurrency(load.concurrency)
                .retry(RetryPolicy.standard().maxAttempts(ATTEMPTS).waits(WAIT));
        Worker worker = new Worker(sluice.dispatcher().queue(queue, settings), left, task -> {
            if (task.attempt() < ATTEMPTS) {
                return Mono.error(new IllegalStateException("what it needs is away"));
            }
            left.countDown();
            return Mono.empty();
        });
        try (worker) {
            Drain.fill(sluice, queue, redis, load, false, 0);
            worker.drain(redis, load.tasks, figures);
            figures.put("attempts/s", ATTEMPTS * figures.values().get("tasks/s"));
        } finally {
            sluice.close().block();
            redis.clear(queue.name());
        }
        return figures;
    }
}
