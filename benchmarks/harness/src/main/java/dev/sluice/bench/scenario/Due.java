package dev.sluice.bench.scenario;

import dev.sluice.Sluice;
import dev.sluice.bench.measure.Effort;
import dev.sluice.bench.measure.Figures;
import dev.sluice.bench.measure.RedisUnderLoad;
import dev.sluice.client.EnqueueResult;
import dev.sluice.client.TaskClient;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.dispatch.QueueSettings;
import dev.sluice.task.Queue;
import dev.sluice.task.Task;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.HdrHistogram.ConcurrentHistogram;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * How late scheduled tasks start: tasks due evenly over {@code --due-seconds}, and as many due at one instant; all are
 * scheduled before the first is due.
 *
 * <p>Redis says when a task is due, this process when it starts: both must read one clock, so run it on Redis' machine.
 */
final class Due implements Variant {
    private final RedisUnderLoad redis;
    private final Load load;
    private final int seconds;

    private Due(RedisUnderLoad redis, Load load, int seconds) {
        this.redis = redis;
        this.load = load;
        this.seconds = seconds;
    }

    static List<Variant> variants(RedisUnderLoad redis, Load load) {
        return List.of(new Due(redis, load, load.dueSeconds), new Due(redis, load, 0));
    }

    @Override
    public String name() {
        return load.tasks + " tasks due " + (seconds == 0 ? "at once" : "over " + seconds + " s");
    }

    @Override
    public Figures run() throws InterruptedException {
        Queue queue = Queue.named("sluice-bench-due");
        redis.clear(queue.name());
        ConcurrentHistogram micros = new ConcurrentHistogram(TimeUnit.MINUTES.toMicros(10), 3);
        AtomicReference<String> early = new AtomicReference<>();
        CountDownLatch left = new CountDownLatch(load.tasks);
        Sluice sluice = Sluice.connect(redis.uri());
        // Long enough to schedule all of them at 5,000/s.
        long first = System.currentTimeMillis() + 2_000 + load.tasks / 5;
        Dispatcher dispatcher = sluice.dispatcher()
                .queue(queue, QueueSettings.standard().concurrency(load.concurrency))
                .build()
                .handler("noop", Void.class, context -> {
                    Instant now = Instant.now();
                    long due = dueMs(first, Integer.parseInt(context.id().substring(1)));
                    long late = TimeUnit.SECONDS.toMicros(now.getEpochSecond()) + now.getNano() / 1_000 - due * 1_000;
                    if (late < 0) {
                        early.set(context.id() + " started " + -late + " µs before it was due");
                    }
                    micros.recordValue(Math.max(0, late));
                    left.countDown();
                    return Mono.empty();
                });
        try {
            dispatcher.start().block();
            TaskClient client = sluice.client(queue);
            String text = load.text();
            Long created = client.enqueueAll(Flux.range(0, load.tasks)
                            .map(i -> Task.of("noop", text).id("t" + i).at(Instant.ofEpochMilli(dueMs(first, i)))))
                    .filter(EnqueueResult::isCreated)
                    .count()
                    .block();
            if (created == null || created != load.tasks || System.currentTimeMillis() >= first) {
                throw new IllegalStateException("not all were scheduled before the first was due: " + created);
            }
            Effort before = Effort.now(redis);
            if (!left.await(first - System.currentTimeMillis() + (seconds + 60) * 1_000L, TimeUnit.MILLISECONDS)) {
                throw new IllegalStateException(left.getCount() + " tasks did not come within 60 s after the last was due");
            }
            if (early.get() != null) {
                throw new IllegalStateException(early.get());
            }
            return figures(micros, before, Effort.now(redis));
        } finally {
            dispatcher.stop(Duration.ofSeconds(5)).block();
            sluice.close().block();
            redis.clear(queue.name());
        }
    }

    private Figures figures(ConcurrentHistogram micros, Effort before, Effort after) {
        Figures figures = new Figures();
        figures.put("ms late", micros, 50, 99, 99.9);
        after.since(before, load.tasks, after.secondsSince(before), figures);
        return figures;
    }

    private long dueMs(long first, int task) {
        return first + (long) (task * 1e3 * seconds / load.tasks);
    }
}
