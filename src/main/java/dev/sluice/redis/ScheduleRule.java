package dev.sluice.redis;

import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Misfire;
import dev.sluice.task.Overlap;
import dev.sluice.task.Task;
import dev.sluice.task.Timing;

/**
 * What a schedule is to do, but for the body of its task: {@code type TAB timing TAB misfire TAB overlap} in Redis. Fields
 * behind these belong to later versions.
 */
public record ScheduleRule(String type, Timing timing, Misfire misfire, Overlap overlap) {

    /** Throws {@link InvalidTaskException} for what is no rule. */
    static ScheduleRule parse(String text) {
        String[] fields = text.split("\t", -1);
        if (fields.length < 4 || !Task.isValidType(fields[0])) {
            throw new InvalidTaskException("schedule", "what is stored is no rule of a schedule");
        }
        return new ScheduleRule(fields[0], Timing.parse(fields[1]), Misfire.parse(fields[2]), Overlap.parse(fields[3]));
    }

    /** As {@link #parse} reads it. */
    @Override
    public String toString() {
        return String.join("\t", type, timing.toString(), misfire.toString(), overlap.word());
    }
}
