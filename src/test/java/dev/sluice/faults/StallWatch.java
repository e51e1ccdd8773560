package dev.sluice.faults;

import dev.sluice.Sluice;
import dev.sluice.task.SluiceException;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/** Notes when this process had no time: asks a Redis that nothing is done to, again and again, and takes note of late answers. */
final class StallWatch implements AutoCloseable {
    /** A heartbeat takes five hops like this one, and a lease of a second ends after three beats that did not arrive. */
    private static final Duration LATE = Duration.ofMillis(100);

    private static final Duration PAUSE = Duration.ofMillis(50);

    private final Sluice calm;
    private final Noted noted;
    private final Thread looking = new Thread(this::look, "stalls");
    private volatile boolean closed;
    private volatile long lookedNanos;

    /** Begins; {@code calm} is closed with this. */
    StallWatch(Sluice calm, Noted noted) {
        this.calm = calm;
        this.noted = noted;
        calm.server().block(); // not the first time, which takes longer
        lookedNanos = System.nanoTime();
        looking.setDaemon(true);
        looking.start();
    }

    /** Blocks until every stall that began before then is noted: one that still goes on is not known before its end. */
    void awaitLookedAt(long nanos) {
        while (looking.isAlive() && lookedNanos - nanos < 0) {
            LockSupport.parkNanos(PAUSE.toNanos());
        }
    }

    @Override
    public void close() {
        closed = true;
        try {
            looking.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        calm.close().block();
    }

    private void look() {
        while (!closed) {
            long from = System.nanoTime();
            LockSupport.parkNanos(PAUSE.toNanos());
            ask();
            long to = System.nanoTime();
            if (to - from > PAUSE.plus(LATE).toNanos()) {
                noted.stall(from, to);
            }
            lookedNanos = to;
        }
    }

    private void ask() {
        try {
            calm.server().block();
        } catch (SluiceException tooLate) {
            return; // late it is
        }
    }

    /** Hears of a stall, on a thread of the watch. */
    interface Noted {
        void stall(long fromNanos, long toNanos);
    }
}
