package dev.sluice.task;

/**
 * An awaited task has ended, and there is no value to be given: it could not be kept, or not be read as what was asked for, or nothing is
 * known of the task any more. If {@link #failure()} is there, the task has succeeded, and it says what became of its value.
 */
public final class ResultMissingException extends TaskEndedException {

    private static final long serialVersionUID = 1L;

    /** The task {@code taskId} has succeeded, and its value cannot be given because of {@code why}. */
    public ResultMissingException(String taskId, Failure why) {
        super("result-missing", taskId, why, "task " + taskId + " has succeeded, without its value: " + told(why));
    }

    /** Nothing is known of the task {@code taskId}. */
    public ResultMissingException(String taskId) {
        super(
                "result-missing",
                taskId,
                null,
                "nothing is known of task " + taskId
                        + " any more: it has ended, or was removed, and its result is not kept");
    }
}
