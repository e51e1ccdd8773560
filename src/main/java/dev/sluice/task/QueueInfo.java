package dev.sluice.task;

import java.util.Objects;
import java.util.OptionalLong;

/**
 * A queue as Redis has it at a moment: what was agreed on, and how many tasks are where.
 *
 * <p>The counts are read one after the other while tasks move on, so one task may be missing in all or be in two of them.
 *
 * @param queue its name, status key and delivery mode, as the first one who worked on it recorded them
 * @param waiting tasks that the next free handler takes
 * @param delayed tasks that wait for their time: scheduled ones, and failed ones before their next attempt
 * @param running tasks that a dispatcher holds; empty in an at-most-once queue, which keeps no account of them
 * @param dead dead letters
 * @param dispatchers dispatchers whose lease is running; empty in an at-most-once queue, where there are no leases
 * @param paused whether nothing is taken from it at present
 */
public record QueueInfo(
        Queue queue,
        long waiting,
        long delayed,
        OptionalLong running,
        long dead,
        OptionalLong dispatchers,
        boolean paused) {

    /** The counts, none of them null. */
    public QueueInfo {
        Objects.requireNonNull(queue, "queue");
        Objects.requireNonNull(running, "running");
        Objects.requireNonNull(dispatchers, "dispatchers");
    }
}
