package dev.sluice.dispatch;

import dev.sluice.task.Verdict;
import java.lang.reflect.Type;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLongFieldUpdater;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscription;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.CoreSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Operators;

/**
 * Hands claimed tasks to one subscriber at a time, who asked for them: what leaves Redis is never more than it requested and
 * did not get yet. Between the claim and {@code onNext} there is no operator and no buffer but the batch itself.
 */
final class Receiver<T> extends Flux<Delivery<T>> implements Consumer {
    private static final Logger log = LoggerFactory.getLogger(Receiver.class);
    private static final long BLOCKED_NANOS = TimeUnit.SECONDS.toNanos(5);
    private static final long NO_THREAD_NANOS = TimeUnit.MILLISECONDS.toNanos(500); // until it is tried again

    @SuppressWarnings("rawtypes") // a class literal has no type argument
    private static final AtomicLongFieldUpdater<Receiver.Demand> REQUESTED =
            AtomicLongFieldUpdater.newUpdater(Receiver.Demand.class, "requested");

    private @Nullable Pump pump;
    private final Supplier<ExecutorService> threads;
    private final Opening opening;
    private final Type payload;
    private final AtomicReference<@Nullable Demand> current = new AtomicReference<>();
    private final Map<Batch, Demand> handed = new ConcurrentHashMap<>(); // until each is delivered to its end
    private volatile boolean stopped;

    /** One whose subscribers have a thread of {@code threads} each. */
    Receiver(Supplier<ExecutorService> threads, Opening opening, Type payload) {
        this.threads = threads;
        this.opening = opening;
        this.payload = payload;
    }

    /** Names the pump that serves it; once, before anything else. */
    void attach(Pump served) {
        pump = served;
    }

    @Override
    public void subscribe(CoreSubscriber<? super Delivery<T>> actual) {
        if (stopped) { // nobody would end a thread made now
            Operators.complete(actual);
            return;
        }
        Demand demand = new Demand(actual, threads.get());
        if (!current.compareAndSet(null, demand)) {
            demand.thread.shutdown();
            Operators.error(
                    actual,
                    new IllegalStateException(
                            "these deliveries have a subscriber already: share() it, or start another dispatcher"));
            return;
        }
        actual.onSubscribe(demand);
        demand.subscribed = true;
        if (stopped) { // before there was anybody to tell
            demand.complete();
        }
    }

    /** Completes the subscriber, now or whenever it comes: nothing more will. Any thread. */
    void finish() {
        stopped = true;
        Demand demand = current.get();
        if (demand != null && demand.subscribed) {
            demand.complete();
        }
    }

    @Override
    public long demand() {
        Demand demand = current.get();
        return demand == null || demand.isBlocked || demand.lacksThread() ? 0 : demand.requested;
    }

    @Override
    public void accept(Batch batch) {
        Demand demand = current.get();
        if (demand == null || batch.size() > demand.requested) { // claimed for the one before
            giveBack(batch);
            return;
        }
        Operators.produced(REQUESTED, demand, batch.size());
        handed.put(batch, demand);
        demand.undelivered.offer(batch);
        try {
            demand.thread.execute(demand.deliverNext);
        } catch (RejectedExecutionException gone) {
            giveBack(batch);
        } catch (Throwable noThread) {
            // It is asked for again, in a moment: a machine without threads may stay so for minutes.
            demand.lacksThread = true;
            demand.lacksThreadSince = System.nanoTime();
            Operators.addCap(REQUESTED, demand, giveBack(batch));
            throw noThread;
        }
    }

    @Override
    public boolean handles(String type) {
        return false;
    }

    /**
     * Its subscriber is slow to take what it asked for, which is its right; but not while it is inside one {@code onNext} for
     * seconds, or has gone meanwhile: others may have time for the rest.
     */
    @Override
    public void stuck(Batch batch) {
        Demand demand = handed.get(batch);
        if (demand == null) {
            return;
        }
        if (demand.cancelled) {
            giveBack(batch);
        } else if (demand.isInsideFor(BLOCKED_NANOS)) {
            demand.blocked();
            Operators.addCap(REQUESTED, demand, giveBack(batch));
        }
    }

    /** Returns how many were not delivered, those included that somebody cancelled before. */
    private int giveBack(Batch batch) {
        Demand demand = handed.remove(batch);
        if (demand != null) {
            demand.undelivered.remove(batch); // an executor without a thread may keep what it was to run
        }
        int count = 0;
        for (int place = batch.takePlace(); place >= 0; place = batch.takePlace()) {
            Attempt attempt = batch.at(place);
            if (attempt != null) {
                attempt.end(Verdict.released());
            }
            count++;
        }
        return count;
    }

