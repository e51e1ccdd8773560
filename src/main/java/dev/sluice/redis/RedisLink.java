package dev.sluice.redis;

import dev.sluice.task.SluiceException;
import io.lettuce.core.RedisClient;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.protocol.CommandArgs;
import io.lettuce.core.protocol.CommandType;
import io.lettuce.core.protocol.ProtocolKeyword;
import io.netty.util.Timer;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.util.context.Context;

/**
 * One connection with one role, replaced when it is in doubt.
 *
 * <p>A command whose answer does not come in time leaves the connection in an unknown state: the answer may still come,
 * or the socket may be dead. Such a connection is closed, never used again, and the next command opens a new one. So a
 * command can fail in two ways only: it was refused by Redis, or its outcome is unknown. A script may be sent again in
 * either case, for each knows its calls; a pop may not, whose answer takes its tasks with it. Commands are never queued while
 * there is no connection.
 *
 * <p>Thread-safe. Signals on the Redis event loop, or on the {@code parallel} scheduler for a timeout.
 */
public final class RedisLink {
    private static final Logger log = LoggerFactory.getLogger(RedisLink.class);
    private static final Duration TIME_TO_CLOSE = Duration.ofMillis(500);
    private static final Duration BETWEEN_DOUBTS = Duration.ofSeconds(10); // after one that was wrong: the way is long
    private static final Duration TO_CATCH_UP = Duration.ofMillis(50); // for an answer that came with another

    // Reactor's hooks for one chain: the global ones would speak up when a call is cut as it is cancelled, or when its
    // answer comes in the very moment in which its time is over; its outcome is unknown then, and its connection
    // replaced.
    private static final Context WHAT_NOBODY_WAITS_FOR = Context.of(
            "reactor.onErrorDropped.local",
            (Consumer<Throwable>) failure -> log.debug("A call failed that nobody waits for any more", failure),
            "reactor.onNextDropped.local",
            (Consumer<Object>) answer -> log.debug("A call was answered that nobody waits for any more"));

    private final RedisClient client;
    private final Addresses addresses;
    private final String role;
    private final Runnable beforeConnecting;
    private final AtomicReference<@Nullable Carrier> current = new AtomicReference<>();
    private final AtomicBoolean doubts = new AtomicBoolean(); // one at a time: that many queues share a link
    private volatile long refutedNanos = System.nanoTime() - BETWEEN_DOUBTS.toNanos();
    private volatile boolean closed;

    /** Calls {@code beforeConnecting} whenever it is about to open a connection. */
    RedisLink(RedisClient client, Addresses addresses, String role, Runnable beforeConnecting) {
        this.client = client;
        this.addresses = addresses;
        this.role = role;
        this.beforeConnecting = beforeConnecting;
    }

    /** What this link is for, as it stands in logs: {@code commands}, {@code doorbell:emails} and so on. */
    public String role() {
        return role;
    }

    /** True while a connection is open. */
    public boolean isUp() {
        Carrier now = current.get();
        return now != null && now.isUsable();
    }

    /** Begins to open the connection, if there is none; whether that succeeds shows when it is used. */
    void open() {
        Carrier opening = connection();
        if (opening != null) {
            forget(opening);
        }
    }

    /** Completes when the server answered a PING within {@code deadline}; fails with a {@link SluiceException}. */
    public Mono<Void> ping(Duration deadline) {
        return command(CommandType.PING, args -> {}, deadline).then();
    }

    /**
     * Closes the connection and opens no other. Commands in flight fail with an unknown outcome, those that wait for it to be
     * opened with one that is safe to repeat; the returned Mono completes when the socket is closed, or after half a second, and
     * never fails.
     */
    public Mono<Void> close() {
        closed = true;
        Carrier was = current.getAndSet(null);
        if (was == null) {
            return Mono.empty();
        }
        // Lettuce may never tell who waits for it, and the timer of their deadlines may end with the client.
        was.failed(RedisErrors.closed(role));
        CompletionStage<Void> gone =
                was.thenCompose(StatefulRedisConnection::closeAsync).handle((closedOne, failure) -> null);
        // Lettuce may never say so of a connection that was cut while it was being opened.
        return Mono.fromCompletionStage(gone).timeout(TIME_TO_CLOSE, Mono.empty());
    }

