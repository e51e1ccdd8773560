package dev.sluice.codec;

import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Task;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
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
    private static final List<String> KNOWN = List.of(
            "id", "type", "payload", "delay", "at", "maxAttempts", "timeout", "deadline", "keepResult", "headers");
    private static final List<String> OF_AN_ELEMENT = List.of("timeoutMs", "keepResultMs", "backoff", "enqueuedAt");
    private static final List<String> KNOWN_IN_A_LINE =
            Stream.concat(KNOWN.stream(), OF_AN_ELEMENT.stream()).toList();

    private TaskForm() {}

    /**
     * Reads the task in {@code length} bytes of {@code buffer} from {@code offset}. Its payload is a copy of the bytes that
     * were written; whether it is within the limits of a codec, that codec says when the task is enqueued.
     *
     * @throws EnvelopeException if that is not one JSON object
     * @throws InvalidTaskException if a field breaks a rule, is not known, or is missing
     */
    public static Task<byte[]> read(byte[] buffer, int offset, int length) {
        Reader reader = new Reader(buffer, offset, length, false);
        reader.readForm();
        return reader.whole();
    }

    /**
     * The same of a line in a file of tasks, where also the times of an {@link Envelope} are known, so that elements of a
     * queue can be lines: {@code timeoutMs}, {@code keepResultMs}, {@code backoff} and a {@code deadline} in milliseconds;
     * {@code enqueuedAt} is taken and passed over.
     *
     * @param type that of a line that names none; null = each must name its own
     * @throws EnvelopeException if that is not one JSON object
     * @throws InvalidTaskException if a field breaks a rule, is not known, or is missing
     */
    public static Task<byte[]> readLine(byte[] buffer, int offset, int length, @Nullable String type) {
        Reader reader = new Reader(buffer, offset, length, true);
        reader.readForm();
        if (reader.type == null && type == null) {
            throw new InvalidTaskException("type", "the field type must be there, or a TYPE for all lines");
        }
        reader.type = reader.type == null ? type : reader.type;
        return reader.whole();
    }

    private static final class Reader extends FormReader {
        private static final int DELAY = 1 << 18;
        private static final int AT = 1 << 19;
        private static final int DEADLINE = 1 << 20;

        private final boolean isLine;
        private @Nullable Duration delay;
        private @Nullable Instant at;
        private @Nullable Instant deadline;

        Reader(byte[] buffer, int offset, int length, boolean isLine) {
            super(buffer, offset, length, "a task", isLine ? KNOWN_IN_A_LINE : KNOWN);
            this.isLine = isLine;
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
                case "deadline" -> {
                    once(DEADLINE, name);
                    if (isLine && value == JsonToken.VALUE_NUMBER_INT) {
                        super.field(name, value, parser);
                    } else {
                        deadline = time(name, value, parser);
                    }
                }
                default -> super.field(name, value, parser);
            }
        }

        Task<byte[]> whole() {
            if (idInvalid) {
                throw new InvalidTaskException(
                        "id",
                        "the field id must be a string of 1 to 512 UTF-8 bytes without control characters, or an integer");
            }
            Task<byte[]> task = withTimesOfAnElement(task());
            if (delay != null && at != null) {
                throw new InvalidTaskException("at", "the fields delay and at exclude each other");
            }
            task = id == null ? task : task.id(id);
            task = deadline == null ? task : task.deadline(deadline);
            task = delay == null ? task : task.delay(delay);
            return at == null ? task : task.at(at);
        }

        private Task<byte[]> withTimesOfAnElement(Task<byte[]> plain) {
            Task<byte[]> task = plain;
            if (timeoutMs != 0) {
                checkAlone("timeout", task.timeout());
                task = task.timeout(Duration.ofMillis(timeoutMs));
            }
            if (keepResultMs != 0) {
                checkAlone("keepResult", task.keepResult());
                task = task.keepResult(Duration.ofMillis(keepResultMs));
            }
            task = deadlineMs == 0 ? task : task.deadline(Instant.ofEpochMilli(deadlineMs));
            return backoffMs == null
                    ? task
                    : task.backoff(Arrays.stream(backoffMs)
                            .mapToObj(Duration::ofMillis)
                            .toArray(Duration[]::new));
        }

        private static void checkAlone(String name, @Nullable Duration given) {
            if (given != null) {
                throw new InvalidTaskException(name, "the fields " + name + " and " + name + "Ms exclude each other");
            }
        }

        private static @Nullable Instant time(String name, JsonToken value, JsonParser parser) {
            String rule = "a time as in RFC 3339, such as \"2026-12-24T18:00:00Z\"";
            String text = text(name, value, parser, rule);
            try {
                return text == null ? null : OffsetDateTime.parse(text).toInstant();
            } catch (DateTimeException noTime) {
                throw badField(name, rule);
            }
        }
    }
}
