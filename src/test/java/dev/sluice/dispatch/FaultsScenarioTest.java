package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.Sluice;
import dev.sluice.client.EnqueueResult;
import dev.sluice.observe.Outcome;
import dev.sluice.redis.ClaimStore;
import dev.sluice.redis.ExchangeCall;
import dev.sluice.redis.RedisLinks;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.StoreUnavailableException;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.Private;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.RedisWire;
import dev.sluice.testkit.StoredStateMayBeBroken;
import io.lettuce.core.RedisURI;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** Whatever breaks: nothing accepted is lost, only the owner settles, and work goes on by itself. */
@OnEveryRedis
class FaultsScenarioTest extends DispatchCase {
    private static final int TASKS = 5000;
    private static final Predicate<String> LOST = line -> line.startsWith("The keys of this queue were gone");

    private final RedisServer own;

    FaultsScenarioTest(@Private RedisServer redis) {
        super(redis);
        this.own = redis;
    }

    @ParameterizedTest
    @EnumSource
    @Timeout(60)
    void everyConnectionIsCutAgainAndAgain(DeliveryMode mode) {
        deliver(mode);
        settings = settings.concurrency(64);
        Runs<Object> runs = new Runs<>(context -> Mono.delay(Duration.ofMillis(2)));
        running(runs);
        enqueue(0, TASKS);
        Random random = new Random(11);

        for (int cut = 0; cut < 12; cut++) {
            LockSupport.parkNanos(random.nextInt(120_000_000));
            wire.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
        }
        if (mode == DeliveryMode.AT_LEAST_ONCE) {
            eventually(() -> assertThat(runs.tasks()).isEqualTo(TASKS));
            eventually(this::assertEmpty);
            // Effective once: what ran twice was refused at one of its settles.
            eventually(() -> assertThat(told.settled(Outcome.SUCCEEDED)).isEqualTo(TASKS));
            assertThat(runs.repeats()).isLessThan(TASKS / 10);
            assertThat(dead()).isZero();
        } else {
            eventually(() -> assertThat(waiting()).isZero());
            eventually(() -> assertThat(hlen(queue.statusKey()) - dead()).isLessThan(TASKS / 5));
            assertThat(runs.repeats()).isZero();
        }
        // And it is still alive.
        enqueue(TASKS, TASKS + 10);
        eventually(() -> assertThat(runs.count("t" + (TASKS + 9))).isOne());
    }

    @Test
    @Timeout(60)
    void aServerThatHangsForThreeSecondsDelaysAndLosesNothing() {
        settings = settings.concurrency(16);
        Runs<Object> runs = new Runs<>(context -> Mono.delay(Duration.ofMillis(1)));
        running(runs);
        enqueue(0, 3000);

        own.pause();
        LockSupport.parkNanos(3_000_000_000L);
        own.resume();

        eventually(() -> assertThat(runs.tasks()).isEqualTo(3000));
        eventually(this::assertEmpty);
        assertThat(told.lapses.get()).isZero();
    }

    @Test
    @Timeout(60)
    void clientPauseDelaysAndLosesNothing() {
        Runs<Object> runs = new Runs<>(context -> Mono.delay(Duration.ofMillis(1)));
        settings = settings.concurrency(16);
        running(runs);
        enqueue(0, 2000);

        wire.call("CLIENT", "PAUSE", "2500", "ALL");

        eventually(() -> assertThat(runs.tasks()).isEqualTo(2000));
        eventually(this::assertEmpty);
    }

    @Test
    void withOneConnectionInPlaceOfFiveItWorksOnAndKeepsItsLease() {
        wire.call("CONFIG", "SET", "maxclients", "2"); // one of them is the test's own
        Runs<Object> runs = new Runs<>(context -> Mono.empty());
        Dispatcher dispatcher =
                started(dispatcher(it -> it.lease(Duration.ofSeconds(1))).handler("t", Object.class, runs));

        for (int i = 0; i < 4; i++) {
            LockSupport.parkNanos(Duration.ofMillis(900).toNanos());
            push("t" + i);
        }

        eventually(() -> assertThat(runs.tasks()).isEqualTo(4));
        eventually(this::assertEmpty);
        assertThat(told.lapses).hasValue(0);
        assertThat(dispatcher.health().get("q").state()).isEqualTo(Health.State.UP);
    }

    /** Its waits have a connection of their own, and each fails; what else it asks is answered. */
    @Test
    void withOneConnectionAnAtMostOnceQueueTellsNoHundredOutages() {
        deliver(DeliveryMode.AT_MOST_ONCE);
        wire.call("CONFIG", "SET", "maxclients", "2"); // one of them is the test's own
        try (LogTap log = new LogTap()) {
            Runs<Object> runs = new Runs<>(context -> Mono.empty());
            running(runs);
            push("t0");

            eventually(() -> assertThat(runs.tasks()).isEqualTo(1));
            LockSupport.parkNanos(Duration.ofSeconds(3).toNanos());

            assertThat(log.warnings()).isNotEmpty().hasSizeLessThan(20);
        } finally {
            wire.call("CONFIG", "SET", "maxclients", "1000");
        }
    }

