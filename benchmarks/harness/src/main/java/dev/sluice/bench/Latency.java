package dev.sluice.bench;

import dev.sluice.Sluice;
import dev.sluice.client.TaskClient;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.dispatch.QueueSettings;
import dev.sluice.task.Queue;
import dev.sluice.task.Task;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.HdrHistogram.ConcurrentHistogram;
import reactor.core.publisher.Mono;

/**
 * How long a task waits from the instant it was due to be put in until its handler starts.
 *
 * <p>Open loop: tasks are put in at a fixed rate whether or not earlier ones were picked up, and a task that is put in
 * late counts from the time it should have been.
 */
final class Latency implements Variant {
    private static final long SPIN_NANOS = 50_000;

    private final RedisUnderLoad redis;
    private final Load load;
    private final int rate;
    private final boolean foreign;

    private Latency(RedisUnderLoad redis, Load load, int rate, boolean foreign) {
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
    public Map<String, Double> run() throws InterruptedException {
        Queue queue = Queue.named("sluice-bench-latency");
        redis.clear(queue.name());
        int tasks = Math.multiplyExact(rate, load.seconds);
        ConcurrentHistogram micros = new ConcurrentHistogram(TimeUnit.MINUTES.toMicros(10), 3);
        CountDownLatch left = new CountDownLatch(tasks);
        AtomicLong origin = new AtomicLong();
        Sluice sluice = Sluice.connect(redis.uri());
        Dispatcher dispatcher = sluice.dispatcher()
                .queue(queue, QueueSettings.standard().concurrency(load.concurrency))
                .build()
                .handler("noop", Void.class, context -> {
                    long due = origin.get() + dueAfter(Integer.parseInt(context.id().substring(1)));
                    micros.recordValue(Math.max(0, (System.nanoTime() - due) / 1_000));
                    left.countDown();
                    return Mono.empty();
                });
        try {
            dispatcher.start().block();
            TaskClient client = sluice.client(queue);
            Effort before = Effort.now(redis);
            origin.set(System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(100));
            AtomicLong refused = produce(client, queue, origin.get(), tasks);
            if (!left.await(60, TimeUnit.SECONDS)) {
                throw new IllegalStateException(left.getCount() + " tasks did not come within 60 s, " + refused
                        + " were not taken");
            }
            Effort after = Effort.now(redis);
            return figures(micros, before, after, tasks);
        } finally {
            dispatcher.stop(Duration.ofSeconds(5)).block();
            sluice.close().block();
            redis.clear(queue.name());
        }
    }

    private AtomicLong produce(TaskClient client, Queue queue, long origin, int tasks) {
        AtomicLong refused = new AtomicLong();
        String text = load.text();
        for (int i = 0; i < tasks; i++) {
            awaitInstant(origin + dueAfter(i));
            String id = "t" + i;
            if (foreign) {
                redis.push(queue.name(), queue.statusKey(), id, RedisUnderLoad.element(id, text));
            } else {
                client.enqueue(Task.of("noop", text).id(id))
                        .subscribe(result -> {}, failure -> refused.incrementAndGet());
            }
        }
        return refused;
    }

    private Map<String, Double> figures(ConcurrentHistogram micros, Effort before, Effort after, int tasks) {
        Map<String, Double> figures = new LinkedHashMap<>();
        figures.put("p50 ms", micros.getValueAtPercentile(50) / 1e3);
        figures.put("p90 ms", micros.getValueAtPercentile(90) / 1e3);
        figures.put("p99 ms", micros.getValueAtPercentile(99) / 1e3);
        figures.put("p99.9 ms", micros.getValueAtPercentile(99.9) / 1e3);
        figures.put("max ms", micros.getMaxValue() / 1e3);
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
