package dev.sluice.task;

/**
 * The master has answered for the task, but fewer replicas (or disks) than its {@link Durability} asks for have
 * acknowledged it in time.
 *
 * <p>Retryable, and safe to repeat with the same id. The task may be in the queue and may be run; a failover now may also
 * lose it. Enqueueing it again answers for it as soon as enough have it.
 */
public final class NotDurableException extends SluiceException {

    private static final long serialVersionUID = 1L;

    private final int wanted;
    private final int acknowledged;

    /** Only {@code acknowledged} of those that {@code durability} asks for have it. */
    public NotDurableException(Durability durability, int acknowledged) {
        super("not-durable", true, message(durability, acknowledged), null);
        this.wanted = durability.isFsync() ? 1 : durability.replicas();
        this.acknowledged = acknowledged;
    }

    private static String message(Durability durability, int acknowledged) {
        return durability.isFsync()
                ? "the task is not on the disk of the master yet: enqueue it again with the same id"
                : "only " + acknowledged + " of " + durability.replicas()
                        + " replicas have acknowledged the task: enqueue it again with the same id";
    }

    /** How many replicas, or disks, should have it. */
    public int wanted() {
        return wanted;
    }

    /** How many have it. */
    public int acknowledged() {
        return acknowledged;
    }
}
