package dev.sluice.testkit;

import reactor.blockhound.BlockHound;
import reactor.blockhound.BlockingMethod;
import reactor.blockhound.BlockingOperationError;
import reactor.blockhound.integration.BlockHoundIntegration;

/**
 * Locks that guard a few instructions and wait for nothing: Lettuce's order of writes against a reconnect, the length of
 * its bounded queues, and its bookkeeping of who uses which threads when a client connects or closes; Jackson's caches at
 * the first use of a type, and Netty's buffer pool when it grows; and the list of what is due of an executor, when a
 * timer is cancelled: Reactor excuses those that ring once, and forgets those that ring again and again; and of an
 * executor's threads, when it is shut down. Everything else that blocks a loop is an error.
 *
 * <p>An error thrown where somebody waits for a lock leaves him in the lock's line, and nobody behind him ever gets it. So
 * one such error may make all later tests of its JVM fail.
 */
public final class KnownLocks implements BlockHoundIntegration {
    private static final String LETTUCE = "io.lettuce.core.protocol.SharedLock";
    private static final String LETTUCE_BOUNDS = "io.lettuce.core.protocol.DefaultEndpoint";
    private static final String LETTUCE_THREADS = "io.lettuce.core.resource.DefaultEventLoopGroupProvider";
    private static final String LETTUCE_METHODS = "io.lettuce.core.internal.AbstractInvocationHandler$MethodTranslator";
    private static final String NETTY = "io.netty.buffer.AdaptivePoolingAllocator$Magazine";
    private static final String DUE = "java.util.concurrent.ScheduledThreadPoolExecutor$DelayedWorkQueue";
    private static final String EXECUTOR = "java.util.concurrent.ThreadPoolExecutor";
    private static final String JACKSON = "dev.sluice.codec.JsonCodec";

    @Override
    public void applyTo(BlockHound.Builder builder) {
        builder.allowBlockingCallsInside(LETTUCE, "incrementWriters")
                .allowBlockingCallsInside(LETTUCE, "decrementWriters")
                .allowBlockingCallsInside(LETTUCE, "lockWritersExclusive")
                .allowBlockingCallsInside(LETTUCE, "unlockWritersExclusive")
                .allowBlockingCallsInside(LETTUCE, "doExclusive")
                .allowBlockingCallsInside(LETTUCE_BOUNDS, "validateWrite")
                .allowBlockingCallsInside(LETTUCE_THREADS, "allocate")
                .allowBlockingCallsInside(LETTUCE_THREADS, "release")
                .allowBlockingCallsInside(LETTUCE_METHODS, "of")
                .allowBlockingCallsInside(NETTY, "free")
                .allowBlockingCallsInside(DUE, "remove")
                .allowBlockingCallsInside(EXECUTOR, "shutdown")
                .allowBlockingCallsInside(JACKSON, "decode")
                .allowBlockingCallsInside(JACKSON, "encode")
                .allowBlockingCallsInside("dev.sluice.dispatch.Blocking", "until")
                .blockingMethodCallback(KnownLocks::refuse);
    }

    /** Prints where, too: whoever the error meets may keep it to himself. */
    private static void refuse(BlockingMethod method) {
        BlockingOperationError error = new BlockingOperationError(method);
        error.printStackTrace();
        throw error;
    }
}
