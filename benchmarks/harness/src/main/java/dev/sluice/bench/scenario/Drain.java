package dev.sluice.bench.scenario;

import dev.sluice.Sluice;
import dev.sluice.bench.measure.Effort;
import dev.sluice.bench.measure.Figures;
import dev.sluice.bench.measure.RedisUnderLoad;
import dev.sluice.dispatch.QueueSettings;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Queue;
import dev.sluice.task.Task;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** How fast one dispatcher empties a full queue whose handler does nothing: the cost of dispatching alone. */
final class Drain implements Variant {
    private final RedisUnderLoad redis;
    private final Load load;
    private final DeliveryMode mode;
    private final boolean foreign;
    private final int timeoutMinutes;

    private Drain(RedisUnderLoad redis, Load load, DeliveryMode mode, boolean foreign, int timeoutMinutes) {
        this.redis = redis;
        this.load = load;
        this.mode = mode;
        this.foreign = foreign;
        this.timeoutMinutes = timeoutMinutes;
    }

    static List<Variant> variants(RedisUnderLoad redis, Load load) {
        List<Variant> variants = new ArrayList<>();
        for (DeliveryMode mode : DeliveryMode.values()) {
            variants.add(new Drain(redis, load, mode, false, 0));
            variants.add(new Drain(redis, load, mode, true, 0));
        }
        variants.add(new Ceiling(redis, load, false));
        variants.add(new Ceiling(redis, load, true));
        if (load.timeoutMinutes > 0) { // beside the first, whose tasks name none
            variants.add(new Drain(redis, load, DeliveryMode.AT_LEAST_ONCE, false, load.timeoutMinutes));
        }
        return variants;
    }

    @Override
    public String name() {
        String whose = foreign ? ", foreign tasks" : ", own tasks";
        return "drain " + mode.word() + whose + (timeoutMinutes > 0 ? ", timeout " + timeoutMinutes + " min each" : "");
    }

    @Override
    public Figures run() throws InterruptedException {
        Queue queue = Queue.named("sluice-bench-drain").delivery(mode);
        redis.clear(queue.name());
        Figures figures = new Figures();
        Sluice sluice = Sluice.connect(redis.uri());
        try {
            long empty = Effort.now(redis).memory();
            fill(sluice, queue, redis, load, foreign, timeoutMinutes);
            long full = Effort.now(redis).memory();
            drain(sluice, queue, figures);
            figures.put("Redis MB per 100,000 waiting", (full - empty) * 1e5 / load.tasks / 1e6);
        } finally {
            sluice.close().block();
            redis.clear(queue.name());
        }
        return figures;
    }

    static void fill(
            Sluice sluice, Queue queue, RedisUnderLoad redis, Load load, boolean foreign, int timeoutMinutes) {
        if (foreign) {
            redis.fill(queue.name(), queue.statusKey(), load.tasks, load.text());
            return;
        }
        Task<String> plain = Task.of("noop", load.text());
        Task<String> task = timeoutMinutes == 0 ? plain : plain.timeout(Duration.ofMinutes(timeoutMinutes));
        long refused = sluice.client(queue)
                .enqueueAll(Flux.range(0, load.tasks).map(i -> task))
                .filter(result -> !result.isCreated())
                .count()
                .block();
        if (refused > 0) {
            throw new IllegalStateException(refused + " tasks were not taken");
        }
    }

    private void drain(Sluice sluice, Queue queue, Figures figures) throws InterruptedException {
        CountDownLatch left = new CountDownLatch(load.tasks);
        QueueSettings settings = QueueSettings.standard().concurrency(load.concurrency);
        Worker worker = new Worker(sluice.dispatcher().queue(queue, settings), left, task -> {
            left.countDown();
            return Mono.empty();
        });
        try (worker) {
            worker.drain(redis, load.tasks, figures);
        }
    }
}
