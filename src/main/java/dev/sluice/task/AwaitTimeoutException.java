package dev.sluice.task;

import java.time.Duration;

/**
 * A task that somebody awaits did not end in time. It goes on: only the waiting has ended.
 *
 * <p>Retryable: await it again under the same id, as long as it lives or its result is kept.
 */
public final class AwaitTimeoutException extends SluiceException {

    private static final long serialVersionUID = 1L;

    private final String taskId;
    private final Duration timeout;

    /** The task {@code taskId} did not end within {@code timeout}. */
    public AwaitTimeoutException(String taskId, Duration timeout) {
        super(
                "await-timeout",
                true,
                "task " + taskId + " did not end within " + timeout.toMillis() + " ms; it goes on");
        this.taskId = taskId;
        this.timeout = timeout;
    }

    /** The id of the task that was awaited. */
    public String taskId() {
        return taskId;
    }

    /** How long it was awaited. */
    public Duration timeout() {
        return timeout;
    }
}
