package dev.sluice.task;

/**
 * A queue, or the buffer in front of it, holds as many tasks as it may.
 *
 * <p>Retryable, once there is room; retry with backoff. The task was not taken.
 */
public final class QueueFullException extends SluiceException {

    private static final long serialVersionUID = 1L;

    private final String queue;
    private final long limit;

    /** The queue named {@code queue} already holds {@code limit} tasks, or as many as it may if that is 0. */
    public QueueFullException(String queue, long limit) {
        super(
                "queue-full",
                true,
                "queue " + queue + " takes at most " + (limit > 0 ? limit + " tasks" : "its max-length")
                        + " and is full",
                null);
        this.queue = queue;
        this.limit = limit;
    }

    /** The name of the full queue. */
    public String queue() {
        return queue;
    }

    /** The number of tasks it may hold; 0 if that is the queue's own limit, and not the caller's. */
    public long limit() {
        return limit;
    }
}
