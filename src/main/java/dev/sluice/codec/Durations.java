package dev.sluice.codec;

import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Spans of time as a person writes them: {@code 500ms}, {@code 1.5s}, {@code 5m}, {@code 2h}, {@code 7d}. */
public final class Durations {
    /** What may be written, for messages. */
    static final String FORM = "a number and ms, s, m, h or d";

    private static final Pattern TEXT = Pattern.compile("(\\d{1,9})(?:\\.(\\d{1,3}))?(ms|s|m|h|d)");
    private static final Pattern BARE = Pattern.compile("\\d{1,9}(?:\\.\\d{1,3})?");

    private Durations() {}

    /**
     * Reads a number, perhaps with up to three digits behind a point, and its unit. What is less than a millisecond is dropped.
     *
     * @throws IllegalArgumentException if it is something else; the message is a sentence for whoever wrote it
     */
    public static Duration parse(String text) {
        Matcher parts = TEXT.matcher(text);
        if (!parts.matches()) {
            throw new IllegalArgumentException("'" + text + "' is no duration: "
                    + (BARE.matcher(text).matches() ? "the unit is missing, " : "") + FORM + ", such as 15s");
        }
        String fraction = parts.group(2) == null ? "" : parts.group(2);
        long thousandths = Long.parseLong(parts.group(1)) * 1_000 + Long.parseLong((fraction + "000").substring(0, 3));
        return switch (parts.group(3)) {
            case "ms" -> Duration.ofMillis(thousandths / 1_000);
            case "s" -> Duration.ofMillis(thousandths);
            case "m" -> Duration.ofMillis(thousandths * 60);
            case "h" -> Duration.ofMillis(thousandths * 3_600);
            default -> Duration.ofMillis(thousandths * 86_400);
        };
    }

    /** A whole number of the largest unit up to hours that {@link #parse} reads as that many milliseconds. */
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
