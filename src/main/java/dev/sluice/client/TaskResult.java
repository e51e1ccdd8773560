package dev.sluice.client;

import dev.sluice.codec.JsonCodec;
import dev.sluice.codec.PayloadCodec;
import dev.sluice.redis.Frame;
import dev.sluice.redis.LookReply;
import dev.sluice.task.Failure;
import dev.sluice.task.SluiceException;
import dev.sluice.task.TaskState;
import java.lang.reflect.Type;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How a task ended, as far as that is kept: the result of one that succeeded or was discarded, or the dead letter of one
 * that failed for good. Immutable; any thread.
 */
public final class TaskResult {
    private static final JsonCodec OWN = JsonCodec.standard();

    private final String id;
    private final PayloadCodec codec;
    private final TaskState state;
    private final Instant endedAt;
    private final int attempts;
    private final @Nullable Duration ran;
    private final @Nullable Failure failure;
    private final byte @Nullable [] value;

    private TaskResult(
            String id,
            PayloadCodec codec,
            TaskState state,
            Instant endedAt,
            int attempts,
            @Nullable Duration ran,
            @Nullable Failure failure,
            byte @Nullable [] value) {
        this.id = id;
        this.codec = codec;
        this.state = state;
        this.endedAt = endedAt;
        this.attempts = attempts;
        this.ran = ran;
        this.failure = failure;
        this.value = value;
    }

    /** What is kept of the task at {@code index} of {@code reply}; null if it lives or nothing is known of it. */
    static @Nullable TaskResult of(String id, LookReply reply, int index, PayloadCodec codec) {
        return switch (reply.fate(index)) {
            case ENDED -> ended(id, reply.kept(index), codec);
            case DEAD -> dead(id, reply.kept(index), reply.diedMs(index), codec);
            case LIVES, UNKNOWN -> null;
        };
    }

    private static TaskResult ended(String id, byte[] record, PayloadCodec codec) {
        int line = FailureReading.endOfLine(record);
        Map<?, ?> head = fields(record, line);
        TaskState state = TaskState.ofWord(head.get("state") instanceof String word ? word : null);
        Failure problem = head.get("problem") == null ? null : FailureReading.in(head.get("problem"));
        return new TaskResult(
                id,
                codec,
                state == null ? TaskState.SUCCEEDED : state,
                Instant.ofEpochMilli(number(head.get("endedAt"))),
                (int) number(head.get("attempts")),
                Duration.ofMillis(number(head.get("ranMs"))),
                problem,
                line == record.length ? null : Arrays.copyOfRange(record, line + 1, record.length));
    }

    private static TaskResult dead(String id, byte[] record, long diedMs, PayloadCodec codec) {
        int line = FailureReading.endOfLine(record);
        Frame frame = line == record.length ? null : Frame.read(Arrays.copyOfRange(record, line + 1, record.length));
        return new TaskResult(
                id,
                codec,
                TaskState.DEAD,
                Instant.ofEpochMilli(diedMs),
                frame == null ? 0 : frame.attempts(),
                null,
                FailureReading.of(record, line),
                null);
    }

    /** The task's id. */
    public String id() {
        return id;
    }

    /** {@code SUCCEEDED}, {@code DISCARDED} or {@code DEAD}. */
    public TaskState state() {
        return state;
    }

    /** When it ended, by the clock of Redis. */
    public Instant endedAt() {
        return endedAt;
    }

    /** How many attempts it took, the last included. */
    public int attempts() {
        return attempts;
    }

    /** How long the last attempt ran, in whole milliseconds; null for a dead letter, of which that is not kept. */
    public @Nullable Duration ran() {
        return ran;
    }

    /**
     * Why it is dead; or, of a task that succeeded, why its value is not kept: {@code result-too-large} or
     * {@code result-not-writable}. Null otherwise.
     */
    public @Nullable Failure failure() {
        return failure;
    }

    /** Whether its handler emitted a value, and that is kept. */
    public boolean hasValue() {
        return value != null;
    }

    /** The JSON of its value; null if there is none. A copy. */
    public byte @Nullable [] json() {
        return value == null ? null : value.clone();
    }

    /**
     * Its value, read by the codec of the client that answered this; null if there is none.
     *
     * @throws SluiceException if the value cannot be read as that
     */
    public <R> @Nullable R value(Class<R> as) {
        return value((Type) as);
    }

    /** The same for a generic type, such as a list of something. */
    @SuppressWarnings("TypeParameterUnusedInFormals") // R is what `as` says, as in PayloadCodec
    public <R> @Nullable R value(Type as) {
        byte[] json = value;
        return json == null ? null : codec.decode(json, 0, json.length, as);
    }

    /** State and id; never the value. */
    @Override
    public String toString() {
        return "TaskResult[" + id + ", " + state.word() + " at " + endedAt + "]";
    }

    /** The fields of a line of JSON; none if it is none, for anybody may write what he likes. */
    private static Map<?, ?> fields(byte[] record, int length) {
        try {
            return OWN.decode(record, 0, length, Object.class) instanceof Map<?, ?> fields ? fields : Map.of();
        } catch (SluiceException odd) {
            return Map.of();
        }
    }

    private static long number(@Nullable Object field) {
        return field instanceof Number number ? number.longValue() : 0;
    }
}
