package dev.sluice.dispatch;

import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The tasks that one claim brought. Any number of workers may run it at once: each takes the next task that nobody has
 * started, so that a handler which blocks its thread holds up no other task for long.
 */
final class Batch {
    private final Attempt[] attempts;
    private final AtomicInteger next = new AtomicInteger();
    private int unsettled;
    private int seenAtLastLook = -1;
    private int looksWithoutStart;

    Batch(Attempt[] attempts) {
        this.attempts = attempts;
        this.unsettled = attempts.length;
    }

    int size() {
        return attempts.length;
    }

    Attempt at(int index) {
        return attempts[index];
    }

    Attempt[] attempts() {
        return attempts;
    }

    /** The next task that nobody has started, or null. */
    @Nullable
    Attempt takeNext() {
        int index = next.get() < attempts.length ? next.getAndIncrement() : attempts.length;
        return index < attempts.length ? attempts[index] : null;
    }

    /** Counts one task out; true if it was the last. Loop thread only. */
    boolean settledOne() {
        return --unsettled == 0;
    }

    /** True each time tasks have waited and none was started for that many looks. Loop thread only. */
    boolean isStuckFor(int looks) {
        int now = next.get();
        looksWithoutStart = now < attempts.length && now == seenAtLastLook ? looksWithoutStart + 1 : 0;
        seenAtLastLook = now;
        return looksWithoutStart > 0 && looksWithoutStart % looks == 0;
    }
}
