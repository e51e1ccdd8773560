package dev.sluice.redis;

import dev.sluice.task.StoreRefusedException;
import dev.sluice.task.StoreUnavailableException;
import io.lettuce.core.RedisChannelHandler;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisConnectionStateListener;
import io.lettuce.core.RedisURI;
import io.lettuce.core.codec.StringCodec;
import io.lettuce.core.pubsub.RedisPubSubAdapter;
import io.lettuce.core.pubsub.StatefulRedisPubSubConnection;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;

/**
 * One connection for messages, shared by all queues of a process, open while anybody listens.
 *
 * <p>A message is a hint and may be lost: whoever listens asks Redis now and then anyway, and calls {@link #ensure} when
 * doing so, which opens the connection anew if it was lost or is silent; or it asks whenever it is told that it is {@code ready},
 * which it is after each gap, and has the connection {@linkplain Listening#check checked} meanwhile. Thread-safe;
 * listeners run on a Redis event loop.
 */
public final class EventLink {
    private static final Logger log = LoggerFactory.getLogger(EventLink.class);
    private static final Duration TIME_TO_CLOSE = Duration.ofMillis(500);
    private static final Duration TIME_TO_ANSWER = Duration.ofSeconds(2);
    private static final Duration TIME_TO_BE_READY = Duration.ofMillis(20);
    private static final Duration BETWEEN_CHECKS = Duration.ofSeconds(5);
    private static final String PULSE = "sluice:pulse"; // nobody says anything here: only that it was subscribed to

    private final RedisClient client;
    private final Addresses addresses;
    private final Map<String, List<Listening>> listeners = new ConcurrentHashMap<>();
    private @Nullable CompletableFuture<StatefulRedisPubSubConnection<String, String>> current;
    private @Nullable StatefulRedisPubSubConnection<String, String> connection; // that of current, once it is there
    private final Set<String> subscribed = ConcurrentHashMap.newKeySet(); // as the server confirmed
    private final Set<String> retried = ConcurrentHashMap.newKeySet(); // which are asked for again in a moment
    private final AtomicBoolean refusalTold = new AtomicBoolean();
    private RedisURI tried;
    private int openings;
    private long openingSinceNanos;
    private long checkedNanos = System.nanoTime();
    private final AtomicLong messages = new AtomicLong();
    private boolean closed;

    EventLink(RedisClient client, Addresses addresses) {
        this.client = client;
        this.addresses = addresses;
        this.tried = addresses.next();
    }

    /** Gives {@code heard} each message on {@code channel}, until disposed. */
    public Listening listen(String channel, Consumer<String> heard) {
        return listen(channel, heard, () -> {});
    }

    /** The same, and tells {@code ready} whenever messages begin to come: at first, after a gap, and at times without one. */
    public Listening listen(String channel, Consumer<String> heard, Runnable ready) {
        return listen(channel, heard, ready, refusal -> {});
    }

    /** The same, and tells {@code refused} if Redis lets nobody subscribe here: then nothing comes. */
    public synchronized Listening listen(
            String channel, Consumer<String> heard, Runnable ready, Consumer<StoreRefusedException> refused) {
        Listening listening = new Listening(channel, heard, ready, refused);
        List<Listening> all = listeners.computeIfAbsent(channel, name -> new CopyOnWriteArrayList<>());
        all.add(listening);
        StatefulRedisPubSubConnection<String, String> open = opened();
        if (open == null) {
            open();
        } else if (all.size() > 1 && subscribed.contains(channel)) {
            ready.run(); // if the connection has just had a gap, it is told once more when that is over
        } else { // be it asked for already: another may have been refused, and is about to go
            subscribe(open, channel);
        }
        return listening;
    }

    /**
     * Opens the connection if there is none, or none that works. Of one that is there it asks whether it is, at most once in 5 s: a
     * network may have forgotten it; and for channels that were refused, for somebody may have given the right. What comes of
     * that shows at the next call.
     */
    public void ensure() {
        synchronized (this) {
            StatefulRedisPubSubConnection<String, String> it = opened();
            if (it == null) {
                open();
                return;
            }
            long now = System.nanoTime();
            if (now - checkedNanos < BETWEEN_CHECKS.toNanos()) {
                return;
            }
            checkedNanos = now;
            listeners.keySet().stream()
                    .filter(channel -> !subscribed.contains(channel) && !retried.contains(channel))
                    .forEach(channel -> subscribe(it, channel));
        }
        check().subscribe(nothing -> {}, end -> log.debug("No messages any more", end));
    }

