package dev.sluice.client;

import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.TaskState;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which of the tasks that do not run are meant. Immutable: each method returns a narrower one; start from {@link #all()}.
 *
 * <p>What waits in a list has no time, so that only scheduled and retrying tasks can be told by one.
 */
public final class TaskFilter {
    private static final Set<TaskState> STATES = EnumSet.of(TaskState.QUEUED, TaskState.SCHEDULED, TaskState.RETRYING);
    private static final TaskFilter ALL = new TaskFilter(null, null, null);

    private final @Nullable String type;
    private final @Nullable TaskState state;
    private final @Nullable Instant before;

    private TaskFilter(@Nullable String type, @Nullable TaskState state, @Nullable Instant before) {
        this.type = type;
        this.state = state;
        this.before = before;
    }

    /** Every task that is queued, scheduled or retrying. */
    public static TaskFilter all() {
        return ALL;
    }

    /**
     * Those of exactly this type. A task that names none, and gets that of its queue, is none of them.
     *
     * @throws InvalidTaskException if it is empty
     */
    public TaskFilter type(String name) {
        if (name.isEmpty()) {
            throw new InvalidTaskException("type", "the type to look for must not be empty");
        }
        return new TaskFilter(name, state, before);
    }

    /**
     * Those in this state: {@code QUEUED}, {@code SCHEDULED} or {@code RETRYING}.
     *
     * @throws InvalidTaskException if it is another
     */
    public TaskFilter state(TaskState one) {
        if (!STATES.contains(one)) {
            throw new InvalidTaskException(
                    "state", "the state to look for must be queued, scheduled or retrying, was " + one.word());
        }
        return new TaskFilter(type, one, before);
    }

    /** Those that are due before this time: scheduled or retrying ones. */
    public TaskFilter dueBefore(Instant time) {
        return new TaskFilter(type, state, time);
    }

    String typeOrNone() {
        return type == null ? "" : type;
    }

    /** The word of the state that those for later have to be in, or none. */
    String wordOfDelayed() {
        return state == null ? "" : state.word();
    }

    String beforeMs() {
        return before == null ? "" : Long.toString(DeadLetterFilter.millis(before));
    }

    /** Where to look, in an order in which nothing that moves on meanwhile gets past: it is met where it comes to. */
    List<String> places() {
        List<String> places = new ArrayList<>();
        if (state != TaskState.QUEUED) {
            places.add("delayed");
        }
        if (before == null && (state == null || state == TaskState.QUEUED)) {
            places.addAll(List.of("plain", "suspects", "ready"));
        }
        return places;
    }

    /** What is looked for. */
    @Override
    public String toString() {
        return "TaskFilter[type " + type + ", state " + (state == null ? null : state.word()) + ", due before " + before
                + "]";
    }
}
