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
        this(
                "queue " + queue + " takes at most "
                        + (limit > 0 ? limit + " tasks, or its max-length if that is less," : "its max-length")
                        + " and is full",
                queue,
                limit);
    }

    private QueueFullException(String message, String queue, long limit) {
        super("queue-full", true, message, null);
        this.queue = queue;
        this.limit = limit;
    }

    /**
     * Not the queue itself holds as many as it may.
     *
     * @param holder what does, as it stands in the message: {@code the buffer of this client}
     */
    public static QueueFullException of(String holder, String queue, long limit) {
        return new QueueFullException(
                holder + " holds at most " + limit + " tasks of queue " + queue + " and is full", queue, limit);
    }

    /** The name of the full queue. */
    public String queue() {
        return queue;
    }

    /** The number of tasks that may be held, by whom the message says; 0 if that is the queue's own limit, and not the caller's. */
    public long limit() {
        return limit;
    }
}