    /** One that is being opened for 2 s is given up. */
    private synchronized void open() {
        if (closed || listeners.isEmpty() || isOpening() || opened() != null) {
            return;
        }
        if (current != null && !current.isDone()) {
            addresses.silent(tried);
        }
        leave();
        RedisURI address = addresses.next();
        tried = address;
        int opening = ++openings;
        openingSinceNanos = System.nanoTime();
        current = RedisLink.opening(() -> client.connectPubSubAsync(StringCodec.UTF8, address))
                .toCompletableFuture()
                .thenApply(it -> subscribeAll(it, opening));
    }

    /** Who comes before this is among those subscribed to here; who comes later finds the connection. */
    private synchronized StatefulRedisPubSubConnection<String, String> subscribeAll(
            StatefulRedisPubSubConnection<String, String> it, int opening) {
        if (opening == openings && !listeners.isEmpty()) { // else it was left while it was being opened
            connection = it;
            it.addListener(new Dispatch(it));
            it.addListener(new Gaps(it));
            listeners
                    .keySet()
                    .forEach(channel -> subscribe(it, channel)); // one refused channel refuses its whole command
        }
        return it;
    }

    /** Leaves the connection at once, for another server is to be used. */
    synchronized void renew() {
        leave();
        open();
    }

    private synchronized void forget(Listening listening) {
        List<Listening> all = listeners.getOrDefault(listening.channel, List.of());
        if (!all.remove(listening) || !all.isEmpty()) {
            return;
        }
        listeners.remove(listening.channel);
        subscribed.remove(listening.channel);
        StatefulRedisPubSubConnection<String, String> open = opened();
        if (listeners.isEmpty()) {
            leave();
        } else if (open != null) {
            unheard(open.async().unsubscribe(listening.channel));
        }
    }

    synchronized Mono<Void> close() {
        closed = true;
        CompletableFuture<StatefulRedisPubSubConnection<String, String>> was = current;
        forgetConnection();
        return was == null
                ? Mono.empty()
                : Mono.fromFuture(was.thenCompose(StatefulRedisPubSubConnection::closeAsync))
                        .onErrorComplete()
                        .timeout(TIME_TO_CLOSE, Mono.empty());
    }

    private synchronized Mono<Void> check() {
        if (closed) {
            return Mono.error(new StoreUnavailableException("Sluice was closed", null));
        }
        StatefulRedisPubSubConnection<String, String> open = opened();
        if (open == null) {
            open();
            return Mono.empty();
        }
        int checked = openings;
        long before = messages.get();
        return Mono.fromCompletionStage(open.async().subscribe(PULSE))
                .timeout(TIME_TO_ANSWER)
                .onErrorResume(
                        TimeoutException.class,
                        silent -> Mono.fromRunnable(() -> {
                            if (messages.get() == before) { // else the answer stands behind what comes all the time
                                replace(checked);
                            }
                        }))
                .onErrorComplete(); // an error is an answer, too; or the connection is closed, which shows by itself
    }

    private synchronized void replace(int silent) {
        if (openings == silent) {
            renew();
        }
    }

    private boolean isOpening() {
        CompletableFuture<StatefulRedisPubSubConnection<String, String>> it = current;
        return it != null && !it.isDone() && System.nanoTime() - openingSinceNanos < TIME_TO_ANSWER.toNanos();
    }

    /** The connection, if it works. */
    private @Nullable StatefulRedisPubSubConnection<String, String> opened() {
        StatefulRedisPubSubConnection<String, String> it = connection;
        return it != null && it.isOpen() ? it : null;
    }

    private void leave() {
        CompletableFuture<StatefulRedisPubSubConnection<String, String>> was = current;
        forgetConnection();
        if (was != null) {
            unheard(was.thenCompose(StatefulRedisPubSubConnection::closeAsync));
        }
    }

    private void forgetConnection() {
        openings++;
        subscribed.clear();
        retried.clear();
        current = null;
        connection = null;
    }

    /**
     * A refusal is final: nothing comes then, and whoever waits for a message has to be told why. Anything else is tried again while
     * the connection is in use: with a password Lettuce may hand one out just before commands can be sent through it.
     */
    private void subscribe(StatefulRedisPubSubConnection<String, String> open, String channel) {
        unheard(open.async().subscribe(channel).whenComplete((done, failure) -> {
            if (failure == null) {
                return;
            }
            if (!(RedisErrors.classify(failure) instanceof StoreRefusedException refused)) {
                retry(open, channel);
                return;
            }
            log.atLevel(refusalTold.compareAndSet(false, true) ? Level.WARN : Level.DEBUG)
                    .addKeyValue("channel", channel)
                    .addKeyValue("reason", refused.getMessage())
                    .log("Redis lets nobody subscribe here: awaits and events fail, and cancellations come with"
                            + " the next heartbeat; give the user &{NAME}:* for each queue, and &sluice:pulse");
            listeners.getOrDefault(channel, List.of()).forEach(one -> one.refused.accept(refused));
        }));
    }

