package dev.sluice.dispatch;

import java.time.Duration;
import reactor.core.publisher.Mono;

/**
 * A claimed task in the hands of a subscriber, which settles it exactly once: the first settle counts, every other
 * emits false. One that is never settled is a failed attempt when its timeout is over.
 *
 * <p>Every settle is cold: the verdict counts at the first subscription, and its Mono emits true when Redis has recorded it (in an
 * at-most-once queue, when the verdict was taken), or false if the task was not this dispatcher's any more; while Redis is away it
 * waits, and does not fail. It signals on Reactor's parallel scheduler. Cancelling takes nothing back. It may be subscribed to
 * again; it then emits false, right there. A delay out of its range throws {@link dev.sluice.task.InvalidTaskException} at once.
 *
 * @param <T> the payload
 */
public interface Delivery<T> extends TaskContext<T> {
    /** The task has succeeded. */
    Mono<Boolean> ack();

    /** The attempt has failed: it is tried again as the queue's retry policy says, or dead after the last attempt. */
    Mono<Boolean> nack(Throwable reason);

    /** The attempt has failed and the task is tried again after {@code delay}, 0 to 365 days; dead after the last attempt. */
    Mono<Boolean> nack(Throwable reason, Duration delay);

    /** Not now: the task is run again after {@code delay}, 0 to 365 days, and no attempt is used. */
    Mono<Boolean> snooze(Duration delay);

    /** The task is not worth doing: it ends without a result and without a dead letter. */
    Mono<Boolean> discard();

    /** The task can never succeed: it goes to the dead letters. */
    Mono<Boolean> reject(Throwable reason);

    /** The task goes back to the head of its queue at once, and no attempt is used. */
    Mono<Boolean> release();
}
