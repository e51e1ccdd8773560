package dev.sluice.dispatch;

import dev.sluice.codec.Envelope;
import dev.sluice.codec.EnvelopeException;
import dev.sluice.codec.PayloadCodec;
import dev.sluice.redis.Frame;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Failure;
import dev.sluice.task.ResultRetention;
import dev.sluice.task.SluiceException;
import dev.sluice.task.Verdict;
import java.lang.reflect.Type;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Reads a started task: its envelope, then its payload. What cannot be read ends the attempt right here with the reason,
 * so parsing belongs to the attempt and a bad element is a dead letter, never a lost one.
 */
final class Opening {
    /** What stands in an element that was never meant to be an envelope. */
    private static final Set<String> NO_ENVELOPE =
            Set.of("not-json", "not-an-object", "not-utf8", "trailing-data", "empty");

    private final PayloadCodec codec;

    Opening(PayloadCodec codec) {
        this.codec = codec;
    }

    /** Reads the envelope of a started attempt; null if that ended it. */
    @Nullable
    Content envelope(Attempt attempt) {
        Frame frame = attempt.frame();
        QueueSettings settings = attempt.pump().settings();
        int length = frame.bytes().length - frame.bodyOffset();
        try {
            Envelope envelope = Envelope.read(frame.bytes(), frame.bodyOffset(), length);
            return accepted(attempt, envelope, settings);
        } catch (EnvelopeException unreadable) {
            String plainType = settings.plainType();
            if (plainType != null && NO_ENVELOPE.contains(unreadable.reason())) {
                attempt.opened(plainType, 0, null);
                attempt.timeout(settings.timeoutOf(plainType).toNanos());
                follow(attempt, 0, Map.of(), settings);
                return new Content(frame.bytes(), frame.bodyOffset(), length, true, Map.of());
            }
            return bury(attempt, Failure.of(unreadable.reason(), String.valueOf(unreadable.getMessage())));
        }
    }

    private @Nullable Content accepted(Attempt attempt, Envelope envelope, QueueSettings settings) {
        String type = envelope.type() == null ? settings.defaultType() : envelope.type();
        attempt.opened(type == null ? "-" : type, envelope.maxAttempts(), envelope.backoffMs());
        if (envelope.enqueuedAtMs() > 0 && attempt.pump().timesAttempts()) {
            attempt.waited(System.currentTimeMillis() - envelope.enqueuedAtMs());
        }
        follow(attempt, envelope.keepResultMs(), envelope.headers(), settings);
        if (envelope.idInvalid() && attempt.frame().isForeign()) {
            return bury(attempt, Failure.of("invalid-id", "an id is 1 to 512 UTF-8 bytes without control characters"));
        }
        if (type == null) {
            return bury(attempt, Failure.of("no-type", "the task names no type and its queue has no default type"));
        }
        attempt.timeout(
                envelope.timeoutMs() > 0
                        ? envelope.timeoutMs() * 1_000_000
                        : settings.timeoutOf(type).toNanos());
        if (envelope.deadlineMs() > 0) {
            if (envelope.deadlineMs() <= attempt.pump().clock().nowMs()) {
                return bury(attempt, Failure.of("deadline", missed(attempt)));
            }
            attempt.deadline(envelope.deadlineMs());
        }
        return new Content(
                envelope.payloadBuffer(),
                envelope.payloadOffset(),
                envelope.payloadLength(),
                false,
                envelope.headers());
    }

    /**
     * Notes what is to be kept and told of its end. Only where one step settles a task and does that: not in an at-most-once
     * queue.
     */
    private void follow(Attempt attempt, long askedMs, Map<String, String> headers, QueueSettings settings) {
        ResultRetention ofQueue = settings.results();
        long keptMs = Math.max(askedMs, ofQueue.maxAge().toMillis());
        String type = settings.callbackOf(attempt.type());
        if ((keptMs > 0 || type != null) && attempt.pump().queue().delivery() == DeliveryMode.AT_LEAST_ONCE) {
            Callback callback = type == null ? null : new Callback(type, headers);
            attempt.keep(new KeptResult(codec, keptMs, ofQueue.maxBytes(), callback));
        }
    }

    private static String missed(Attempt attempt) {
        Failure last = FailureLine.read(attempt.frame().failure());
        return "its deadline had passed before this attempt could start"
                + (last == null ? "" : "; the one before failed: " + last.reason() + ": " + last.message());
    }

    /**
     * Reads the payload as {@code type} and gives the task the shape a handler sees; null if the attempt has ended, by that
     * or meanwhile: reading takes its time, in a new process above all, and a lease that is over then must not be used.
     */
    @Nullable
    <T> Handed<T> payload(Attempt attempt, Content content, Type type) {
        try {
            T payload = decode(content, type);
            return attempt.hasEnded() ? null : new Handed<>(attempt, payload, content.headers);
        } catch (SluiceException unreadable) {
            bury(attempt, Failure.of(unreadable.code(), unreadable));
            return null;
        } catch (Throwable thrown) { // a codec of the user's may throw anything
            attempt.fail("codec-error", thrown);
            return null;
        }
    }

    @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"}) // T is what `type` says
    private <T> @Nullable T decode(Content content, Type type) {
        if (content.plain && type == String.class) {
            return (T) new String(content.buffer, content.offset, content.length, StandardCharsets.UTF_8);
        }
        if (content.plain && type == byte[].class) {
            return (T) Arrays.copyOfRange(content.buffer, content.offset, content.offset + content.length);
        }
        return codec.decode(content.buffer, content.offset, content.length, type);
    }

    private static @Nullable Content bury(Attempt attempt, Failure failure) {
        attempt.end(Verdict.dead(failure));
        return null;
    }

    /** Where the payload is, and what else the envelope says. */
    static final class Content {
        private final byte[] buffer;
        private final int offset;
        private final int length;
        private final boolean plain;
        private final Map<String, String> headers;

        Content(byte[] buffer, int offset, int length, boolean plain, Map<String, String> headers) {
            this.buffer = buffer;
            this.offset = offset;
            this.length = length;
            this.plain = plain;
            this.headers = headers;
        }
    }
}
