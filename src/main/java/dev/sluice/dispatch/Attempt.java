package dev.sluice.dispatch;

import dev.sluice.redis.Frame;
import dev.sluice.redis.ProgressReport;
import dev.sluice.task.Failure;
import dev.sluice.task.RetryPolicy;
import dev.sluice.task.Task;
import dev.sluice.task.TaskTimeoutException;
import dev.sluice.task.Verdict;
import java.time.Duration;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import java.util.concurrent.atomic.AtomicReferenceFieldUpdater;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscription;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.CoreSubscriber;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Operators;
import reactor.core.publisher.Sinks;

/**
 * One claimed task in the hands of this process, from its claim until its settle is answered. It ends exactly once,
 * whoever comes first: the handler, the timeout, a lost lease or the shutdown.
 *
 * <p>Whose handler ends it is settled at once. Whoever is cut is settled when its handler knows: its cancellation has
 * returned, and it has left the thread on which it was started, or on which it blocks. Until then it lets go of nothing, for
 * whoever is given the
 * task next would run beside it.
 */
final class Attempt implements CoreSubscriber<Object> {
    private static final Logger log = LoggerFactory.getLogger(Attempt.class);
    private static final AtomicIntegerFieldUpdater<Attempt> STATE =
            AtomicIntegerFieldUpdater.newUpdater(Attempt.class, "state");
    private static final AtomicReferenceFieldUpdater<Attempt, Subscription> SUBSCRIPTION =
            AtomicReferenceFieldUpdater.newUpdater(Attempt.class, Subscription.class, "subscription");

    @SuppressWarnings("rawtypes") // a class literal has no type argument
    private static final AtomicReferenceFieldUpdater<Attempt, Sinks.Empty> CUT_SIGNAL =
            AtomicReferenceFieldUpdater.newUpdater(Attempt.class, Sinks.Empty.class, "cutSignal");

    @SuppressWarnings("rawtypes") // a class literal has no type argument
    private static final AtomicReferenceFieldUpdater<Attempt, Sinks.One> ANSWER =
            AtomicReferenceFieldUpdater.newUpdater(Attempt.class, Sinks.One.class, "answer");

    private static final AtomicReferenceFieldUpdater<Attempt, ProgressReport> REPORT =
            AtomicReferenceFieldUpdater.newUpdater(Attempt.class, ProgressReport.class, "report");

    private static final AtomicIntegerFieldUpdater<Attempt> HOLD =
            AtomicIntegerFieldUpdater.newUpdater(Attempt.class, "hold");

    private static final AtomicIntegerFieldUpdater<Attempt> CODE =
            AtomicIntegerFieldUpdater.newUpdater(Attempt.class, "code");

    private static final long LONGEST_NANOS = Task.MAX_TIMEOUT.toNanos();
    private static final int CLAIMED = 0;
    private static final int RUNNING = 1;
    private static final int ENDED = 2;
    private static final int CUT = 3; // ended too, but not by its handler
    private static final int ABANDONED = 4; // the same, and no longer ours
    private static final int LATE = 5; // the same, and ended since

    private static final int HOLDS = 0; // or has ended by itself
    private static final int KNOWS = 1; // that it is to stop; it may be inside its own code still
    private static final int LET_GO = 2;

    private final Pump pump;
    private final Holdings holdings;
    private final Frame frame;
    private final long token;
    private volatile int state;
    private volatile int hold;
    private volatile long startedNanos;
    private long ranNanos;
    private volatile long timeoutNanos;

    @SuppressWarnings("UnusedVariable") // read and written through SUBSCRIPTION
    private volatile @Nullable Subscription subscription;

    @SuppressWarnings("UnusedVariable") // read and written through REPORT
    private volatile @Nullable ProgressReport report;

    private volatile @Nullable Thread inside;

    /** How many pieces of code that block are inside; below 0 if they linger, and are counted as that. */
    private volatile int code;

