package dev.sluice.dispatch;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/** Pauses between tries: 10 ms doubling to at most 1 s, each between half and the whole of that. Loop thread only. */
final class Backoff {
    private static final long FIRST_MS = 10;
    private static final long LONGEST_MS = 1000;

    private final long longestMs;
    private int tries;

    Backoff() {
        this(Duration.ofMillis(LONGEST_MS));
    }

    /** With pauses of at most {@code longest}, or 1 s if that is less. */
    Backoff(Duration longest) {
        this.longestMs = Math.min(LONGEST_MS, longest.toMillis());
    }

    Duration next() {
        long ms = Math.min(longestMs, FIRST_MS << Math.min(tries++, 10));
        return Duration.ofMillis(ms / 2 + ThreadLocalRandom.current().nextLong(ms / 2 + 1));
    }

    void reset() {
        tries = 0;
    }
}
