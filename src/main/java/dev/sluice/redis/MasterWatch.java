package dev.sluice.redis;

import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisURI;
import io.lettuce.core.codec.StringCodec;
import io.lettuce.core.pubsub.RedisPubSubAdapter;
import io.lettuce.core.pubsub.StatefulRedisPubSubConnection;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Mono;
import reactor.util.retry.Retry;

/**
 * Listens to each sentinel of the URI for the news that another server is master, so that no link has to find out by a
 * deadline: the connections to a frozen master stay open and silent.
 *
 * <p>A hint only. Where no sentinel can be heard, links find the new master as they do without: after a failure the next
 * connection asks the sentinels. Lettuce reconnects and subscribes again when a sentinel comes back.
 */
final class MasterWatch {
    private static final Logger log = LoggerFactory.getLogger(MasterWatch.class);
    private static final String SWITCHED = "+switch-master";
    private static final Duration TIME_TO_ANSWER = Duration.ofSeconds(5);
    private static final Retry UNTIL_HEARD =
            Retry.backoff(Long.MAX_VALUE, Duration.ofMillis(100)).maxBackoff(Duration.ofSeconds(10));

    private final RedisClient client;
    private final RedisURI uri;
    private final Consumer<Boolean> switched;
    private final AtomicBoolean started = new AtomicBoolean();
    private final AtomicReference<@Nullable String> last = new AtomicReference<>();
    private final Disposable.Composite listening = Disposables.composite();
    private final Set<StatefulRedisPubSubConnection<String, String>> open = ConcurrentHashMap.newKeySet();

    /**
     * Calls {@code switched} with true at the first news of another master, and with false when a further sentinel says
     * the same: one that lagged behind may have named the old master to who asked meanwhile.
     */
    MasterWatch(RedisClient client, RedisURI uri, Consumer<Boolean> switched) {
        this.client = client;
        this.uri = uri;
        this.switched = switched;
    }

    /** Starts at the first call, if there are sentinels. */
    void start() {
        if (!uri.getSentinels().isEmpty() && started.compareAndSet(false, true)) {
            for (RedisURI sentinel : uri.getSentinels()) {
                listening.add(connect(sentinel)
                        .flatMap(this::subscribe)
                        .retryWhen(UNTIL_HEARD)
                        .subscribe(done -> {}, failure -> log.debug("Listening to a sentinel ended", failure)));
            }
        }
    }

    void close() {
        listening.dispose();
        open.forEach(connection -> RedisLink.forget(connection.closeAsync()));
    }

    private Mono<StatefulRedisPubSubConnection<String, String>> connect(RedisURI sentinel) {
        RedisURI within = RedisURI.builder(sentinel).withTimeout(TIME_TO_ANSWER).build();
        return Mono.create(sink -> RedisLink.forget(client.connectPubSubAsync(StringCodec.UTF8, within)
                .whenComplete((connection, failure) -> {
                    if (failure != null) {
                        sink.error(failure);
                        return;
                    }
                    open.add(connection);
                    if (listening.isDisposed()) { // whoever closes may have come before it was in the set
                        RedisLink.forget(connection.closeAsync());
                        sink.success();
                    } else {
                        sink.success(connection);
                    }
                })));
    }

    private Mono<Void> subscribe(StatefulRedisPubSubConnection<String, String> connection) {
        connection.addListener(new RedisPubSubAdapter<>() {
            @Override
            public void message(String channel, String message) {
                told(message);
            }
        });
        return connection.reactive().subscribe(SWITCHED).timeout(TIME_TO_ANSWER).doOnError(failure -> {
            open.remove(connection);
            RedisLink.forget(connection.closeAsync());
        });
    }

    /** {@code <name> <old host> <old port> <new host> <new port>} */
    private void told(String message) {
        if (!message.startsWith(uri.getSentinelMasterId() + " ")) {
            return;
        }
        boolean news = !message.equals(last.getAndSet(message));
        if (news) {
            String[] words = message.split(" ", -1);
            log.atInfo()
                    .addKeyValue("master", words.length == 5 ? words[3] + ":" + words[4] : message)
                    .log("Sentinel names another master; all connections are replaced");
        }
        switched.accept(news);
    }
}
