package dev.sluice.task;

import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How an attempt ended, and therefore where its task goes.
 *
 * <p>An expected ending is a value, not an exception: a handler whose {@code Mono} emits a verdict ends its task with it.
 * Immutable; only the task's current owner can make it count.
 */
public sealed interface Verdict {

    /** The longest delay of a retry or snooze: 365 days. */
    Duration MAX_DELAY = Duration.ofDays(365);

    /** The task is done. PROCESSING → SUCCEEDED. */
    static Verdict succeeded() {
        return Succeeded.INSTANCE;
    }

    /**
     * The attempt failed and counts; the next one is due after {@code delay}. After the last attempt, or if it would be due
     * after the task's deadline, it is a dead letter. PROCESSING → RETRYING.
     *
     * @param delay 0 to 365 days
     * @throws InvalidTaskException if outside of that
     */
    static Verdict retry(Duration delay, Failure failure) {
        return new Retry(delay, failure);
    }

    /** The same because of {@code why}, under the reason {@code handler-error}. */
    static Verdict retry(Duration delay, Throwable why) {
        return new Retry(delay, Failure.of("handler-error", why));
    }

    /** The same because of {@code why}, under the reason {@code handler-error}. */
    static Verdict retry(Duration delay, @Nullable String why) {
        return new Retry(delay, Failure.of("handler-error", why));
    }

    /**
     * Not now: run it again after {@code delay}, and do not count this attempt. PROCESSING → SCHEDULED.
     *
     * @param delay 0 to 365 days
     * @throws InvalidTaskException if outside of that
     */
    static Verdict snooze(Duration delay) {
        return new Snooze(delay);
    }

    /** Give up: keep the task as a dead letter. PROCESSING → DEAD. */
    static Verdict dead(Failure failure) {
        return new Dead(failure);
    }

    /** The same because of {@code why}, under the reason {@code rejected}. */
    static Verdict dead(Throwable why) {
        return new Dead(Failure.of("rejected", why));
    }

    /** The same because of {@code why}, under the reason {@code rejected}. */
    static Verdict dead(@Nullable String why) {
        return new Dead(Failure.of("rejected", why));
    }

    /** The task is not worth doing; it ends without a result. PROCESSING → DISCARDED. */
    static Verdict discarded() {
        return Discarded.INSTANCE;
    }

    /** Somebody cancelled the task; it ends. PROCESSING → CANCELLED. */
    static Verdict cancelled() {
        return Cancelled.INSTANCE;
    }

    /** Hand it back untouched, at the head of the queue, without counting the attempt. PROCESSING → QUEUED. */
    static Verdict released() {
        return Released.INSTANCE;
    }

    /** The state that this verdict moves a task to, from {@link TaskState#PROCESSING}. */
    TaskState target();

    /** The task is done. */
    record Succeeded() implements Verdict {
        private static final Succeeded INSTANCE = new Succeeded();

        @Override
        public TaskState target() {
            return TaskState.SUCCEEDED;
        }
    }

    /**
     * The attempt failed and counts.
     *
     * @param delay until the next attempt is due, 0 to 365 days; fractions of a millisecond are dropped
     * @param failure why
     */
    record Retry(Duration delay, Failure failure) implements Verdict {
        /** Refuses a delay out of range with {@link InvalidTaskException}. */
        public Retry {
            checkDelay(delay);
            Objects.requireNonNull(failure, "failure");
        }

        @Override
        public TaskState target() {
            return TaskState.RETRYING;
        }
    }

    /**
     * Not now, and the attempt does not count.
     *
     * @param delay until the task is due again, 0 to 365 days; fractions of a millisecond are dropped
     */
    record Snooze(Duration delay) implements Verdict {
        /** Refuses a delay out of range with {@link InvalidTaskException}. */
        public Snooze {
            checkDelay(delay);
        }

        @Override
        public TaskState target() {
            return TaskState.SCHEDULED;
        }
    }

    /**
     * Given up.
     *
     * @param failure why; kept with the dead letter
     */
    record Dead(Failure failure) implements Verdict {
        /** Takes any failure. */
        public Dead {
            Objects.requireNonNull(failure, "failure");
        }

        @Override
        public TaskState target() {
            return TaskState.DEAD;
        }
    }

    /** Not worth doing. */
    record Discarded() implements Verdict {
        private static final Discarded INSTANCE = new Discarded();

        @Override
        public TaskState target() {
            return TaskState.DISCARDED;
        }
    }

    /** Cancelled by somebody. */
    record Cancelled() implements Verdict {
        private static final Cancelled INSTANCE = new Cancelled();

        @Override
        public TaskState target() {
            return TaskState.CANCELLED;
        }
    }

    /** Handed back untouched. */
    record Released() implements Verdict {
        private static final Released INSTANCE = new Released();

        @Override
        public TaskState target() {
            return TaskState.QUEUED;
        }
    }

    private static void checkDelay(Duration delay) {
        if (delay.isNegative() || delay.compareTo(MAX_DELAY) > 0) {
            throw new InvalidTaskException("delay", "a delay must be 0 to 365 days, was " + delay);
        }
    }
}
