package dev.sluice.task;

import org.jspecify.annotations.Nullable;

/**
 * A task, or a part of one, breaks a rule: its queue, id, type, a header, an option, or a payload that cannot be
 * written as JSON or read as the type a handler asked for.
 *
 * <p>Not retryable: the same input is refused again. Thrown before anything is sent to Redis.
 */
public final class InvalidTaskException extends SluiceException {

    private static final long serialVersionUID = 1L;

    private final String field;

    /** The part {@code field} is refused; {@code message} states the rule and the value (never payload text). */
    public InvalidTaskException(String field, String message) {
        this(field, message, null);
    }

    /** The part {@code field} is refused because of {@code cause}. */
    public InvalidTaskException(String field, String message, @Nullable Throwable cause) {
        super("invalid-task", false, message, cause);
        this.field = field;
    }

    /**
     * The refused part: {@code queue}, {@code statusKey}, {@code id}, {@code type}, {@code payload}, {@code headers} …
     */
    public String field() {
        return field;
    }
}
