package dev.sluice.task;

import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A task that lives, or a dead letter, as Redis has it at a moment. Immutable.
 *
 * @param id whose
 * @param state where it is in its life
 * @param attempts attempts that have ended, from 0; not known of a task that waits in a list, which says 0
 * @param crashes how many dispatchers died while they held it, from 0; as {@code attempts}
 * @param dueIn how long until it is due, negative if it has been for that long; null if it waits for no time
 * @param deadFor how long it has been a dead letter; null if it is none
 * @param progress what its handler last reported in the attempt that runs; null if it does not run or has reported nothing
 */
public record TaskInfo(
        String id,
        TaskState state,
        long attempts,
        long crashes,
        @Nullable Duration dueIn,
        @Nullable Duration deadFor,
        @Nullable TaskProgress progress) {

    /** The id and the state are never null. */
    public TaskInfo {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(state, "state");
    }
}
