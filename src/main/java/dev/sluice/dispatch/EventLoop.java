package dev.sluice.dispatch;

import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;

/**
 * The one thread that owns the state of a dispatcher's pumps. Other threads hand it work and wake it; each time it
 * wakes, it gives every pump one turn, so that all that has come in meanwhile is handled as one batch.
 */
final class EventLoop {
    /** How often every pump is told the time: how late a timeout may be noticed. */
    static final Duration TICK = Duration.ofMillis(50);

    private static final Logger log = LoggerFactory.getLogger(EventLoop.class);

    private static final long LAST_TICK_NANOS = 100_000_000L; // a loop that hangs is not waited for

    private final Scheduler scheduler = Schedulers.newSingle("sluice-loop", true);
    private final Scheduler.Worker worker = scheduler.createWorker();
    private final Queue<Runnable> inbox = new ConcurrentLinkedQueue<>();
    private final List<Turn> pumps = new CopyOnWriteArrayList<>();
    private final AtomicInteger missed = new AtomicInteger();
    private final AtomicInteger scheduling = new AtomicInteger();
    private volatile @Nullable Disposable ticking;
    private volatile boolean halted;
    private long tickedNanos = System.nanoTime();
    private final AtomicLong turns = new AtomicLong();

    /** Begins to tell the time. Without that, and without work, there is no thread. */
    void begin() {
        ticking = worker.schedulePeriodically(this::tick, TICK.toMillis(), TICK.toMillis(), TimeUnit.MILLISECONDS);
    }

    /** Something that gets a turn whenever the loop wakes. Called on the loop thread only; must not throw or block. */
    interface Turn {
        void turn();

        void tick(long nowNanos);

        /** One of these threw, an error of the machine perhaps, and was cut off in the middle. */
        default void broken() {}
    }

    /** How often all pumps had their turn so far: it grows while the loop turns, for each tick is followed by one. Any thread. */
    long turns() {
        return turns.get();
    }

    void add(Turn pump) {
        pumps.add(pump);
    }

    void remove(Turn pump) {
        pumps.remove(pump);
    }

    /** Runs {@code work} on the loop thread, then gives every pump a turn. */
    void execute(Runnable work) {
        inbox.offer(work);
        signal();
    }

    /** Gives every pump a turn soon. Many signals before that turn cost one. */
    void signal() {
        if (missed.getAndIncrement() == 0) {
            scheduling.incrementAndGet();
            try {
                if (!halted) {
                    worker.schedule(this::drain);
                }
            } catch (Throwable noThread) { // of the machine's; the next signal, of a tick at the latest, tries again
                missed.set(0);
                throw noThread;
            } finally {
                scheduling.decrementAndGet();
            }
        }
    }

    /** Runs {@code work} on the loop thread after {@code delay}. */
    Disposable after(Duration delay, Runnable work) {
        return scheduler.schedule(() -> execute(work), delay.toMillis(), TimeUnit.MILLISECONDS);
    }

    /**
     * Ends the turns: completes on the loop thread, and nothing runs on it any more. From here on a signal does nothing:
     * a handler may outlive its dispatcher, and nobody is left to be told.
     */
    Mono<Void> halt() {
        return Mono.create(sink -> execute(() -> {
            halted = true;
            sink.success();
        }));
    }

    /**
     * Ends the thread. To be called after {@link #halt}, and where waiting holds nobody up: an executor that shuts down
     * takes locks, and so does whoever hands it work meanwhile, so those go first.
     */
    void close() {
        halted = true;
        while (scheduling.get() > 0) {
            LockSupport.parkNanos(10_000); // whoever hands in work may be waiting for this very core
        }
        Disposable telling = ticking;
        if (telling != null && !scheduler.isDisposed()) {
            telling.dispose();
            awaitLastTick();
        }
        scheduler.dispose();
    }

    /** A tick that ends in this moment is about to enter its executor's line again, which takes a lock once that is shut down. */
    private void awaitLastTick() {
        AtomicBoolean over = new AtomicBoolean();
        worker.schedule(() -> over.set(true));
        for (long until = System.nanoTime() + LAST_TICK_NANOS; !over.get() && System.nanoTime() - until < 0; ) {
            LockSupport.parkNanos(10_000);
        }
    }

    /** An error of the machine may strike anywhere: the next signal, of a tick at the latest, has this begin anew. */
    private void drain() {
        try {
            turnAll();
        } catch (Throwable error) {
            missed.set(0);
            tell(error);
        }
    }

    private void turnAll() {
        long until = System.nanoTime() + TICK.toNanos();
        int seen = missed.get();
        do {
            boolean isOverdue = work(until);
            if (halted) {
                return; // and "missed" stays above zero
            }
            for (Turn pump : pumps) {
                try {
                    pump.turn();
                } catch (Throwable bug) {
                    broken(pump, bug);
                }
            }
            turns.incrementAndGet();
            if ((isOverdue || System.nanoTime() - until > 0) && yielded()) {
                return; // and "missed" stays above zero, too
            }
            seen = missed.addAndGet(-seen);
        } while (seen != 0);
    }

    /** Does what has come in; true if it was not all when the time was over. */
    private boolean work(long until) {
        for (Runnable work = inbox.poll(); work != null && !halted; work = inbox.poll()) {
            try {
                work.run();
            } catch (Throwable bug) { // an Error, too: a loop that ends takes every queue of this dispatcher with it
                tell(bug);
            }
            if (System.nanoTime() - until > 0) {
                return !inbox.isEmpty();
            }
        }
        return false;
    }

    /** Lets the ticks and timers go first that are due: this thread is theirs, too, and there may be work without end. */
    private boolean yielded() {
        try {
            worker.schedule(this::drain);
            return true;
        } catch (Throwable closed) {
            return false;
        }
    }

    private void tick() {
        long now = System.nanoTime();
        boolean isMadeUpFor =
                now - tickedNanos < TICK.toNanos() / 2; // after a standstill all come at once that were missed
        if (halted || isMadeUpFor) {
            return;
        }
        tickedNanos = now;
        try {
            tickAll(now);
            signal();
        } catch (Throwable error) { // thrown further, it would be the last tick
            tell(error);
        }
    }

    private void tickAll(long nowNanos) {
        for (Turn pump : pumps) {
            try {
                pump.tick(nowNanos);
            } catch (Throwable bug) {
                broken(pump, bug);
            }
        }
    }

    /** A bug in one pump must not end the loop of all. */
    private static void broken(Turn pump, Throwable bug) {
        try {
            pump.broken();
        } catch (Throwable another) {
            tell(another);
        }
        tell(bug);
    }

    private static void tell(Throwable bug) {
        try {
            log.error("A step of the dispatcher loop failed; the loop goes on", bug);
        } catch (Throwable noMemory) {
            // not even for that
        }
    }
}
