package dev.sluice.faults;

import dev.sluice.task.Queue;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/** A dispatcher of queue {@code q} behind a proxy of its own, to which things are done. */
interface Node extends AutoCloseable {
    Queue QUEUE = Queue.named("q");

    String name();

    FaultProxy proxy();

    /** Ends it without a word; in this process, by taking every connection from it for ever. */
    void kill();

    /** Whether it can be frozen. */
    boolean freezes();

    void freeze();

    void thaw();

    /** Stops it in good order; completes with the time that took, as it saw that itself. */
    CompletableFuture<Duration> stop(Duration grace);

    @Override
    void close();
}
