package dev.sluice.dispatch;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/** Waits for a condition instead of a time: looks every two milliseconds, and fails with the last reason it was given. */
public final class Eventually {
    public static final Duration SOON = Duration.ofSeconds(15);

    private Eventually() {}

    /** Returns as soon as {@code assertion} passes; fails as it did last when {@code limit} is over. */
    public static void eventually(Duration limit, Assertion assertion) {
        long end = System.nanoTime() + limit.toNanos();
        while (true) {
            try {
                assertion.check();
                return;
            } catch (AssertionError notYet) {
                if (System.nanoTime() > end) {
                    throw notYet;
                }
            } catch (Exception broken) {
                throw new AssertionError(broken);
            }
            LockSupport.parkNanos(2_000_000);
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
            LockSupport.parkNanos(2_000_000);
        } while (System.nanoTime() < end);
    }

    /** Throws an AssertionError while it does not hold. */
    @FunctionalInterface
    public interface Assertion {
        void check() throws Exception;
    }
}
