package dev.sluice.client;

import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.ResultRetention;
import java.time.Duration;

/** How a task is awaited. Immutable; each method returns a changed copy. */
public final class AwaitOptions {
    private final Duration timeout;
    private final boolean cancelsTask;

    private AwaitOptions(Duration timeout, boolean cancelsTask) {
        this.timeout = timeout;
        this.cancelsTask = cancelsTask;
    }

    /**
     * Waits for this long, from the subscription on, and leaves the task alone.
     *
     * @param timeout of the whole, 1 ms to 365 days
     * @throws InvalidTaskException if it is another
     */
    public static AwaitOptions within(Duration timeout) {
        if (timeout.compareTo(Duration.ofMillis(1)) < 0 || timeout.compareTo(ResultRetention.LONGEST) > 0) {
            throw new InvalidTaskException(
                    "timeout", "the timeout of an await must be 1 ms to 365 days, was " + timeout);
        }
        return new AwaitOptions(timeout, false);
    }

    /**
     * Whether cancelling the {@code Mono} cancels the task too, as {@link TaskClient#cancel} does: one that waits never runs,
     * one that runs is told to stop, on whatever node. Default false.
     *
     * <p>It is the task of this id that is cancelled, whoever enqueued it and whoever else awaits it. A task that is on its
     * way to Redis is cancelled once that has answered. Sent once: if Redis cannot be reached, the task goes on. When the
     * {@link #timeout} is over the task goes on as ever; put {@code Mono.timeout} behind the call to cancel it then, for
     * that cancels the {@code Mono}.
     */
    public AwaitOptions cancelsTask(boolean whenCancelled) {
        return new AwaitOptions(timeout, whenCancelled);
    }

    /** See {@link #within}. */
    public Duration timeout() {
        return timeout;
    }

    /** See {@link #cancelsTask(boolean)}. */
    public boolean cancelsTask() {
        return cancelsTask;
    }
}
