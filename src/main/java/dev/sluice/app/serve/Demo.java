package dev.sluice.app.serve;

import dev.sluice.app.console.RedisAddress;
import dev.sluice.app.console.Terminal;
import dev.sluice.client.TaskClient;
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
import org.HdrHistogram.ConcurrentHistogram;

/** A load on real input, and a report of how it was dispatched. */
final class Demo {
    private static final Duration STATUS_LIMIT = Duration.ofSeconds(5); // late statuses are removed within 2 s

    private static final long MOST_WORDS = 10_000; // of other tasks; more would hold up Redis to be counted

    private final RedisAddress redis;
    private final Queue queue;
    private final Terminal terminal;
    private final Signals signals;
    private final DemoLoad load;
    private final AtomicInteger handled = new AtomicInteger();
    private final AtomicInteger again = new AtomicInteger();
    private final AtomicInteger earlier = new AtomicInteger();
    private final ConcurrentHistogram queueingMicros = new ConcurrentHistogram(TimeUnit.HOURS.toMicros(1), 3);
    private volatile long lastNanos;

    Demo(RedisAddress redis, Queue queue, Terminal terminal, Signals signals, int tasks) {
        this.redis = redis;
        this.queue = queue;
        this.terminal = terminal;
        this.signals = signals;
        this.load = new DemoLoad(redis, queue, tasks);
        queueingMicros.setAutoResize(true);
    }

    /** Whether a task is one of a demo; if of this one its queueing time is taken. Any thread. */
    boolean takesNoteOf(TaskContext<?> context) {
        if (!load.owns(context.id())) {
            boolean ofAnother = load.isOfAnother(context.id());
            if (ofAnother) {
                earlier.incrementAndGet();
            }
            return ofAnother;
        }
        long now = System.nanoTime();
        long sent = load.takeSentNanos(context.id());
        if (sent == 0) {
            again.incrementAndGet();
        } else {
            queueingMicros.recordValue(Math.max(0, (now - sent) / 1_000));
            lastNanos = now;
            handled.incrementAndGet();
        }
        return true;
    }

    /** Sends the load, waits until all is handled, and says what happened; returns early if a stop is asked for. */
    void run(TaskClient client) throws InterruptedException {
        terminal.say(String.format(
                Locale.ROOT,
                "Demo: %,d tasks, one half by RPUSH %s and HSET %s over a plain socket, the other through the client.",
                load.tasks(),
                queue.name(),
                queue.statusKey()));
        long began = System.nanoTime();
        try (load;
                ForeignWire wire = ForeignWire.connect(redis)) {
            load.start(client);
            watch(began, wire);
            if (!signals.isStopping()) {
                summarize(began, wire);
            }
        } catch (IOException e) {
            terminal.say("The demo ended early: " + e.getMessage());
        }
    }

    private void watch(long began, ForeignWire wire) throws IOException, InterruptedException {
        int before = 0;
        long told = began;
        while (!(handled.get() == load.tasks() && load.isSent()) && !signals.isStopping()) {
            Exception failure = load.failure();
            if (failure != null) {
                throw new IOException(failure.getMessage(), failure);
            }
            signals.await(Duration.ofMillis(terminal.isInteractive() ? 100 : 10));
            long now = System.nanoTime();
            boolean due = now - told >= (terminal.isInteractive() ? 100_000_000L : 1_000_000_000L);
            if (due) {
                int count = handled.get();
                terminal.progress(progress(count, (count - before) / ((now - told) / 1e9), now - began));
                if (count == before && load.isSent() && isDrained(wire)) {
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
            int filled = (int) (30L * count / load.tasks());
            bar = "[" + "#".repeat(filled) + ".".repeat(30 - filled) + "] ";
        }
        return String.format(
                Locale.ROOT, "  %s%,d of %,d handled, %,.0f/s, %.1f s", bar, count, load.tasks(), rate, nanos / 1e9);
    }

    private boolean isDrained(ForeignWire wire) throws IOException {
        return Long.valueOf(0).equals(wire.call("LLEN", queue.name()))
                && Long.valueOf(0).equals(wire.call("LLEN", "{" + queue.name() + "}:ready"));
    }

    private void summarize(long began, ForeignWire wire) throws IOException, InterruptedException {
        int count = handled.get();
        double seconds = Math.max(1, lastNanos - began) / 1e9;
        terminal.progress(progress(count, count / seconds, lastNanos - began));
        terminal.say(load.account());
        if (earlier.get() > 0) {
            terminal.say(String.format(
                    Locale.ROOT, "  and before them  %,d that an interrupted demo had left", earlier.get()));
        }
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
        int others = load.tasks() - count;
        return others > 0 ? String.format(Locale.ROOT, ", %,d by other dispatchers", others) : "";
    }

    private String repeated() {
        return again.get() > 0 ? String.format(Locale.ROOT, ", %,d of them twice", again.get()) : "";
    }

    private String left(ForeignWire wire) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + STATUS_LIMIT.toNanos();
        while (!Long.valueOf(0).equals(wire.call("HLEN", queue.statusKey()))
                && System.nanoTime() - deadline < 0
                && !signals.isStopping()) {
            signals.await(Duration.ofMillis(50));
        }
        if (wire.call("HLEN", queue.statusKey()) instanceof Long left && left > MOST_WORDS) {
            return String.format(Locale.ROOT, "%,d", left);
        }
        Object states = wire.call("HVALS", queue.statusKey());
        Map<String, Integer> counts = new TreeMap<>();
        if (states instanceof List<?> words) {
            words.forEach(word -> counts.merge(String.valueOf(word), 1, Integer::sum));
        }
        return counts.isEmpty() ? "none" : counts.toString();
    }
}
