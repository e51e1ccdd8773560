package dev.sluice.client;

import dev.sluice.task.SluiceException;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What became of one task that was to be enqueued.
 *
 * @param id the task's id: the caller's own, or the one that was made; enqueueing again under this id is idempotent
 * @param outcome what happened
 * @param error why it {@link Outcome#FAILED}, null otherwise. Tasks that shared a call share the instance
 */
public record EnqueueResult(
        String id, Outcome outcome, @Nullable SluiceException error) {

    /** What can happen to a task that is enqueued. */
    public enum Outcome {
        /** It is in the queue, put there by this call. */
        CREATED,
        /** A task with this id lives in the queue already, or has ended and its result is kept; nothing was changed. */
        EXISTING,
        /** The queue holds as many tasks as it may; this one was not taken. Try again later. */
        FULL,
        /**
         * It was refused, or Redis could not be asked. If the error is retryable the outcome is unknown: try again with the
         * same id. {@link TaskClient#enqueue(dev.sluice.task.Task)} does not answer this: it fails with the error.
         */
        FAILED
    }

    /** A result; an error is there if and only if the outcome is {@link Outcome#FAILED}. */
    public EnqueueResult {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(outcome, "outcome");
        if ((error != null) != (outcome == Outcome.FAILED)) {
            throw new IllegalArgumentException("an error belongs to FAILED and only to it, the outcome was " + outcome);
        }
    }

    static EnqueueResult of(String id, Outcome outcome) {
        return new EnqueueResult(id, outcome, null);
    }

    static EnqueueResult failed(String id, SluiceException error) {
        return new EnqueueResult(id, Outcome.FAILED, error);
    }

    /** Whether this call put the task into the queue. */
    public boolean isCreated() {
        return outcome == Outcome.CREATED;
    }

    /** Whether a task with this id lived already, or had ended with a result that is kept. */
    public boolean isExisting() {
        return outcome == Outcome.EXISTING;
    }

    /** Whether the queue was full. */
    public boolean isFull() {
        return outcome == Outcome.FULL;
    }

    /** Whether there is an error. */
    public boolean isFailed() {
        return outcome == Outcome.FAILED;
    }

    /** Whether the queue has taken the task for sure, with this call or before; it may have ended since. */
    public boolean isAccepted() {
        return isCreated() || isExisting();
    }

    /** Whether enqueueing the task once more, under the same id, may succeed: the queue was full, or Redis away. */
    public boolean isRetryable() {
        return isFull() || (error != null && error.retryable());
    }
}
