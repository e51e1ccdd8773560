package dev.sluice.dispatch;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/**
 * Waits for a condition instead of a time, and fails with the last reason it was given. It looks every two milliseconds at
 * first and, for what takes its time, every ten: a look costs a call of Redis and a stack trace.
 */
public final class Eventually {
    public static final Duration SOON = Duration.ofSeconds(15);

    private static final long SHORTEST_PAUSE_NANOS = 2_000_000;
    private static final long LONGEST_PAUSE_NANOS = 10_000_000;

    private Eventually() {}

    /** Returns as soon as {@code assertion} passes; fails as it did last when {@code limit} is over. */
    public static void eventually(Duration limit, Assertion assertion) {
        long began = System.nanoTime();
        while (true) {
            try {
                assertion.check();
                return;
            } catch (AssertionError notYet) {
                if (System.nanoTime() - began > limit.toNanos()) {
                    throw notYet;
                }
            } catch (Exception broken) {
                throw new AssertionError(broken);
            }
            pause(System.nanoTime() - began);
        }
    }

    /** The same, within fifteen seconds: what takes longer on a busy machine is stuck. */
    public static void eventually(Assertion assertion) {
        eventually(SOON, assertion);
    }

    /** Fails if {@code assertion} fails at any look for as long as {@code span}. */
    public static void always(Duration span, Assertion assertion) {
        long end = System.nanoTime() + span.toNanos();
        do {
            try {
                assertion.check();
            } catch (Exception broken) {
                throw new AssertionError(broken);
            }
            LockSupport.parkNanos(SHORTEST_PAUSE_NANOS);
        } while (System.nanoTime() < end);
    }

    private static void pause(long waitedNanos) {
        LockSupport.parkNanos(Math.min(LONGEST_PAUSE_NANOS, Math.max(SHORTEST_PAUSE_NANOS, waitedNanos / 50)));
    }

    /** Throws an AssertionError while it does not hold. */
    @FunctionalInterface
    public interface Assertion {
        void check() throws Exception;
    }
}
