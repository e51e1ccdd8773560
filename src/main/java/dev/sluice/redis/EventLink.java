package dev.sluice.redis;

import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisURI;
import io.lettuce.core.codec.StringCodec;
import io.lettuce.core.pubsub.RedisPubSubAdapter;
import io.lettuce.core.pubsub.StatefulRedisPubSubConnection;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;

/**
 * One connection for messages, shared by all queues of a process, open while anybody listens.
 *
 * <p>A message is a hint and may be lost: whoever listens asks Redis now and then anyway, and calls {@link #ensure} when
 * doing so, which opens the connection anew if it was lost. Thread-safe; listeners run on a Redis event loop.
 */
public final class EventLink {
    private static final Duration TIME_TO_CLOSE = Duration.ofMillis(500);

    private final RedisClient client;
    private final RedisURI uri;
    private final Map<String, List<Consumer<String>>> listeners = new ConcurrentHashMap<>();
    private @Nullable CompletableFuture<StatefulRedisPubSubConnection<String, String>> current;
    private boolean closed;

    EventLink(RedisClient client, RedisURI uri) {
        this.client = client;
        this.uri = uri;
    }

    /** Gives {@code listener} each message on {@code channel}, until disposed. */
    public Disposable listen(String channel, Consumer<String> listener) {
        listeners.compute(channel, (name, known) -> {
            List<Consumer<String>> all = known == null ? new CopyOnWriteArrayList<>() : known;
            all.add(listener);
            return all;
        });
        ensure();
        CompletableFuture<StatefulRedisPubSubConnection<String, String>> open = connection();
        if (open != null) {
            unheard(open.thenAccept(connection -> unheard(connection.async().subscribe(channel))));
        }
        return () -> forget(channel, listener);
    }

    /** Opens the connection if there is none, or none that works. */
    public synchronized void ensure() {
        CompletableFuture<StatefulRedisPubSubConnection<String, String>> was = current;
        boolean pending = was != null && !was.isDone();
        if (closed || listeners.isEmpty() || pending || isOpen(was)) {
            return;
        }
        close(was);
        current = client.connectPubSubAsync(StringCodec.UTF8, uri)
                .toCompletableFuture()
                .thenApply(connection -> {
                    connection.addListener(new Dispatch());
                    String[] channels = listeners.keySet().toArray(String[]::new);
                    if (channels.length > 0) {
                        unheard(connection.async().subscribe(channels));
                    }
                    return connection;
                });
    }

    private synchronized @Nullable CompletableFuture<StatefulRedisPubSubConnection<String, String>> connection() {
        return current;
    }

    /** Leaves the connection at once, for another server is to be used. */
    synchronized void renew() {
        close(current);
        current = null;
        ensure();
    }

    private synchronized void forget(String channel, Consumer<String> listener) {
        listeners.computeIfPresent(channel, (name, all) -> all.remove(listener) && all.isEmpty() ? null : all);
        if (listeners.isEmpty()) {
            close(current);
            current = null;
        }
    }

    synchronized Mono<Void> close() {
        closed = true;
        CompletableFuture<StatefulRedisPubSubConnection<String, String>> was = current;
        current = null;
        return was == null
                ? Mono.empty()
                : Mono.fromFuture(was.thenCompose(StatefulRedisPubSubConnection::closeAsync))
                        .onErrorComplete()
                        .timeout(TIME_TO_CLOSE, Mono.empty());
    }

    private static boolean isOpen(@Nullable CompletableFuture<StatefulRedisPubSubConnection<String, String>> it) {
        if (it == null || !it.isDone() || it.isCompletedExceptionally()) {
            return false;
        }
        StatefulRedisPubSubConnection<String, String> connection = it.getNow(null);
        return connection != null && connection.isOpen();
    }

    private static void close(@Nullable CompletableFuture<StatefulRedisPubSubConnection<String, String>> it) {
        if (it != null) {
            unheard(it.thenCompose(StatefulRedisPubSubConnection::closeAsync));
        }
    }

    /** Whether it succeeds shows at the next {@link #ensure}. */
    private static void unheard(CompletionStage<?> stage) {
        Objects.requireNonNull(stage);
    }

    private final class Dispatch extends RedisPubSubAdapter<String, String> {
        @Override
        public void message(String channel, String message) {
            listeners.getOrDefault(channel, List.of()).forEach(listener -> listener.accept(message));
        }
    }
}