    @Test
    void scriptsThatAreForgottenAreSentAgain() {
        Runs<Object> runs = new Runs<>(context -> Mono.delay(Duration.ofMillis(1)));
        settings = settings.concurrency(32);
        running(runs);
        enqueue(0, 3000);

        for (int i = 0; i < 30; i++) {
            wire.call("SCRIPT", "FLUSH");
            LockSupport.parkNanos(5_000_000);
        }

        eventually(() -> assertThat(runs.tasks()).isEqualTo(3000));
        eventually(this::assertEmpty);
        assertThat(runs.repeats()).isZero();
    }

    @Test
    @Timeout(60)
    void aRestartWithItsLogLosesNothing(RedisServer.Builder builder) {
        RedisServer durable = builder.appendOnly().start();
        Runs<Object> runs = new Runs<>(context -> Mono.delay(Duration.ofMillis(2)));
        try {
            Sluice there = door(durable.uri());
            Dispatcher dispatcher = stoppedInTheEnd(there.dispatcher()
                            .queue(queue, settings.concurrency(32))
                            .build())
                    .handler("t", Object.class, runs);
            started(dispatcher);
            there.client(queue)
                    .enqueueAll(Flux.range(0, 3000).map(i -> task("t" + i)))
                    .collectList()
                    .block(PATIENCE);
            eventually(() -> assertThat(runs.count()).isGreaterThan(100));

            durable.kill();
            durable.restart();
            durable.kill();
            durable.restart();

            eventually(() -> assertThat(runs.tasks()).isEqualTo(3000));
            eventually(() -> assertThat(durable.call("HLEN", key("status"))).isEqualTo(0L));
            eventually(() -> assertThat(durable.call("HLEN", key("bodies"))).isEqualTo(0L));
        } finally {
            stopAll();
            durable.close();
        }
    }

    @ParameterizedTest
    @EnumSource
    @StoredStateMayBeBroken("FLUSHALL between a claim and its settle leaves what was on its way")
    void anEmptiedServerIsServedOn(DeliveryMode mode) {
        deliver(mode);
        Runs<Object> runs = new Runs<>(context -> Mono.delay(Duration.ofMillis(2)));
        settings = settings.concurrency(32);
        running(runs);
        enqueue(0, 3000);
        eventually(() -> assertThat(runs.count()).isGreaterThan(50));

        try (LogTap log = new LogTap()) {
            wire.call("FLUSHALL");

            eventually(() -> {
                push("probe");
                assertThat(runs.count("probe")).isPositive();
            });
            enqueue(5000, 5100);
            eventually(() -> assertThat(runs.count("t5099")).isOne());
            eventually(() -> {
                push("probe");
                assertThat(log.warnings()).filteredOn(LOST).hasSize(1);
            });
        }
        assertThat(wire.call("HGET", key("meta"), "protocol")).isEqualTo("1");
    }

    @ParameterizedTest
    @EnumSource
    @Timeout(60)
    void aServerThatComesBackWithEmptyMemoryIsServedOnAndToldOfInFewWords(
            DeliveryMode mode, RedisServer.Builder builder) {
        deliver(mode);
        Runs<Object> runs = new Runs<>(context -> Mono.delay(Duration.ofMillis(2)));
        try (RedisServer forgetful = builder.start();
                LogTap log = new LogTap()) {
            Sluice there = door(forgetful.uri());
            started(stoppedInTheEnd(there.dispatcher()
                            .queue(queue, settings.concurrency(32))
                            .build())
                    .handler("t", Object.class, runs));
            there.client(queue)
                    .enqueueAll(Flux.range(0, 3000).map(i -> task("t" + i)))
                    .collectList()
                    .block(PATIENCE);
            eventually(() -> assertThat(runs.count()).isGreaterThan(50));

            forgetful.kill();
            forgetful.restart();

            eventually(() -> assertThat(there.client(queue)
                            .enqueue(task("probe"))
                            .map(EnqueueResult::isAccepted)
                            // the connection that it waits for may have been refused before the server was back
                            .onErrorReturn(StoreUnavailableException.class, false)
                            .block(PATIENCE))
                    .isTrue());
            eventually(() -> assertThat(runs.count("probe")).isPositive());
            eventually(() -> assertThat(log.lines()).anyMatch(it -> it.contains("Redis answers again")));
            eventually(() -> assertThat(forgetful.call("EXISTS", key("status"), key("ready"), key("bodies")))
                    .isEqualTo(0L));
            eventually(() -> assertThat(log.warnings()).filteredOn(LOST).hasSize(1));
            assertThat(log.lines())
                    .as("one line when it goes, one when it is back, one of what is gone")
                    .filteredOn(LOST.negate())
                    .hasSize(2);
            stopAll();
        }
    }