    /**
     * Gives up the connection at once, for it seems dead, or another server is to be used: commands in flight fail with an
     * unknown outcome, those that wait for it to be opened with one that is safe to repeat, and the next command opens another.
     */
    public void renew() {
        Carrier was = current.getAndSet(null);
        if (was != null) {
            was.failed(RedisErrors.lost(role));
            discard(was);
        }
    }

    /** The same, if the connection is not open yet. */
    void renewIfOpening() {
        Carrier was = current.get();
        if (was != null && !was.isDone() && current.compareAndSet(was, null)) {
            was.failed(RedisErrors.lost(role));
            discard(was); // it may have been opened meanwhile
        }
    }

    /**
     * Runs a script: by its text until that went out through the connection, by its digest from then on, and by its text again where
     * the server does not know it any more. So no call overtakes an earlier one because that was refused as unknown, unless somebody
     * empties the server's scripts meanwhile.
     */
    Mono<Reply> run(Script script, byte[][] keys, Consumer<CommandArgs<byte[], byte[]>> arguments, Duration deadline) {
        return run(script, keys, arguments, deadline, deadline);
    }

    /**
     * The same, but if nothing came through the connection for {@code patience}, the script is also run through another. If that is answered
     * before anything comes through the first, the first is dead, and the other takes its place: a server that hesitates keeps both
     * waiting. Nothing else is lost by that: while calls are under way that have no patience, it is not done.
     */
    Mono<Reply> run(
            Script script,
            byte[][] keys,
            Consumer<CommandArgs<byte[], byte[]>> arguments,
            Duration patience,
            Duration deadline) {
        return send(script(script, keys, arguments), patience, deadline, this::connection);
    }

    /** Runs a script, and tells which connection carried it. */
    Mono<Carried> carry(
            Script script, byte[][] keys, Consumer<CommandArgs<byte[], byte[]>> arguments, Duration deadline) {
        return Mono.defer(() -> {
            AtomicReference<@Nullable Carrier> carrier = new AtomicReference<>();
            Supplier<@Nullable Carrier> remembered = () -> {
                Carrier connection = connection();
                carrier.set(connection);
                return connection;
            };
            return send(script(script, keys, arguments), deadline, deadline, remembered)
                    .map(reply -> new Carried(reply, Objects.requireNonNull(carrier.get())));
        });
    }

    /** Sends one command and emits its flat reply. */
    Mono<Reply> command(ProtocolKeyword type, Consumer<CommandArgs<byte[], byte[]>> arguments, Duration deadline) {
        return send(command(type, arguments), deadline, deadline, this::connection);
    }

    /** Sends one command through the connection that carried another; fails if that is not in use any more. */
    Mono<Reply> commandOn(
            Object connection,
            ProtocolKeyword type,
            Consumer<CommandArgs<byte[], byte[]>> arguments,
            Duration deadline) {
        Supplier<@Nullable Carrier> same = () -> {
            Carrier now = current.get();
            return now == connection ? now : null;
        };
        return send(command(type, arguments), deadline, deadline, same);
    }

    private Mono<Reply> send(
            LinkCall.Order order, Duration patience, Duration deadline, Supplier<@Nullable Carrier> through) {
        return Mono.<Reply>create(asker -> new LinkCall(this, order, deadline, patience, through, asker).start())
                .contextWrite(WHAT_NOBODY_WAITS_FOR);
    }

    private static LinkCall.Order command(ProtocolKeyword type, Consumer<CommandArgs<byte[], byte[]>> arguments) {
        return (call, connection, open, inFull) ->
                dispatch(open, type, arguments).subscribe(call);
    }

    private static LinkCall.Order script(
            Script script, byte[][] keys, Consumer<CommandArgs<byte[], byte[]>> arguments) {
        return (call, connection, open, inFull) -> {
            if (connection.hasSent(script) && !inFull) {
                dispatch(open, CommandType.EVALSHA, args -> prepare(args, script.sha(), keys, arguments))
                        .subscribe(call);
            } else {
                dispatch(open, CommandType.EVAL, args -> prepare(args, script.text(), keys, arguments))
                        .subscribe(call);
                connection.sent(script); // and not before: others send meanwhile
            }
        };
    }

    private static Flux<Reply> dispatch(
            StatefulRedisConnection<byte[], byte[]> connection,
            ProtocolKeyword type,
            Consumer<CommandArgs<byte[], byte[]>> arguments) {
        CommandArgs<byte[], byte[]> args = new CommandArgs<>(ByteArrayCodec.INSTANCE);
        arguments.accept(args);
        return connection.reactive().dispatch(type, new Reply.Output(), args);
    }

