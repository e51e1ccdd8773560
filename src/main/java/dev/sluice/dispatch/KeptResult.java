package dev.sluice.dispatch;

import dev.sluice.codec.PayloadCodec;
import dev.sluice.task.Failure;
import dev.sluice.task.PayloadTooLargeException;
import dev.sluice.task.SluiceException;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What will be kept, or told, of a task's end: made for attempts of which something is, and given the value that the
 * handler emits. A value that cannot be kept costs the task nothing, for its work is done: the result says why it has none.
 */
final class KeptResult {
    private final PayloadCodec codec;
    private final long keptMs;
    private final int maxBytes;
    private final @Nullable Callback callback;
    private byte @Nullable [] value;
    private @Nullable Failure problem;
    private boolean untold;

    KeptResult(PayloadCodec codec, long keptMs, int maxBytes, @Nullable Callback callback) {
        this.codec = codec;
        this.keptMs = keptMs;
        this.maxBytes = maxBytes;
        this.callback = callback;
    }

    /** How long it is kept; 0 if it is only told. */
    long keptMs() {
        return keptMs;
    }

    /** Encodes the value, on the handler's thread. The first counts. */
    void value(Object emitted, Attempt attempt) {
        if (value != null || problem != null) {
            return;
        }
        try {
            byte[] json = codec.encode(emitted);
            if (json.length > maxBytes) {
                throw new PayloadTooLargeException(json.length, maxBytes);
            }
            untold = callback != null && !mayBePayload(callback.likeliest(attempt, json));
            value = json;
        } catch (PayloadTooLargeException tooLarge) {
            cannotKeep(
                    attempt,
                    Failure.of(
                            "result-too-large",
                            "the value must be at most " + tooLarge.limit() + " bytes of JSON, was "
                                    + tooLarge.size()));
        } catch (SluiceException unfit) {
            cannotKeep(attempt, Failure.of("result-not-writable", unfit));
        } catch (
                Throwable broken) { // a codec of the user's, or an accessor of the value: the work is done all the same
            cannotKeep(attempt, Failure.of("result-not-writable", broken));
        }
    }

    private void cannotKeep(Attempt attempt, Failure why) {
        problem = why;
        attempt.pump().judge().tellOnce(attempt, why);
    }

    /** Whom it is told; null for nobody. */
    @Nullable
    Callback callback() {
        return callback;
    }

    /** The value as JSON; null if there is none, or it cannot be kept. */
    byte @Nullable [] value() {
        return value;
    }

    /** Why the value cannot be kept, or null. */
    @Nullable
    Failure problem() {
        return problem;
    }

    /** Whether the value is too large, or nested too deep, for the payload of its callback. */
    boolean isUntold() {
        return untold;
    }

    private boolean mayBePayload(byte[] json) {
        try {
            codec.encode(json);
            return true;
        } catch (
                Throwable refused) { // also what a codec of the user's may throw: the work is done, and its end is told
            // without it
            return false;
        }
    }

    /** How many bytes the value has; what else is kept is small. */
    int length() {
        byte[] json = value;
        return json == null ? 0 : json.length;
    }

    /** The result as it is stored, but for its head: the rest of a line of JSON; and if there is a value, LF and that. */
    byte[] record(int attempts, long ranNanos) {
        ByteArrayOutputStream record = new ByteArrayOutputStream(64 + length());
        String line = "\"attempts\":" + attempts + ",\"ranMs\":" + TimeUnit.NANOSECONDS.toMillis(ranNanos);
        Failure why = problem;
        record.writeBytes((line + (why == null ? "" : ",\"problem\":" + FailureLine.of(why)) + "}")
                .getBytes(StandardCharsets.UTF_8));
        byte[] json = value;
        if (json != null) {
            record.write('\n');
            record.writeBytes(json);
        }
        return record.toByteArray();
    }
}
