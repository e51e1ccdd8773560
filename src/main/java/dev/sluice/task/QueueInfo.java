package dev.sluice.task;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A queue as Redis has it at a moment: what was agreed on, and how many tasks are where, all counted at the same instant.
 *
 * @param queue its name, status key and delivery mode, as the first one who worked on it recorded them
 * @param waiting tasks that the next free handler takes
 * @param cancelled tasks that were cancelled where they waited, and are dropped when a dispatcher comes upon them
 * @param delayed tasks that wait for their time: scheduled ones, and failed ones before their next attempt
 * @param running tasks that a dispatcher holds; empty in an at-most-once queue, where each dispatcher only says what it has
 *     taken ({@link DispatcherInfo}), and other programs do not
 * @param dead dead letters
 * @param dispatchers dispatchers whose lease is running; empty where nobody has looked
 * @param paused whether nothing is taken from it at present
 * @param draining whether it takes no new tasks at present
 * @param pushed foreign tasks that were pushed since it began to be drained, for nobody can refuse a push; 0 if it is not
 * @param oldest for how long the oldest of the waiting has waited, from its producer's clock to that of Redis, never below
 *     zero; empty if none waits, or if those at the head do not say since when: foreign ones without {@code enqueuedAt}, and
 *     those that were claimed before
 */
public record QueueInfo(
        Queue queue,
        long waiting,
        long cancelled,
        long delayed,
        OptionalLong running,
        long dead,
        OptionalLong dispatchers,
        boolean paused,
        boolean draining,
        long pushed,
        Optional<Duration> oldest) {

    /** The counts, none of them null. */
    public QueueInfo {
        Objects.requireNonNull(queue, "queue");
        Objects.requireNonNull(running, "running");
        Objects.requireNonNull(dispatchers, "dispatchers");
        Objects.requireNonNull(oldest, "oldest");
    }

    /**
     * How many tasks are still to be ended before the queue is drained: waiting, cancelled but still in its place, delayed,
     * running. Dead letters are none of them. In an at-most-once queue those that run are not known and not counted.
     */
    public long left() {
        return waiting + cancelled + delayed + running.orElse(0);
    }
}