    private static void prepare(
            CommandArgs<byte[], byte[]> args,
            byte[] script,
            byte[][] keys,
            Consumer<CommandArgs<byte[], byte[]>> arguments) {
        args.add(script).add(keys.length);
        for (byte[] key : keys) {
            args.addKey(key);
        }
        arguments.accept(args);
    }

    Timer timer() {
        return client.getResources().timer();
    }

    /** Why there is no connection. */
    SluiceException gone() {
        return closed ? RedisErrors.closed(role) : RedisErrors.lost(role);
    }

    /** The connection, open or being opened; null if this link is closed. */
    private @Nullable Carrier connection() {
        if (closed) {
            return null;
        }
        Carrier was = current.get();
        if (was != null && (!was.isDone() || was.isUsable())) {
            return was;
        }
        Carrier next = new Carrier(addresses.next());
        if (!current.compareAndSet(was, next)) {
            return connection();
        }
        discard(was);
        connect(next, () -> current.get() == next && !closed);
        return next;
    }

    private void connect(Carrier next, BooleanSupplier isWanted) {
        beforeConnecting.run();
        forget(opening(() -> client.connectAsync(ByteArrayCodec.INSTANCE, next.address()))
                .whenComplete((connection, failure) -> {
                    if (failure != null) {
                        next.failed(failure);
                        return;
                    }
                    if (!next.complete(connection)) { // given up meanwhile
                        forget(connection.closeAsync());
                        return;
                    }
                    if (isWanted.getAsBoolean()) {
                        next.opened();
                        return;
                    }
                    next.failed(gone());
                    if (current.compareAndSet(next, null)) {
                        forget(connection.closeAsync());
                    }
                }));
    }

    /**
     * Gives {@code order} through another connection, and if that answers first, has it replace {@code silent} and answer {@code call}. Not
     * while calls of other kinds are under way: those have their deadlines, and one stream may stand still for longer than another.
     */
    void doubt(Carrier silent, LinkCall.Order order, Duration deadline, LinkCall call) {
        boolean isTooSoon = System.nanoTime() - refutedNanos < BETWEEN_DOUBTS.toNanos();
        if (closed
                || isTooSoon
                || silent.isBurdened()
                || current.get() != silent
                || !doubts.compareAndSet(false, true)) {
            return;
        }
        long passed = silent.passed();
        Carrier other = new Carrier(addresses.next());
        connect(other, () -> !closed);
        send(order, deadline, deadline, () -> other)
                .delayElement(TO_CATCH_UP)
                .doFinally(end -> {
                    doubts.set(false);
                    if (current.get() != other) {
                        discard(other);
                    }
                })
                .subscribe(
                        answer -> {
                            if (silent.passed() != passed) {
                                refutedNanos = System.nanoTime();
                            } else if (!silent.isBurdened() && current.compareAndSet(silent, other)) {
                                log.debug("A connection for {} through which nothing comes was replaced", role);
                                call.onNext(answer);
                                discard(silent);
                            }
                        },
                        failure -> {
                            if (!other.isDone()) {
                                addresses.silent(other.address());
                            }
                        });
    }

    /** What Lettuce throws at once, such as for a transport that is not there, is a failure like those that come later. */
    static <T> CompletionStage<T> opening(Supplier<? extends CompletionStage<T>> connect) {
        try {
            return connect.get();
        } catch (RuntimeException | LinkageError thrown) {
            return CompletableFuture.failedFuture(thrown);
        }
    }

    /** Only the connection that failed: what other commands of it got answered meanwhile may be a new one. */
    void replace(@Nullable Carrier failed) {
        if (failed != null && current.compareAndSet(failed, null)) {
            if (!failed.isDone()) {
                addresses.silent(failed.address());
            }
            discard(failed);
        }
    }

    /** Closes a connection nobody will use again; one that is still being opened is closed when it is there. */
    private static void discard(@Nullable Carrier connection) {
        if (connection != null) {
            forget(connection.thenCompose(StatefulRedisConnection::closeAsync));
        }
    }

    /** A failure of this stage has nobody to tell: it is told where the connection is used, or nobody uses it any more. */
    static void forget(CompletionStage<?> stage) {
        Objects.requireNonNull(stage);
    }

    /** A reply, and the connection that brought it, for {@link #commandOn}. */
    record Carried(Reply reply, Object connection) {}
}
