package dev.sluice.task;

import org.jspecify.annotations.Nullable;

/**
 * An argument breaks a rule: that of a task, such as its id, type, a header, or a payload that cannot be written as JSON or
 * read as the type that was asked for; or that of a queue, a setting, a schedule, a filter or a cursor.
 *
 * <p>Not retryable: the same input is refused again. Thrown before anything is sent to Redis, unless only what is stored there
 * shows it.
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
