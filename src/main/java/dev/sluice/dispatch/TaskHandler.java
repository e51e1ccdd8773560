package dev.sluice.dispatch;

import reactor.core.publisher.Mono;

/**
 * What runs a task of one type.
 *
 * <p>Called on a handler thread, once for each attempt; may be called by several threads at once. It must return soon
 * and not block: blocking work belongs behind {@code subscribeOn(Schedulers.boundedElastic())}. The task has succeeded
 * when the returned Mono completes, with a value or empty (the value is kept where {@link QueueSettings#results} or
 * {@link dev.sluice.task.Task#keepResult(java.time.Duration) the task} asks for it); an error, an exception thrown instead
 * of returning, or null is a failed attempt. If it emits a {@link dev.sluice.task.Verdict}, the task ends with that, then
 * and there: of a publisher that emits more, the first verdict counts, and what follows it, an error too, changes nothing.
 * The Mono is cancelled when the attempt's timeout or deadline is over, when somebody cancels the task, when the lease was
 * lost, and when the shutdown's grace has passed; the task is begun anew only when that cancellation has returned and the
 * call of this method, too, or half a second later; after the loss of a lease at the latest when that lapses. A task may
 * run more than once: make handlers idempotent, by id or by fencing number.
 *
 * @param <T> the payload
 */
@FunctionalInterface
public interface TaskHandler<T> {
    /** Handles one attempt. What is thrown counts as a failed attempt. */
    Mono<?> handle(TaskContext<T> context) throws Exception;
}
