package dev.sluice.app.serve;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Tells of each attempt that ended, at most {@value #LINES_PER_SECOND} a second; beyond that it says how many more. Of dead
 * letters it tells always, once in a second for each queue.
 *
 * <p>Handlers only leave an entry, and never wait for whoever reads the output: a thread of its own prints.
 */
final class TaskLog {
    static final int LINES_PER_SECOND = 50;

    private static final int ENTRIES_WAITING = 1024;
    static final int LONGEST_DETAIL = 500; // more than is shown of one, for nobody may be reading
    private static final Ended WAKE = new Ended(Instant.EPOCH, "", "", 0, 0, "", null);

    private final Narrator narrator;
    private final BlockingQueue<Ended> entries = new ArrayBlockingQueue<>(ENTRIES_WAITING);
    private final AtomicLong untold = new AtomicLong();
    private final Map<String, Dead> dead = new ConcurrentHashMap<>();
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
        String kept =
                detail == null || detail.length() <= LONGEST_DETAIL ? detail : detail.substring(0, LONGEST_DETAIL);
        Ended entry = new Ended(Instant.now(), id, type, attempt, nanos, outcome, kept);
        if (!entries.offer(entry)) {
            untold.incrementAndGet();
        }
    }

    /** Tasks became dead letters. Any thread; returns at once. */
    void dead(String queue, int count, String howToSeeThem) {
        dead.merge(queue, new Dead(count, howToSeeThem), Dead::and);
        entries.offer(WAKE); // if there is no room, somebody is awake
    }

    /** Tells what is to be told in the next second at once, but for single attempts. Any thread. */
    void flush() {
        tellDead();
        tellUntold();
    }

    private void printAll() {
        long second = 0;
        int lines = 0;
        boolean isDeadTold = false;
        try {
            while (true) {
                Ended entry = entries.poll(1, TimeUnit.SECONDS);
                long now = System.nanoTime() / 1_000_000_000L;
                if (now != second) {
                    second = now;
                    lines = 0;
                    isDeadTold = false;
                    tellUntold();
                }
                if (entry != null && !entry.equals(WAKE)) {
                    if (lines++ < LINES_PER_SECOND) {
                        narrator.attempt(entry);
                    } else {
                        untold.incrementAndGet();
                    }
                }
                if (!isDeadTold && !dead.isEmpty()) {
                    isDeadTold = tellDead();
                }
            }
        } catch (InterruptedException ended) {
            Thread.currentThread().interrupt();
        }
    }

    private boolean tellDead() {
        boolean told = false;
        for (String queue : List.copyOf(dead.keySet())) {
            Dead those = dead.remove(queue);
            if (those != null) {
                told = true;
                narrator.dead(queue, those.count(), those.howToSeeThem());
            }
        }
        return told;
    }

    private void tellUntold() {
        long more = untold.getAndSet(0);
        if (more > 0) {
            narrator.untold(more);
        }
    }

    private record Dead(int count, String howToSeeThem) {
        Dead and(Dead more) {
            return new Dead(count + more.count, howToSeeThem);
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
