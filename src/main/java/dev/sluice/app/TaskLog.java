package dev.sluice.app;

import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * One line for each attempt that ended, at most {@value #LINES_PER_SECOND} a second; beyond that it says how many more.
 *
 * <p>Handlers only leave an entry, and never wait for whoever reads the output: a thread of its own prints.
 */
final class TaskLog {
    static final int LINES_PER_SECOND = 50;

    private static final int ENTRIES_WAITING = 1024;
    private static final int LONGEST_TEXT = 80;
    private static final DateTimeFormatter CLOCK =
            DateTimeFormatter.ofPattern("HH:mm:ss.SSS'Z'", Locale.ROOT).withZone(ZoneOffset.UTC);

    private final Terminal terminal;
    private final BlockingQueue<Entry> entries = new ArrayBlockingQueue<>(ENTRIES_WAITING);
    private final AtomicLong unsaid = new AtomicLong();
    private final Thread printer;

    TaskLog(Terminal terminal) {
        this.terminal = terminal;
        this.printer = new Thread(this::printAll, "sluice-task-log");
        printer.setDaemon(true);
    }

    TaskLog start() {
        printer.start();
        return this;
    }

    /** An attempt ended. Any thread; returns at once. */
    void ended(String id, String type, int attempt, long nanos, String outcome, @Nullable String detail) {
        add(new Ended(Instant.now(), id, type, attempt, nanos, outcome, detail));
    }

    /** Something else that is worth a line. Any thread; returns at once. */
    void note(String text) {
        Instant now = Instant.now();
        add(() -> CLOCK.format(now) + "  " + text);
    }

    private void add(Entry entry) {
        if (!entries.offer(entry)) {
            unsaid.incrementAndGet();
        }
    }

    private void printAll() {
        long second = 0;
        int lines = 0;
        try {
            while (true) {
                Entry entry = entries.poll(1, TimeUnit.SECONDS);
                long now = System.nanoTime() / 1_000_000_000L;
                if (now != second) {
                    second = now;
                    lines = 0;
                    sayUnsaid();
                }
                if (entry != null && lines++ < LINES_PER_SECOND) {
                    terminal.say(entry.line());
                } else if (entry != null) {
                    unsaid.incrementAndGet();
                }
            }
        } catch (InterruptedException ended) {
            Thread.currentThread().interrupt();
        }
    }

    private void sayUnsaid() {
        long more = unsaid.getAndSet(0);
        if (more > 0) {
            terminal.say(String.format(Locale.ROOT, "… and %,d more", more));
        }
    }

    private interface Entry {
        String line();
    }

    private record Ended(
            Instant at,
            String id,
            String type,
            int attempt,
            long nanos,
            String outcome,
            @Nullable String detail) implements Entry {
        @Override
        public String line() {
            return String.format(
                    Locale.ROOT,
                    "%s  %s  %s  attempt %d  %s after %.1f ms%s",
                    CLOCK.format(at),
                    printable(id),
                    printable(type),
                    attempt,
                    outcome,
                    nanos / 1e6,
                    detail == null ? "" : "  " + printable(detail));
        }

        // Other people's text must not steer the terminal.
        private static String printable(String text) {
            StringBuilder clean = new StringBuilder();
            text.codePoints()
                    .limit(LONGEST_TEXT)
                    .map(c -> Character.isISOControl(c) || Character.getType(c) == Character.FORMAT ? ' ' : c)
                    .forEach(clean::appendCodePoint);
            return text.codePointCount(0, text.length()) > LONGEST_TEXT
                    ? clean.append('…').toString()
                    : clean.toString();
        }
    }
}
