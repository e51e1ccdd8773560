package dev.sluice.bench.scenario;

import dev.sluice.Sluice;
import dev.sluice.bench.measure.Effort;
import dev.sluice.bench.measure.Figures;
import dev.sluice.bench.measure.RedisUnderLoad;
import dev.sluice.task.Queue;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * How fast several dispatchers, each in a process of its own, drain one queue together. As many tasks as one drain has go
 * to each of them before any is counted: they start in it, and are equally warm whatever their number.
 */
final class Processes implements Variant {
    private static final int COUNTED_DRAINS = 2;
    private static final long LONGEST_NANOS = TimeUnit.MINUTES.toNanos(10);

    private final RedisUnderLoad redis;
    private final Load load;
    private final int processes;

    private Processes(RedisUnderLoad redis, Load load, int processes) {
        this.redis = redis;
        this.load = load;
        this.processes = processes;
    }

    static List<Variant> variants(RedisUnderLoad redis, Load load) {
        return List.of(
                new Processes(redis, load, 1), new Processes(redis, load, 2), new Processes(redis, load, 4));
    }

    @Override
    public String name() {
        return "drain by " + processes + (processes == 1 ? " process" : " processes");
    }

    @Override
    public Figures run() throws Exception {
        Queue queue = Queue.named("sluice-bench-processes");
        redis.clear(queue.name());
        Figures figures = new Figures();
        List<Child> children = new ArrayList<>();
        Sluice sluice = Sluice.connect(redis.uri());
        try {
            for (int i = 0; i < processes + COUNTED_DRAINS; i++) {
                Drain.fill(sluice, queue, redis, load, false, 0);
            }
            for (int i = 0; i < processes; i++) {
                children.add(Child.of(
                        Drainer.class, redis.uri(), queue.name(), String.valueOf(load.concurrency)));
            }
            int counted = await(queue, COUNTED_DRAINS * load.tasks);
            Effort before = Effort.now(redis);
            await(queue, 0);
            Effort after = Effort.now(redis);
            figures.put("tasks/s", counted / after.secondsSince(before));
            figures.put("Redis CPU s per 1M", after.redisSecondsSince(before) * 1e6 / counted);
        } finally {
            for (Child child : children) {
                child.close();
            }
            sluice.close().block();
            redis.clear(queue.name());
        }
        return figures;
    }

    /** Waits until at most so many tasks have not ended, and returns how many those are. */
    private int await(Queue queue, int most) throws InterruptedException {
        long began = System.nanoTime();
        for (int left = redis.statuses(queue.statusKey()); ; left = redis.statuses(queue.statusKey())) {
            if (left <= most) {
                return left;
            }
            if (System.nanoTime() - began > LONGEST_NANOS) {
                throw new IllegalStateException(left + " tasks were not handled within 10 minutes");
            }
            Thread.sleep(1);
        }
    }
}