    private String type = "-";
    private int waitedMs;
    private int maxAttempts;
    private long @Nullable [] backoffMs;
    private volatile long deadlineMs;
    private @Nullable KeptResult kept;
    private @Nullable Verdict verdict;
    private volatile Sinks.@Nullable One<Boolean> answer;
    private volatile Sinks.@Nullable Empty<Void> cutSignal;

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

    /** Claims the right to run this task, for as long as a task may at most; false if it has ended already. */
    boolean start(long nowNanos) {
        startedNanos = nowNanos;
        timeoutNanos = LONGEST_NANOS;
        return STATE.compareAndSet(this, CLAIMED, RUNNING);
    }

    /** Gives this task its timeout, once its envelope is read: before that nobody knows whether it has its own. */
    void timeout(long nanos) {
        timeoutNanos = nanos;
    }

    /** Lets it run no longer than to this instant of Redis' clock. */
    void deadline(long atMs) {
        deadlineMs = atMs;
    }

    /** The instant after which it must not run, in ms since 1970; 0 if there is none. */
    long deadlineMs() {
        return deadlineMs;
    }

    /** How long it may still run; 0 if it is to be cut. */
    long remainingNanos(long nowNanos) {
        return Math.max(0, limitNanos(nowNanos) - (nowNanos - startedNanos));
    }

    boolean isRunning() {
        return state == RUNNING;
    }

    boolean hasEnded() {
        return state >= ENDED;
    }

    /** Whether it was ended by another than its handler. */
    boolean isCut() {
        return state >= CUT;
    }

    boolean isOverdue(long nowNanos) {
        return state == RUNNING && nowNanos - startedNanos > limitNanos(nowNanos);
    }

    /** How long it may run in all: to the end of its timeout, or to its deadline, where that comes first. */
    long timeoutMs() {
        return limitNanos(System.nanoTime()) / 1_000_000;
    }

    /** What Redis' clock shows is known better with each answer, so the way to the deadline is measured when it is asked for. */
    private long limitNanos(long nowNanos) {
        if (deadlineMs == 0) {
            return timeoutNanos;
        }
        long left = Math.min(deadlineMs - pump.clock().nowMs(nowNanos), Long.MAX_VALUE / 2_000_000) * 1_000_000;
        return Math.min(timeoutNanos, nowNanos - startedNanos + left);
    }

    /** What its envelope says: the type that picks the handler, its own limit of attempts (0) and waits (null) if any. */
    void opened(String itsType, int itsMaxAttempts, long @Nullable [] itsBackoffMs) {
        type = itsType;
        maxAttempts = itsMaxAttempts;
        backoffMs = itsBackoffMs;
    }

    /** Has a result kept of it. */
    void keep(KeptResult result) {
        kept = result;
    }

    /** What is to be kept of its end; null if nothing is. */
    @Nullable
    KeptResult kept() {
        return kept;
    }

    /** The type, or a dash if the envelope was not read or names none. */
    String type() {
        return type;
    }

    /** Notes how long it had waited to be run when it was started, by two machines' clocks: less than nothing is nothing. */
    void waited(long ms) {
        waitedMs = (int) Math.max(1, Math.min(ms, Integer.MAX_VALUE));
    }

    /** How long it had waited, up to 24 days; 0 if its producer does not say or nobody asked. To be read after its end. */
    int waitedMs() {
        return waitedMs;
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
        return !pump.judge().retries() ? 1 : maxAttempts > 0 ? maxAttempts : retry().maxAttempts();
    }

    /** The policy of its type, or else of its queue. */
    RetryPolicy retry() {
        return pump.settings().retryOf(type);
    }

    /** The policy as to its waits: those of its own, if it brought any. */
    RetryPolicy waits() {
        long[] own = backoffMs;
        return own == null
                ? retry()
                : retry().waits(Arrays.stream(own).mapToObj(Duration::ofMillis).toArray(Duration[]::new));
    }

