package dev.sluice.task;

/** An awaited task was cancelled by somebody. */
public final class TaskCancelledException extends TaskEndedException {

    private static final long serialVersionUID = 1L;

    /** The task {@code taskId} was cancelled. */
    public TaskCancelledException(String taskId) {
        super("task-cancelled", taskId, null, "task " + taskId + " was cancelled");
    }
}
