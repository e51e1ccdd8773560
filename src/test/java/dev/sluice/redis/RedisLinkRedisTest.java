package dev.sluice.redis;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.task.Queue;
import dev.sluice.task.StoreRefusedException;
import dev.sluice.task.StoreUnavailableException;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.Private;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.RedisWire;
import io.lettuce.core.RedisURI;
import io.lettuce.core.protocol.CommandType;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Hooks;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

@OnEveryRedis
class RedisLinkRedisTest {
    private static final Duration SHORT = Duration.ofMillis(300);
    private static final Duration LONG = Duration.ofSeconds(5);

    private RedisServer redis;
    private RedisLinks links;
    private RedisLink link;

    @BeforeEach
    void connect(@Private RedisServer redis) {
        this.redis = redis;
        links = OneQueue.connect(redis);
        link = links.commands();
        ping();
    }

    @AfterEach
    void close() {
        links.close().block(Duration.ofSeconds(10));
    }

    @Test
    void aStalledServerFailsTheCommandInTimeAndTheConnectionIsReplaced() {
        String before = connectionId();
        redis.pause();
        try {
            assertThatThrownBy(() -> link.ping(SHORT).block())
                    .isInstanceOf(StoreUnavailableException.class)
                    .hasMessageContaining("in time");
        } finally {
            redis.resume();
        }

        assertThat(connectionId()).isNotEqualTo(before);
    }

    @Test
    void aCommandHasItsTimeHoweverLongItsConnectionTookToOpen() throws Exception {
        RedisLinks fresh = OneQueue.connect(redis);
        redis.pause();
        CompletableFuture<Reply> slow = fresh.commands()
                .command(CommandType.DEBUG, args -> args.add("SLEEP").add("1.15"), Duration.ofSeconds(2))
                .toFuture();
        try {
            assertThatThrownBy(() -> slow.get(1_150, TimeUnit.MILLISECONDS)).isInstanceOf(TimeoutException.class);
        } finally {
            redis.resume();
        }

        assertThat(slow.get(10, TimeUnit.SECONDS).text(0)).isEqualTo("OK");
        fresh.close().block(Duration.ofSeconds(10));
    }

    /** Whoever goes in the very moment in which the connection is cut is not waiting for the news. */
    @Test
    void aFailureThatMeetsACancellationIsNotDroppedOnTheFloor() {
        List<Throwable> dropped = new CopyOnWriteArrayList<>();
        Hooks.onErrorDropped(dropped::add);
        try (RedisWire killer = redis.wire()) {
            for (int i = 0; i < 300; i++) {
                Disposable wait = link.command(
                                CommandType.BLPOP,
                                args -> args.addKey("nothing".getBytes(StandardCharsets.UTF_8))
                                        .add(5),
                                Duration.ofSeconds(10))
                        .onErrorComplete() // as every wait has it, so that the end of it all is not what drops
                        .subscribe();
                killer.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
                LockSupport.parkNanos(i * 1_000L);
                wait.dispose();
            }
        } finally {
            Hooks.resetOnErrorDropped();
        }

        assertThat(dropped).isEmpty();
    }

    /** What a confirmation covers went through one socket: asked for through another it would confirm nothing. */
    @Test
    void aCommandForAConnectionThatWasReplacedIsNotSent() {
        Object before = link.carry(Script.PAUSE, new QueueKeys(Queue.named("q")).all(), args -> args.add(0), LONG)
                .block()
                .connection();
        redis.pause();
        try {
            assertThatThrownBy(() -> link.ping(SHORT).block()).isInstanceOf(StoreUnavailableException.class);
        } finally {
            redis.resume();
        }
        ping();

        assertThatThrownBy(() -> link.commandOn(before, CommandType.PING, args -> {}, LONG)
                        .block())
                .isInstanceOf(StoreUnavailableException.class);
    }

    @Test
    void commandsThatFailTogetherReplaceTheirConnectionOnce() {
        redis.pause();
        try {
            Flux.range(0, 20)
                    .flatMap(i -> link.ping(Duration.ofMillis(200 + 10L * i)).onErrorComplete())
                    .blockLast();
        } finally {
            redis.resume();
        }

        String id = connectionId();
        ping();
        assertThat(connectionId()).isEqualTo(id);
    }

    @Test
    void atMostOneCommandFailsAfterAKilledConnection() {
        for (int i = 0; i < 20; i++) {
            redis.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");

            Mono<Void> next = link.ping(Duration.ofSeconds(2));
            try {
                next.block();
            } catch (StoreUnavailableException sentBeforeTheNewsCame) {
                next.block();
            }
        }
    }

    @Test
    void aServerThatComesBackOnItsPortIsUsedAtOnce() {
        redis.kill();
        assertThatThrownBy(() -> link.ping(Duration.ofSeconds(2)).block())
                .isInstanceOf(StoreUnavailableException.class);
        assertThatThrownBy(() -> link.ping(Duration.ofSeconds(2)).block())
                .isInstanceOf(StoreUnavailableException.class);
        redis.restart();

        ping();
        assertThat(link.isUp()).isTrue();
    }

    @Test
    void scriptsAreSentAgainWhenTheServerForgotThem() {
        try (OneQueue q = new OneQueue(redis)) {
            q.enqueue("x");
            redis.call("SCRIPT", "FLUSH");
            q.enqueue("y");
            redis.call("SCRIPT", "FLUSH");

            assertThat(q.worker("a").claimIds(10)).containsExactly("x", "y");
        }
    }

