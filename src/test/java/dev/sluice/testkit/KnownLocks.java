package dev.sluice.testkit;

import reactor.blockhound.BlockHound;
import reactor.blockhound.integration.BlockHoundIntegration;

/**
 * Locks that guard a few instructions and wait for nothing: Lettuce's order of writes against a reconnect, Jackson's
 * caches at the first use of a type, and the JDK's timer queues when an element is taken out. Everything else that blocks
 * a loop is still an error. The timers are allowed on every thread, which is wider than they need.
 */
public final class KnownLocks implements BlockHoundIntegration {
    private static final String LETTUCE = "io.lettuce.core.protocol.SharedLock";
    private static final String TIMERS = "java.util.concurrent.ScheduledThreadPoolExecutor$DelayedWorkQueue";
    private static final String JACKSON = "dev.sluice.codec.JsonCodec";

    @Override
    public void applyTo(BlockHound.Builder builder) {
        builder.allowBlockingCallsInside(LETTUCE, "incrementWriters")
                .allowBlockingCallsInside(LETTUCE, "decrementWriters")
                .allowBlockingCallsInside(LETTUCE, "lockWritersExclusive")
                .allowBlockingCallsInside(LETTUCE, "unlockWritersExclusive")
                .allowBlockingCallsInside(JACKSON, "decode")
                .allowBlockingCallsInside(JACKSON, "encode")
                // The JDK's timer queues hold this lock for as long as taking out one element takes.
                .allowBlockingCallsInside(TIMERS, "remove")
                .allowBlockingCallsInside(TIMERS, "drainTo");
    }
}
