package dev.sluice.task;

/**
 * A payload is longer than the limit, which is 256 KiB unless configured otherwise.
 *
 * <p>Not retryable. Nothing was sent. Keep large data elsewhere and put a reference into the task.
 */
public final class PayloadTooLargeException extends SluiceException {

    private static final long serialVersionUID = 1L;

    private final long size;
    private final long limit;

    /** A payload of {@code size} bytes met a limit of {@code limit} bytes. */
    public PayloadTooLargeException(long size, long limit) {
        super("payload-too-large", false, "the payload must be at most " + limit + " bytes of JSON, was " + size, null);
        this.size = size;
        this.limit = limit;
    }

    /** The length that was refused, in bytes of JSON. */
    public long size() {
        return size;
    }

    /** The longest length that is taken, in bytes of JSON. */
    public long limit() {
        return limit;
    }
}
