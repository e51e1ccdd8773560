package dev.sluice.upkeep;

import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Misfire;
import dev.sluice.task.Timing;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The ticks of a {@link Timing}, in whole milliseconds since 1970. Pure arithmetic on the time it is given, which is
 * Redis'; thread-safe. May compute for some milliseconds, and read classes at its first use: not for an event loop.
 */
public final class Ticks {
    private static final long NEVER = Long.MAX_VALUE;
    private static final long PUNCTUAL_MS = 60_000;
    private static final long FIRST_STEP_MS = 1_000;

    private final Beat beat;

    private Ticks(Beat beat) {
        this.beat = beat;
    }

    /**
     * The ticks of {@code timing}.
     *
     * @throws InvalidTaskException if its cron expression cannot be read, or the library that reads it is not there
     */
    public static Ticks of(Timing timing) {
        Duration rate = timing.rate();
        if (rate != null) {
            long rateMs = rate.toMillis();
            return new Ticks(afterMs -> (Math.floorDiv(afterMs, rateMs) + 1) * rateMs);
        }
        try {
            return new Ticks(CronBeat.of(String.valueOf(timing.cron()), timing.zone()));
        } catch (NoClassDefFoundError absent) {
            throw new InvalidTaskException(
                    "cron",
                    "schedules by cron need the library com.cronutils:cron-utils 9.2.1 on the class path; those at a"
                            + " fixed rate do not",
                    absent);
        }
    }

    /** The first tick after that time; null if there is none. */
    public @Nullable Instant next(Instant after) {
        long next = beat.after(after.toEpochMilli());
        return next == NEVER ? null : Instant.ofEpochMilli(next);
    }

    /** What is to be fired now of a schedule whose next tick was {@code dueMs}, the oldest first. */
    List<Long> due(long dueMs, long nowMs, Misfire misfire) {
        Deque<Long> ticks = new ArrayDeque<>();
        long until = nowMs;
        long step = FIRST_STEP_MS;
        while (ticks.size() < misfire.most()) {
            long newest = newest(dueMs, until, step);
            if (newest == NEVER || (misfire.punctual() && newest < nowMs - PUNCTUAL_MS)) {
                break;
            }
            ticks.addFirst(newest);
            step = Math.max(FIRST_STEP_MS, until - newest);
            until = newest - 1;
        }
        return List.copyOf(ticks);
    }

    /** The first tick after that time in ms; {@code Long.MAX_VALUE} if there is none. */
    long after(long ms) {
        return beat.after(ms);
    }

    /**
     * The newest tick from {@code fromMs} to {@code untilMs}, found by asking for next ones alone: steps back in growing
     * strides to where some tick is in between, then halves. Never walks: a year of seconds must cost no more than a day.
     */
    private long newest(long fromMs, long untilMs, long firstStep) {
        long without = untilMs; // nothing comes after it
        long with = Math.max(fromMs - 1, untilMs - firstStep);
        long found = beat.after(with);
        for (long step = firstStep; found > untilMs; ) {
            if (with < fromMs) {
                return NEVER;
            }
            without = with;
            step *= 4;
            with = Math.max(fromMs - 1, untilMs - step);
            found = beat.after(with);
        }
        for (long following = beat.after(found); following <= untilMs; following = beat.after(found)) {
            long middle = following + (without - following) / 2;
            long later = beat.after(middle);
            if (later <= untilMs) {
                found = later;
            } else {
                without = middle;
                found = following;
            }
        }
        return found;
    }

    /** An endless clock: when it strikes next. */
    @FunctionalInterface
    interface Beat {
        /** The first tick after {@code ms}; {@link Long#MAX_VALUE} if there is none. */
        long after(long ms);
    }
}
