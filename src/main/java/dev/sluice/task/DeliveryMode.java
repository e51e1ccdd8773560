package dev.sluice.task;

import org.jspecify.annotations.Nullable;

/**
 * What a queue promises when a worker dies in the middle of a task.
 *
 * <p>Chosen per queue and recorded with it: a client or dispatcher with another mode is refused.
 */
public enum DeliveryMode {
    /** Every accepted task is run until it ends or is a dead letter; now and then one runs twice. The default. */
    AT_LEAST_ONCE("at-least-once"),
    /**
     * Every task is run once or, if its worker fails or dies, not again: no retry, no lease, one command to take it.
     */
    AT_MOST_ONCE("at-most-once");

    private final String word;

    DeliveryMode(String word) {
        this.word = word;
    }

    /** The word for this mode on the wire and in configuration. */
    public String word() {
        return word;
    }

    /** The mode that is written as {@code word}, or null if there is none. */
    public static @Nullable DeliveryMode ofWord(@Nullable String word) {
        for (DeliveryMode mode : values()) {
            if (mode.word.equals(word)) {
                return mode;
            }
        }
        return null;
    }
}
