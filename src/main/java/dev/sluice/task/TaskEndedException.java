package dev.sluice.task;

import org.jspecify.annotations.Nullable;

/**
 * A task that somebody awaits has ended, and not with a value that can be given to him. Each way to end so is a class of
 * its own.
 *
 * <p>Not retryable: the task is over. To run it again, enqueue it under another id, or redrive its dead letter.
 */
public abstract sealed class TaskEndedException extends SluiceException
        permits TaskFailedException,
                TaskDeadException,
                TaskExpiredException,
                TaskCancelledException,
                TaskDiscardedException,
                ResultMissingException {

    private static final long serialVersionUID = 1L;

    private final String taskId;
    private final transient @Nullable Failure failure;

    TaskEndedException(String code, String taskId, @Nullable Failure failure, String message) {
        super(code, false, message, null);
        this.taskId = taskId;
        this.failure = failure;
    }

    /** The id of the task that ended. */
    public final String taskId() {
        return taskId;
    }

    /** Why it ended so, as its dead letter or its result has it; null if there is neither. */
    public final @Nullable Failure failure() {
        return failure;
    }

    /** The reason and the message of a failure as they stand in the message of an exception. */
    static String told(Failure failure) {
        return failure.reason() + (failure.message().isEmpty() ? "" : ": " + failure.message());
    }
}
