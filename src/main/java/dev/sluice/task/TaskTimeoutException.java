package dev.sluice.task;

import java.time.Duration;

/**
 * An attempt did not end within its timeout and was cancelled.
 *
 * <p>Retryable: the task is run again as its retry policy says. The handler may have done part of its work.
 */
public final class TaskTimeoutException extends SluiceException {

    private static final long serialVersionUID = 1L;

    private final String taskId;
    private final Duration timeout;

    /** The attempt at task {@code taskId} took longer than {@code timeout}. */
    public TaskTimeoutException(String taskId, Duration timeout) {
        super("task-timeout", true, "the attempt did not end within " + timeout.toMillis() + " ms", null);
        this.taskId = taskId;
        this.timeout = timeout;
    }

    /** The id of the task whose attempt was cancelled. */
    public String taskId() {
        return taskId;
    }

    /** How long the attempt was allowed to take. */
    public Duration timeout() {
        return timeout;
    }
}
