package dev.sluice.redis;

import dev.sluice.task.TaskProgress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What a handler said of how far its task is.
 *
 * @param token under which its dispatcher holds the task
 * @param percent 0 to 100
 * @param text one line, may be empty
 */
public record ProgressReport(long token, int percent, String text) {

    /** As the script keeps it and tells it to whoever listens. */
    byte[] line() {
        return (text.isEmpty() ? String.valueOf(percent) : percent + " " + text).getBytes(StandardCharsets.UTF_8);
    }

    /** Reads what {@link #line} made; null if somebody else wrote it. */
    public static @Nullable TaskProgress read(String line, long msAgo) {
        int space = line.indexOf(' ');
        try {
            int percent = Integer.parseInt(line, 0, space < 0 ? line.length() : space, 10);
            return new TaskProgress(
                    percent, space < 0 ? "" : line.substring(space + 1), Duration.ofMillis(Math.max(0, msAgo)));
        } catch (NumberFormatException foreign) {
            return null;
        }
    }
}
