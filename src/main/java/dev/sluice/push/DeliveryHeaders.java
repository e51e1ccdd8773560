package dev.sluice.push;

import dev.sluice.codec.JsonDocument;
import dev.sluice.dispatch.TaskContext;
import io.netty.handler.codec.http.DefaultHttpHeaders;
import io.netty.handler.codec.http.HttpHeaders;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * What a request says of its task: CloudEvents in binary mode, Standard Webhooks, and the trace. Everything that comes from
 * the task is encoded to visible ASCII, or checked against a pattern; its own headers get a prefix, so that none can take
 * the place of one of ours or of HTTP's.
 */
final class DeliveryHeaders {
    private static final String OF_THE_TASK = "task-";
    private static final String TRACE_PARENT = "traceparent";
    private static final String TRACE_STATE = "tracestate";
    private static final Pattern TRACE =
            Pattern.compile("(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-[!-~]*)?");
    private static final Pattern PRINTABLE = Pattern.compile("[ -~]+");
    private static final Pattern NAME = Pattern.compile("[!#$%&'*+.^_`|~0-9A-Za-z-]+");
    private static final String HEX = "0123456789ABCDEF";

    private DeliveryHeaders() {}

    static HttpHeaders of(TaskContext<?> task, List<Secret> secrets, byte[] body, Instant now) {
        HttpHeaders headers = new DefaultHttpHeaders();
        headers.set("content-type", contentType(body));
        headers.set("user-agent", "Sluice");
        addEvent(headers, task);
        addSignatures(headers, encoded(task.id(), '.'), secrets, body, now.getEpochSecond());
        addTrace(headers, task.headers());
        addHeadersOfTheTask(headers, task.headers());
        return headers;
    }

    /** A payload of an envelope is JSON; an element that a plain type takes may be anything. */
    private static String contentType(byte[] body) {
        if (JsonDocument.isJson(body)) {
            return "application/json";
        }
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(body));
            return "text/plain; charset=utf-8";
        } catch (CharacterCodingException noText) {
            return "application/octet-stream";
        }
    }

    private static void addEvent(HttpHeaders headers, TaskContext<?> task) {
        headers.set("ce-specversion", "1.0");
        headers.set("ce-id", encoded(task.id()));
        headers.set("ce-source", "/queues/" + encoded(task.queue()));
        headers.set("ce-type", encoded(task.type()));
        headers.set("ce-attempt", task.attempt());
        headers.set("ce-maxattempts", task.maxAttempts());
        headers.set("ce-fencingnumber", task.fencingNumber());
        headers.set("ce-remainingms", task.remaining().toMillis());
    }

    private static void addSignatures(
            HttpHeaders headers, String id, List<Secret> secrets, byte[] body, long timestamp) {
        headers.set("webhook-id", id);
        headers.set("webhook-timestamp", timestamp);
        if (!secrets.isEmpty()) {
            List<String> signatures = secrets.stream()
                    .map(secret -> secret.sign(id, timestamp, body))
                    .toList();
            headers.set("webhook-signature", String.join(" ", signatures));
        }
    }

    private static void addTrace(HttpHeaders headers, Map<String, String> ofTheTask) {
        String parent = ofTheTask.get(TRACE_PARENT);
        if (parent == null || !TRACE.matcher(parent).matches()) {
            return;
        }
        headers.set(TRACE_PARENT, parent);
        String state = ofTheTask.get(TRACE_STATE);
        if (state != null && PRINTABLE.matcher(state).matches()) {
            headers.set(TRACE_STATE, state);
        }
    }

    private static void addHeadersOfTheTask(HttpHeaders headers, Map<String, String> ofTheTask) {
        ofTheTask.forEach((name, value) -> {
            boolean isTrace = name.equals(TRACE_PARENT) || name.equals(TRACE_STATE);
            if (!isTrace && NAME.matcher(name).matches()) {
                headers.add(OF_THE_TASK + name, encoded(value));
            }
        });
    }

    /** As CloudEvents writes a value in a header: UTF-8, and what is not visible ASCII, or is one of {@code " %}, as %XX. */
    private static String encoded(String value) {
        return encoded(value, '%');
    }

    /** The same, with one more character that must not be there. */
    private static String encoded(String value, char also) {
        StringBuilder text = new StringBuilder(value.length());
        for (byte b : value.getBytes(StandardCharsets.UTF_8)) {
            if (b <= ' ' || b == 0x7F || b == '"' || b == '%' || b == also) {
                text.append('%').append(HEX.charAt((b >> 4) & 0xF)).append(HEX.charAt(b & 0xF));
            } else {
                text.append((char) b);
            }
        }
        return text.toString();
    }
}
