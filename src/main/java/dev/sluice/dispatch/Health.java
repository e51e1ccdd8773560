package dev.sluice.dispatch;

import java.time.Instant;
import java.util.Objects;

/**
 * Whether a dispatcher works on one of its queues, and if not, why. Immutable.
 *
 * @param state what it is doing
 * @param since when that began, by the clock of this process
 * @param reason why, in words; empty if there is nothing to say
 */
public record Health(State state, Instant since, String reason) {

    /** None of them null. */
    public Health {
        Objects.requireNonNull(state, "state");
        Objects.requireNonNull(since, "since");
        Objects.requireNonNull(reason, "reason");
    }

    /** Whether tasks are taken and settled. */
    public boolean isUp() {
        return state == State.UP;
    }

    static Health of(State state, String reason) {
        return new Health(state, Instant.now(), reason);
    }

    /** What a dispatcher can be doing. It leaves each but {@link #STOPPED} by itself when the cause is gone. */
    public enum State {
        /** It has not joined the queue yet. */
        STARTING,
        /** It takes tasks and settles them. */
        UP,
        /** Redis does not answer; it is asked again until it does. */
        RECONNECTING,
        /** Redis answers, and refuses what this queue needs: somebody must change something there. */
        REFUSED,
        /** The loop that moves the tasks has not turned for two seconds: an observer blocks it, or the machine does. */
        STALLED,
        /** It was stopped, or could not be started. */
        STOPPED
    }
}
