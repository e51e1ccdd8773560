package dev.sluice.faults;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.dispatch.NothingDropped;
import dev.sluice.faults.FaultProxy.Mode;
import dev.sluice.redis.RedisLinks;
import dev.sluice.redis.UpkeepReply;
import dev.sluice.redis.UpkeepStore;
import dev.sluice.task.Queue;
import dev.sluice.task.StoreUnavailableException;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.Private;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.RedisWire;
import io.lettuce.core.RedisURI;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import reactor.core.publisher.Mono;

/**
 * A chore that is not answered puts its connection in doubt, and is asked through another: which of the two is answered tells a dead
 * connection from a server that hesitates.
 */
@OnEveryRedis
@ExtendWith(NothingDropped.class)
class DoubtRedisTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final Duration DEADLINE = Duration.ofSeconds(2); // of every command
    private static final Duration HESITATION = Duration.ofSeconds(1);

    private RedisServer redis;
    private RedisWire wire;
    private FaultProxy proxy;
    private RedisLinks links;
    private UpkeepStore chores;

    @BeforeEach
    void connect(@Private RedisServer server) {
        redis = server;
        wire = server.wire();
        proxy = new FaultProxy(server.port());
        links = RedisLinks.own(RedisURI.create(proxy.uri()), null);
        chores = links.upkeep(Queue.named("q"), 3);
        round().block(PATIENCE);
    }

    @AfterEach
    void close() {
        links.close().block(PATIENCE);
        proxy.close();
        wire.close();
    }

    /** Whoever only listens writes nothing, and would never find it dead. */
    @Test
    void aDeadConnectionForMessagesIsReplacedThoughNobodyIsTold() {
        List<String> heard = new CopyOnWriteArrayList<>();
        AtomicInteger ready = new AtomicInteger();
        links.events().listen("news", heard::add, ready::incrementAndGet);
        eventually(PATIENCE, () -> assertThat(ready).hasPositiveValue());
        FaultProxy.Link dead = proxy.links().get(1);
        dead.mode(Mode.SWALLOW);

        eventually(PATIENCE, () -> {
            links.events().ensure(); // as with each heartbeat
            wire.call("PUBLISH", "news", "x");
            assertThat(heard).isNotEmpty();
        });
    }

    @Test
    void aDeadConnectionIsReplacedLongBeforeTheDeadline() {
        FaultProxy.Link dead = only();
        dead.mode(Mode.SWALLOW);

        long began = System.nanoTime();
        round().block(PATIENCE);

        assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(DEADLINE);
        ping().block(PATIENCE);
        eventually(PATIENCE, () -> assertThat(only()).isNotSameAs(dead));
    }

    /** One stream may stand still for longer than another: what is under way there is not given up for that. */
    @Test
    void aConnectionThroughWhichSomethingElseIsUnderWayHasItsTime() {
        FaultProxy.Link kept = only();
        kept.mode(Mode.HOLD);
        CompletableFuture<UpkeepReply> round = round().toFuture();
        CompletableFuture<Void> other = ping().toFuture();

        Mono.delay(HESITATION).block(PATIENCE);
        kept.mode(Mode.PASS);

        other.join();
        round.join();
        assertThat(only()).isSameAs(kept);
    }

    @Test
    void whereAnswersTakeLongOneOfManyRoundsAsksThroughAnotherConnection() {
        long before = connectionsMade();
        for (int i = 0; i < 5; i++) {
            redis.pause();
            CompletableFuture<UpkeepReply> round = round().toFuture();
            Mono.delay(HESITATION.dividedBy(2)).block(PATIENCE);
            redis.resume();
            round.join();
        }

        assertThat(connectionsMade() - before).isLessThanOrEqualTo(1);
    }

    @Test
    void ofManyRoundsOneAsksThroughAnotherConnection() {
        only().mode(Mode.SWALLOW);
        long before = connectionsMade();
        List<CompletableFuture<UpkeepReply>> rounds =
                Stream.generate(() -> round().toFuture()).limit(20).toList();

        Stream<Boolean> answered = rounds.stream()
                .map(round -> round.handle((reply, failure) -> failure == null).join());
        assertThat(answered.filter(it -> it)).hasSize(1);
        assertThat(connectionsMade() - before).isOne();
        round().block(PATIENCE);
        eventually(PATIENCE, () -> assertThat(proxy.links()).hasSize(1));
    }

    @Test
    void theOtherConnectionIsClosedIfItIsRefusedWhatItAsks() {
        only().mode(Mode.SWALLOW);
        wire.call("SET", "{q}:meta", "in the way");

        assertThatThrownBy(() -> round().block(PATIENCE)).isInstanceOf(StoreUnavailableException.class);

        eventually(PATIENCE, () -> assertThat(proxy.links()).isEmpty());
        wire.call("DEL", "{q}:meta");
    }

    @Test
    void aServerThatStandsStillFailsNoCommand() {
        hesitate(redis::pause, redis::resume);
    }

    @Test
    void aServerThatHoldsWritesBackFailsNoCommand() {
        hesitate(() -> wire.call("CLIENT", "PAUSE", "" + HESITATION.toMillis(), "WRITE"), () -> {});
    }

    /** Neither is the other connection of any use then: it is closed when it cannot be had, and the first one is given up in its time. */
    @Test
    void aNetworkThatLetsNothingThroughCostsTheCommandAndLeavesNothingOpen() {
        proxy.mode(Mode.SWALLOW);

        long began = System.nanoTime();
        assertThatThrownBy(() -> round().block(PATIENCE)).isInstanceOf(StoreUnavailableException.class);

        assertThat(Duration.ofNanos(System.nanoTime() - began)).isGreaterThanOrEqualTo(DEADLINE);
        proxy.mode(Mode.PASS);
        round().block(PATIENCE);
        eventually(PATIENCE, () -> assertThat(proxy.links()).hasSize(1));
    }

    private void hesitate(Runnable begin, Runnable end) {
        FaultProxy.Link kept = only();
        begin.run();
        CompletableFuture<UpkeepReply> round = round().toFuture();
        CompletableFuture<Long> over = Mono.delay(HESITATION.minusMillis(100)).toFuture();
        eventually(
                HESITATION,
                () -> assertThat(proxy.links())
                        .as("the one in doubt and the one that is asked")
                        .hasSize(2));
        over.join();
        // Else both answer in the same moment, and whose is read first is anybody's guess where the machine is slow.
        FaultProxy.Link asked = proxy.links().get(1);
        asked.mode(Mode.HOLD);
        end.run();

        round.join();
        asked.mode(Mode.PASS);

        eventually(PATIENCE, () -> assertThat(only()).isSameAs(kept));
    }

    private long connectionsMade() {
        String stats = (String) wire.call("INFO", "stats");
        String name = "total_connections_received:";
        return stats.lines()
                .filter(line -> line.startsWith(name))
                .mapToLong(line -> Long.parseLong(line.substring(name.length())))
                .sum();
    }

    private FaultProxy.Link only() {
        assertThat(proxy.links()).hasSize(1);
        return proxy.links().get(0);
    }

    private Mono<UpkeepReply> round() {
        return chores.round(Duration.ofSeconds(10), "0", 0);
    }

    private Mono<Void> ping() {
        return links.commands().ping(DEADLINE);
    }
}
