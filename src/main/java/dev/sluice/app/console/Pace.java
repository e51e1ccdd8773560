package dev.sluice.app.console;

import java.util.concurrent.TimeUnit;

/** When it is time for a line of progress: after 1 s, then every 5 s; five times a second where it rewrites the last one. */
public final class Pace {
    private static final long FIRST_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final long stepNanos;
    private long next = System.nanoTime() + FIRST_NANOS;

    /** Begins now. */
    public Pace(Terminal terminal) {
        stepNanos = terminal.showsNews() ? FIRST_NANOS / 5 : FIRST_NANOS * 5;
    }

    /** Whether a line is due now; if so, the next one is due a step later. */
    public synchronized boolean isDue() {
        long now = System.nanoTime();
        if (now - next < 0) {
            return false;
        }
        next = now + stepNanos;
        return true;
    }
}