    @Test
    @Timeout(60)
    void aServerThatIsLoadingIsWaitedFor(RedisServer.Builder builder) {
        Sinks.Empty<Void> go = Sinks.empty();
        Runs<Object> runs = new Runs<>(context -> go.asMono());
        try (RedisServer slow = builder.with("appendonly", "yes")
                .with("appendfsync", "no") // a kill loses nothing that the kernel has
                .with("key-load-delay", "50")
                .timeToStart(PATIENCE)
                .start()) {
            Sluice there = door(slow.uri());
            started(stoppedInTheEnd(there.dispatcher()
                            .queue(queue, settings.concurrency(4))
                            .build())
                    .handler("t", Object.class, runs));
            try (RedisWire producer =
                    slow.wire()) { // one by one: a log of many commands, between which the server answers
                IntStream.range(0, 3000)
                        .forEach(i -> producer.send("RPUSH", "q", "{\"id\":\"t" + i + "\",\"type\":\"t\"}"));
                IntStream.range(0, 3000).forEach(i -> producer.reply());
            }

            slow.kill();
            CompletableFuture<Void> back = CompletableFuture.runAsync(slow::restart);
            eventually(() -> assertThatThrownBy(() -> slow.call("GET", "x")).hasMessageStartingWith("LOADING"));
            back.join();
            go.tryEmitEmpty();

            eventually(() -> assertThat(runs.tasks()).isEqualTo(3000));
            eventually(() -> assertThat(slow.call("EXISTS", key("status"), key("bodies")))
                    .isEqualTo(0L));
            stopAll();
        }
    }

    @Test
    @Timeout(60)
    void whatADispatcherThatVanishedHadTakenIsNotRunAgainWhereNothingRunsTwiceAndLeavesNoWord() {
        deliver(DeliveryMode.AT_MOST_ONCE);
        Gate gate = new Gate();
        own.call("ACL", "SETUSER", "app", "on", ">pw", "~*", "&*", "+@all");
        Sluice vanishing = door(own.uri().replace("redis://", "redis://app:pw@"));
        started(stoppedInTheEnd(vanishing
                        .dispatcher()
                        .queue(queue, settings.concurrency(4))
                        .lease(Duration.ofSeconds(1))
                        .build())
                .handler("t", Object.class, context -> gate.wait(context.id())));
        wire.call("HSET", queue.statusKey(), "of another worker", "processing");
        enqueue(0, 10);
        eventually(() -> assertThat(gate.waiting()).isEqualTo(4));
        eventually(() -> assertThat((List<?>) wire.call("HVALS", queue.statusKey())) // written beside the handlers
                .filteredOn("processing"::equals)
                .hasSize(5));
        own.call("ACL", "SETUSER", "app", "off");
        own.call("CLIENT", "KILL", "USER", "app");
        Runs<Object> runs = Runs.succeeding();

        started(dispatcher(it -> it.lease(Duration.ofSeconds(1))).handler("t", Object.class, runs));

        eventually(() -> assertThat(runs.tasks()).isEqualTo(6));
        eventually(() -> assertThat(wire.call("HKEYS", queue.statusKey())).isEqualTo(List.of("of another worker")));
        eventually(() -> assertThat(told.lost).hasValue(4));
        assertThat(runs.count()).isEqualTo(6);

        own.call(
                "ACL", "SETUSER", "app",
                "on"); // it had not died: its tasks are not lost, and their words are written again
        eventually(() -> assertThat(hlen(queue.statusKey())).isEqualTo(5));
        gate.open();
        eventually(() -> assertThat(wire.call("HKEYS", queue.statusKey())).isEqualTo(List.of("of another worker")));
        eventually(() -> assertThat((List<?>) wire.call("KEYS", key("claimed:*")))
                .allSatisfy(
                        held -> assertThat(wire.call("HKEYS", (String) held)).isEqualTo(List.of("last"))));
        wire.call("HDEL", queue.statusKey(), "of another worker");
    }

    @Test
    @Timeout(60)
    void aTaskThatKeepsKillingItsDispatchersIsDeadInTheEnd() {
        RedisLinks links = RedisLinks.own(RedisURI.create(own.uri()), null);
        Runs<Object> runs = Runs.succeeding();
        try {
            ClaimStore store = links.claims(queue, 2);
            store.join("witness", Duration.ofMinutes(1)).block(PATIENCE);
            enqueue(0, 1);
            for (int life = 0; life < 2; life++) {
                String name = "victim" + life;
                store.join(name, Duration.ofMinutes(1)).block(PATIENCE);
                store.exchange(name, store.keysOf(name), new ExchangeCall(1, 10, true))
                        .block(PATIENCE);
                lapse(name, 2);
            }
        } finally {
            links.close().block(PATIENCE);
        }

        assertThat(deadLetter("t0")).contains("\"reason\":\"crash-limit\"");
        running(runs);
        enqueue(1, 2);
        eventually(() -> assertThat(runs.count("t1")).isOne());
        assertThat(runs.count("t0")).isZero();
        wire.call("ZREM", key("dispatchers"), "witness");
        wire.call("DEL", key("claimed:witness"));
    }
}
