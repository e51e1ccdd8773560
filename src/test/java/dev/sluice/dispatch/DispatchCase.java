package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Sluice;
import dev.sluice.client.EnqueueResult;
import dev.sluice.redis.ClaimStore;
import dev.sluice.redis.ExchangeCall;
import dev.sluice.redis.RecoverReply;
import dev.sluice.redis.RedisLinks;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Queue;
import dev.sluice.task.RetryPolicy;
import dev.sluice.task.Task;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.RedisWire;
import io.lettuce.core.RedisURI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.extension.ExtendWith;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Queue {@code q} on a real server, a front door, and the dispatchers of one test, all stopped after it. */
@ExtendWith(NothingDropped.class)
abstract class DispatchCase {
    static final Duration PATIENCE = Duration.ofSeconds(20);
    static final Duration GRACE = Duration.ofMillis(300);
    static final RetryPolicy QUICK = RetryPolicy.standard().backoff(Duration.ofMillis(20), 1, Duration.ofMillis(20));

    final RedisServer redis;
    final RedisWire wire;
    final Recorder told = new Recorder();
    private boolean userIsThere;
    private final List<Sluice> doors = new ArrayList<>();
    private final List<Dispatcher> dispatchers = new ArrayList<>();
    final Sluice sluice;
    Queue queue = Queue.named("q");
    QueueSettings settings = QueueSettings.standard().retry(QUICK);

    DispatchCase(RedisServer redis) {
        this.redis = redis;
        this.wire = redis.wire();
        this.sluice = door(redis.uri());
    }

    @AfterEach
    void stopAll() {
        CompletableFuture<Void> stopped = Flux.fromIterable(dispatchers)
                .flatMap(it -> it.stop(GRACE))
                .then()
                .toFuture();
        if (queue.delivery() == DeliveryMode.AT_MOST_ONCE) {
            endWaitsUntil(stopped);
        }
        Mono.fromFuture(stopped).block(PATIENCE);
        doors.forEach(it -> it.close().block(PATIENCE));
        if (userIsThere) {
            wire.call("ACL", "DELUSER", "app");
        }
        wire.close();
    }

    /** Whoever stops lets its last pop run out, which takes most of a second: here each is over at once. */
    private void endWaitsUntil(CompletableFuture<Void> stopped) {
        try (RedisWire aside = redis.wire()) {
            eventually(PATIENCE, () -> {
                ((String) aside.call("CLIENT", "LIST", "TYPE", "normal"))
                        .lines()
                        .filter(client -> client.contains(" cmd=blpop "))
                        .map(client -> client.replaceFirst("^id=(\\d+) .*", "$1"))
                        .forEach(id -> aside.call("CLIENT", "UNBLOCK", id));
                assertThat(stopped).isDone();
            });
        }
    }

    // ---- what is under test

    final void deliver(DeliveryMode mode) {
        queue = queue.delivery(mode);
    }

    final Sluice door(String uri) {
        Sluice door = Sluice.builder().uri(uri).observer(told).build();
        doors.add(door);
        return door;
    }

    /** Of a user who may use these channels only, and is gone after the test: one of Redis 7 has none but those he was given. */
    final Sluice doorHearing(String... channels) {
        wire.call("ACL", "SETUSER", "app", "on", ">pw", "~*", "+@all", "resetchannels");
        userIsThere = true;
        letHear(channels);
        return door(redis.uri().replace("redis://", "redis://app:pw@"));
    }

    /** Gives that user these channels, too. */
    final void letHear(String... channels) {
        for (String channel : channels) {
            wire.call("ACL", "SETUSER", "app", channel);
        }
    }

    final Dispatcher dispatcher() {
        return dispatcher(it -> it);
    }

    /** A dispatcher of the queue with the settings of this test; stopped after it. */
    final Dispatcher dispatcher(UnaryOperator<Dispatcher.Builder> more) {
        return stoppedInTheEnd(
                more.apply(sluice.dispatcher().queue(queue, settings)).build());
    }

    final Dispatcher stoppedInTheEnd(Dispatcher dispatcher) {
        dispatchers.add(dispatcher);
        return dispatcher;
    }

    /** Starts a dispatcher that runs every task of type {@code t} through {@code handler}. */
    final Dispatcher running(TaskHandler<Object> handler) {
        return started(dispatcher().handler("t", Object.class, handler));
    }

    /** With a handler that has nothing to do. */
    static Dispatcher idle(Dispatcher dispatcher) {
        return dispatcher.handler("t", Object.class, context -> Mono.empty());
    }

    static Dispatcher started(Dispatcher dispatcher) {
        dispatcher.start().block(PATIENCE);
        return dispatcher;
    }

    // ---- producers

    /** Puts these in; what a cut connection leaves unknown is put in again, under the same id. */
    final void enqueue(Task<?>... tasks) {
        List<EnqueueResult> results =
                sluice.client(queue).enqueueAll(Flux.just(tasks)).collectList().block(PATIENCE);
        assertThat(results)
                .extracting(EnqueueResult::id)
                .doesNotHaveDuplicates()
                .hasSize(tasks.length);
        Set<String> unknown = results.stream()
                .filter(it -> it.error() != null && it.error().retryable())
                .map(EnqueueResult::id)
                .collect(Collectors.toSet());
        assertThat(results).allMatch(it -> it.isCreated() || it.isExisting() || unknown.contains(it.id()));
        if (!unknown.isEmpty()) {
            enqueue(Arrays.stream(tasks).filter(it -> unknown.contains(it.id())).toArray(Task[]::new));
        }
    }

