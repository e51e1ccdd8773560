package dev.sluice.task;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * How often a failing task is tried, how long it waits in between, and which failures are treated in another way.
 *
 * <p>Immutable; start from {@link #standard()}. After the failed attempt number {@code a} (from 1) the wait is
 *
 * <pre>{@code
 * d = min(max, first * factor^(a - 1))       grows up to a limit; or, with waits, the a-th of these or the last
 * d * (1 - jitter * u)                       u random in [0, 1): spreads tasks that failed together
 * }</pre>
 *
 * so it is never longer than {@code d}, and never shorter than {@code d * (1 - jitter)}.
 *
 * <p>A failure that has an exception is first shown to the rules, in the order in which they were added: the first that
 * has an answer decides. Class rules look at the exception itself and not at its causes, which say where a failure comes
 * from and not what it means; but through a wrapper that means nothing, such as {@code CompletionException}.
 *
 * <p>What is out of its range is refused by all of these with {@link InvalidTaskException}.
 */
public final class RetryPolicy {

    /** How many waits a function is asked for; the last of them is used from there on. */
    public static final int MAX_WAITS = 100;

    private static final RetryPolicy STANDARD =
            new RetryPolicy(5, Duration.ofSeconds(1), 2, Duration.ofMinutes(10), 0.2);

    private final int maxAttempts;
    private final Duration first;
    private final double factor;
    private final Duration max;
    private final double jitter;
    private final List<Duration> waits;
    private final List<Rule> rules;

    /**
     * A policy whose waits grow, without rules.
     *
     * @param maxAttempts the limit of attempts, the first included; at least 1, which means no retry; default 5
     * @param first the wait after the first failed attempt, 0 to 365 days; default 1 s
     * @param factor what each further wait is multiplied with, 1 to 1000; 1 keeps it the same; default 2
     * @param max the longest wait, {@code first} to 365 days; default 10 minutes
     * @param jitter the share of a wait that is random, 0 (none) to 1 (all of it); default 0.2
     * @throws InvalidTaskException if a part is out of range
     */
    public RetryPolicy(int maxAttempts, Duration first, double factor, Duration max, double jitter) {
        this(maxAttempts, first, factor, max, jitter, List.of(), List.of());
    }

    private RetryPolicy(
            int maxAttempts,
            Duration first,
            double factor,
            Duration max,
            double jitter,
            List<Duration> waits,
            List<Rule> rules) {
        check(maxAttempts >= 1, "maxAttempts", "at least 1", maxAttempts);
        check(isWait(first), "first", "0 to 365 days", first);
        check(factor >= 1 && factor <= 1000, "factor", "1 to 1000", factor);
        check(max.compareTo(first) >= 0 && max.compareTo(Verdict.MAX_DELAY) <= 0, "max", "first to 365 days", max);
        check(jitter >= 0 && jitter <= 1, "jitter", "0 to 1", jitter);
        this.maxAttempts = maxAttempts;
        this.first = first;
        this.factor = factor;
        this.max = max;
        this.jitter = jitter;
        this.waits = waits;
        this.rules = rules;
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
        return new RetryPolicy(attempts, first, factor, max, jitter, waits, rules);
    }

    /** This policy with waits that start at {@code newFirst} and grow by {@code newFactor} up to {@code newMax}. */
    public RetryPolicy backoff(Duration newFirst, double newFactor, Duration newMax) {
        return new RetryPolicy(maxAttempts, newFirst, newFactor, newMax, jitter, List.of(), rules);
    }

    /**
     * This policy with exactly these waits, one after the other, instead of growing ones; the last repeats, so that a
     * single one is the same wait each time. Their {@link #jitter} stays.
     *
     * @param each 1 to 100 waits of 0 to 365 days
     */
    public RetryPolicy waits(Duration... each) {
        check(each.length >= 1 && each.length <= MAX_WAITS, "waits", "1 to " + MAX_WAITS + " of them", each.length);
        for (Duration wait : each) {
            check(isWait(wait), "waits", "0 to 365 days each", wait);
        }
        return new RetryPolicy(maxAttempts, first, factor, max, jitter, List.of(each), rules);
    }

    /**
     * This policy with waits by a formula of your own: from the number of the failed attempt, from 1, to the wait after
     * it. It is asked for the first 100 right here, and never again, so that a bad answer ends the start and no task.
     */
    public RetryPolicy waits(IntFunction<Duration> after) {
        Duration[] each = new Duration[MAX_WAITS];
        for (int attempt = 1; attempt <= MAX_WAITS; attempt++) {
            Duration wait = after.apply(attempt);
            check(
                    wait != null && isWait(wait),
                    "waits",
                    "0 to 365 days after attempt " + attempt,
                    String.valueOf(wait));
            each[attempt - 1] = wait;
        }
        return waits(each);
    }

    /** This policy with another random share of each wait, 0 to 1. */
    public RetryPolicy jitter(double share) {
        return new RetryPolicy(maxAttempts, first, factor, max, share, waits, rules);
    }

    /** This policy with one more rule: such a failure is final, whatever attempts are left. */
    public RetryPolicy deadOn(Class<? extends Throwable> type) {
        return rule(new ClassRule(type.getName(), type, Treatment.DEAD, Duration.ZERO));
    }

    /** The same for a class that is known here by its name only, and for all that extend it. */
    public RetryPolicy deadOn(String className) {
        return rule(new ClassRule(className, null, Treatment.DEAD, Duration.ZERO));
    }

    /** This policy with one more rule: such a failure ends its task quietly, without a result or a dead letter. */
    public RetryPolicy discardOn(Class<? extends Throwable> type) {
        return rule(new ClassRule(type.getName(), type, Treatment.DISCARD, Duration.ZERO));
    }

    /** The same for a class that is known here by its name only, and for all that extend it. */
    public RetryPolicy discardOn(String className) {
        return rule(new ClassRule(className, null, Treatment.DISCARD, Duration.ZERO));
    }

    /** This policy with one more rule: such a failure is treated as if no later rule were there. */
    public RetryPolicy retryOn(Class<? extends Throwable> type) {
        return rule(new ClassRule(type.getName(), type, Treatment.USUAL, Duration.ZERO));
    }

    /** The same for a class that is known here by its name only, and for all that extend it. */
    public RetryPolicy retryOn(String className) {
        return rule(new ClassRule(className, null, Treatment.USUAL, Duration.ZERO));
    }

    /** This policy with one more rule: after such a failure the wait is {@code delay}, 0 to 365 days, without jitter. */
    public RetryPolicy retryOn(Class<? extends Throwable> type, Duration delay) {
        check(isWait(delay), "delay", "0 to 365 days", delay);
        return rule(new ClassRule(type.getName(), type, Treatment.RETRY, delay));
    }

    /** The same for a class that is known here by its name only, and for all that extend it. */
    public RetryPolicy retryOn(String className, Duration delay) {
        check(isWait(delay), "delay", "0 to 365 days", delay);
        return rule(new ClassRule(className, null, Treatment.RETRY, delay));
    }

    /** This policy with one more rule, of your own. */
    public RetryPolicy rule(Rule rule) {
        List<Rule> more = new ArrayList<>(rules);
        more.add(Objects.requireNonNull(rule, "rule"));
        return new RetryPolicy(maxAttempts, first, factor, max, jitter, waits, List.copyOf(more));
    }

    /** The limit of attempts, the first included. */
    public int maxAttempts() {
        return maxAttempts;
    }

    /** The first of the growing waits; of no effect if {@link #waits() waits} are given. */
    public Duration first() {
        return first;
    }

    /** What each further wait is multiplied with. */
    public double factor() {
        return factor;
    }

    /** The longest of the growing waits. */
    public Duration max() {
        return max;
    }

    /** The share of a wait that is random. */
    public double jitter() {
        return jitter;
    }

    /** The waits that are given one by one; empty if they grow. */
    public List<Duration> waits() {
        return waits;
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
        int past = Math.max(1, attempt) - 1;
        long whole = waits.isEmpty()
                ? grown(past)
                : waits.get(Math.min(past, waits.size() - 1)).toNanos();
        return Duration.ofNanos(Math.min(whole, Math.round(whole * (1 - jitter * u))));
    }

    private long grown(int past) {
        double growth = Math.pow(factor, past); // may be infinite
        return first.isZero() ? 0 : Math.min(max.toNanos(), Math.round(first.toNanos() * growth));
    }

    /**
     * What the rules say of a failure; empty if they leave it to the policy. What a rule of the user's throws comes
     * through.
     *
     * @param thrown what the attempt failed with
     * @param failure the same, as it is kept
     * @param attempt the number of the failed attempt, from 1
     * @param askAll false on a thread that runs no code of users': then only class rules are asked
     */
    public Optional<Verdict> ruling(Throwable thrown, Failure failure, int attempt, boolean askAll) {
        for (Rule rule : rules) {
            if (rule instanceof ClassRule byClass) {
                if (byClass.fits(thrown)) {
                    return byClass.verdict(failure);
                }
            } else if (askAll) {
                Optional<Verdict> verdict = rule.after(thrown, attempt);
                if (verdict == null || verdict.isPresent()) {
                    return Objects.requireNonNull(verdict, "a rule returned null instead of Optional.empty()");
                }
            }
        }
        return Optional.empty();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof RetryPolicy that
                && maxAttempts == that.maxAttempts
                && first.equals(that.first)
                && Double.compare(factor, that.factor) == 0
                && max.equals(that.max)
                && Double.compare(jitter, that.jitter) == 0
                && waits.equals(that.waits)
                && rules.equals(that.rules);
    }

    @Override
    public int hashCode() {
        return Objects.hash(maxAttempts, first, factor, max, jitter, waits, rules);
    }

    @Override
    public String toString() {
        String shape = waits.isEmpty() ? first + " * " + factor + " up to " + max : waits.toString();
        return "RetryPolicy[" + maxAttempts + " attempts, waits " + shape + ", jitter " + jitter + ", " + rules.size()
                + " rules]";
    }

    private static boolean isWait(Duration wait) {
        return !wait.isNegative() && wait.compareTo(Verdict.MAX_DELAY) <= 0;
    }

    private static void check(boolean holds, String field, String rule, Object value) {
        if (!holds) {
            throw new InvalidTaskException(field, field + " must be " + rule + ", was " + value);
        }
    }

    /** Says what follows a failure, where a class is not enough. */
    @FunctionalInterface
    public interface Rule {
        /**
         * Called on the thread that signalled the failure; it must not block. Not asked about a timeout, which is found
         * by a thread that runs no code of users': {@code deadOn(TaskTimeoutException.class)} is. If it throws or returns
         * null, that is logged and the failure is treated as if there were no rules.
         *
         * @param thrown what the attempt failed with, out of any wrapper that means nothing
         * @param attempt the number of the failed attempt, from 1
         * @return what is to become of the task; empty to leave it to the next rule, and in the end to the policy. A
         *     retry after the last attempt is a dead letter
         */
        Optional<Verdict> after(Throwable thrown, int attempt);
    }

    private enum Treatment {
        USUAL,
        RETRY,
        DEAD,
        DISCARD
    }

    /** By its class where that is known, else by its name. */
    private record ClassRule(
            String className, @Nullable Class<? extends Throwable> type, Treatment treatment, Duration delay)
            implements Rule {
        boolean fits(Throwable thrown) {
            if (type != null) {
                return type.isInstance(thrown);
            }
            for (Class<?> its = thrown.getClass(); its != null; its = its.getSuperclass()) {
                if (its.getName().equals(className)) {
                    return true;
                }
            }
            return false;
        }

        Optional<Verdict> verdict(Failure failure) {
            return switch (treatment) {
                case USUAL -> Optional.empty();
                case RETRY -> Optional.of(Verdict.retry(delay, failure));
                case DEAD -> Optional.of(Verdict.dead(failure));
                case DISCARD -> Optional.of(Verdict.discarded());
            };
        }

        @Override
        public Optional<Verdict> after(Throwable thrown, int attempt) {
            return fits(thrown) ? verdict(Failure.of("handler-error", thrown)) : Optional.empty();
        }
    }
}