    /** Ends this task with a verdict; false if it had ended before, and then nothing happens. */
    boolean end(Verdict with) {
        return end(with, ENDED);
    }

    /** The same, over the head of its handler: its pump hears of it by {@link #stopHandler} or {@link #letGo}. */
    boolean cut(Verdict with) {
        return end(with, CUT);
    }

    /** The same, unless it was begun; false if it was, or had ended before. */
    boolean cutUnbegun(Verdict with) {
        if (!STATE.compareAndSet(this, CLAIMED, CUT)) {
            return false;
        }
        verdict = with;
        return true;
    }

    /** Ends this task as its handler chose, as far as its limits allow. */
    boolean decide(Verdict chosen) {
        return end(pump.judge().within(this, chosen));
    }

    /** Ends this task as failed: tried again as its retry policy says, or dead after the last attempt. */
    boolean fail(Failure failure) {
        return end(pump.judge().after(this, failure));
    }

    /** The same because of an exception, about which the policy may have rules. */
    boolean fail(String reason, Throwable thrown) {
        return !hasEnded() && end(pump.judge().after(this, thrown, Failure.of(reason, thrown), true));
    }

    /** Ends this task because its time is over. Loop thread only: no code of the user's is run. */
    boolean timeOut() {
        if (deadlineMs > 0 && pump.clock().nowMs() >= deadlineMs) {
            return cut(Verdict.dead(Failure.of("deadline", "its deadline came while it ran")));
        }
        TaskTimeoutException late = new TaskTimeoutException(frame.id(), Duration.ofNanos(timeoutNanos));
        Failure failure = Failure.of("timeout", "the attempt took longer than " + timeoutNanos / 1_000_000 + " ms");
        return cut(pump.judge().after(this, late, failure, false));
    }

    /** Ends this task without a settle: it is no longer ours. Returns false if it had ended before. */
    boolean abandon() {
        return leave(ABANDONED) < ENDED;
    }

    private boolean end(Verdict with, int how) {
        int was = leave(how);
        if (was == ABANDONED && !isRelease(with) && STATE.compareAndSet(this, ABANDONED, LATE)) {
            pump.endedLate();
        }
        if (was >= ENDED) {
            return false;
        }
        verdict = with;
        if ((pump.timesAttempts() || kept != null) && was == RUNNING) {
            ranNanos = Math.max(1, System.nanoTime() - startedNanos);
        }
        if (how == ENDED) {
            pump.ended(this, Thread.currentThread() != inside);
        }
        return true;
    }

    /** Whether it ended only by going back, which its task does as well if nobody hears of it. */
    boolean isReleased() {
        return isRelease(verdict());
    }

    private static boolean isRelease(Verdict verdict) {
        return verdict instanceof Verdict.Released;
    }

    /** Leaves whatever state it is in, unless that is an end already; returns which it was. */
    private int leave(int how) {
        int was = state;
        while (was < ENDED && !STATE.compareAndSet(this, was, how)) {
            was = state;
        }
        return was;
    }

    /** Stops the handler of what was cut or abandoned, and then lets go of it. Runs user code: never on the loop thread. */
    void stopHandler() {
        try {
            cancelHandler();
        } finally {
            if (HOLD.compareAndSet(this, HOLDS, KNOWS)) {
                letGoIfOutside();
            }
        }
    }

    /** Lets go of what was cut or abandoned, whatever its handler does. No effect if that is done. */
    void letGo() {
        if (HOLD.getAndSet(this, LET_GO) != LET_GO) {
            linger();
            holdings.letGo();
            if (verdict != null) {
                pump.ended(this, true);
            }
        }
    }

    boolean hasLetGo() {
        return hold == LET_GO;
    }

