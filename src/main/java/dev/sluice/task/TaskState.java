package dev.sluice.task;

import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Where a task is in its life.
 *
 * <p>The table of legal moves is here and nowhere else; {@code src/docs/states.md} draws it, and every script that
 * moves a task declares its moves against it. {@link #word()} is what the status hash holds.
 */
public enum TaskState {
    /** Waits in a list; the next free handler slot takes it. */
    QUEUED,
    /** Waits for its time: enqueued for later, or snoozed by its handler. */
    SCHEDULED,
    /** Claimed by a dispatcher whose lease is running; its handler runs or is about to. */
    PROCESSING,
    /** Failed, and waits for the time of its next attempt. */
    RETRYING,
    /** Ended well. */
    SUCCEEDED,
    /** Given up, and kept as a dead letter with the reason until it is redriven or trimmed. */
    DEAD,
    /** Ended because someone asked for it. */
    CANCELLED,
    /** Ended because its handler said that it is not worth doing. */
    DISCARDED;

    private static final Map<TaskState, Set<TaskState>> MOVES = new EnumMap<>(TaskState.class);
    private static final Map<String, TaskState> BY_WORD = new HashMap<>();

    static {
        MOVES.put(QUEUED, EnumSet.of(PROCESSING, CANCELLED));
        MOVES.put(SCHEDULED, EnumSet.of(QUEUED, CANCELLED));
        MOVES.put(PROCESSING, EnumSet.of(QUEUED, SCHEDULED, RETRYING, SUCCEEDED, DEAD, CANCELLED, DISCARDED));
        MOVES.put(RETRYING, EnumSet.of(QUEUED, CANCELLED));
        MOVES.put(SUCCEEDED, EnumSet.noneOf(TaskState.class));
        MOVES.put(DEAD, EnumSet.of(QUEUED));
        MOVES.put(CANCELLED, EnumSet.noneOf(TaskState.class));
        MOVES.put(DISCARDED, EnumSet.noneOf(TaskState.class));
        for (TaskState state : values()) {
            BY_WORD.put(state.word, state);
        }
    }

    private final String word = name().toLowerCase(Locale.ROOT);

    /** The word for this state on the wire and in the status hash: its name in lower case. */
    public String word() {
        return word;
    }

    /** The state that is written as {@code word}, or null if there is none: any client may write to a status hash. */
    public static @Nullable TaskState ofWord(@Nullable String word) {
        return word == null ? null : BY_WORD.get(word);
    }

    /** Whether a task may go from this state to {@code next} in one step. No state may become itself. */
    public boolean canBecome(TaskState next) {
        return MOVES.getOrDefault(this, Set.of()).contains(next);
    }

    /** Whether a task in this state will still be run, or is running; its id is taken until it is no longer. */
    public boolean isLive() {
        return this == QUEUED || this == SCHEDULED || this == PROCESSING || this == RETRYING;
    }
}
