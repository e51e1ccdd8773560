package dev.sluice.dispatch;

import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.scheduler.NonBlocking;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;

/**
 * The threads that handlers run on: as many as there are processors, and a bounded reserve that steps in while handlers
 * block theirs. The threads refuse {@code Mono.block()}, as all of Reactor's do.
 *
 * <p>Work waits in one queue for whichever thread is free, never behind a thread that is blocked. If the reserve is blocked
 * as well, nothing more can be begun here: then no more tasks are to be claimed, and what was not begun is for others.
 */
final class HandlerPool {
    private static final Logger log = LoggerFactory.getLogger(HandlerPool.class);
    private static final int THREADS = Math.max(2, Runtime.getRuntime().availableProcessors());
    private static final int RESERVE_THREADS = 10 * THREADS;
    private static final int IDLE_SECONDS = 10; // then a thread ends that was needed once
    private static final Duration LAST_SIGNALS = Duration.ofSeconds(1);

    private final Scheduler scheduler = Schedulers.newParallel("sluice-handler", THREADS, true);
    private final Worker[] workers = new Worker[THREADS];
    private final Queue<Runnable> waiting = new ConcurrentLinkedQueue<>();
    private final AtomicReference<@Nullable Scheduler> reserve = new AtomicReference<>();
    private final AtomicReference<@Nullable Scheduler> aside = new AtomicReference<>();
    private final AtomicInteger openAndAside = new AtomicInteger(1);
    private final AtomicInteger rescuers = new AtomicInteger();
    private final Queue<Runnable> waitingAside = new ConcurrentLinkedQueue<>();
    private final Queue<ExecutorService> ofSubscribers = new ConcurrentLinkedQueue<>();
    private int next;
    private boolean exhaustionTold;

    HandlerPool() {
        for (int i = 0; i < THREADS; i++) {
            workers[i] = new Worker(scheduler.createWorker());
        }
    }

    /** Runs {@code work} on up to {@code parallel} threads at once. Loop thread only. */
    void run(Runnable work, int parallel) {
        int copies = Math.min(parallel, THREADS);
        for (int i = 0; i < copies; i++) {
            waiting.offer(work);
        }
        for (int looked = 0; looked < THREADS && copies > 0; looked++) {
            next = (next + 1) % THREADS;
            if (workers[next].wake()) {
                copies--;
            }
        }
    }

    /**
     * Runs {@code work} on a thread of the reserve, because the others do not get to it; false if these are all taken.
     * Loop thread only.
     */
    boolean rescue(Runnable work) {
        if (isExhausted()) {
            if (!exhaustionTold) {
                exhaustionTold = true;
                log.atWarn()
                        .addKeyValue("threads", THREADS + RESERVE_THREADS)
                        .log("Every handler thread is blocked: nothing more is claimed until one of them is free");
            }
            return false;
        }
        exhaustionTold = false;
        rescuers.incrementAndGet();
        AtomicBoolean counted = new AtomicBoolean(true); // an executor without a thread may run it later all the same
        Runnable end = () -> {
            if (counted.compareAndSet(true, false)) {
                rescuers.decrementAndGet();
            }
        };
        try {
            reserve().schedule(() -> {
                try {
                    guarded(work);
                    drainWaiting();
                } finally {
                    end.run();
                }
            });
        } catch (Throwable noThread) { // of the machine's, or it is closed: whoever is stuck then comes again
            end.run();
            log.debug("No thread of the reserve could be had", noThread);
        }
        return true;
    }

    /** Whether the whole reserve is taken, which it is only while handlers block their threads. Any thread. */
    boolean isExhausted() {
        return rescuers.get() >= RESERVE_THREADS;
    }

    private Scheduler reserve() {
        Scheduler spare = reserve.get();
        if (spare == null) {
            spare = Schedulers.newBoundedElastic(
                    RESERVE_THREADS, RESERVE_THREADS, "sluice-reserve", IDLE_SECONDS, true);
            reserve.set(spare);
            log.atWarn()
                    .addKeyValue("threads", RESERVE_THREADS)
                    .log("Tasks wait for a handler thread; a reserve takes over. If handlers block, put that into"
                            + " TaskHandler.blocking");
        }
        return spare;
    }

