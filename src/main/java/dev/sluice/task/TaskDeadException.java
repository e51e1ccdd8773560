package dev.sluice.task;

/** An awaited task was given up, and not because its handler failed: it cannot be read, nobody handles it, it crashed its
 * dispatchers, or its handler rejected it. It is a dead letter. */
public final class TaskDeadException extends TaskEndedException {

    private static final long serialVersionUID = 1L;

    /** The task {@code taskId} is dead because of {@code failure}. */
    public TaskDeadException(String taskId, Failure failure) {
        super("task-dead", taskId, failure, "task " + taskId + " was given up: " + told(failure));
    }
}