    /** Has what the handler left behind come to nothing, if anything. Runs user code, too. */
    void cancelHandler() {
        try {
            Operators.terminate(SUBSCRIPTION, this);
        } finally { // its cancellation may throw
            Sinks.Empty<Void> asked = cutSignal;
            if (asked != null) {
                asked.tryEmitEmpty();
            }
        }
    }

    /** Completes when this is {@link #cut}; made for the first who asks. */
    Mono<Void> cut() {
        CUT_SIGNAL.compareAndSet(this, null, Sinks.<Void>empty());
        Sinks.Empty<Void> signal = Objects.requireNonNull(cutSignal);
        if (isCut()) { // its end may have looked for a signal before there was one
            signal.tryEmitEmpty();
        }
        return signal.asMono();
    }

    /** What it ended with; to be read after {@link Pump#ended}. */
    Verdict verdict() {
        Verdict with = verdict;
        if (with == null) {
            throw new IllegalStateException("task " + frame.id() + " has not ended");
        }
        return with;
    }

    /** Has this told to Redis in the place of what was not told yet; nothing happens once it has ended. */
    void report(ProgressReport latest) {
        if (isRunning() && REPORT.getAndSet(this, latest) == null) {
            pump.reported(this);
        }
    }

    /** The same with what could not be told, unless there is something newer. */
    void reportAgain(ProgressReport untold) {
        if (isRunning() && REPORT.compareAndSet(this, null, untold)) {
            pump.reported(this);
        }
    }

    /** Takes what is to be told; null if it has ended. */
    @Nullable
    ProgressReport takeReport() {
        ProgressReport latest = REPORT.getAndSet(this, null);
        return isRunning() ? latest : null;
    }

    /** Marks that this thread is inside the handler's own code, so that an end on this very thread wakes nobody. */
    void enter(Thread thread) {
        inside = thread;
    }

    void leave() {
        inside = null;
        letGoIfOutside();
    }

    /** The same for code that blocks, which may begin before the handler has returned; false if it was cut, and is not to begin. */
    boolean enterCode() {
        if (CODE.getAndUpdate(this, now -> now < 0 ? now : now + 1) < 0) {
            return false;
        }
        if (isCut()) {
            leaveCode();
            return false;
        }
        return true;
    }

    void leaveCode() {
        if (CODE.getAndUpdate(this, now -> now < 0 ? now + 1 : now - 1) < 0) {
            BlockingCode.linger(-1);
        }
        letGoIfOutside();
    }

    /** Whether a handler returned something that may be at work. */
    boolean isSubscribed() {
        return subscription != null;
    }

    /** Nobody waits for its code any longer, which has a thread all the same until it returns. */
    private void linger() {
        int lingering = CODE.getAndUpdate(this, now -> now > 0 ? -now : now);
        if (lingering > 0) {
            BlockingCode.linger(lingering);
        }
    }

    private void letGoIfOutside() {
        if (hold == KNOWS && inside == null && code == 0) {
            letGo();
        }
    }

    /** The thread that is inside the handler's own code since the start, or null: it has returned, or was never called. */
    @Nullable
    Thread occupied() {
        return inside;
    }

    /** Tells whether the settle counted; to be asked for before the end. Made for the first who asks. */
    Sinks.One<Boolean> answer() {
        ANSWER.compareAndSet(this, null, Sinks.<Boolean>one());
        return Objects.requireNonNull(answer);
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
        if (hasEnded()) {
            cancelHandler();
        } else {
            handler.request(Long.MAX_VALUE);
        }
    }

    @Override
    public void onNext(Object value) {
        if (value instanceof Verdict chosen) { // what a Mono emits is its end
            decide(chosen);
        } else if (kept != null && !hasEnded()) {
            kept.value(value, this);
        }
    }

    @Override
    public void onError(Throwable thrown) {
        if (!fail("handler-error", thrown)) {
            log.debug("A handler failed after its task had ended, which changes nothing", thrown);
        }
    }

    @Override
    public void onComplete() {
        end(Verdict.succeeded());
    }
}