    /**
     * A thread for one subscriber, on which its signals never overlap, and which nobody else waits for. Whoever shuts it down
     * still has done what was given to it before; the end of this pool waits for that a second.
     */
    ExecutorService worker() {
        ofSubscribers.removeIf(ExecutorService::isTerminated);
        ExecutorService own = Executors.newSingleThreadScheduledExecutor(ReceiverThread::new); // BlockHound knows it
        ofSubscribers.offer(own);
        return own;
    }

    /**
     * Runs user code that may do anything, such as a cancellation: on no thread that a handler waits for, nor on one of
     * Reactor's elastic ones, where handlers may block: it would wait behind the very code that it is to stop. Any thread.
     */
    void elsewhere(Runnable work) {
        if (openAndAside.getAndUpdate(now -> now == 0 ? 0 : now + 1) == 0) {
            log.debug("The threads for cancellations are gone");
            return;
        }
        waitingAside.offer(work);
        try {
            aside().schedule(this::runAside);
        } catch (Throwable noThread) { // of the machine's: it is run with the next
            log.warn("No thread for a cancellation could be had", noThread);
        }
    }

    /** All that waits, for a piece of it would wait behind a thread that is blocked though others are free. */
    private void runAside() {
        for (Runnable work = waitingAside.poll(); work != null; work = waitingAside.poll()) {
            guarded(work);
            endAside();
        }
    }

    /** The last to leave ends the threads. Reactor would wait for that on a thread of its own, which keeps a JVM alive. */
    private void endAside() {
        Scheduler idle = openAndAside.decrementAndGet() == 0 ? aside.get() : null;
        if (idle != null) {
            idle.dispose();
        }
    }

    /** Bounded threads for what may take its time and must not wait for handlers; made when first asked for. Any thread. */
    Scheduler aside() {
        Scheduler known = aside.get();
        if (known != null) {
            return known;
        }
        Scheduler made =
                Schedulers.newBoundedElastic(RESERVE_THREADS, Integer.MAX_VALUE, "sluice-aside", IDLE_SECONDS, true);
        if (aside.compareAndSet(null, made)) {
            return made;
        }
        made.dispose();
        return aside();
    }

    void close() {
        scheduler.dispose();
        Scheduler spare = reserve.getAndSet(null);
        if (spare != null) {
            spare.dispose();
        }
        endAside(); // once what is being cancelled is cancelled to its end
        for (ExecutorService own = ofSubscribers.poll(); own != null; own = ofSubscribers.poll()) {
            ExecutorService last = own; // its completion may still be on the way
            last.shutdown();
            Schedulers.parallel().schedule(last::shutdownNow, LAST_SIGNALS.toMillis(), TimeUnit.MILLISECONDS);
        }
    }

    private void drainWaiting() {
        for (Runnable work = waiting.poll(); work != null; work = waiting.poll()) {
            guarded(work);
        }
    }

    private static void guarded(Runnable work) {
        try {
            work.run();
        } catch (Throwable thrown) { // what user code throws ends there
            log.warn("Code of a handler failed outside of its attempt", thrown);
        }
    }

    /** One thread: runs what waits, one piece after the other, and lets others onto the thread between two. */
    private final class Worker {
        private final Scheduler.Worker thread;
        private final AtomicBoolean busy = new AtomicBoolean();

        Worker(Scheduler.Worker thread) {
            this.thread = thread;
        }

        /** True if this thread was free and takes something now. */
        boolean wake() {
            if (!busy.compareAndSet(false, true)) {
                return false;
            }
            try {
                thread.schedule(this::runOne);
            } catch (Throwable noThread) { // of the machine's, or they are gone
                busy.set(false);
                log.debug("No handler thread could be had", noThread);
            }
            return true;
        }

        private void runOne() {
            Runnable work = waiting.poll();
            try {
                if (work != null) {
                    guarded(work);
                }
            } finally {
                busy.set(false);
            }
            if (!waiting.isEmpty()) {
                wake();
            }
        }
    }

    /** Refuses {@code Mono.block()}, as Reactor's own threads do. */
    private static final class ReceiverThread extends Thread implements NonBlocking {
        private static final AtomicInteger COUNT = new AtomicInteger();

        ReceiverThread(Runnable work) {
            super(work, "sluice-receiver-" + COUNT.incrementAndGet());
            setDaemon(true);
        }
    }
}
