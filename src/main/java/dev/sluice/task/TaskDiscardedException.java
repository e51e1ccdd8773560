package dev.sluice.task;

/** The handler of an awaited task said that it is not worth doing. */
public final class TaskDiscardedException extends TaskEndedException {

    private static final long serialVersionUID = 1L;

    /** The task {@code taskId} was discarded. */
    public TaskDiscardedException(String taskId) {
        super("task-discarded", taskId, null, "task " + taskId + " was discarded by its handler");
    }
}
