package dev.sluice.dispatch;

/**
 * What Redis' clock shows: as it was seen last, and what has passed since by this process's monotonic clock. So all dispatchers
 * agree on a time, whatever their own clocks show. It is late by the way of an answer. Thread-safe.
 */
final class RedisClock {
    private static final long NANOS_PER_MS = 1_000_000;

    private volatile long aheadNanos =
            System.currentTimeMillis() * NANOS_PER_MS - System.nanoTime(); // until it is seen

    void shows(long ms) {
        aheadNanos = ms * NANOS_PER_MS - System.nanoTime();
    }

    /** Now, in ms since 1970. */
    long nowMs() {
        return nowMs(System.nanoTime());
    }

    /** The same at this instant of {@link System#nanoTime}; of what has passed since it was seen only whole ms count. */
    long nowMs(long nanos) {
        return Math.floorDiv(nanos + aheadNanos, NANOS_PER_MS);
    }
}
