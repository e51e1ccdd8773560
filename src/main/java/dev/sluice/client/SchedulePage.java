package dev.sluice.client;

import dev.sluice.task.ScheduleInfo;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A part of a listing of schedules. Immutable.
 *
 * @param schedules those that were found, in the order of the listing
 * @param scanned how many were looked at for it
 * @param cursor where the listing goes on; null if it is over
 */
public record SchedulePage(
        List<ScheduleInfo> schedules,
        long scanned,
        @Nullable String cursor) {

    /** Copies the schedules. */
    public SchedulePage {
        schedules = List.copyOf(schedules);
    }
}
