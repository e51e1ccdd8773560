package dev.sluice.faults;

import java.time.Duration;

/**
 * Something that was done to a worker, or to all.
 *
 * @param kind what
 * @param worker to whom; {@code *} for all, when it was done to Redis
 * @param what in words
 */
record Fault(Kind kind, String worker, String what, long fromNanos, long toNanos) {
    private static final Duration TO_NOTICE = Duration.ofSeconds(1);

    enum Kind {
        /** Its process, or all its connections for ever, were taken away. */
        KILLED,
        /** Its process stood still. */
        FROZEN,
        /** It was asked to stop. */
        STOPPED,
        /** Its connections were broken. */
        LINK,
        /** Redis was away, busy or restarted. */
        REDIS;

        boolean endsLife() {
            return this == KILLED || this == STOPPED;
        }
    }

    boolean touches(String name) {
        return worker.equals("*") || worker.equals(name);
    }

    /** Whether a lease that was lost at this moment may have been lost for this fault. */
    boolean explainsLapse(long nanos, Duration lease) {
        return nanos >= fromNanos && nanos <= toNanos + lease.plus(TO_NOTICE).toNanos();
    }

    @Override
    public String toString() {
        return kind + " " + worker + ": " + what + " (from " + fromNanos / 1_000_000 + " to " + toNanos / 1_000_000
                + " ms)";
    }
}
