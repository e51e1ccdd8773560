package dev.sluice.task;

import org.jspecify.annotations.Nullable;

/**
 * The root of every error that Sluice itself raises.
 *
 * <p>Unchecked. {@link #code()} is a stable word per kind of error, fit for logs, metrics and the wire;
 * {@link #retryable()} says whether the same call can succeed later without a change of input or configuration.
 * Messages name the broken rule and the value that broke it, and never hold payload text.
 */
public abstract class SluiceException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final String code;
    private final boolean retryable;

    /**
     * An error of the kind {@code code}.
     *
     * @param code lower-case words joined by hyphens; never changes between versions
     * @param retryable whether the same call can succeed later
     */
    protected SluiceException(String code, boolean retryable, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.code = code;
        this.retryable = retryable;
    }

    /** An error without a stack trace, for kinds that are thrown once per bad element of a flood of them. */
    protected SluiceException(String code, boolean retryable, String message) {
        super(message, null, false, false);
        this.code = code;
        this.retryable = retryable;
    }

    /** The stable word for this kind of error, such as {@code invalid-task}. */
    public final String code() {
        return code;
    }

    /**
     * Whether the same call can succeed later. Every retryable call of Sluice is also safe to repeat, by subscribing to the same
     * publisher again, or with the same id: a new {@code enqueue} of a task without one makes another.
     */
    public final boolean retryable() {
        return retryable;
    }
}
