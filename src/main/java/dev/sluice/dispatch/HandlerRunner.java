package dev.sluice.dispatch;

import dev.sluice.task.Failure;
import dev.sluice.task.Verdict;
import java.lang.reflect.Type;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Mono;

/**
 * Runs claimed tasks through the handlers registered for their types. Takes any number: the permits bound it.
 *
 * <p>Whatever a handler does ends its own attempt and nothing else: what it throws, null, a Mono that fails or never
 * ends. A handler that completes at once costs no hand-over: its end waits for the others of its batch.
 */
final class HandlerRunner implements Consumer {
    private static final Logger log = LoggerFactory.getLogger(HandlerRunner.class);

    /** Ends that may wait for one wake-up of the loop. */
    private static final int ENDS_PER_WAKE = 32;

    private static final int TASKS_PER_THREAD = 16;
    private static final int UNKNOWN_TYPES_TOLD = 100;

    private final HandlerPool pool;
    private final Opening opening;
    private final Map<String, Registration<?>> handlers = new ConcurrentHashMap<>();
    private final Set<String> toldUnknown = ConcurrentHashMap.newKeySet();

    HandlerRunner(HandlerPool pool, Opening opening) {
        this.pool = pool;
        this.opening = opening;
    }

    /** Registers the handler of a type; false if the type has one already. */
    boolean register(String type, Registration<?> handler) {
        return handlers.putIfAbsent(type, handler) == null;
    }

    boolean isEmpty() {
        return handlers.isEmpty();
    }

    @Override
    public long demand() {
        return pool.isExhausted() || BlockingCode.isExhausted() ? 0 : Long.MAX_VALUE;
    }

    @Override
    public void accept(Batch batch) {
        pool.run(() -> runAll(batch), 1 + (batch.size() - 1) / TASKS_PER_THREAD);
    }

    @Override
    public boolean handles(String type) {
        return handlers.containsKey(type);
    }

    @Override
    public void stuck(Batch batch) {
        if (!pool.rescue(() -> runAll(batch))) {
            giveBack(batch);
        }
    }

    /** To whoever has a thread for it. */
    private static void giveBack(Batch batch) {
        for (Attempt attempt = batch.takeNext(); attempt != null; attempt = batch.takeNext()) {
            attempt.end(Verdict.released());
        }
    }

    private void runAll(Batch batch) {
        Thread thread = Thread.currentThread();
        int ends = 0;
        Pump pump = null;
        for (Attempt attempt = batch.takeNext(); attempt != null; attempt = batch.takeNext()) {
            pump = attempt.pump();
            run(attempt, thread);
            if (attempt.hasEnded() && ++ends == ENDS_PER_WAKE) {
                pump.wake();
                ends = 0;
            }
        }
        if (pump != null && ends > 0) {
            pump.wake();
        }
    }

    private void run(Attempt attempt, Thread thread) {
        long now = System.nanoTime();
        if (attempt.pump().refusesStart(attempt, now)) {
            attempt.end(Verdict.released());
            return;
        }
        attempt.enter(thread);
        try {
            if (!attempt.start(now)) {
                return;
            }
            Opening.Content content = opening.envelope(attempt);
            if (content != null) {
                handle(attempt, content, handlers.get(attempt.type()));
            }
        } catch (Throwable thrown) { // an Error of one handler must not end the thread that serves all
            attempt.fail("handler-error", thrown);
            if (attempt.isSubscribed()) { // what it has handed to others must not run beside the next attempt
                pool.elsewhere(attempt::cancelHandler);
            }
        } finally {
            attempt.leave();
        }
    }

    private <T> void handle(Attempt attempt, Opening.Content content, @Nullable Registration<T> registered)
            throws Exception {
        if (registered == null) {
            tellUnknown(attempt);
            attempt.fail(Failure.of("unknown-type", "no handler is registered for type '" + attempt.type() + "'"));
            return;
        }
        Handed<T> task = opening.payload(attempt, content, registered.payload);
        if (task == null) {
            return;
        }
        Mono<?> result = registered.handler.handle(task);
        if (result == null) {
            attempt.fail(Failure.of(
                    "handler-error", "the handler of '" + attempt.type() + "' returned null instead of a Mono"));
        } else {
            result.subscribe(attempt);
        }
    }

    /** Once for each type: a producer that is ahead of its handlers, or a misspelt type, would go unseen for all retries. */
    private void tellUnknown(Attempt attempt) {
        if (toldUnknown.size() < UNKNOWN_TYPES_TOLD && toldUnknown.add(attempt.type())) {
            log.atWarn()
                    .addKeyValue("queue", attempt.pump().queue().name())
                    .addKeyValue("task.type", attempt.type())
                    .addKeyValue("task.id", attempt.frame().id())
                    .log(
                            "No handler is registered for this type; its tasks fail, are tried again, and then become dead letters");
        }
    }

    /** What was registered for a type. */
    record Registration<T>(Type payload, TaskHandler<T> handler) {}
}