    /**
     * Lettuce has opened it again, and asks for all channels at once: where one of them is refused it has none, and tells
     * nobody. So each that is not confirmed then is asked for by itself.
     */
    private synchronized void reopened(StatefulRedisPubSubConnection<String, String> it) {
        if (it == connection) {
            List.copyOf(listeners.keySet()).forEach(channel -> retry(it, channel));
        }
    }

    private synchronized void lost(StatefulRedisPubSubConnection<String, String> it) {
        if (it == connection) {
            subscribed.clear();
        }
    }

    /** Whether it counts: one that was left may be told of late, and says nothing of the one in its place. */
    private synchronized boolean confirmed(StatefulRedisPubSubConnection<String, String> it, String channel) {
        if (it != connection) {
            return false;
        }
        if (listeners.containsKey(channel)) { // else whoever wanted it has gone meanwhile, and so has this
            subscribed.add(channel);
        }
        return true;
    }

    private synchronized void retry(StatefulRedisPubSubConnection<String, String> to, String channel) {
        if (to == connection && retried.add(channel)) {
            after(TIME_TO_BE_READY, () -> subscribeAgain(to, channel));
        }
    }

    private synchronized void subscribeAgain(StatefulRedisPubSubConnection<String, String> to, String channel) {
        if (to == connection) {
            retried.remove(channel);
        }
        if (to != connection || !listeners.containsKey(channel) || subscribed.contains(channel)) {
            return;
        }
        if (to.isOpen()) {
            subscribe(to, channel);
        } else { // Lettuce may open it again, and then subscribes only to what was confirmed
            retry(to, channel);
        }
    }

    private void after(Duration pause, Runnable work) {
        try {
            client.getResources().timer().newTimeout(over -> work.run(), pause.toMillis(), TimeUnit.MILLISECONDS);
        } catch (IllegalStateException stopped) { // whoever owns the client has ended its threads
            log.debug("Nothing is subscribed to any more", stopped);
        }
    }

    /** Whether it succeeds shows at the next {@link #ensure}. */
    private static void unheard(CompletionStage<?> stage) {
        Objects.requireNonNull(stage);
    }

    /** One who listens to one channel, until disposed. */
    public final class Listening implements Disposable {
        private final String channel;
        private final Consumer<String> heard;
        private final Runnable ready;
        private final Consumer<StoreRefusedException> refused;

        private Listening(
                String channel, Consumer<String> heard, Runnable ready, Consumer<StoreRefusedException> refused) {
            this.channel = channel;
            this.heard = heard;
            this.ready = ready;
            this.refused = refused;
        }

        /**
         * Opens the connection if there is none, and replaces one that is silent for 2 s. Cold; fails if the link is closed,
         * and then only.
         */
        public Mono<Void> check() {
            return Mono.defer(EventLink.this::check);
        }

        @Override
        public void dispose() {
            forget(this);
        }
    }

    /** When its connection is lost, and there again. */
    private final class Gaps implements RedisConnectionStateListener {
        private final StatefulRedisPubSubConnection<String, String> of;

        Gaps(StatefulRedisPubSubConnection<String, String> of) {
            this.of = of;
        }

        @Override
        public void onRedisConnected(RedisChannelHandler<?, ?> connection, SocketAddress address) {
            reopened(of);
        }

        @Override
        public void onRedisDisconnected(RedisChannelHandler<?, ?> connection) {
            lost(of);
        }
    }

    private final class Dispatch extends RedisPubSubAdapter<String, String> {
        private final StatefulRedisPubSubConnection<String, String> of;

        Dispatch(StatefulRedisPubSubConnection<String, String> of) {
            this.of = of;
        }

        @Override
        public void message(String channel, String message) {
            messages.incrementAndGet();
            listeners.getOrDefault(channel, List.of()).forEach(one -> one.heard.accept(message));
        }

        @Override
        public void subscribed(String channel, long count) {
            if (confirmed(of, channel)) {
                listeners.getOrDefault(channel, List.of()).forEach(one -> one.ready.run());
            }
        }
    }
}