    /** The text of a script goes before each of its digests, whoever sends them: else those would come later than what follows. */
    @Test
    void noCallOvertakesTheTextOfItsScript() {
        redis.call("CONFIG", "RESETSTAT");
        for (int round = 0; round < 40; round++) {
            redis.call("SCRIPT", "FLUSH");
            RedisLinks fresh = OneQueue.connect(redis);
            fresh.commands().ping(LONG).block();
            CyclicBarrier start = new CyclicBarrier(4);
            Flux.range(0, 4)
                    .flatMap(i -> Mono.fromCallable(start::await)
                            .then(fresh.claims(Queue.named("q"), 5).join("incarnation" + i, LONG))
                            .subscribeOn(Schedulers.boundedElastic()))
                    .blockLast(LONG);
            fresh.close().block(LONG);
        }

        assertThat(redis.call("INFO", "errorstats").toString()).doesNotContain("NOSCRIPT");
    }

    @Test
    void aWrongPasswordIsRefusedInOneSentence(RedisServer.Builder builder) {
        try (RedisServer locked = builder.password("right").start()) {
            for (String credentials : List.of("", ":wrong@")) {
                RedisLinks others =
                        RedisLinks.own(RedisURI.create("redis://" + credentials + "127.0.0.1:" + locked.port()), null);

                assertThatThrownBy(() ->
                                others.commands().ping(Duration.ofSeconds(5)).block())
                        .isInstanceOfSatisfying(
                                StoreRefusedException.class,
                                refusal -> assertThat(refusal.reason()).isEqualTo("auth"))
                        .hasMessageContaining("check user and password")
                        .hasMessageNotContaining("wrong@");
                others.close().block(Duration.ofSeconds(10));
            }
        }
    }

    @Test
    void aReadOnlyReplicaIsLeftEvenWhenAScriptMeetsIt() {
        try (OneQueue q = new OneQueue(redis)) {
            q.enqueue("x");
            String before = idOf(q.links.commands());
            redis.call("REPLICAOF", "127.0.0.1", "1");

            assertThatThrownBy(() -> q.enqueue("y")).isInstanceOf(StoreUnavailableException.class);
            redis.call("REPLICAOF", "NO", "ONE");

            assertThat(idOf(q.links.commands())).isNotEqualTo(before);
            q.enqueue("y");
        }
    }

    /** The connections to a frozen master stay open, and nothing comes back on them. */
    @Test
    void whoWaitsForAServerThatIsNotMasterAnyMoreIsToldAtOnce() {
        redis.pause();
        try {
            CompletableFuture<Void> answer = link.ping(Duration.ofSeconds(30)).toFuture();
            link.renew();
            assertThat(answer)
                    .failsWithin(Duration.ofSeconds(1))
                    .withThrowableThat()
                    .withCauseInstanceOf(StoreUnavailableException.class);

            CompletableFuture<Void> opening = link.ping(Duration.ofSeconds(30)).toFuture();
            link.renewIfOpening();
            assertThat(opening)
                    .failsWithin(Duration.ofSeconds(1))
                    .withThrowableThat()
                    .withCauseInstanceOf(StoreUnavailableException.class);
        } finally {
            redis.resume();
        }

        ping();
        String open = connectionId();
        link.renewIfOpening();
        assertThat(connectionId()).isEqualTo(open);
        // Those that were given up are closed, the one that was only being opened too.
        eventually(() -> assertThat((String) redis.call("CLIENT", "LIST", "TYPE", "normal"))
                .hasLineCount(2)); // the link's, and this
    }

    @Test
    void aClosedLinkSaysSo() {
        RedisLink closed = links.open("test");
        links.close(closed).block();

        assertThatThrownBy(() -> closed.ping(SHORT).block())
                .isInstanceOf(StoreUnavailableException.class)
                .hasMessageContaining("'test' is closed");
    }

    @Test
    void whoWaitsForAConnectionWhenItsLinkIsClosedIsToldAtOnce() {
        RedisLink closing = links.open("test");
        redis.pause();
        try {
            CompletableFuture<Void> opening =
                    closing.ping(Duration.ofSeconds(30)).toFuture();
            links.close(closing).block(Duration.ofSeconds(10));
            assertThat(opening)
                    .failsWithin(Duration.ofSeconds(1))
                    .withThrowableThat()
                    .withCauseInstanceOf(StoreUnavailableException.class)
                    .withMessageContaining("is closed");
        } finally {
            redis.resume();
        }
    }

    @Test
    void aWaitThatTheServerEndsCompletesWithoutATaskAndTheLinkIsUsedOn() {
        try (OneQueue q = new OneQueue(redis)) {
            RedisLink doorbell = q.links.open("doorbell");
            OneQueue.await(q.claims.awaitRing(doorbell, Duration.ofMillis(50)));
            String before = idOf(doorbell);
            OneQueue.await(q.claims.awaitForeign(doorbell, Duration.ofMillis(50)));
            assertThat(idOf(doorbell)).isEqualTo(before);

            q.enqueue("x");
            OneQueue.await(q.claims.awaitRing(doorbell, Duration.ofSeconds(5)));
            q.push("{\"id\":\"f\"}");
            OneQueue.await(q.claims.awaitForeign(doorbell, Duration.ofSeconds(5)));
            assertThat(q.worker("a").claimIds(5)).containsExactly("x", "f");
        }
    }

    @Test
    void theServerTellsWhatItIs() {
        ServerFacts facts = links.server().block();

        assertThat(facts.version()).isEqualTo(redis.version().toString());
        assertThat(facts.cluster()).isFalse();
        assertThat(facts.mayEvict()).isFalse();
        assertThat(facts.check()).isSameAs(facts);
    }

    private void ping() {
        link.ping(Duration.ofSeconds(5)).block();
    }

    private String connectionId() {
        return idOf(link);
    }

    private static String idOf(RedisLink link) {
        return String.valueOf(link.command(CommandType.CLIENT, args -> args.add("ID"), Duration.ofSeconds(5))
                .block()
                .number(0));
    }
}
