package dev.sluice.app;

import dev.sluice.dispatch.TaskContext;
import dev.sluice.task.Queue;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;
import org.HdrHistogram.ConcurrentHistogram;
import org.jspecify.annotations.Nullable;

/**
 * A load on real input: pushes tasks as a stranger would, {@code RPUSH} then {@code HSET} for each, over a plain socket,
 * and reports how they were dispatched.
 */
final class Demo {
    private static final int TASKS_PER_FLUSH = 500;
    private static final long LONGEST_WAIT_MS = TimeUnit.HOURS.toMillis(1);
    private static final Duration STATUS_LIMIT = Duration.ofSeconds(5); // late statuses are removed within 2 s

    private final RedisAddress redis;
    private final Queue queue;
    private final Terminal terminal;
    private final Signals signals;
    private final int tasks;
    private final String prefix = "demo-" + Long.toString(System.currentTimeMillis(), 36) + "-";
    private final AtomicLongArray pushedNanos;
    private final AtomicInteger handled = new AtomicInteger();
    private final AtomicInteger again = new AtomicInteger();
    private final ConcurrentHistogram queueingMicros = new ConcurrentHistogram(TimeUnit.HOURS.toMicros(1), 3);
    private volatile int pushed;
    private volatile long lastNanos;
    private volatile @Nullable IOException broken;

    Demo(RedisAddress redis, Queue queue, Terminal terminal, Signals signals, int tasks) {
        this.redis = redis;
        this.queue = queue;
        this.terminal = terminal;
        this.signals = signals;
        this.tasks = tasks;
        this.pushedNanos = new AtomicLongArray(tasks);
        queueingMicros.setAutoResize(true);
    }

    /** Whether a task is one of this load; if so its queueing time is taken. Any thread. */
    boolean takesNoteOf(TaskContext<?> context) {
        if (!context.id().startsWith(prefix)) {
            return false;
        }
        long now = System.nanoTime();
        int number =
                Integer.parseInt(context.id(), prefix.length(), context.id().length(), 10);
        long sent = pushedNanos.getAndSet(number, 0);
        if (sent == 0) {
            again.incrementAndGet();
        } else {
            queueingMicros.recordValue(Math.max(0, (now - sent) / 1_000));
            lastNanos = now;
            handled.incrementAndGet();
        }
        return true;
    }

    /** Pushes, waits until all is handled, and says what happened; returns early if a stop is asked for. */
    void run() throws InterruptedException {
        terminal.say(String.format(
                Locale.ROOT,
                "Demo: %,d tasks, each RPUSH %s and HSET %s over a plain socket.",
                tasks,
                queue.name(),
                queue.statusKey()));
        long began = System.nanoTime();
        Thread producer = new Thread(this::push, "sluice-demo-producer");
        producer.setDaemon(true);
        producer.start();
        try (ForeignWire wire = ForeignWire.connect(redis)) {
            watch(began, wire);
            producer.join(LONGEST_WAIT_MS);
            if (!signals.isStopping()) {
                summarize(began, wire);
            }
        } catch (IOException e) {
            terminal.say("The demo ended early: " + e.getMessage());
        }
    }

    private void push() {
        try (ForeignWire wire = ForeignWire.connect(redis)) {
            for (int first = 0; first < tasks && !signals.isStopping(); first += TASKS_PER_FLUSH) {
                int end = Math.min(tasks, first + TASKS_PER_FLUSH);
                for (int number = first; number < end; number++) {
                    String id = prefix + number;
                    wire.add(
                            "RPUSH",
                            queue.name(),
                            "{\"id\":\"" + id + "\",\"type\":\"echo\",\"payload\":{\"number\":" + number + "}}");
                    wire.add("HSET", queue.statusKey(), id, "queued");
                }
                int from = first;
                wire.flush(now -> {
                    for (int number = from; number < end; number++) {
                        pushedNanos.set(number, now);
                    }
                });
                pushed = end;
            }
        } catch (IOException e) {
            broken = e;
        }
    }

    private void watch(long began, ForeignWire wire) throws IOException, InterruptedException {
        int before = 0;
        long told = began;
        while (handled.get() < tasks && !signals.isStopping()) {
            IOException failure = broken;
            if (failure != null) {
                throw failure;
            }
            signals.await(Duration.ofMillis(terminal.isInteractive() ? 100 : 10));
            long now = System.nanoTime();
            boolean due = now - told >= (terminal.isInteractive() ? 100_000_000L : 1_000_000_000L);
            if (due) {
                int count = handled.get();
                terminal.progress(progress(count, (count - before) / ((now - told) / 1e9), now - began));
                if (count == before && pushed == tasks && isDrained(wire)) {
                    return; // another dispatcher of this queue had the rest
                }
                before = count;
                told = now;
            }
        }
    }

    private String progress(int count, double rate, long nanos) {
        String bar = "";
        if (terminal.isInteractive()) {
            int filled = (int) (30L * count / tasks);
            bar = "[" + "#".repeat(filled) + ".".repeat(30 - filled) + "] ";
        }
        return String.format(
                Locale.ROOT, "  %s%,d of %,d handled, %,.0f/s, %.1f s", bar, count, tasks, rate, nanos / 1e9);
    }

    private boolean isDrained(ForeignWire wire) throws IOException {
        return Long.valueOf(0).equals(wire.call("LLEN", queue.name()))
                && Long.valueOf(0).equals(wire.call("LLEN", "{" + queue.name() + "}:ready"));
    }

    private void summarize(long began, ForeignWire wire) throws IOException, InterruptedException {
        int count = handled.get();
        double seconds = Math.max(1, lastNanos - began) / 1e9;
        terminal.progress(progress(count, count / seconds, lastNanos - began));
        terminal.say(
                String.format(Locale.ROOT, "  tasks handled    %,d", count) + elsewhere(count) + repeated(),
                String.format(Locale.ROOT, "  rate             %,.0f tasks/s, pushing included", count / seconds),
                String.format(
                        Locale.ROOT,
                        "  queueing time    p50 %.1f ms, p90 %.1f ms, p99 %.1f ms, max %.1f ms",
                        millis(50),
                        millis(90),
                        millis(99),
                        millis(100)),
                "  left in " + queue.statusKey() + "   " + left(wire));
    }

    private double millis(double percentile) {
        return queueingMicros.getValueAtPercentile(percentile) / 1e3;
    }

    private String elsewhere(int count) {
        return count < tasks ? String.format(Locale.ROOT, ", %,d by other dispatchers", tasks - count) : "";
    }

    private String repeated() {
        return again.get() > 0 ? String.format(Locale.ROOT, ", %,d of them twice", again.get()) : "";
    }

    private String left(ForeignWire wire) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + STATUS_LIMIT.toNanos();
        while (!Long.valueOf(0).equals(wire.call("HLEN", queue.statusKey())) && System.nanoTime() < deadline) {
            signals.await(Duration.ofMillis(50));
        }
        Object states = wire.call("HVALS", queue.statusKey());
        Map<String, Integer> counts = new TreeMap<>();
        if (states instanceof List<?> words) {
            words.forEach(word -> counts.merge(String.valueOf(word), 1, Integer::sum));
        }
        return counts.isEmpty() ? "none" : counts.toString();
    }
}
