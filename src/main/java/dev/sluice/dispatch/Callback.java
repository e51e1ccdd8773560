package dev.sluice.dispatch;

import dev.sluice.codec.Envelope;
import dev.sluice.codec.JsonDocument;
import dev.sluice.task.Failure;
import dev.sluice.task.Task;
import dev.sluice.task.TaskState;
import dev.sluice.task.Verdict;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The task that tells of another one's end: its type, and the headers that it takes over. */
final class Callback {
    private static final int MOST_DIGITS = 19;

    private final String type;
    private final Map<String, String> headers;

    Callback(String type, Map<String, String> headers) {
        this.type = type;
        this.headers = headers;
    }

    /** What lies in the queue for it, to be put there when {@code attempt} is settled; null if that is not the task's end. */
    byte @Nullable [] element(Attempt attempt) {
        Verdict verdict = attempt.verdict();
        TaskState state = stateOf(verdict);
        if (state == null) {
            return null;
        }
        KeptResult kept = Objects.requireNonNull(attempt.kept(), "who has a callback has this");
        byte[] value = state == TaskState.DEAD ? null : kept.value();
        Failure failure = verdict instanceof Verdict.Dead dead ? dead.failure() : kept.problem();
        if (value != null && kept.isUntold()) {
            failure = Failure.of("result-too-large", "a callback with this value would be no payload");
            value = null;
        }
        byte[] payload = payload(attempt, state, failure, value);
        return Envelope.write(Task.of(type, null).headers(headers), payload, System.currentTimeMillis());
    }

    /** What its payload will be if the task ends with this value, with room for how long it will have run. */
    byte[] likeliest(Attempt attempt, byte[] value) {
        byte[] payload = payload(attempt, TaskState.SUCCEEDED, null, value);
        byte[] padded = Arrays.copyOf(payload, payload.length + MOST_DIGITS);
        Arrays.fill(padded, payload.length, padded.length, (byte) ' ');
        return padded;
    }

    private static byte[] payload(
            Attempt attempt, TaskState state, @Nullable Failure failure, byte @Nullable [] value) {
        JsonDocument payload = new JsonDocument()
                .put("id", attempt.frame().id())
                .put("queue", attempt.pump().queue().name())
                .put("type", attempt.type())
                .put("state", state.word())
                .put("attempts", attempt.number())
                .put("ranMs", TimeUnit.NANOSECONDS.toMillis(attempt.ranNanos()))
                .put("failure", JsonDocument.of(failure));
        return (value == null ? payload : payload.putJson("value", value)).toBytes();
    }

    private static @Nullable TaskState stateOf(Verdict verdict) {
        if (verdict instanceof Verdict.Succeeded) {
            return TaskState.SUCCEEDED;
        } else if (verdict instanceof Verdict.Dead) {
            return TaskState.DEAD;
        }
        return verdict instanceof Verdict.Discarded ? TaskState.DISCARDED : null;
    }
}
