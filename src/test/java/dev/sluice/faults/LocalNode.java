package dev.sluice.faults;

import dev.sluice.Sluice;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.dispatch.QueueSettings;
import dev.sluice.task.RetryPolicy;
import dev.sluice.testkit.SharedThreads;
import io.lettuce.core.resource.ClientResources;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/** A dispatcher in this process. */
final class LocalNode implements Node {
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    static final ClientResources THREADS =
            SharedThreads.named("faults", Math.max(2, Runtime.getRuntime().availableProcessors()));

    private final String name;
    private final FaultProxy proxy;
    private final Sluice sluice;
    private final Dispatcher dispatcher;

    LocalNode(String name, int redisPort, Duration lease, int concurrency, Consumer<Event> sink) {
        this.name = name;
        this.proxy = new FaultProxy(redisPort);
        Journal journal = Journal.telling(name, sink);
        this.sluice = Sluice.builder()
                .uri(proxy.uri())
                .clientResources(THREADS)
                .observer(journal)
                .build();
        this.dispatcher = sluice.dispatcher()
                .queue(
                        QUEUE,
                        QueueSettings.standard()
                                .concurrency(concurrency)
                                .retry(RetryPolicy.standard().backoff(Duration.ofMillis(20), 1, Duration.ofMillis(20))))
                .lease(lease)
                .build()
                .handler("t", String.class, journal);
    }

    /** Starts it; returns at once, for Redis may be away. */
    LocalNode started() {
        dispatcher.start().subscribe(nothing -> {}, failure -> {});
        return this;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public FaultProxy proxy() {
        return proxy;
    }

    @Override
    public void kill() {
        proxy.close();
        dispatcher.stop(Duration.ZERO).subscribe();
    }

    @Override
    public boolean freezes() {
        return false;
    }

    @Override
    public void freeze() {
        throw new UnsupportedOperationException("this process is everybody's");
    }

    @Override
    public void thaw() {
        throw new UnsupportedOperationException("this process is everybody's");
    }

    @Override
    public CompletableFuture<Duration> stop(Duration grace) {
        long began = System.nanoTime();
        return dispatcher.stop(grace).toFuture().thenApply(nothing -> Duration.ofNanos(System.nanoTime() - began));
    }

    @Override
    public void close() {
        dispatcher.stop(Duration.ZERO).block(PATIENCE);
        sluice.close().block(PATIENCE);
        proxy.close();
    }
}
