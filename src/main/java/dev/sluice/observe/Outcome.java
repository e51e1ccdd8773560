package dev.sluice.observe;

import java.util.Locale;

/** How an attempt at a task ended, as a metric counts it. */
public enum Outcome {
    /** The handler completed; the task is done. */
    SUCCEEDED,
    /** It failed and is tried again later. */
    RETRIED,
    /** The handler asked to be called again later; the attempt does not count. */
    SNOOZED,
    /** It is given up and kept as a dead letter. */
    DEAD,
    /** The handler said that it is not worth doing. */
    DISCARDED,
    /** It was cancelled by request. */
    CANCELLED,
    /** It was handed back untouched, for example at a stop. */
    RELEASED;

    private final String word = name().toLowerCase(Locale.ROOT);

    /** Whether the task is over with it: it is not run again unless somebody asks for that. */
    public boolean isEnd() {
        return this != RETRIED && this != SNOOZED && this != RELEASED;
    }

    /** The name in lower case: the value of the tag {@code outcome}. */
    public String word() {
        return word;
    }
}
