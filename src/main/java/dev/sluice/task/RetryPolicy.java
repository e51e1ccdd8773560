package dev.sluice.task;

import java.time.Duration;

/**
 * How often a failing task is tried, and how long it waits in between.
 *
 * <p>Immutable. After the failed attempt number {@code a} (from 1) the wait is
 *
 * <pre>{@code
 * d = min(max, first * factor^(a - 1))       grows up to a limit
 * d * (1 - jitter * u)                       u random in [0, 1): spreads tasks that failed together
 * }</pre>
 *
 * so it is never longer than {@code max}, and never shorter than {@code d * (1 - jitter)}.
 *
 * @param maxAttempts the limit of attempts, the first included; at least 1, which means no retry; default 5
 * @param first the wait after the first failed attempt, 0 to 365 days; default 1 s
 * @param factor what each further wait is multiplied with, 1 to 1000; 1 keeps it the same; default 2
 * @param max the longest wait, {@code first} to 365 days; default 10 minutes
 * @param jitter the share of a wait that is random, 0 (none) to 1 (all of it); default 0.2
 */
public record RetryPolicy(int maxAttempts, Duration first, double factor, Duration max, double jitter) {

    private static final RetryPolicy STANDARD =
            new RetryPolicy(5, Duration.ofSeconds(1), 2, Duration.ofMinutes(10), 0.2);

    /** Refuses parts out of range with {@link InvalidTaskException}. */
    public RetryPolicy {
        check(maxAttempts >= 1, "maxAttempts", "at least 1", maxAttempts);
        check(!first.isNegative() && first.compareTo(Verdict.MAX_DELAY) <= 0, "first", "0 to 365 days", first);
        check(factor >= 1 && factor <= 1000, "factor", "1 to 1000", factor);
        check(max.compareTo(first) >= 0 && max.compareTo(Verdict.MAX_DELAY) <= 0, "max", "first to 365 days", max);
        check(jitter >= 0 && jitter <= 1, "jitter", "0 to 1", jitter);
    }

    /** Five attempts; waits of about 1 s, 2 s, 4 s, 8 s. */
    public static RetryPolicy standard() {
        return STANDARD;
    }

    /** One attempt: a failure is final. */
    public static RetryPolicy never() {
        return STANDARD.maxAttempts(1);
    }

    /** This policy with another limit of attempts, the first included; at least 1. */
    public RetryPolicy maxAttempts(int attempts) {
        return new RetryPolicy(attempts, first, factor, max, jitter);
    }

    /** This policy with waits that start at {@code newFirst} and grow by {@code newFactor} up to {@code newMax}. */
    public RetryPolicy backoff(Duration newFirst, double newFactor, Duration newMax) {
        return new RetryPolicy(maxAttempts, newFirst, newFactor, newMax, jitter);
    }

    /** This policy with another random share of each wait, 0 to 1. */
    public RetryPolicy jitter(double share) {
        return new RetryPolicy(maxAttempts, first, factor, max, share);
    }

    /** Whether a task whose attempt number {@code attempt} (from 1) failed may be tried again. */
    public boolean allowsAfter(int attempt) {
        return attempt < maxAttempts;
    }

    /**
     * The wait after the failed attempt number {@code attempt}, by the formula above.
     *
     * <p>Takes any attempt number, below 1 as 1; it does not overflow, and does not look at {@code maxAttempts}.
     *
     * @param u a random number in [0, 1), from the caller so that tests and replays can choose it; 0 gives the longest
     */
    public Duration delay(int attempt, double u) {
        check(u >= 0 && u <= 1, "u", "0 to 1", u);
        double limit = max.toNanos();
        double growth = Math.pow(factor, Math.max(1, attempt) - 1); // may be infinite
        double grown = first.isZero() ? 0 : Math.min(limit, first.toNanos() * growth);
        long nanos = Math.round(grown * (1 - jitter * u));
        return Duration.ofNanos(Math.min(max.toNanos(), nanos));
    }

    private static void check(boolean holds, String field, String rule, Object value) {
        if (!holds) {
            throw new InvalidTaskException(field, field + " must be " + rule + ", was " + value);
        }
    }
}
