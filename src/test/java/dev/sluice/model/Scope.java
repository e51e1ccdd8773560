package dev.sluice.model;

/**
 * How much may happen. Any answer may be lost at any time, without a bound.
 *
 * @param permits tasks that a dispatcher may hold
 * @param callsInFlight calls of one dispatcher that are unanswered at once
 * @param crashes how often a dispatcher is killed; each starts again under a new name
 * @param stalls how often a living dispatcher loses its lease, noticing it or not; {@link #ANY} for no bound
 * @param stops how often a dispatcher is stopped in good order while there is work
 * @param rollbacks how often Redis falls back to an earlier state of itself
 * @param stale copies of calls that nobody waits for any more, and that Redis may still execute
 * @param foreign whether the second task is pushed by a foreign client, which writes its status at some later time
 * @param enqueuedAgain how often a producer enqueues a task again, as after a lost answer
 * @param maxAttempts after how many failures a task is dead
 * @param crashLimit after how many deaths of its dispatcher a task is dead
 */
record Scope(
        int permits,
        int callsInFlight,
        int crashes,
        int stalls,
        int stops,
        int rollbacks,
        int stale,
        boolean foreign,
        int enqueuedAgain,
        int maxAttempts,
        int crashLimit) {
    static final int ANY = -1;

    /** Begins with next to nothing. */
    static final class Builder {
        private int permits = 1;
        private int callsInFlight = 1;
        private int crashes;
        private int stalls;
        private int stops;
        private int rollbacks;
        private int stale;
        private boolean foreign;
        private int enqueuedAgain;
        private int maxAttempts = 1;

        Builder permits(int value) {
            permits = value;
            return this;
        }

        Builder callsInFlight(int value) {
            callsInFlight = value;
            return this;
        }

        Builder crashes(int value) {
            crashes = value;
            return this;
        }

        Builder stalls(int value) {
            stalls = value;
            return this;
        }

        Builder stops(int value) {
            stops = value;
            return this;
        }

        Builder rollbacks(int value) {
            rollbacks = value;
            return this;
        }

        Builder stale(int value) {
            stale = value;
            return this;
        }

        Builder foreign(boolean value) {
            foreign = value;
            return this;
        }

        Builder enqueuedAgain(int value) {
            enqueuedAgain = value;
            return this;
        }

        Builder maxAttempts(int value) {
            maxAttempts = value;
            return this;
        }

        Scope build() {
            return new Scope(
                    permits,
                    callsInFlight,
                    crashes,
                    stalls,
                    stops,
                    rollbacks,
                    stale,
                    foreign,
                    enqueuedAgain,
                    maxAttempts,
                    2);
        }
    }
}
