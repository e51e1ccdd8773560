package dev.sluice.task;

/** An awaited task failed: its handler failed in every attempt that it had, and it is a dead letter. */
public final class TaskFailedException extends TaskEndedException {

    private static final long serialVersionUID = 1L;

    /** The task {@code taskId} is dead because of {@code failure}, which came from its handler. */
    public TaskFailedException(String taskId, Failure failure) {
        super("task-failed", taskId, failure, "task " + taskId + " has failed: " + told(failure));
    }
}
