package dev.sluice.http;

import dev.sluice.codec.EnvelopeException;
import dev.sluice.codec.JsonDocument;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.PayloadTooLargeException;
import dev.sluice.task.QueueDrainingException;
import dev.sluice.task.QueueFullException;
import dev.sluice.task.ScheduleConflictException;
import dev.sluice.task.SluiceException;
import dev.sluice.task.StoreRefusedException;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpResponseStatus;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Why a request is refused, as RFC 9457 has it. Thrown where that is found, and answered in one place. */
final class Problem extends RuntimeException {
    static final String RETRY_SECONDS = "1";

    private static final Logger log = LoggerFactory.getLogger(Problem.class);
    private static final long serialVersionUID = 1L;

    private final int status;
    private final String code;
    private final boolean retryable;
    private final transient Map<CharSequence, String> headers = new LinkedHashMap<>();
    private final transient Map<String, @Nullable Object> facts = new LinkedHashMap<>();

    private Problem(int status, String code, boolean retryable, String detail) {
        super(detail, null, false, false);
        this.status = status;
        this.code = code;
        this.retryable = retryable;
    }

    static Problem of(int status, String code, String detail) {
        return new Problem(status, code, false, detail);
    }

    /** One that is gone after a while, when the same request may succeed. */
    static Problem passing(int status, String code, String detail) {
        return new Problem(status, code, true, detail).header(HttpHeaderNames.RETRY_AFTER, RETRY_SECONDS);
    }

    /** The problem behind any failure of a request. */
    static Problem of(Throwable failure) {
        if (failure instanceof Problem problem) {
            return problem;
        }
        if (failure instanceof InvalidTaskException invalid) {
            return switch (invalid.field()) {
                case "queue" -> of(400, "invalid-queue", text(invalid)).fact("field", "queue");
                case "cursor" -> of(400, "bad-parameter", text(invalid)).fact("parameter", "cursor");
                default -> of(400, invalid.code(), text(invalid)).fact("field", invalid.field());
            };
        }
        if (failure instanceof EnvelopeException unreadable) {
            String code = unreadable.reason().equals("beyond-limits") ? "invalid-task" : "malformed-json";
            return of(400, code, text(unreadable).replace("the element", "the task"));
        }
        if (failure instanceof PayloadTooLargeException tooLarge) {
            return of(413, tooLarge.code(), text(tooLarge));
        }
        if (failure instanceof QueueFullException full) {
            return passing(429, full.code(), text(full));
        }
        if (failure instanceof ScheduleConflictException conflict) {
            return of(412, conflict.code(), text(conflict)).fact("schedule", conflict.schedule());
        }
        if (failure instanceof QueueDrainingException draining) {
            return of(409, draining.code(), text(draining));
        }
        if (failure instanceof StoreRefusedException refused && refused.queue() != null) {
            return of(503, refused.code(), text(refused)).fact("queue", refused.queue());
        }
        if (failure instanceof SluiceException other) {
            return other.retryable() ? passing(503, other.code(), text(other)) : of(503, other.code(), text(other));
        }
        if (failure instanceof TimeoutException) {
            return passing(503, "timeout", "there was no answer in time; whether it was done is not known");
        }
        log.warn("A request failed for a reason that is not foreseen", failure);
        return of(500, "internal", "the server failed; its log says why");
    }

    Problem header(CharSequence name, String value) {
        headers.put(name, value);
        return this;
    }

    /** A member beside those of the RFC. */
    Problem fact(String name, Object value) {
        facts.put(name, value);
        return this;
    }

    int status() {
        return status;
    }

    Answer answer() {
        JsonDocument body = new JsonDocument()
                .put("type", "about:blank")
                .put("title", HttpResponseStatus.valueOf(status).reasonPhrase())
                .put("status", status);
        Answer answer =
                new Answer(status, "application/problem+json", addTo(body).toBytes());
        headers.forEach(answer::header);
        return answer;
    }

    /** What it says of itself, as members of {@code body}. */
    JsonDocument addTo(JsonDocument body) {
        body.put("code", code).put("detail", getMessage()).put("retryable", retryable);
        facts.forEach(body::put);
        return body;
    }

    private static String text(Throwable failure) {
        return String.valueOf(failure.getMessage());
    }
}
