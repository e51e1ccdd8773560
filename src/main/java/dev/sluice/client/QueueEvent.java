package dev.sluice.client;

import dev.sluice.task.TaskState;
import java.time.Instant;
import java.util.Objects;

/** What whoever listens to a queue hears; see {@link TaskClient#events()}. Immutable. */
public sealed interface QueueEvent {

    /**
     * From here on moves are heard; of what happened before, any number may not have been. The first event of every
     * listener, and one more after each gap: the connection was lost, or Redis forgot that somebody listens. Whoever shows
     * states reads them now, and lets what comes change them.
     */
    record Began() implements QueueEvent {
        static final Began INSTANCE = new Began();
    }

    /**
     * A task is in another state now.
     *
     * @param id the task's id
     * @param state the state it came to
     * @param at when, by Redis' clock, in whole milliseconds
     */
    record Moved(String id, TaskState state, Instant at) implements QueueEvent {
        /** Takes any id. */
        public Moved {
            Objects.requireNonNull(id, "id");
            Objects.requireNonNull(state, "state");
            Objects.requireNonNull(at, "at");
        }
    }

    /**
     * A running task is so far, as its handler says; of several reports in a moment only the last is heard.
     *
     * @param id the task's id
     * @param percent 0 to 100
     * @param text what its handler said beside that; empty if nothing
     * @param at when, by Redis' clock, in whole milliseconds
     */
    record Progressed(String id, int percent, String text, Instant at) implements QueueEvent {
        /** Takes any id. */
        public Progressed {
            Objects.requireNonNull(id, "id");
            Objects.requireNonNull(text, "text");
            Objects.requireNonNull(at, "at");
        }
    }

    /**
     * Moves, and reports of progress, were dropped here, for this listener asked for events more slowly than they came.
     *
     * @param count how many, at least 1
     */
    record Missed(long count) implements QueueEvent {}
}
