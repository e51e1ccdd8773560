package dev.sluice.codec;

import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Task;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/** An envelope as people write it: spans of time are texts, a type must be there, and nothing is taken that is not known. */
abstract class FormReader extends EnvelopeReader {
    private static final int TIMEOUT = 1 << 16; // below are those of an envelope, from 1 << 18 on those of a form
    private static final int KEEP_RESULT = 1 << 17;

    private final String what;
    private final List<String> known;
    private @Nullable Duration timeout;
    private @Nullable Duration keepResult;

    /**
     * A reader of one form.
     *
     * @param what it is, with its article, for whoever wrote it
     * @param known the names of all its fields
     */
    FormReader(byte[] buffer, int offset, int length, String what, List<String> known) {
        super(buffer, offset, length);
        this.what = what;
        this.known = known;
    }

    /** {@link #read}, with each mistake in a field as one that names the field. */
    final void readForm() {
        try {
            read();
        } catch (EnvelopeException mistake) {
            String reason = mistake.reason();
            if (reason.contains(":")) { // it names a field
                throw new InvalidTaskException(
                        reason.substring(reason.indexOf(':') + 1), String.valueOf(mistake.getMessage()));
            }
            throw mistake;
        }
    }

    @Override
    void field(String name, JsonToken value, JsonParser parser) {
        switch (name) {
            case "timeout" -> {
                once(TIMEOUT, name);
                timeout = span(name, value, parser);
            }
            case "keepResult" -> {
                once(KEEP_RESULT, name);
                keepResult = span(name, value, parser);
            }
            default -> {
                if (!known.contains(name)) {
                    throw new InvalidTaskException(
                            "body",
                            what + " has no field '" + (Task.isValidType(name) ? name : "…") + "'; known are "
                                    + String.join(", ", known));
                }
                super.field(name, value, parser);
            }
        }
    }

    /** What the fields say of the task itself; its payload is a copy of the bytes that were written. */
    final Task<byte[]> task() {
        if (type == null) {
            throw new InvalidTaskException("type", "the field type must be there: it picks the handler");
        }
        byte[] payload = Arrays.copyOfRange(payloadBuffer, payloadOffset, payloadOffset + payloadLength);
        Task<byte[]> task = Task.of(type, payload);
        task = headers.isEmpty() ? task : task.headers(headers);
        task = maxAttempts == 0 ? task : task.maxAttempts(maxAttempts);
        task = timeout == null ? task : task.timeout(timeout);
        return keepResult == null ? task : task.keepResult(keepResult);
    }

    /** A text; null if it is JSON {@code null}. */
    static @Nullable String text(String name, JsonToken value, JsonParser parser, String rule) {
        if (value == JsonToken.VALUE_NULL) {
            return null;
        }
        if (value != JsonToken.VALUE_STRING) {
            throw badField(name, rule);
        }
        return parser.getString();
    }

    static @Nullable Duration span(String name, JsonToken value, JsonParser parser) {
        String rule = "a text of " + Durations.FORM + ", such as \"30s\"";
        String text = text(name, value, parser, rule);
        if (text == null) {
            return null;
        }
        try {
            return Durations.parse(text);
        } catch (IllegalArgumentException e) {
            throw badField(name, rule);
        }
    }
}
