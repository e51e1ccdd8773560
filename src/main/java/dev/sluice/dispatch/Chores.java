package dev.sluice.dispatch;

import dev.sluice.task.Queue;
import java.time.Duration;
import java.util.function.LongConsumer;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;

/** Work to be done beside each queue while a dispatcher runs, such as recovering what silent dispatchers hold. */
@FunctionalInterface
public interface Chores {
    /**
     * The work for one queue: subscribed to at the start, cancelled at the stop; it should never end by itself. What of it
     * takes its time runs {@code aside}. Now and then, while tasks wait or run, it tells {@code onWork} how many
     * wait, on any thread: the bell for them may have rung on a connection that is dead.
     */
    Mono<Void> of(
            Queue queue, QueueSettings settings, Duration lease, int crashLimit, Scheduler aside, LongConsumer onWork);
}
