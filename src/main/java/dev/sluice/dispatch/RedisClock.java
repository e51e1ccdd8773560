package dev.sluice.dispatch;

/**
 * What Redis' clock shows: as it was seen last, and what has passed since by this process's monotonic clock. So all dispatchers
 * agree on a time, whatever their own clocks show. It is late by the way of an answer. Thread-safe.
 */
final class RedisClock {
    private volatile long aheadMs = System.currentTimeMillis() - monotonicMs(); // until it is seen

    void shows(long ms) {
        aheadMs = ms - monotonicMs();
    }

    /** Now, in ms since 1970. */
    long nowMs() {
        return monotonicMs() + aheadMs;
    }

    private static long monotonicMs() {
        return System.nanoTime() / 1_000_000;
    }
}
