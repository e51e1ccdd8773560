package dev.sluice.bench.scenario;

import dev.sluice.bench.measure.Effort;
import dev.sluice.bench.measure.Figures;
import dev.sluice.bench.measure.RedisUnderLoad;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.dispatch.TaskHandler;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** A dispatcher of no-op tasks that is waited for, and stopped when it is closed. */
final class Worker implements AutoCloseable {
    private static final long LONGEST_MINUTES = 10;

    private final Dispatcher dispatcher;
    private final CountDownLatch left;

    /**
     * @param queues what it serves
     * @param left how many tasks have not been handled; {@code handler} counts
     */
    Worker(Dispatcher.Builder queues, CountDownLatch left, TaskHandler<Void> handler) {
        this.dispatcher = queues.build().handler("noop", Void.class, handler);
        this.left = left;
    }

    /** Returns when it claims. */
    void start() {
        dispatcher.start().block();
    }

    /** Returns when all have been handled. */
    void await() throws InterruptedException {
        if (!left.await(LONGEST_MINUTES, TimeUnit.MINUTES)) {
            throw new IllegalStateException(
                    left.getCount() + " tasks were not handled within " + LONGEST_MINUTES + " minutes");
        }
    }

    /** Starts it, waits for all, and adds rate and cost of so many tasks. */
    void drain(RedisUnderLoad redis, int tasks, Figures figures) throws InterruptedException {
        Effort before = Effort.now(redis);
        start();
        await();
        Effort after = Effort.now(redis);
        after.since(before, tasks, after.secondsSince(before), figures);
    }

    @Override
    public void close() {
        dispatcher.stop(Duration.ofSeconds(5)).block();
    }
}
