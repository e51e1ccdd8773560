package dev.sluice.bench.scenario;

import dev.sluice.Sluice;
import dev.sluice.bench.measure.Effort;
import dev.sluice.bench.measure.Figures;
import dev.sluice.bench.measure.RedisUnderLoad;
import dev.sluice.client.TaskClient;
import dev.sluice.dispatch.QueueSettings;
import dev.sluice.task.Queue;
import dev.sluice.task.Task;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.HdrHistogram.ConcurrentHistogram;
import org.HdrHistogram.Histogram;
import reactor.core.publisher.Mono;

/**
 * How long a task waits from the instant it was due to be put in until its handler starts.
 *
 * <p>Open loop: tasks are put in at a fixed rate whether or not earlier ones were picked up, and a task that is put in
 * late counts from the time it should have been.
 */
final class Latency implements Variant {
    static final String NOT_TAKEN = "tasks that were not taken";

    private static final long SPIN_NANOS = 50_000;
    private static final double GENERATOR_LATE_MS = 5;

    private final RedisUnderLoad redis;
    private final Load load;
    private final int rate;
    private final boolean foreign;

    Latency(RedisUnderLoad redis, Load load, int rate, boolean foreign) {
        this.redis = redis;
        this.load = load;
        this.rate = rate;
        this.foreign = foreign;
    }

    static List<Variant> variants(RedisUnderLoad redis, Load load) {
        List<Variant> variants = new ArrayList<>();
        for (int rate : load.rates) {
            variants.add(new Latency(redis, load, rate, false));
            variants.add(new Latency(redis, load, rate, true));
        }
        return variants;
    }

    @Override
    public String name() {
        return "latency at " + rate + "/s" + (foreign ? ", foreign tasks" : ", own tasks");
    }

    @Override
    public Figures run() throws InterruptedException {
        Figures figures = measure();
        double refused = figures.values().get(NOT_TAKEN);
        if (refused > 0) {
            throw new IllegalStateException((long) refused + " tasks were not taken at " + rate + "/s");
        }
        return figures;
    }

    /** The same, for a rate that may be beyond what is possible: the figures say how many tasks were not taken. */
    Figures measure() throws InterruptedException {
        Queue queue = Queue.named("sluice-bench-latency");
        redis.clear(queue.name());
        int tasks = Math.multiplyExact(rate, load.seconds);
        ConcurrentHistogram micros = new ConcurrentHistogram(TimeUnit.MINUTES.toMicros(10), 3);
        CountDownLatch left = new CountDownLatch(tasks);
        AtomicLong origin = new AtomicLong();
        Sluice sluice = Sluice.connect(redis.uri());
        QueueSettings settings = QueueSettings.standard().concurrency(load.concurrency);
        Worker worker = new Worker(sluice.dispatcher().queue(queue, settings), left, task -> {
            long due = origin.get() + dueAfter(Integer.parseInt(task.id().substring(1)));
            micros.recordValue(Math.max(0, (System.nanoTime() - due) / 1_000));
            left.countDown();
            return Mono.empty();
        });
        try (worker) {
            worker.start();
            Histogram late = new Histogram(TimeUnit.MINUTES.toMicros(10), 3);
            Effort before = Effort.now(redis);
            origin.set(System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(100));
            AtomicLong refused = produce(sluice.client(queue), queue, origin.get(), left, late);
            worker.await();
            Effort after = Effort.now(redis);
            Figures figures = figures(micros, late, before, after, tasks);
            figures.put(NOT_TAKEN, refused.get());
            return figures;
        } finally {
            sluice.close().block();
            redis.clear(queue.name());
        }
    }

    private AtomicLong produce(TaskClient client, Queue queue, long origin, CountDownLatch left, Histogram late) {
        AtomicLong refused = new AtomicLong();
        String text = load.text();
        long tasks = left.getCount();
        for (int i = 0; i < tasks; i++) {
            long due = origin + dueAfter(i);
            awaitInstant(due);
            late.recordValue((System.nanoTime() - due) / 1_000);
            String id = "t" + i;
            if (foreign) {
                redis.push(queue.name(), queue.statusKey(), id, RedisUnderLoad.element(id, text));
            } else {
                client.enqueue(Task.of("noop", text).id(id))
                        .subscribe(result -> {}, failure -> {
                            refused.incrementAndGet();
                            left.countDown();
                        });
            }
        }
        return refused;
    }

    private Figures figures(ConcurrentHistogram micros, Histogram late, Effort before, Effort after, int tasks) {
        Figures figures = new Figures();
        figures.put("ms", micros, 50, 90, 99, 99.9);
        double lateMs = late.getValueAtPercentile(99) / 1e3;
        figures.put("p99 ms put in too late", lateMs);
        if (lateMs > GENERATOR_LATE_MS) {
            System.out.printf(
                    Locale.ROOT,
                    "!! saturated: at %d/s the generator itself is %.1f ms late (p99), which counts as waiting%n",
                    rate,
                    lateMs);
        }
        after.since(before, tasks, after.secondsSince(before), figures);
        return figures;
    }

    private long dueAfter(int task) {
        return (long) (task * 1e9 / rate);
    }

    private static void awaitInstant(long nanos) {
        for (long left = nanos - System.nanoTime(); left > 0; left = nanos - System.nanoTime()) {
            if (left > SPIN_NANOS) {
                LockSupport.parkNanos(left - SPIN_NANOS);
            } else {
                Thread.onSpinWait();
            }
        }
    }
}
