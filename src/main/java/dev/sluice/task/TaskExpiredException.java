package dev.sluice.task;

/** An awaited task had no time left: its last attempt took longer than its timeout, or its deadline has passed. It is a
 * dead letter. */
public final class TaskExpiredException extends TaskEndedException {

    private static final long serialVersionUID = 1L;

    /** The task {@code taskId} is dead because of {@code failure}, which is that time is over. */
    public TaskExpiredException(String taskId, Failure failure) {
        super("task-expired", taskId, failure, "task " + taskId + " ran out of time: " + told(failure));
    }
}
