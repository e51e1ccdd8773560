package dev.sluice.task;

import java.time.Duration;

/**
 * How long the results of a queue's tasks are kept, and how large the value of one may be. Immutable.
 *
 * @param maxAge how long after its end the result of any task is kept, 0 to 365 days; default 0, which keeps that of none
 *     but those that ask for it ({@link Task#keepResult(Duration)})
 * @param maxBytes the longest value, in bytes of JSON, 0 to 1,048,576; default 65,536. Of a task with a longer one the
 *     result is kept without its value, and says why
 */
public record ResultRetention(Duration maxAge, int maxBytes) {
    /** The longest that a result may be kept: 365 days. */
    public static final Duration LONGEST = Duration.ofDays(365);

    private static final int MOST_BYTES = 1 << 20;
    private static final ResultRetention STANDARD = new ResultRetention(Duration.ZERO, 64 * 1024);

    /** Refuses values out of range with {@link InvalidTaskException}. */
    public ResultRetention {
        if (maxAge.isNegative() || maxAge.compareTo(LONGEST) > 0) {
            throw new InvalidTaskException("results", "the age of results must be 0 to 365 days, was " + maxAge);
        }
        if (maxBytes < 0 || maxBytes > MOST_BYTES) {
            throw new InvalidTaskException(
                    "results", "the bytes of a result must be 0 to " + MOST_BYTES + ", was " + maxBytes);
        }
    }

    /** The defaults: no results but those that are asked for, values of up to 64 KiB. */
    public static ResultRetention standard() {
        return STANDARD;
    }

    /** This with another age. */
    public ResultRetention maxAge(Duration age) {
        return new ResultRetention(age, maxBytes);
    }

    /** This with another limit of a value. */
    public ResultRetention maxBytes(int bytes) {
        return new ResultRetention(maxAge, bytes);
    }
}
