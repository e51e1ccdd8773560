package dev.sluice.dispatch;

import dev.sluice.redis.UpkeepReply;
import dev.sluice.task.Queue;
import java.time.Duration;
import java.util.function.Consumer;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;

/** Work to be done beside each queue while a dispatcher runs, such as recovering what silent dispatchers hold. */
@FunctionalInterface
public interface Chores {
    /**
     * The work for one queue: subscribed to at the start, cancelled at the stop; it should never end by itself. What of it
     * takes its time runs {@code aside}. About once a second {@code onRound} is told what it saw, on any thread.
     */
    Mono<Void> of(
            Queue queue,
            QueueSettings settings,
            Duration lease,
            int crashLimit,
            Scheduler aside,
            Consumer<UpkeepReply> onRound);
}
