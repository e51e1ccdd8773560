package dev.sluice.task;

import java.time.Duration;
import java.util.Objects;

/**
 * How far a running task is, as its handler last said. Immutable.
 *
 * @param percent 0 to 100
 * @param text what it said beside that, at most 200 characters on one line; empty if nothing
 * @param ago how long ago Redis heard of it, not negative
 */
public record TaskProgress(int percent, String text, Duration ago) {

    /** Nothing is null. */
    public TaskProgress {
        Objects.requireNonNull(text, "text");
        Objects.requireNonNull(ago, "ago");
    }
}
