package dev.sluice.dispatch;

import dev.sluice.task.Failure;
import dev.sluice.task.RetryPolicy;
import dev.sluice.task.Verdict;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.UndeclaredThrowableException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;
import reactor.core.Exceptions;

/**
 * Decides what follows a failed attempt of one queue: first the rules of the policy, then its limit of attempts and its
 * waits. The task's own wish is above its type's, and that above the queue's. Any thread.
 */
final class Judge {
    private static final Logger log = LoggerFactory.getLogger(Judge.class);

    private final String queue;
    private final boolean retries;
    private final AtomicBoolean ruleTold = new AtomicBoolean();
    private final AtomicBoolean valueTold = new AtomicBoolean();

    /** For a queue that may run a task again, or, without {@code retries}, may not. */
    Judge(String queue, boolean retries) {
        this.queue = queue;
        this.retries = retries;
    }

    /** Whether a task may be run again. */
    boolean retries() {
        return retries;
    }

    /** After a failure that no exception stands behind. */
    Verdict after(Attempt attempt, Failure failure) {
        Duration wait = attempt.waits()
                .delay(attempt.number(), ThreadLocalRandom.current().nextDouble());
        return within(attempt, new Verdict.Retry(wait, failure));
    }

    /** After an exception; rules of the user's are asked only if this thread may run them. */
    Verdict after(Attempt attempt, Throwable thrown, Failure failure, boolean askAll) {
        RetryPolicy policy = attempt.retry();
        try {
            Optional<Verdict> ruling = policy.ruling(meaningOf(thrown), failure, attempt.number(), askAll);
            return ruling.isPresent() ? within(attempt, ruling.get()) : after(attempt, failure);
        } catch (Throwable broken) { // a rule is code of the user's: the failure it was asked about counts as any other
            log.atLevel(ruleTold.compareAndSet(false, true) ? Level.WARN : Level.DEBUG)
                    .addKeyValue("queue", queue)
                    .addKeyValue("type", attempt.type())
                    .addKeyValue("task.id", attempt.frame().id())
                    .setCause(broken)
                    .log("A rule of a retry policy failed; failures are treated as if there were none");
            return after(attempt, failure);
        }
    }

    /** The verdict that was chosen, as far as the task and its queue allow it. */
    Verdict within(Attempt attempt, Verdict chosen) {
        if (chosen instanceof Verdict.Retry retry && !mayRunAgain(attempt, retry.delay())) {
            return Verdict.dead(retry.failure());
        }
        if (chosen instanceof Verdict.Snooze && !retries) {
            return Verdict.dead(Failure.of("snoozed", "a queue with at-most-once delivery cannot put a task off"));
        }
        return chosen;
    }

    private boolean mayRunAgain(Attempt attempt, Duration delay) {
        return retries
                && attempt.number() < attempt.maxAttempts()
                && (attempt.deadlineMs() == 0
                        || attempt.pump().clock().nowMs() + delay.toMillis() < attempt.deadlineMs());
    }

    /** Says that the value of a task could not be kept: once aloud, for the next will not be the last. */
    void tellOnce(Attempt attempt, Failure why) {
        log.atLevel(valueTold.compareAndSet(false, true) ? Level.WARN : Level.DEBUG)
                .addKeyValue("queue", queue)
                .addKeyValue("type", attempt.type())
                .addKeyValue("task.id", attempt.frame().id())
                .addKeyValue("reason", why.reason())
                .addKeyValue("message", why.message())
                .log(
                        "The value of a task cannot be kept; the task counts as done, and its result says why it has none");
    }

    /** What is inside of wrappers that say only that something was thrown elsewhere. */
    private static Throwable meaningOf(Throwable thrown) {
        Throwable inner = Exceptions.unwrap(thrown);
        for (int i = 0; i < 8; i++) { // wrappers can form a ring
            boolean isWrapper = inner instanceof CompletionException
                    || inner instanceof ExecutionException
                    || inner instanceof InvocationTargetException
                    || inner instanceof UndeclaredThrowableException;
            Throwable cause = isWrapper ? inner.getCause() : null;
            if (cause == null) {
                return inner;
            }
            inner = cause;
        }
        return inner;
    }
}
