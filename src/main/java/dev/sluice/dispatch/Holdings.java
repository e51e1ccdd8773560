package dev.sluice.dispatch;

import dev.sluice.redis.Tokens;
import dev.sluice.task.Verdict;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
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

    private final Map<Long, Batch> batches = new ConcurrentHashMap<>();
    private final HandlerPool pool;
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

    void forEach(Consumer<Attempt> each) {
        for (Batch batch : batches.values()) {
            batch.forEach(each);
        }
    }

    /** Ends those of these tasks that are held here, because somebody cancelled them; false if none is. Loop thread only. */
    boolean cancel(List<String> ids) {
        Set<String> wanted = new HashSet<>(ids);
        List<Attempt> found = new ArrayList<>();
        forEach(attempt -> {
            if (wanted.contains(attempt.frame().id())) {
                found.add(attempt);
            }
        });
        for (Attempt attempt : found) {
            if (attempt.cut(Verdict.cancelled())) {
                pool.elsewhere(attempt::cancelHandler);
            }
        }
        return !found.isEmpty();
    }

    /** From here on no task of these is started. */
    void close() {
        closed = true;
    }

    /** Until then, by this process's own clock, nobody else can have been given these. */
    void sureUntil(long nanos) {
        sureUntilNanos = nanos;
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
            if (attempt.cut(attempt.isRunning() ? running : Verdict.released())) {
                pool.elsewhere(attempt::cancelHandler);
            }
        });
    }

    /** Cancels every handler: these tasks are not ours any more, and nothing is said about them. */
    void abandonAll() {
        abandoned = true;
        close();
        forEach(attempt -> {
            if (attempt.abandon()) {
                pool.elsewhere(attempt::cancelHandler);
            }
            attempt.answered(false);
        });
    }

    private void timeOut(Attempt attempt) {
        Thread blocked = attempt.occupied();
        if (!attempt.timeOut()) {
            return;
        }
        pool.elsewhere(attempt::cancelHandler);
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
}
