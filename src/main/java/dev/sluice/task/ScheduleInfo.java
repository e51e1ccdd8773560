package dev.sluice.task;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A schedule as its queue has it.
 *
 * @param name its name, unique in its queue
 * @param type the type of the tasks it makes
 * @param timing when it fires
 * @param misfire what becomes of missed ticks
 * @param overlap what a tick does whose predecessor still lives
 * @param origin who declared it: {@code code}, {@code cli}, {@code http}, {@code yaml FILE} or a word of the caller's
 * @param paused whether it is halted until somebody resumes it
 * @param next its next tick, by Redis' clock; null while it is paused, or if it never fires again
 * @param last the last tick that made a task; null if none did
 */
public record ScheduleInfo(
        String name,
        String type,
        Timing timing,
        Misfire misfire,
        Overlap overlap,
        String origin,
        boolean paused,
        @Nullable Instant next,
        @Nullable Instant last) {}
