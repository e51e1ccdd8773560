package dev.sluice.task;

import org.jspecify.annotations.Nullable;

/**
 * Redis could not be reached, did not answer in time, or could not serve just now (loading, failing over, out of
 * memory).
 *
 * <p>Retryable. The command may or may not have been carried out; repeating it is safe, because enqueueing with the
 * same id, settling and cancelling have no second effect.
 */
public final class StoreUnavailableException extends SluiceException {

    private static final long serialVersionUID = 1L;

    /** The store is away; {@code message} says what was tried, without host credentials or payload text. */
    public StoreUnavailableException(String message, @Nullable Throwable cause) {
        super("store-unavailable", true, message, cause);
    }
}
