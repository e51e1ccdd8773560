package dev.sluice.task;

import org.jspecify.annotations.Nullable;

/**
 * Redis, or what is stored in it, does not fit this configuration: someone has to change something.
 *
 * <p>Not retryable. {@link #reason()} names the misfit: wrong password, server too old, queue stored with another
 * delivery mode or by a newer protocol, or a key of another type in the way.
 */
public final class StoreRefusedException extends SluiceException {

    private static final long serialVersionUID = 1L;

    private final String reason;
    private final @Nullable String queue;

    /**
     * The store does not fit.
     *
     * @param reason one stable word, as {@link #reason()} lists them
     * @param message one sentence that says what was found and what is needed
     */
    public StoreRefusedException(String reason, String message, @Nullable Throwable cause) {
        this(reason, null, message, cause);
    }

    private StoreRefusedException(String reason, @Nullable String queue, String message, @Nullable Throwable cause) {
        super("store-refused", false, message, cause);
        this.reason = reason;
        this.queue = queue;
    }

    /** The same, of one queue among several: the message begins with its name. */
    public StoreRefusedException ofQueue(String name) {
        return new StoreRefusedException(reason, name, "queue '" + name + "': " + getMessage(), this);
    }

    /**
     * The misfit in one stable word: {@code auth}, {@code permission}, {@code wrong-type}, {@code cluster}, {@code version}, {@code
     * append-only}; what the queue is run with otherwise: {@code protocol}, {@code delivery}, {@code status-key}, {@code
     * status-owner}; or {@code refused}.
     */
    public String reason() {
        return reason;
    }

    /** The queue that was refused, where several were asked for; null where the caller named the one. */
    public @Nullable String queue() {
        return queue;
    }
}
