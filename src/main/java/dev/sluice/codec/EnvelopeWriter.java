package dev.sluice.codec;

import dev.sluice.task.Task;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.stream.Collectors;
import tools.jackson.core.io.JsonStringEncoder;

/**
 * Puts an element together from parts that are JSON already.
 *
 * <p>Type and payload first, in the order {@code {"type":…,"payload":…}}; options only if set; and last of all the time, which
 * {@code survey.lua} reads from the end, so that it need not look through a payload.
 */
final class EnvelopeWriter {

    private static final byte[] TYPE = ascii("{\"type\":\"");
    private static final byte[] PAYLOAD = ascii("\",\"payload\":");
    private static final byte[] HEADERS = ascii(",\"headers\":{");
    private static final byte[] ENQUEUED_AT = ascii(",\"enqueuedAt\":");
    private static final byte[] COMMA = {','};
    private static final byte[] NONE = {};
    private static final JsonStringEncoder ENCODER = JsonStringEncoder.getInstance();

    private EnvelopeWriter() {}

    static byte[] write(Task<?> task, byte[] payloadJson, long enqueuedAtMs) {
        byte[] type = ENCODER.quoteAsUTF8(task.type());
        byte[] options = options(task);
        byte[] time = enqueuedAtMs > 0 ? ascii(Long.toString(enqueuedAtMs)) : NONE;
        int timed = enqueuedAtMs > 0 ? ENQUEUED_AT.length + time.length : 0;
        int fixed = TYPE.length + PAYLOAD.length + 1;
        byte[] element = new byte[fixed + type.length + payloadJson.length + options.length + timed];
        int end = put(TYPE, element, 0);
        end = put(type, element, end);
        end = put(PAYLOAD, element, end);
        end = put(payloadJson, element, end);
        end = put(options, element, end);
        if (timed > 0) {
            end = put(ENQUEUED_AT, element, end);
            end = put(time, element, end);
        }
        element[end] = '}';
        return element;
    }

    private static byte[] options(Task<?> task) {
        Duration timeout = task.timeout();
        Instant deadline = task.deadline();
        Duration keepResult = task.keepResult();
        boolean decidesRetries = task.maxAttempts() > 0 || !task.backoff().isEmpty();
        boolean hasTimes = timeout != null || deadline != null || keepResult != null;
        if (task.headers().isEmpty() && !decidesRetries && !hasTimes) {
            return NONE;
        }
        ByteArrayOutputStream options = new ByteArrayOutputStream();
        headers(task.headers(), options);
        if (task.maxAttempts() > 0) {
            number("maxAttempts", task.maxAttempts(), options);
        }
        if (!task.backoff().isEmpty()) {
            options.writeBytes(ascii(task.backoff().stream()
                    .map(wait -> String.valueOf(wait.toMillis()))
                    .collect(Collectors.joining(",", ",\"backoff\":[", "]"))));
        }
        if (timeout != null) {
            number("timeoutMs", timeout.toMillis(), options);
        }
        if (deadline != null) {
            number("deadline", deadline.toEpochMilli(), options);
        }
        if (keepResult != null) {
            number("keepResultMs", keepResult.toMillis(), options);
        }
        return options.toByteArray();
    }

    private static void headers(Map<String, String> headers, ByteArrayOutputStream options) {
        if (headers.isEmpty()) {
            return;
        }
        byte[] before = HEADERS;
        for (Map.Entry<String, String> header : headers.entrySet()) {
            options.writeBytes(before);
            string(header.getKey(), options);
            options.write(':');
            string(header.getValue(), options);
            before = COMMA;
        }
        options.write('}');
    }

    private static void string(String text, ByteArrayOutputStream options) {
        options.write('"');
        options.writeBytes(ENCODER.quoteAsUTF8(text));
        options.write('"');
    }

    private static void number(String name, long value, ByteArrayOutputStream options) {
        options.writeBytes(ascii(",\"" + name + "\":" + value));
    }

    private static int put(byte[] part, byte[] element, int offset) {
        System.arraycopy(part, 0, element, offset, part.length);
        return offset + part.length;
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }
}
