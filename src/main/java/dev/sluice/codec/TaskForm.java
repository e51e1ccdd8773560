package dev.sluice.codec;

import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Task;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/**
 * A task as a person writes it into a request: one JSON object in UTF-8.
 *
 * <p>The fields are those of an {@link Envelope}, but a type must be there, times are texts, and nothing else is taken: a
 * misspelt option would be lost without a word. {@code delay}, {@code timeout} and {@code keepResult} are a number and {@code ms}, {@code s},
 * {@code m}, {@code h} or {@code d}, such as {@code "1.5s"}; {@code at} and {@code deadline} are RFC 3339, such as
 * {@code "2026-12-24T18:00:00Z"}. JSON {@code null} is the same as absent.
 */
public final class TaskForm {
    private TaskForm() {}

    /**
     * Reads the task in {@code length} bytes of {@code buffer} from {@code offset}. Its payload is a copy of the bytes that
     * were written; whether it is within the limits of a codec, that codec says when the task is enqueued.
     *
     * @throws EnvelopeException if that is not one JSON object
     * @throws InvalidTaskException if a field breaks a rule, is not known, or is missing
     */
    public static Task<byte[]> read(byte[] buffer, int offset, int length) {
        Reader reader = new Reader(buffer, offset, length);
        try {
            reader.read();
        } catch (EnvelopeException mistake) {
            String reason = mistake.reason();
            if (reason.contains(":")) { // it names a field
                throw new InvalidTaskException(
                        reason.substring(reason.indexOf(':') + 1), String.valueOf(mistake.getMessage()));
            }
            throw mistake;
        }
        return reader.task();
    }

    private static final class Reader extends EnvelopeReader {
        private static final List<String> KNOWN = List.of(
                "id", "type", "payload", "delay", "at", "maxAttempts", "timeout", "deadline", "keepResult", "headers");
        private static final Pattern SPAN = Pattern.compile("(\\d{1,9})(?:\\.(\\d{1,3}))?(ms|s|m|h|d)");
        private static final int DELAY = 1 << 16; // below are those of an envelope
        private static final int AT = 1 << 17;
        private static final int TIMEOUT = 1 << 18;
        private static final int DEADLINE = 1 << 19;
        private static final int KEEP_RESULT = 1 << 20;

        private @Nullable Duration delay;
        private @Nullable Duration timeout;
        private @Nullable Duration keepResult;
        private @Nullable Instant at;
        private @Nullable Instant deadline;

        Reader(byte[] buffer, int offset, int length) {
            super(buffer, offset, length);
        }

        @Override
        void field(String name, JsonToken value, JsonParser parser) {
            switch (name) {
                case "delay" -> {
                    once(DELAY, name);
                    delay = span(name, value, parser);
                }
                case "at" -> {
                    once(AT, name);
                    at = time(name, value, parser);
                }
                case "timeout" -> {
                    once(TIMEOUT, name);
                    timeout = span(name, value, parser);
                }
                case "deadline" -> {
                    once(DEADLINE, name);
                    deadline = time(name, value, parser);
                }
                case "keepResult" -> {
                    once(KEEP_RESULT, name);
                    keepResult = span(name, value, parser);
                }
                default -> {
                    if (!KNOWN.contains(name)) {
                        throw new InvalidTaskException(
                                "body",
                                "a task has no field '" + (Task.isValidType(name) ? name : "…") + "'; known are "
                                        + String.join(", ", KNOWN));
                    }
                    super.field(name, value, parser);
                }
            }
        }

        Task<byte[]> task() {
            if (idInvalid) {
                throw new InvalidTaskException(
                        "id",
                        "the field id must be a string of 1 to 512 UTF-8 bytes without control characters, or an integer");
            }
            if (type == null) {
                throw new InvalidTaskException("type", "the field type must be there: it picks the handler");
            }
            if (delay != null && at != null) {
                throw new InvalidTaskException("at", "the fields delay and at exclude each other");
            }
            byte[] payload = Arrays.copyOfRange(payloadBuffer, payloadOffset, payloadOffset + payloadLength);
            Task<byte[]> task = Task.of(type, payload);
            task = headers.isEmpty() ? task : task.headers(headers);
            task = id == null ? task : task.id(id);
            task = maxAttempts == 0 ? task : task.maxAttempts(maxAttempts);
            task = timeout == null ? task : task.timeout(timeout);
            task = deadline == null ? task : task.deadline(deadline);
            task = keepResult == null ? task : task.keepResult(keepResult);
            task = delay == null ? task : task.delay(delay);
            return at == null ? task : task.at(at);
        }

        private static @Nullable Duration span(String name, JsonToken value, JsonParser parser) {
            if (value == JsonToken.VALUE_NULL) {
                return null;
            }
            Matcher parts = SPAN.matcher(value == JsonToken.VALUE_STRING ? parser.getString() : "");
            if (!parts.matches()) {
                throw badField(name, "a text of a number and ms, s, m, h or d, such as \"30s\"");
            }
            String fraction = parts.group(2) == null ? "" : parts.group(2);
            long thousandths =
                    Long.parseLong(parts.group(1)) * 1_000 + Long.parseLong((fraction + "000").substring(0, 3));
            return switch (parts.group(3)) {
                case "ms" -> Duration.ofMillis(thousandths / 1_000);
                case "s" -> Duration.ofMillis(thousandths);
                case "m" -> Duration.ofMillis(thousandths * 60);
                case "h" -> Duration.ofMillis(thousandths * 3_600);
                default -> Duration.ofMillis(thousandths * 86_400);
            };
        }

        private static @Nullable Instant time(String name, JsonToken value, JsonParser parser) {
            if (value == JsonToken.VALUE_NULL) {
                return null;
            }
            try {
                return OffsetDateTime.parse(value == JsonToken.VALUE_STRING ? parser.getString() : "")
                        .toInstant();
            } catch (DateTimeException noTime) {
                throw badField(name, "a time as in RFC 3339, such as \"2026-12-24T18:00:00Z\"");
            }
        }
    }
}
