package dev.sluice.app.serve;

import java.time.Instant;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Tells of each attempt that ended, at most {@value #LINES_PER_SECOND} a second; beyond that it says how many more.
 *
 * <p>Handlers only leave an entry, and never wait for whoever reads the output: a thread of its own prints.
 */
final class TaskLog {
    static final int LINES_PER_SECOND = 50;

    private static final int ENTRIES_WAITING = 1024;

    private final Narrator narrator;
    private final BlockingQueue<Consumer<Narrator>> entries = new ArrayBlockingQueue<>(ENTRIES_WAITING);
    private final AtomicLong untold = new AtomicLong();
    private final Thread printer;

    TaskLog(Narrator narrator) {
        this.narrator = narrator;
        this.printer = new Thread(this::printAll, "sluice-task-log");
        printer.setDaemon(true);
    }

    TaskLog start() {
        printer.start();
        return this;
    }

    /** An attempt ended. Any thread; returns at once. */
    void ended(String id, String type, int attempt, long nanos, String outcome, @Nullable String detail) {
        Ended entry = new Ended(Instant.now(), id, type, attempt, nanos, outcome, detail);
        add(telling -> telling.attempt(entry));
    }

    /** Tasks became dead letters. Any thread; returns at once. */
    void dead(String queue, int count, String howToSeeThem) {
        add(telling -> telling.dead(queue, count, howToSeeThem));
    }

    private void add(Consumer<Narrator> entry) {
        if (!entries.offer(entry)) {
            untold.incrementAndGet();
        }
    }

    private void printAll() {
        long second = 0;
        int lines = 0;
        try {
            while (true) {
                Consumer<Narrator> entry = entries.poll(1, TimeUnit.SECONDS);
                long now = System.nanoTime() / 1_000_000_000L;
                if (now != second) {
                    second = now;
                    lines = 0;
                    tellUntold();
                }
                if (entry != null && lines++ < LINES_PER_SECOND) {
                    entry.accept(narrator);
                } else if (entry != null) {
                    untold.incrementAndGet();
                }
            }
        } catch (InterruptedException ended) {
            Thread.currentThread().interrupt();
        }
    }

    private void tellUntold() {
        long more = untold.getAndSet(0);
        if (more > 0) {
            narrator.untold(more);
        }
    }

    /** One attempt that ended. */
    record Ended(
            Instant at,
            String id,
            String type,
            int attempt,
            long nanos,
            String outcome,
            @Nullable String detail) {}
}
