package dev.sluice.task;

import org.jspecify.annotations.Nullable;

/**
 * What putting or declaring a schedule came to.
 *
 * @param name the schedule's name
 * @param outcome what was done
 * @param before in words how it was before, or is if it was left, if that is another; else null
 */
public record ScheduleChange(
        String name, Outcome outcome, @Nullable String before) {

    /** What was done. */
    public enum Outcome {
        /** There was none of this name. */
        CREATED,
        /** It was there just so; its next tick stays what it was. */
        UNCHANGED,
        /** It was another and is this one now; whether it is paused stays what it was. */
        UPDATED,
        /** It is no more. */
        REMOVED,
        /** It is another, of an origin that was to be left alone, and was not changed. */
        LEFT
    }
}
