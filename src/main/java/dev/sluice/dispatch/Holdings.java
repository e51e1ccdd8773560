package dev.sluice.dispatch;

import dev.sluice.redis.Tokens;
import dev.sluice.task.Verdict;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The tasks that this process holds under one incarnation, from the answer of their claim to the answer of their settle.
 *
 * <p>Changed by the loop thread only; read, closed and abandoned by any, so that a guard can act while the loop hangs.
 */
final class Holdings {
    private static final Logger log = LoggerFactory.getLogger(Holdings.class);

    /** Half a second of ticks: shorter than that, a busy machine looks like a blocked thread. */
    private static final int LOOKS_UNTIL_STUCK = 10;

    /** How long a handler is given that was told to stop. It is half of what is left to a stop whose grace is over. */
    private static final long TO_LET_GO_NANOS = 500_000_000;

    private final Map<Long, Batch> batches = new ConcurrentHashMap<>();
    private final HandlerPool pool;
    private final List<Cut> cuts = new ArrayList<>();
    private final AtomicInteger stopping = new AtomicInteger();
    private volatile long stopNanos;
    private volatile long sureUntilNanos = System.nanoTime(); // of no lease yet
    private volatile boolean closed;
    private volatile boolean abandoned;

    Holdings(HandlerPool pool) {
        this.pool = pool;
    }

    void add(long call, Batch batch) {
        if (batch.size() > 0) {
            batches.put(call, batch);
        }
    }

    void settled(Attempt attempt) {
        long call = Tokens.call(attempt.token());
        Batch batch = batches.get(call);
        if (batch != null && batch.settled(Tokens.index(attempt.token()) - 1)) {
            batches.remove(call);
        }
    }

    /** The task held under this token, or null. */
    @Nullable
    Attempt find(long token) {
        Batch batch = batches.get(Tokens.call(token));
        int index = Tokens.index(token) - 1;
        return batch == null || index < 0 || index >= batch.size() ? null : batch.at(index);
    }

    /** Whether this was added and not settled yet. */
    boolean holds(Attempt attempt) {
        return find(attempt.token()) == attempt;
    }

    void forEach(Consumer<Attempt> each) {
        for (Batch batch : batches.values()) {
            batch.forEach(each);
        }
    }

    /** Ends those of these tasks that are held here, because somebody cancelled them; how many were. Loop thread only. */
    int cancel(Collection<String> ids) {
        Set<String> wanted = new HashSet<>(ids);
        List<Attempt> found = new ArrayList<>();
        forEach(attempt -> {
            if (wanted.contains(attempt.frame().id())) {
                found.add(attempt);
            }
        });
        found.forEach(attempt -> cut(attempt, Verdict.cancelled()));
        return found.size();
    }

    /** Ends this task over the head of its handler, unless it has ended. Loop thread only. */
    void cut(Attempt attempt, Verdict with) {
        if (attempt.cut(with)) {
            stop(attempt);
        }
    }

    private void stop(Attempt cut) {
        stopNanos = System.nanoTime();
        cuts.add(new Cut(cut, stopNanos + TO_LET_GO_NANOS));
        stopping.incrementAndGet();
        pool.elsewhere(cut::stopHandler);
    }

    /** Waits for none of these any longer. Loop thread only. */
    void letGoOfAll() {
        cuts.forEach(cut -> cut.attempt.letGo());
        cuts.clear();
    }

    /** Is told by each task that was cut or abandoned when it has let go. */
    void letGo() {
        stopping.decrementAndGet();
    }

    /** Whether every handler that was told to stop has let go of its task, or was given long enough for that. */
    boolean haveLetGo(long nowNanos) {
        return stopping.get() == 0 || nowNanos - stopNanos > TO_LET_GO_NANOS;
    }

    /** From here on no task of these is started. */
    void close() {
        closed = true;
    }

    /** Until then, by this process's own clock, nobody else can have been given these. */
    void sureUntil(long nanos) {
        sureUntilNanos = nanos;
    }

    /** How long that is from now; negative once it is over. */
    Duration sureFor(long nowNanos) {
        return Duration.ofNanos(sureUntilNanos - nowNanos);
    }

    boolean isSure(long nowNanos) {
        return nowNanos - sureUntilNanos < 0;
    }

    /**
     * Whether a task of these may be started. The clock is asked as well: after a stall of the process what was claimed
     * before it may get here before the guard does.
     */
    boolean mayStart(long nowNanos) {
        return !closed && isSure(nowNanos);
    }

    boolean isAbandoned() {
        return abandoned;
    }

    /** Ends what takes too long, and finds batches that nobody gets to. */
    void look(long nowNanos, dev.sluice.dispatch.Consumer consumer) {
        cuts.forEach(cut -> cut.giveUpAfterItsTime(nowNanos));
        cuts.removeIf(cut -> cut.attempt.hasLetGo());
        for (Batch batch : batches.values()) {
            batch.forEach(attempt -> {
                if (attempt.isOverdue(nowNanos)) {
                    timeOut(attempt);
                }
            });
            if (batch.isStuckFor(LOOKS_UNTIL_STUCK)) {
                consumer.stuck(batch);
            }
        }
    }

    /** Ends every task that has not ended: what runs gets this verdict, what was never started goes back. */
    void endAll(Verdict running) {
        close();
        forEach(attempt -> {
            if (attempt.cutUnbegun(Verdict.released()) || attempt.cut(running)) {
                stop(attempt);
            }
        });
    }

    /** Cancels every handler: these tasks are not ours any more, and nothing is said about them. */
    void abandonAll() {
        abandoned = true;
        close();
        stopNanos = System.nanoTime();
        forEach(attempt -> {
            stopping.incrementAndGet(); // before: whoever finds it abandoned by another thread waits for its handler
            if (attempt.abandon()) {
                pool.elsewhere(attempt::stopHandler);
            } else {
                stopping.decrementAndGet();
            }
            attempt.answered(false);
        });
    }

    private void timeOut(Attempt attempt) {
        Thread blocked = attempt.occupied();
        if (!attempt.timeOut()) {
            return;
        }
        stop(attempt);
        if (blocked != null) {
            StackTraceElement[] at = blocked.getStackTrace();
            log.atWarn()
                    .addKeyValue("queue", attempt.pump().queue().name())
                    .addKeyValue("type", attempt.type())
                    .addKeyValue("task.id", attempt.frame().id())
                    .addKeyValue("thread", blocked.getName())
                    .addKeyValue("at", at.length == 0 ? "?" : at[0])
                    .log("A handler blocked its thread past the timeout of its task");
        }
    }

    /** A task that is given up at this time, though its handler may not have let go of it. */
    private record Cut(Attempt attempt, long untilNanos) {
        void giveUpAfterItsTime(long nowNanos) {
            if (nowNanos - untilNanos > 0) {
                attempt.letGo();
            }
        }
    }
}
