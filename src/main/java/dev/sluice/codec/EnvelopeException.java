package dev.sluice.codec;

import dev.sluice.task.SluiceException;

/**
 * Bytes in a queue that are not a task.
 *
 * <p>Not retryable: they stay what they are. Carries no stack trace, because one producer's mistake comes a thousand
 * times a second, and no text of the element.
 */
public final class EnvelopeException extends SluiceException {

    private static final long serialVersionUID = 1L;

    private final String reason;

    EnvelopeException(String reason, String message) {
        super("unreadable-envelope", false, message);
        this.reason = reason;
    }

    /**
     * Why the bytes are not a task, in one stable word.
     *
     * <ul>
     *   <li>{@code empty}: no bytes, or only white space
     *   <li>{@code not-utf8}: not UTF-8, or UTF-8 behind a byte order mark or zero bytes
     *   <li>{@code not-json}: not one well-formed JSON value, for example cut off
     *   <li>{@code not-an-object}: begins as a JSON value that is no object
     *   <li>{@code trailing-data}: something follows the object
     *   <li>{@code beyond-limits}: nested too deeply, or a number, name or string is too long
     *   <li>{@code duplicate-field:<name>}: a field that Sluice reads is there twice
     *   <li>{@code bad-field:<name>}: a field that Sluice reads holds something else than it should
     * </ul>
     */
    public String reason() {
        return reason;
    }
}