    /** Tasks {@code t0}, {@code t1} … of type {@code t}, numbered from {@code from} to before {@code to}. */
    final void enqueue(int from, int to) {
        enqueue(IntStream.range(from, to).mapToObj(i -> task("t" + i)).toArray(Task[]::new));
    }

    /** Has two dispatchers die, one after the other, each with the one task that waits; at a crash limit of one it is dead then. */
    final void killTwoThatHoldIt() {
        RedisLinks links = RedisLinks.own(RedisURI.create(redis.uri()), null);
        ClaimStore claims = links.claims(queue, 1);
        claims.join("alive", PATIENCE)
                .then(claims.heartbeat("alive", PATIENCE, PATIENCE))
                .block(PATIENCE);

        for (String name : List.of("first", "second")) { // each dies with it
            claims.join(name, Duration.ofMillis(100)).block(PATIENCE);
            claims.exchange(name, claims.keysOf(name), new ExchangeCall(1, 1, true))
                    .block(PATIENCE);
            eventually(() -> {
                RecoverReply recovered =
                        links.upkeep(queue, 1).recover(name, RecoverReply.FIRST).block(PATIENCE);
                assertThat(recovered.moved() + recovered.dead()).isEqualTo(1);
            });
        }
        claims.leave("alive").then(links.close()).block(PATIENCE);
    }

    /** Makes a lease run out, though somebody was seen a moment ago, and takes its tasks back. */
    final void lapse(String incarnation, int crashLimit) {
        List<?> time = (List<?>) wire.call("TIME");
        long now = Long.parseLong((String) time.get(0)) * 1000 + Long.parseLong((String) time.get(1)) / 1000;
        wire.call("HSET", key("meta"), "seen", String.valueOf(now));
        wire.call("ZADD", key("dispatchers"), "XX", "1000", incarnation);
        RedisLinks links = RedisLinks.own(RedisURI.create(redis.uri()), null);
        links.upkeep(queue, crashLimit).recover(incarnation, RecoverReply.FIRST).block(PATIENCE);
        links.close().block(PATIENCE);
    }

    static Task<Object> task(String id) {
        return Task.of("t", (Object) null).id(id);
    }

    /** What any client does: the push first, the status second. */
    final void push(String id, String json) {
        wire.call("RPUSH", queue.name(), json);
        wire.call("HSET", queue.statusKey(), id, "queued");
    }

    final void push(String id) {
        push(id, element(id));
    }

    /** The status first: a later one would stand over the word "processing". */
    final void pushAnnounced(String id) {
        pushAnnounced(id, element(id));
    }

    final void pushAnnounced(String id, String element) {
        wire.call("HSET", queue.statusKey(), id, "queued");
        wire.call("RPUSH", queue.name(), element);
    }

    private static String element(String id) {
        return "{\"id\":\"" + id + "\",\"type\":\"t\"}";
    }

    // ---- what Redis holds

    final String key(String suffix) {
        return "{" + queue.name() + "}:" + suffix;
    }

    final long llen(String key) {
        return (Long) wire.call("LLEN", key);
    }

    final long hlen(String key) {
        return (Long) wire.call("HLEN", key);
    }

    /** How many tasks wait in the two lists. */
    final long waiting() {
        return llen(queue.name()) + llen(key("ready"));
    }

    /** How many tasks are in the claimed hashes of all dispatchers. */
    final long claimed() {
        long claimed = 0;
        for (Object hash : (List<?>) wire.call("KEYS", key("claimed:*"))) {
            for (Object field : (List<?>) wire.call("HKEYS", (String) hash)) {
                claimed += field.equals("last") ? 0 : 1;
            }
        }
        return claimed;
    }

    final String status(String id) {
        return (String) wire.call("HGET", queue.statusKey(), id);
    }

    final long dead() {
        return (Long) wire.call("ZCARD", key("dead"));
    }

    /** The dead letter of this id: its failure as JSON, a line feed, its frame. */
    final String deadLetter(String id) {
        eventually(() -> assertThat(wire.call("HGET", key("dead:bodies"), id)).isNotNull());
        return (String) wire.call("HGET", key("dead:bodies"), id);
    }

    final List<String> deadIds() {
        return Stream.of(wire.call("ZRANGE", key("dead"), "0", "-1"))
                .flatMap(ids -> ((List<?>) ids).stream())
                .map(String.class::cast)
                .toList();
    }

    final List<String> incarnations() {
        return ((List<?>) wire.call("ZRANGE", key("dispatchers"), "0", "-1"))
                .stream().map(String.class::cast).toList();
    }

    /** Nothing waits, nothing is claimed, and no status speaks of anything. */
    final void assertEmpty() {
        assertThat(waiting()).as("waiting").isZero();
        assertThat(claimed()).as("claimed").isZero();
        assertThat(hlen(queue.statusKey())).as("statuses").isZero();
        assertThat(hlen(key("bodies"))).as("bodies").isZero();
    }
}
