package dev.sluice.dispatch;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The tasks that one claim brought. Any number of workers may run it at once: each takes the next task that nobody has
 * started, so that a handler which blocks its thread holds up no other task for long.
 */
final class Batch {
    private final @Nullable Attempt[] attempts;
    private final AtomicInteger next = new AtomicInteger();
    private int unsettled;
    private int seenAtLastLook = -1;
    private int looksWithoutStart;

    /** In the order of their tokens; a place is empty if the task of its token was gone. */
    Batch(@Nullable Attempt[] attempts) {
        this.attempts = attempts.clone();
        for (Attempt attempt : attempts) {
            unsettled += attempt == null ? 0 : 1;
        }
    }

    /** How many places it has. */
    int size() {
        return attempts.length;
    }

    /** The task in this place, or null if it is settled, or was gone. */
    @Nullable
    Attempt at(int index) {
        return attempts[index];
    }

    /** Names each task that is not settled. Any thread. */
    void forEach(Consumer<Attempt> each) {
        for (Attempt attempt : attempts) {
            if (attempt != null) {
                each.accept(attempt);
            }
        }
    }

    /** The next task that nobody has started, or null. */
    @Nullable
    Attempt takeNext() {
        for (int place = takePlace(); place >= 0; place = takePlace()) {
            Attempt attempt = attempts[place];
            if (attempt != null) {
                return attempt;
            }
        }
        return null;
    }

    /** The next place that nobody has taken, whose task may be settled already; -1 if there is none. */
    int takePlace() {
        if (next.get() >= attempts.length) {
            return -1;
        }
        int place = next.getAndIncrement();
        return place < attempts.length ? place : -1;
    }

    /** Lets go of one task, so that a long one does not keep the bytes of its neighbours; true if it was the last. Loop thread only. */
    boolean settled(int index) {
        if (attempts[index] == null) {
            return false;
        }
        attempts[index] = null;
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
