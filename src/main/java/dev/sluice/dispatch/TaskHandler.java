package dev.sluice.dispatch;

import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/**
 * What runs a task of one type.
 *
 * <p>Called on a handler thread, once for each attempt; may be called by several threads at once. It must return soon
 * and not block: blocking work belongs into {@link #blocking}. The task has succeeded
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

    /**
     * A handler for code that blocks and returns when its thread is interrupted: each attempt has a thread of its own, {@code
     * sluice-blocking-N}, so that the {@linkplain QueueSettings#concurrency(int) concurrency} of its queue says how many there are. Of an
     * attempt that was cut and whose code does not return the thread lives on, beside that of the next; when 256 of this process do, no
     * dispatcher of it claims anything before some have returned, and a warning says so. What it returns is what a Mono
     * would emit, null nothing; a Mono or a future is refused, for nobody would wait for it. What it throws is the failure, an
     * {@code Error} such as a missing class too, which Reactor itself would tell nobody there. Where the Mono would be cancelled
     * its thread is interrupted, and the task is begun anew only when the code has returned, or half a second later.
     */
    static <T> TaskHandler<T> blocking(Code<T> code) {
        return new BlockingCode<>(code);
    }

    /**
     * Handles one attempt on the calling thread, which it may block.
     *
     * @param <T> the payload
     */
    @FunctionalInterface
    interface Code<T> {
        /** Returns when it is done. */
        @Nullable
        Object run(TaskContext<T> context) throws Exception;
    }
}
