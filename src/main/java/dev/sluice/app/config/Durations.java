package dev.sluice.app.config;

import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Spans of time as a person writes them: {@code 500ms}, {@code 15s}, {@code 5m}, {@code 2h}. */
public final class Durations {
    private static final Pattern TEXT = Pattern.compile("(\\d{1,9})(ms|s|m|h)");
    private static final Pattern BARE = Pattern.compile("\\d{1,9}");

    private Durations() {}

    /**
     * Reads a whole number and its unit.
     *
     * @throws IllegalArgumentException if it is something else; the message is a sentence for whoever wrote it
     */
    public static Duration parse(String text) {
        Matcher parts = TEXT.matcher(text);
        if (!parts.matches()) {
            throw new IllegalArgumentException("'" + text + "' is no duration: "
                    + (BARE.matcher(text).matches() ? "the unit is missing, " : "")
                    + "a whole number and ms, s, m or h, such as 15s");
        }
        long number = Long.parseLong(parts.group(1));
        return switch (parts.group(2)) {
            case "ms" -> Duration.ofMillis(number);
            case "s" -> Duration.ofSeconds(number);
            case "m" -> Duration.ofMinutes(number);
            default -> Duration.ofHours(number);
        };
    }

    /** The shortest text that {@link #parse} reads as that many whole milliseconds. */
    public static String text(Duration time) {
        long millis = time.toMillis();
        if (millis == 0 || millis % 1_000 != 0) {
            return millis + (millis == 0 ? "s" : "ms");
        }
        if (millis % 60_000 != 0) {
            return millis / 1_000 + "s";
        }
        return millis % 3_600_000 == 0 ? millis / 3_600_000 + "h" : millis / 60_000 + "m";
    }
}
