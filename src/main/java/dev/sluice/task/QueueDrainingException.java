package dev.sluice.task;

/**
 * A queue is drained: it takes no new tasks until somebody resumes it.
 *
 * <p>Not retryable: it stays so until an operator changes it. The task was not taken.
 */
public final class QueueDrainingException extends SluiceException {

    private static final long serialVersionUID = 1L;

    private final String queue;

    /** The queue named {@code queue} takes no new tasks. */
    public QueueDrainingException(String queue) {
        super(
                "queue-draining",
                false,
                "queue " + queue + " is draining and takes no new tasks until it is resumed ('resume " + queue + "')");
        this.queue = queue;
    }

    /** The name of the queue. */
    public String queue() {
        return queue;
    }
}
