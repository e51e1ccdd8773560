package dev.sluice.dispatch;

import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;

/**
 * The threads that handlers run on: as many as there are processors, and a bounded reserve that steps in while handlers
 * block theirs. The threads refuse {@code Mono.block()}, as all of Reactor's do.
 */
final class HandlerPool {
    private static final Logger log = LoggerFactory.getLogger(HandlerPool.class);
    private static final int THREADS = Math.max(2, Runtime.getRuntime().availableProcessors());
    private static final int RESERVE_THREADS = 10 * THREADS;
    private static final int RESERVE_QUEUE = 1024;

    private final Scheduler scheduler = Schedulers.newParallel("sluice-handler", THREADS, true);
    private final Scheduler.Worker[] workers = new Scheduler.Worker[THREADS];
    private final AtomicReference<@Nullable Scheduler> reserve = new AtomicReference<>();
    private int next;

    HandlerPool() {
        for (int i = 0; i < THREADS; i++) {
            workers[i] = scheduler.createWorker();
        }
    }

    /** Runs {@code work} on up to {@code parallel} threads at once. Loop thread only. */
    void run(Runnable work, int parallel) {
        for (int i = Math.min(parallel, THREADS); i > 0; i--) {
            next = (next + 1) % THREADS;
            workers[next].schedule(work);
        }
    }

    /** Runs {@code work} on a thread of the reserve, because the others do not get to it. Loop thread only. */
    void rescue(Runnable work) {
        Scheduler spare = reserve.get();
        if (spare == null) {
            spare = Schedulers.newBoundedElastic(RESERVE_THREADS, RESERVE_QUEUE, "sluice-reserve", 10, true);
            reserve.set(spare);
            log.atWarn()
                    .addKeyValue("threads", RESERVE_THREADS)
                    .log("Tasks wait for a handler thread; a reserve takes over. If handlers block, put that behind"
                            + " subscribeOn(Schedulers.boundedElastic())");
        }
        spare.schedule(work);
    }

    /** A thread for one subscriber, on which its signals never overlap. */
    Scheduler.Worker worker() {
        return scheduler.createWorker();
    }

    /** Runs user code that may do anything, such as a cancellation. */
    void elsewhere(Runnable work) {
        try {
            scheduler.schedule(work);
        } catch (RejectedExecutionException closed) {
            log.debug("The handler threads are gone; a cancellation is not passed on", closed);
        }
    }

    void close() {
        scheduler.dispose();
        Scheduler spare = reserve.getAndSet(null);
        if (spare != null) {
            spare.dispose();
        }
    }
}
