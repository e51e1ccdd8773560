package dev.sluice.dispatch;

import dev.sluice.task.Verdict;
import java.lang.reflect.Type;
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
    private volatile boolean cancelled;
    private volatile boolean finished;
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
        worker = pool.worker();
        subscriber = actual;
        actual.onSubscribe(new Demand());
    }

    /** Completes the subscriber: nothing more will come. Loop thread only. */
    void finish() {
        CoreSubscriber<? super Delivery<T>> actual = subscriber;
        Scheduler.Worker thread = worker;
        if (actual != null && thread != null && !cancelled) {
            thread.schedule(() -> {
                if (!finished) {
                    finished = true;
                    actual.onComplete();
                }
            });
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
        if (cancelled || finished || attempt.pump().refusesStart(attempt, now)) {
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