    private void wake() {
        Pump served = pump;
        if (served != null) {
            served.wake();
        }
    }

    /** One subscription: its subscriber, its thread, and what it has asked for and not got yet. */
    private final class Demand implements Subscription {
        private final CoreSubscriber<? super Delivery<T>> actual;
        private final ExecutorService thread;
        private final Queue<Batch> undelivered = new ConcurrentLinkedQueue<>();
        private final Runnable deliverNext = this::deliverNext;
        private final AtomicBoolean completed = new AtomicBoolean();
        private volatile long requested;
        private volatile boolean cancelled;
        private volatile boolean subscribed;
        private volatile long insideSince;
        private volatile boolean isInside;
        private volatile boolean isBlocked;
        private boolean blockedTold;
        private boolean lacksThread; // of the loop
        private long lacksThreadSince;

        Demand(CoreSubscriber<? super Delivery<T>> actual, ExecutorService thread) {
            this.actual = actual;
            this.thread = thread;
        }

        @Override
        public void request(long tasks) {
            if (Operators.validate(tasks)) {
                again(tasks);
            }
        }

        @Override
        public void cancel() {
            leave();
            if (!stopped) {
                log.atInfo()
                        .addKeyValue("queue", pump == null ? "?" : pump.queue().name())
                        .log("The subscriber of deliveries has gone; nothing is claimed until there is another");
            }
            wake();
        }

        /** Makes room for another subscriber; what was claimed for this one and not delivered goes back. */
        private void leave() {
            cancelled = true;
            current.compareAndSet(this, null);
            thread.shutdown();
        }

        void complete() {
            Runnable completion = () -> {
                if (!cancelled && completed.compareAndSet(false, true)) {
                    actual.onComplete();
                }
            };
            try {
                thread.execute(completion);
            } catch (Throwable noThread) { // the stop is over, or the machine has none: nothing else is signalled there
                completion.run();
            }
        }

        private void deliverNext() {
            Batch batch = undelivered.poll();
            if (batch != null) {
                deliverAll(batch);
            }
        }

        private void deliverAll(Batch batch) {
            for (int place = batch.takePlace(); place >= 0; place = batch.takePlace()) {
                Attempt attempt = batch.at(place);
                if (attempt == null) { // cancelled, and settled, before its turn came
                    again(1);
                } else {
                    deliver(attempt);
                }
            }
            handed.remove(batch);
        }

        private void deliver(Attempt attempt) {
            attempt.enter(Thread.currentThread());
            try {
                Handed<T> task = open(attempt);
                if (task == null) {
                    again(1);
                } else {
                    deliver(attempt, task);
                }
            } finally {
                attempt.leave();
            }
            if (attempt.hasEnded()) { // on this thread, perhaps, and that woke nobody
                wake();
            }
        }

        private void deliver(Attempt attempt, Handed<T> task) {
            insideSince = System.nanoTime();
            isInside = true;
            try {
                actual.onNext(task);
            } catch (
                    Throwable
                            thrown) { // a subscriber that throws takes nothing more, and what it did not get goes back
                leave();
                attempt.fail("subscriber-error", thrown);
                log.atError()
                        .addKeyValue("queue", attempt.pump().queue().name())
                        .log("A subscriber of deliveries threw; it gets no more", thrown);
            } finally {
                isInside = false;
                if (isBlocked) {
                    isBlocked = false;
                    wake();
                }
            }
        }

        /** The delivery to be made of this task; null if it is not to be delivered, and then it has ended. */
        private @Nullable Handed<T> open(Attempt attempt) {
            long now = System.nanoTime();
            if (cancelled || completed.get() || attempt.pump().refusesStart(attempt, now)) {
                attempt.end(Verdict.released());
                return null;
            }
            if (!attempt.start(now)) {
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

        /** Loop thread only. */
        boolean lacksThread() {
            lacksThread = lacksThread && System.nanoTime() - lacksThreadSince < NO_THREAD_NANOS;
            return lacksThread;
        }

        boolean isInsideFor(long nanos) {
            return isInside && System.nanoTime() - insideSince > nanos;
        }

        /** Nothing is claimed for it until it has returned. Loop thread only. */
        void blocked() {
            isBlocked = true;
            if (!isInside) { // it has, meanwhile
                isBlocked = false;
            } else if (!blockedTold) {
                blockedTold = true;
                log.atWarn()
                        .addKeyValue("queue", pump == null ? "?" : pump.queue().name())
                        .addKeyValue("seconds", TimeUnit.NANOSECONDS.toSeconds(BLOCKED_NANOS))
                        .log(
                                "A subscriber of deliveries blocks in onNext: what it has not got goes back, and nothing is"
                                        + " claimed for it meanwhile");
            }
        }
    }
}
