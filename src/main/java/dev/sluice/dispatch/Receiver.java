package dev.sluice.dispatch;

import dev.sluice.task.Verdict;
import java.lang.reflect.Type;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLongFieldUpdater;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscription;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.CoreSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Operators;
import reactor.core.scheduler.Scheduler;

/**
 * Hands claimed tasks to one subscriber, who asked for them: what leaves Redis is never more than it requested and did
 * not get yet. Between the claim and {@code onNext} there is no operator and no buffer but the batch itself.
 */
final class Receiver<T> extends Flux<Delivery<T>> implements Consumer {
    private static final Logger log = LoggerFactory.getLogger(Receiver.class);

    @SuppressWarnings("rawtypes") // a class literal has no type argument
    private static final AtomicLongFieldUpdater<Receiver> REQUESTED =
            AtomicLongFieldUpdater.newUpdater(Receiver.class, "requested");

    private @Nullable Pump pump;
    private final HandlerPool pool;
    private final Opening opening;
    private final Type payload;
    private final AtomicBoolean taken = new AtomicBoolean();
    private volatile long requested;
    private final AtomicBoolean completed = new AtomicBoolean();
    private volatile boolean cancelled;
    private volatile boolean stopped;
    private volatile boolean subscribed;
    private volatile @Nullable CoreSubscriber<? super Delivery<T>> subscriber;
    private Scheduler.@Nullable Worker worker;

    Receiver(HandlerPool pool, Opening opening, Type payload) {
        this.pool = pool;
        this.opening = opening;
        this.payload = payload;
    }

    /** Names the pump that serves it; once, before anything else. */
    void attach(Pump served) {
        pump = served;
    }

    @Override
    public void subscribe(CoreSubscriber<? super Delivery<T>> actual) {
        if (!taken.compareAndSet(false, true)) {
            Operators.error(
                    actual,
                    new IllegalStateException(
                            "these deliveries have a subscriber already: share() it, or start another dispatcher"));
            return;
        }
        if (stopped) { // nobody would end a thread made now
            Operators.complete(actual);
            return;
        }
        Scheduler.Worker thread = pool.worker();
        worker = thread;
        subscriber = actual;
        actual.onSubscribe(new Demand());
        subscribed = true;
        if (stopped) { // before there was anybody to tell
            complete(actual, thread);
        }
    }

    /** Completes the subscriber, now or whenever it comes: nothing more will. Any thread. */
    void finish() {
        stopped = true;
        CoreSubscriber<? super Delivery<T>> actual = subscriber;
        Scheduler.Worker thread = worker;
        if (subscribed && actual != null && thread != null) {
            complete(actual, thread);
        }
    }

    private void complete(CoreSubscriber<? super Delivery<T>> actual, Scheduler.Worker thread) {
        Runnable completion = () -> {
            if (!cancelled && completed.compareAndSet(false, true)) {
                actual.onComplete();
            }
        };
        try {
            thread.schedule(completion);
        } catch (RejectedExecutionException gone) { // the stop is over, and nothing else is signalled any more
            completion.run();
        }
    }

    @Override
    public long demand() {
        return cancelled ? 0 : requested;
    }

    @Override
    public void accept(Batch batch) {
        Operators.produced(REQUESTED, this, batch.size());
        Scheduler.Worker thread = worker;
        if (thread == null) {
            return;
        }
        thread.schedule(() -> {
            for (Attempt attempt = batch.takeNext(); attempt != null; attempt = batch.takeNext()) {
                deliver(attempt);
            }
        });
    }

    @Override
    public boolean handles(String type) {
        return false;
    }

    @Override
    public void stuck(Batch batch) {
        // Its subscriber is slow to take what it asked for, which is its right.
    }

    private void deliver(Attempt attempt) {
        CoreSubscriber<? super Delivery<T>> actual = subscriber;
        Handed<T> task = actual == null ? null : open(attempt);
        if (actual == null || task == null) {
            again(1);
            return;
        }
        try {
            actual.onNext(task);
        } catch (Throwable thrown) { // a subscriber that throws takes nothing more, and what it did not get goes back
            cancelled = true;
            attempt.fail("subscriber-error", thrown);
            log.atError()
                    .addKeyValue("queue", attempt.pump().queue().name())
                    .log("A subscriber of deliveries threw; it gets no more", thrown);
        }
    }

    /** The delivery to be made of this task; null if it is not to be delivered, and then it has ended. */
    private @Nullable Handed<T> open(Attempt attempt) {
        long now = System.nanoTime();
        if (cancelled || completed.get() || attempt.pump().refusesStart(attempt, now)) {
            attempt.end(Verdict.released());
            return null;
        }
        if (!attempt.start(now, attempt.pump().settings().timeout().toNanos())) {
            return null;
        }
        try {
            Opening.Content content = opening.envelope(attempt);
            return content == null ? null : opening.payload(attempt, content, payload);
        } catch (Throwable thrown) { // a codec of the user's may throw anything
            attempt.fail("codec-error", thrown);
            return null;
        }
    }

    /** What was not delivered after all: the subscriber still waits for that many. */
    private void again(long tasks) {
        Operators.addCap(REQUESTED, this, tasks);
        wake();
    }

    private void wake() {
        Pump served = pump;
        if (served != null) {
            served.wake();
        }
    }

    private final class Demand implements Subscription {
        @Override
        public void request(long tasks) {
            if (Operators.validate(tasks)) {
                again(tasks);
            }
        }

        @Override
        public void cancel() {
            cancelled = true;
            wake();
        }
    }
}
