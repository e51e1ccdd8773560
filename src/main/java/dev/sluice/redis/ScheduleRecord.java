package dev.sluice.redis;

import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Schedule;
import dev.sluice.task.ScheduleInfo;
import java.time.Instant;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A schedule as Redis has it at one instant.
 *
 * @param name its name, which may be anything if somebody else wrote it
 * @param version changes with every change of the schedule but a tick
 * @param paused whether it is paused
 * @param lastMs its last tick that made a task; -1 if none did
 * @param origin who declared it
 * @param rule what it is to do; null if it cannot be read
 * @param dueMs when it fires next; {@link Long#MAX_VALUE} if never, -1 if that is missing or no script has written it
 * @param hasBody whether the body of its task is there
 */
public record ScheduleRecord(
        String name,
        String version,
        boolean paused,
        long lastMs,
        String origin,
        @Nullable ScheduleRule rule,
        long dueMs,
        boolean hasBody) {
    private static final int FIELDS = 5;
    private static final Set<String> STATES = Set.of("active", "paused");
    private static final Pattern TIME = Pattern.compile("[0-9]{1,17}");

    static ScheduleRecord read(String name, String record, long dueMs, boolean hasBody) {
        String[] fields = record.split("\t", FIELDS);
        if (fields.length < FIELDS
                || !fields[0].matches("[0-9]{1,18}")
                || !STATES.contains(fields[1])
                || !fields[2].matches("[0-9]{0,15}")
                || !isName(name)) {
            return new ScheduleRecord(name, "", false, -1, "", null, dueMs, hasBody);
        }
        return new ScheduleRecord(
                name,
                fields[0],
                fields[1].equals("paused"),
                fields[2].isEmpty() ? -1 : Long.parseLong(fields[2]),
                fields[3],
                rule(fields[4]),
                dueMs,
                hasBody);
    }

    /** A due time as it stands in Redis. */
    static long dueMs(String text) {
        if (text.equals("inf")) {
            return Long.MAX_VALUE;
        }
        return TIME.matcher(text).matches() ? Long.parseLong(text) : -1;
    }

    /** The same for a user; null if its rule cannot be read. */
    public @Nullable ScheduleInfo info() {
        ScheduleRule known = rule;
        return known == null
                ? null
                : new ScheduleInfo(
                        name,
                        known.type(),
                        known.timing(),
                        known.misfire(),
                        known.overlap(),
                        origin,
                        paused,
                        instant(dueMs),
                        instant(lastMs));
    }

    /** The id of the task that a tick of a schedule makes. */
    public static String taskId(String name, long tickMs) {
        return name + "@" + Instant.ofEpochMilli(tickMs);
    }

    private static boolean isName(String name) {
        try {
            Schedule.checkName(name);
            return true;
        } catch (InvalidTaskException somebodyElses) {
            return false;
        }
    }

    private static @Nullable ScheduleRule rule(String text) {
        try {
            return ScheduleRule.parse(text);
        } catch (InvalidTaskException unreadable) {
            return null;
        }
    }

    private static @Nullable Instant instant(long ms) {
        return ms < 0 || ms == Long.MAX_VALUE ? null : Instant.ofEpochMilli(ms);
    }
}
