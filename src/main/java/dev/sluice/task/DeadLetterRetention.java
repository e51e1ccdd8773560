package dev.sluice.task;

import java.time.Duration;

/**
 * How many dead letters of a queue are kept, and for how long; beyond either the oldest go, for good. Immutable.
 *
 * @param maxCount at most this many, 1 to 1,000,000,000; default 100,000
 * @param maxAge at most this long after their death, 1 s to 3650 days; default 90 days
 */
public record DeadLetterRetention(int maxCount, Duration maxAge) {
    private static final int LARGEST_COUNT = 1_000_000_000;
    private static final Duration SHORTEST_AGE = Duration.ofSeconds(1);
    private static final Duration LONGEST_AGE = Duration.ofDays(3650);
    private static final DeadLetterRetention STANDARD = new DeadLetterRetention(100_000, Duration.ofDays(90));

    /** Refuses values out of range with {@link InvalidTaskException}. */
    public DeadLetterRetention {
        if (maxCount < 1 || maxCount > LARGEST_COUNT) {
            throw new InvalidTaskException(
                    "deadLetters", "dead letters kept must be 1 to " + LARGEST_COUNT + ", was " + maxCount);
        }
        if (maxAge.compareTo(SHORTEST_AGE) < 0 || maxAge.compareTo(LONGEST_AGE) > 0) {
            throw new InvalidTaskException(
                    "deadLetters", "the age of dead letters must be 1 s to 3650 days, was " + maxAge);
        }
    }

    /** The defaults: 100,000 dead letters, 90 days. */
    public static DeadLetterRetention standard() {
        return STANDARD;
    }

    /** This with another number. */
    public DeadLetterRetention maxCount(int letters) {
        return new DeadLetterRetention(letters, maxAge);
    }

    /** This with another age. */
    public DeadLetterRetention maxAge(Duration age) {
        return new DeadLetterRetention(maxCount, age);
    }
}
