package dev.sluice.dispatch;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;

/**
 * Holds a thread as code does that blocks, and leaves the processor to others meanwhile. BlockHound looks away here: that it
 * is caught elsewhere is another matter.
 */
public final class Blocking {
    private Blocking() {}

    /** Returns once it is released; deaf to interrupts, as a driver may be. */
    public static void until(AtomicBoolean released) {
        while (!released.get()) {
            LockSupport.parkNanos(1_000_000);
        }
    }
}
