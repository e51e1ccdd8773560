package dev.sluice.dispatch;

import dev.sluice.redis.Frame;
import dev.sluice.task.Failure;
import dev.sluice.task.RetryPolicy;
import dev.sluice.task.Verdict;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import java.util.concurrent.atomic.AtomicReferenceFieldUpdater;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscription;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.CoreSubscriber;
import reactor.core.publisher.Operators;
import reactor.core.publisher.Sinks;

/**
 * One claimed task in the hands of this process, from its claim until its settle is answered. It ends exactly once,
 * whoever comes first: the handler, the timeout, a lost lease or the shutdown.
 */
final class Attempt implements CoreSubscriber<Object> {
    private static final Logger log = LoggerFactory.getLogger(Attempt.class);
    private static final AtomicIntegerFieldUpdater<Attempt> STATE =
            AtomicIntegerFieldUpdater.newUpdater(Attempt.class, "state");
    private static final AtomicReferenceFieldUpdater<Attempt, Subscription> SUBSCRIPTION =
            AtomicReferenceFieldUpdater.newUpdater(Attempt.class, Subscription.class, "subscription");
    private static final int CLAIMED = 0;
    private static final int RUNNING = 1;
    private static final int ENDED = 2;

    private final Pump pump;
    private final Holdings holdings;
    private final Frame frame;
    private final long token;
    private volatile int state;
    private volatile long startedNanos;
    private long ranNanos;
    private boolean handled;
    private volatile long timeoutNanos;

    @SuppressWarnings("UnusedVariable") // read and written through SUBSCRIPTION
    private volatile @Nullable Subscription subscription;

    private volatile @Nullable Thread inside;
    private String type = "-";
    private int maxAttempts;
    private @Nullable Verdict verdict;
    private volatile Sinks.@Nullable One<Boolean> answer;

    Attempt(Pump pump, Holdings holdings, Frame frame, long token) {
        this.pump = pump;
        this.holdings = holdings;
        this.frame = frame;
        this.token = token;
    }

    Pump pump() {
        return pump;
    }

    Holdings holdings() {
        return holdings;
    }

    Frame frame() {
        return frame;
    }

    long token() {
        return token;
    }

    /** The number of this attempt, from 1. */
    int number() {
        return frame.attempts() + 1;
    }

    /** Claims the right to run this task; false if it has ended already. */
    boolean start(long nowNanos, long timeout) {
        startedNanos = nowNanos;
        timeoutNanos = timeout;
        return STATE.compareAndSet(this, CLAIMED, RUNNING);
    }

    /** Gives this task its own timeout, once its envelope is read. */
    void timeout(long nanos) {
        timeoutNanos = nanos;
    }

    boolean isRunning() {
        return state == RUNNING;
    }

    boolean hasEnded() {
        return state == ENDED;
    }

    boolean isOverdue(long nowNanos) {
        return state == RUNNING && nowNanos - startedNanos > timeoutNanos;
    }

    long timeoutMs() {
        return timeoutNanos / 1_000_000;
    }

    long startedNanos() {
        return startedNanos;
    }

    /** What its envelope says: the type that picks the handler, and its own limit of attempts, 0 if it sets none. */
    void opened(String itsType, int itsMaxAttempts) {
        type = itsType;
        maxAttempts = itsMaxAttempts;
    }

    /** The type, or a dash if the envelope was not read or names none. */
    String type() {
        return type;
    }

    /** Notes that a handler is registered for its type: only such types are fit for a metric. */
    void handled() {
        handled = true;
    }

    /** The type as a metric names it. */
    String handledType() {
        return handled ? type : "unknown";
    }

    /** How long it ran, from its start to its end; 0 if it never started or nobody asked. To be read after its end. */
    long ranNanos() {
        return ranNanos;
    }

    /** To be read after its end, and only if attempts are timed. */
    boolean wasStarted() {
        return ranNanos > 0;
    }

    int maxAttempts() {
        return maxAttempts > 0 ? maxAttempts : pump.settings().retry().maxAttempts();
    }

    /** Ends this task with a verdict; false if it had ended before, and then nothing happens. */
    boolean end(Verdict with) {
        int was = STATE.getAndSet(this, ENDED);
        if (was == ENDED) {
            return false;
        }
        verdict = with;
        if (pump.timesAttempts() && was == RUNNING) {
            ranNanos = Math.max(1, System.nanoTime() - startedNanos);
        }
        pump.ended(this, Thread.currentThread() != inside);
        return true;
    }

    /** Ends this task as failed: tried again as its retry policy says, or dead after the last attempt. */
    boolean fail(Failure failure) {
        RetryPolicy retry = pump.settings().retry();
        if (!pump.retries() || number() >= maxAttempts()) {
            return end(new Verdict.Dead(failure));
        }
        return end(new Verdict.Retry(
                retry.delay(number(), ThreadLocalRandom.current().nextDouble()), failure));
    }

    /** Ends this task without a settle: it is no longer ours. Returns false if it had ended before. */
    boolean abandon() {
        return STATE.getAndSet(this, ENDED) != ENDED;
    }

    /** Stops the handler, once, if one runs or begins to. Runs user code: never on the loop thread. */
    void cancelHandler() {
        Operators.terminate(SUBSCRIPTION, this);
    }

    /** What it ended with; to be read after {@link Pump#ended}. */
    Verdict verdict() {
        Verdict with = verdict;
        if (with == null) {
            throw new IllegalStateException("task " + frame.id() + " has not ended");
        }
        return with;
    }

    /** Marks that this thread is inside the handler's own code, so that an end on this very thread wakes nobody. */
    void enter(Thread thread) {
        inside = thread;
    }

    void leave() {
        inside = null;
    }

    /** The thread that is inside the handler's own code since the start, or null: it has returned, or was never called. */
    @Nullable
    Thread occupied() {
        return inside;
    }

    /** Tells whether the settle counted; to be asked for before the end. */
    Sinks.One<Boolean> answer() {
        Sinks.One<Boolean> sink = answer;
        if (sink == null) {
            sink = Sinks.one();
            answer = sink;
        }
        return sink;
    }

    void answered(boolean counted) {
        Sinks.One<Boolean> sink = answer;
        if (sink != null) {
            sink.tryEmitValue(counted);
        }
    }

    @Override
    public void onSubscribe(Subscription handler) {
        if (!Operators.setOnce(SUBSCRIPTION, this, handler)) {
            return;
        }
        if (state == ENDED) {
            cancelHandler();
        } else {
            handler.request(Long.MAX_VALUE);
        }
    }

    @Override
    public void onNext(Object value) {
        // The value of a handler is not kept yet; only its end counts.
    }

    @Override
    public void onError(Throwable thrown) {
        if (!fail(Failure.of("handler-error", thrown))) {
            log.debug("A handler failed after its task had ended, which changes nothing", thrown);
        }
    }

    @Override
    public void onComplete() {
        end(Verdict.succeeded());
    }
}
