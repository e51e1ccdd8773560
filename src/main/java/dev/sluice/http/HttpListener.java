package dev.sluice.http;

import io.netty.channel.Channel;
import io.netty.channel.ChannelOption;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Schedulers;
import reactor.netty.DisposableServer;
import reactor.netty.http.HttpProtocol;
import reactor.netty.http.server.HttpServer;
import reactor.netty.resources.LoopResources;

/**
 * A server that listens for an {@link HttpApi}, with threads of its own. Thread-safe.
 *
 * <p>Its limits: 10,000 connections, of which it closes any more at once; 8 KiB for the line of a request and 16 KiB for its
 * headers, which must be there within 10 s, and before that a handshake of TLS within as much; 60 s without a request; a body
 * must go on by 1 KiB in every 30 s, and the reading of an answer at all, of which the kernel of a Linux keeps 128 KiB that are
 * not read. So a client without a request costs a few kilobytes, over TLS about ten, and not for long. One that enqueues may hold a task of up to 1 MiB in memory, twice that while its buffer
 * grows, for 30 s at most; one with a batch that, and about 1,000 tasks that Redis has not answered. Nothing bounds the sum but
 * the number of connections: who may enqueue is trusted so far.
 */
public final class HttpListener {
    private static final int MOST_CONNECTIONS = 10_000;
    private static final int LONGEST_LINE = 8 * 1024;
    private static final int LONGEST_HEADERS = 16 * 1024;
    private static final ChannelOption<Long> UNSENT = // by its name: the library of epoll is there only at run time
            ChannelOption.valueOf("io.netty.channel.epoll.EpollChannelOption#TCP_NOTSENT_LOWAT");
    private static final long MOST_UNSENT = 128 * 1024;
    private static final int MOST_PIPELINED = 16;
    private static final Duration TIME_TO_BE_IDLE = Duration.ofSeconds(60);
    private static final Duration LONGEST_GRACE = Duration.ofDays(365);
    private static final Duration TIME_TO_END = Duration.ofMillis(500);
    private static final int LOOPS =
            Math.min(4, Math.max(2, Runtime.getRuntime().availableProcessors()));

    private final DisposableServer server;
    private final LoopResources loops;
    private final Sinks.Empty<Void> stopping;

    private HttpListener(DisposableServer server, LoopResources loops, Sinks.Empty<Void> stopping) {
        this.server = server;
        this.loops = loops;
        this.stopping = stopping;
    }

    static Mono<HttpListener> start(
            HttpApi api,
            InetSocketAddress address,
            boolean mayBePublic,
            @Nullable TlsIdentity identity,
            Progress.Patience patience) {
        return Mono.defer(() -> {
            if (!mayBePublic && !isLoopback(address)) {
                return Mono.error(new IllegalStateException("to listen at " + address
                        + " a token is needed: everybody who can reach it could do everything"));
            }
            LoopResources loops = LoopResources.create("sluice-http", 1, LOOPS, true);
            loops.onServerSelect(true); // makes the threads now: those that are made after the end would not be ended
            loops.onServer(true);
            return givenOrEnded(loops, bound(api, address, identity, patience, loops));
        });
    }

    /**
     * Ends the threads if there is no listener, or nobody takes it: whoever cancels while it is on its way does not have it
     * and cannot stop it, except on the thread that hands it over, as {@code take(1)} does.
     */
    private static Mono<HttpListener> givenOrEnded(LoopResources loops, Mono<HttpListener> bound) {
        AtomicReference<Thread> giving = new AtomicReference<>();
        AtomicBoolean isGiven = new AtomicBoolean();
        return bound.onErrorResume(failure -> ended(loops).then(Mono.error(failure)))
                .doOnNext(listener -> giving.set(Thread.currentThread()))
                .doAfterTerminate(() -> isGiven.set(true))
                .doOnCancel(() -> {
                    if (!isGiven.get() && giving.get() != Thread.currentThread()) {
                        ended(loops).subscribe(nothing -> {});
                    }
                });
    }

    private static Mono<HttpListener> bound(
            HttpApi api,
            InetSocketAddress address,
            @Nullable TlsIdentity identity,
            Progress.Patience patience,
            LoopResources loops) {
        Sinks.Empty<Void> stopping = Sinks.empty();
        Host host = new Host(Sites.of(address), stopping.asMono());
        HttpServer server = identity == null ? HttpServer.create() : Tls.secured(identity, patience.headers());
        return server.bindAddress(() -> address)
                .protocol(HttpProtocol.HTTP11)
                .runOn(loops)
                .maxConnections(MOST_CONNECTIONS)
                .maxPipelineDepth(MOST_PIPELINED)
                .idleTimeout(TIME_TO_BE_IDLE)
                .httpRequestDecoder(
                        spec -> spec.maxInitialLineLength(LONGEST_LINE).maxHeaderSize(LONGEST_HEADERS))
                .doOnChannelInit((observer, channel, remote) -> {
                    boundUnsent(channel);
                    Progress.watch(channel, patience);
                    if (identity != null) {
                        Tls.watch(channel);
                    }
                })
                .channelGroup(new DefaultChannelGroup(GlobalEventExecutor.INSTANCE)) // a stop waits for those
                .handle((request, response) -> api.answer(request, response, host))
                .bind()
                .map(bound -> new HttpListener(bound, loops, stopping));
    }

    /** Where it listens, with the port that was free if none was named. */
    public InetSocketAddress address() {
        return (InetSocketAddress) server.address();
    }

    /**
     * Takes no more connections, ends the streams of events, lets the requests that are there end, and closes what is left.
     *
     * <p>Cold; a second subscription finds nothing to do. Completes when all is closed, within the grace and about a second;
     * never fails. Cancelling does not stop it.
     *
     * @param grace how long requests may take to end, zero or more
     */
    public Mono<Void> stop(Duration grace) {
        Duration atMost = grace.compareTo(LONGEST_GRACE) > 0 ? LONGEST_GRACE : grace;
        Mono<Void> ends = Mono.using(
                        () -> Schedulers.newBoundedElastic(1, Integer.MAX_VALUE, "sluice-http-end", 1, true),
                        waiting -> Mono.<Void>fromRunnable(() -> {
                                    stopping.tryEmitEmpty();
                                    server.disposeNow(atMost);
                                })
                                .subscribeOn(waiting),
                        waiting -> waiting.schedule(waiting::dispose)) // after what follows, which it would interrupt
                .onErrorComplete()
                .then(ended(loops));
        return Mono.fromFuture(ends::toFuture, true);
    }

    private static Mono<Void> ended(LoopResources loops) {
        return loops.disposeLater(Duration.ZERO, TIME_TO_END).onErrorComplete();
    }

    /** For a client that does not read, the kernel would keep megabytes. Only Linux can be told so; others pass it over. */
    private static void boundUnsent(Channel channel) {
        channel.config().setOption(UNSENT, MOST_UNSENT);
    }

    private static boolean isLoopback(InetSocketAddress address) {
        InetAddress host = address.getAddress();
        return host != null && host.isLoopbackAddress();
    }
}
