package dev.sluice.redis;

import io.lettuce.core.resource.ThreadFactoryProvider;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadFactory;

/**
 * Makes Lettuce's threads, named as it names them, and waits for their end: an executor of Netty is terminated a moment before
 * its thread is. Thread-safe.
 */
final class LinkThreads implements ThreadFactoryProvider {
    private static final long TIME_TO_END_MS = 1_000;

    private final Set<Thread> all = ConcurrentHashMap.newKeySet();

    @Override
    public ThreadFactory getThreadFactory(String poolName) {
        return new DefaultThreadFactory(poolName, true) {
            @Override
            public Thread newThread(Runnable work) {
                Thread thread = super.newThread(work);
                all.removeIf(it -> it.getState() == Thread.State.TERMINATED);
                all.add(thread);
                return thread;
            }
        };
    }

    /** Blocks until those whose executors are terminated have ended, for a second each at most. */
    void awaitEnd() {
        try {
            for (Thread thread : all) {
                thread.join(TIME_TO_END_MS);
            }
        } catch (InterruptedException given) {
            Thread.currentThread().interrupt();
        }
    }
}
