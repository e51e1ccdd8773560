package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.always;
import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.Sluice;
import dev.sluice.observe.Observer;
import dev.sluice.observe.Outcome;
import dev.sluice.redis.ClaimStore;
import dev.sluice.redis.ExchangeCall;
import dev.sluice.redis.RedisLinks;
import dev.sluice.task.Diagnosis;
import dev.sluice.task.StoreUnavailableException;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.Private;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.RedisWire;
import io.lettuce.core.RedisURI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.reactivestreams.Subscription;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** As {@link FaultsScenarioTest}, where it is a matter of seconds: leases that a machine busy with other tests would break. */
@Tag("alone")
@OnEveryRedis
class ShortLeasesScenarioTest extends DispatchCase {
    private static final Duration SHORT_LEASE = Duration.ofSeconds(1);

    private final RedisServer own;

    ShortLeasesScenarioTest(@Private RedisServer redis) {
        super(redis);
        this.own = redis;
    }

    @Test
    void consumptionResumesWithinTwoSecondsOfACut() {
        Runs<Object> runs = Runs.succeeding();
        running(runs);
        enqueue(0, 10);
        eventually(() -> assertThat(runs.count()).isEqualTo(10));

        for (int round = 1; round <= 3; round++) {
            wire.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
            int ids = 100 * round;
            push("after" + ids);
            eventually(
                    Duration.ofSeconds(2),
                    () -> assertThat(runs.count("after" + ids)).isOne());
        }
        eventually(this::assertEmpty);
    }

    /** Longer than the lease and than a command may take: the lease is lost, and the link is mended by the next join. */
    @Test
    @Timeout(60)
    void anOutageThatOutlastsTheLeaseIsOverWhenTheQueueIsJoinedAnew() {
        settings = settings.concurrency(4);
        Runs<Object> runs = new Runs<>(context -> Mono.delay(Duration.ofMillis(10)));
        started(dispatcher(it -> it.lease(Duration.ofSeconds(3))).handler("t", Object.class, runs));
        enqueue(0, 1000);

        own.pause();
        eventually(() -> assertThat(told.lapses.get()).isOne());
        assertThat(told.cuts.get()).isOne();
        own.resume();

        eventually(() -> assertThat(told.mends.get()).isOne());
        eventually(() -> assertThat(runs.tasks()).isEqualTo(1000));
        assertThat(told.cuts.get()).isOne();
        assertThat(told.rejoins.get()).isOne();
    }

    /** What it says as it loses its lease is not heard: it is said again, or its tasks would be those of one that crashed. */
    @Test
    @Timeout(60)
    void anOutageThatOutlastsTheLeaseIsNoCrash() {
        Gate gate = new Gate();
        Runs<Object> runs = new Runs<>(context -> gate.wait(context.id() + context.fencingNumber()));
        started(dispatcher(it -> it.lease(Duration.ofSeconds(2))).handler("t", Object.class, runs));
        enqueue(0, 4);

        for (int outage = 1; outage <= 2; outage++) {
            int held = 4 * outage;
            eventually(() -> assertThat(gate.waiting()).isEqualTo(held));
            int before = outage;
            wire.call("CLIENT", "PAUSE", "4000", "WRITE");
            eventually(() -> assertThat(told.lapses.get()).isEqualTo(before));
        }

        eventually(() -> assertThat(gate.waiting()).isEqualTo(12));
        assertThat(runs.all).allMatch(it -> it.crashes() == 0).allMatch(it -> it.attempt() == 1);
        assertThat(told.recovered.get()).isZero();
        assertThat(incarnations()).hasSize(1);
        gate.open();
        eventually(this::assertEmpty);
    }

    @Test
    void aLeaseIsKeptWhileAStopWaitsForItsHandlers() throws Exception {
        Gate gate = new Gate();
        Runs<Object> runs = new Runs<>(context -> gate.wait(context.id()));
        Dispatcher stopping = started(dispatcher(it -> it.lease(SHORT_LEASE)).handler("t", Object.class, runs));
        enqueue(0, 4);
        eventually(() -> assertThat(gate.waiting()).isEqualTo(4));
        started(dispatcher(it -> it.lease(SHORT_LEASE)).handler("t", Object.class, runs)); // who would take them

        CompletableFuture<Void> stopped = stopping.stop(PATIENCE).toFuture();
        always(
                SHORT_LEASE.multipliedBy(3),
                () -> assertThat(told.lapses.get() + told.recovered.get()).isZero());
        gate.open();
        stopped.get(15, TimeUnit.SECONDS);

        assertThat(runs.count()).isEqualTo(4);
        assertThat(told.settled(Outcome.SUCCEEDED)).isEqualTo(4);
        eventually(this::assertEmpty);
    }

    /** Its last words are also those of the life that it lost meanwhile. */
    @Test
    @Timeout(60)
    void whoIsStoppedAsAnOutageEndsGivesBackWhatItHeldBefore(RedisServer.Builder builder) {
        try (RedisServer durable = builder.appendOnly().start()) {
            Gate gate = new Gate();
            Sluice door = door(durable.uri());
            Dispatcher dispatcher = started(stoppedInTheEnd(door.dispatcher()
                            .queue(queue, settings)
                            .lease(SHORT_LEASE)
                            .build())
                    .handler("t", Object.class, context -> gate.wait(context.id())));
            door.client(queue)
                    .enqueueAll(Flux.range(0, 4).map(i -> task("t" + i)))
                    .blockLast(PATIENCE);
            eventually(() -> assertThat(gate.waiting()).isEqualTo(4));

            durable.kill();
            eventually(() -> assertThat(told.lapses.get()).isOne());
            LockSupport.parkNanos(1_500_000_000L); // nobody hears what it says now
            durable.restart();
            dispatcher.stop(GRACE).block(PATIENCE);

            try (RedisWire after = durable.wire()) {
                // A stop waits for its last words for 300 ms only; what Redis is still to execute it has.
                eventually(() -> {
                    assertThat(after.call("LLEN", key("ready"))).isEqualTo(4L);
                    assertThat(after.call("EXISTS", key("dispatchers"))).isEqualTo(0L);
                });
            }
        }
    }

    /** The answer to a join may be older than a short lease: what is claimed under it is given back, and claimed again. */
    @Test
    @Timeout(60)
    void aJoinThatIsAnsweredTooLateClaimsNothing() {
        Gate gate = new Gate();
        Runs<Object> runs = new Runs<>(context -> gate.wait(context.id() + context.fencingNumber()));
        started(dispatcher(it -> it.lease(SHORT_LEASE)).handler("t", Object.class, runs));
        enqueue(0, 6);

        try (LogTap log = new LogTap()) {
            for (int outage = 1; outage <= 3; outage++) {
                int held = 6 * outage;
                eventually(() -> assertThat(gate.waiting()).isEqualTo(held));
                own.pause();
                LockSupport.parkNanos(4_000_000_000L);
                own.resume();
            }
            eventually(() -> assertThat(gate.waiting()).isEqualTo(24));
            assertThat(log.warnings()).hasSize(3).allMatch(line -> line.startsWith("Redis does not answer"));
        }
        // One claim more may have been under way as Redis went away.
        assertThat(runs.all).allMatch(it -> it.fencingNumber() <= 1 + 2 * 3);
        gate.open();
        eventually(this::assertEmpty);
    }

    /** Nothing but its loop hangs: its process lives, Redis is there, and others have its tasks a lease later. */
    @Test
    @Timeout(60)
    void theTasksOfALoopThatHangsRunElsewhere() {
        AtomicBoolean armed = new AtomicBoolean();
        AtomicBoolean letGo = new AtomicBoolean();
        AtomicBoolean hangs = new AtomicBoolean();
        Recorder ofIts = new Recorder();
        Sluice door = Sluice.builder()
                .uri(own.uri())
                .observer(ofIts.and(new Observer() {
                    @Override
                    public void claimed(String name, int count) {
                        if (armed.get()) {
                            hangs.set(true);
                            Blocking.until(letGo); // on the loop, as a bad observer would
                        }
                    }
                }))
                .build();
        Duration lease = Duration.ofSeconds(2);
        Gate gate = new Gate();
        Dispatcher hanging = door.dispatcher()
                .queue(queue, settings)
                .lease(lease)
                .build()
                .handler("t", Object.class, context -> gate.wait(context.id()));
        Runs<Object> elsewhere = Runs.succeeding();
        try (LogTap log = new LogTap()) {
            started(hanging);
            enqueue(0, 4);
            eventually(() -> assertThat(gate.waiting()).isEqualTo(4));
            armed.set(true);
            push("hangs");
            eventually(() -> assertThat(hangs).isTrue());
            long from = System.nanoTime();
            started(dispatcher(it -> it.lease(lease)).handler("t", Object.class, elsewhere));

            eventually(lease.plusSeconds(1), () -> assertThat(elsewhere.tasks()).isEqualTo(5));
            assertThat(Duration.ofNanos(System.nanoTime() - from)).isLessThan(lease.plusSeconds(1));
            assertThat(gate.cancelled()).isEqualTo(4); // by the guard, while the loop hung
            assertThat(elsewhere.repeats()).isZero();
            eventually(() -> assertThat(hanging.health().get("q").state()).isEqualTo(Health.State.STALLED));
            armed.set(false);
            letGo.set(true);

            eventually(() -> assertThat(ofIts.rejoins).hasValue(1));
            eventually(() -> assertThat(hanging.health().get("q").isUp()).isTrue());
            assertThat(ofIts.lapses).hasValue(1);
            assertThat(ofIts.cuts).hasValue(0); // Redis was there all the time
            assertThat(log.lines()).noneMatch(line -> line.startsWith("Redis"));
            assertThat(log.warnings())
                    .anyMatch(line -> line.startsWith("The lease is lost") && line.contains("stood still for"));
            eventually(this::assertEmpty);
        } finally {
            letGo.set(true);
            hanging.stop(GRACE).block(PATIENCE);
            door.close().block(PATIENCE);
        }
    }

    @Test
    void aLeaseThatOthersTookIsNoticedAndItsSettlesAreRefused() {
        Gate gate = new Gate();
        settings = settings.concurrency(4);
        started(stoppedInTheEnd(sluice.dispatcher()
                        .queue(queue, settings)
                        .lease(Duration.ofSeconds(2))
                        .build())
                .handler("t", Object.class, context -> gate.wait(context.id() + context.fencingNumber())));
        enqueue(0, 4);
        eventually(() -> assertThat(gate.waiting()).isEqualTo(4));
        String stalled = incarnations().get(0);

        lapse(stalled, 3);

        eventually(() -> assertThat(gate.cancelled()).isEqualTo(4));
        eventually(() -> assertThat(gate.waiting()).isEqualTo(8)); // taken back, and run anew
        eventually(() -> assertThat(incarnations()).hasSize(1).doesNotContain(stalled));
        assertThat(told.lapses.get()).isOne();
        assertThat(told.rejoins.get()).isOne();
        gate.open();
        eventually(this::assertEmpty);
        eventually(() -> assertThat(told.settled(Outcome.SUCCEEDED)).isEqualTo(4));
    }

    @Test
    @Timeout(60)
    void aDispatcherThatVanishedIsSucceededByAnother() {
        RedisLinks links = RedisLinks.own(RedisURI.create(own.uri()), null);
        try {
            ClaimStore vanished = links.claims(queue, 3);
            enqueue(0, 300);
            vanished.join("vanished", Duration.ofSeconds(2)).block(PATIENCE);
            vanished.exchange("vanished", vanished.keysOf("vanished"), new ExchangeCall(1, 256, false))
                    .block(PATIENCE);
            assertThat(claimed()).isEqualTo(256);
        } finally {
            links.close().block(PATIENCE);
        }
        Runs<Object> runs = Runs.succeeding();

        started(dispatcher(it -> it.lease(SHORT_LEASE)).handler("t", Object.class, runs));

        eventually(Duration.ofSeconds(12), () -> assertThat(runs.tasks()).isEqualTo(300));
        eventually(this::assertEmpty);
        assertThat(runs.repeats()).isZero();
        assertThat(runs.all.stream().filter(it -> it.crashes() == 1)).hasSize(256);
        assertThat(runs.all.stream().filter(it -> it.attempt() == 1)).hasSize(300);
        eventually(() -> assertThat(told.recovered.get()).isEqualTo(256));
    }

    @Test
    @Timeout(60)
    void aClaimThatNobodyRemembersIsGivenBack() {
        Gate gate = new Gate();
        Runs<Object> runs = new Runs<>(context -> context.id().equals("t0") ? gate.wait("t0") : Mono.empty());
        started(dispatcher(it -> it.lease(SHORT_LEASE)).handler("t", Object.class, runs));
        enqueue(0, 1);
        eventually(() -> assertThat(gate.waiting()).isOne());

        wire.call("HSET", key("bodies"), "lost", "\u0001c lost\n{\"type\":\"t\"}");
        wire.call("HSET", queue.statusKey(), "lost", "processing");
        wire.call("HSET", key("claimed:" + incarnations().get(0)), "1000000.1", "lost");

        eventually(() -> assertThat(runs.count("lost")).isOne());
        eventually(() -> assertThat(told.orphans.get()).isOne());
        gate.open();
        eventually(this::assertEmpty);
        assertThat(runs.count("t0")).isOne();
    }

    @Test
    @Timeout(60)
    void aTaskThatRedisForgotIsCancelled() {
        Gate gate = new Gate();
        started(dispatcher(it -> it.lease(SHORT_LEASE)).handler("t", Object.class, context -> gate.wait(context.id())));
        enqueue(0, 2);
        eventually(() -> assertThat(gate.waiting()).isEqualTo(2));

        String hash = key("claimed:" + incarnations().get(0));
        for (Object token : (List<?>) wire.call("HKEYS", hash)) {
            if ("t0".equals(wire.call("HGET", hash, (String) token))) {
                wire.call("HDEL", hash, (String) token);
            }
        }
        wire.call("HDEL", key("bodies"), "t0");
        wire.call("HDEL", queue.statusKey(), "t0");

        eventually(() -> assertThat(gate.cancelled()).isOne());
        eventually(() -> assertThat(told.fenced.get()).isOne());
        gate.open();
        eventually(this::assertEmpty);
        eventually(() -> assertThat(told.settled(Outcome.SUCCEEDED)).isOne());
    }

    @Test
    @Timeout(60)
    void aShortLeaseSurvivesCutsOfItsHeartbeats() {
        Gate gate = new Gate();
        started(dispatcher(it -> it.lease(Duration.ofSeconds(3)))
                .handler("t", Object.class, context -> gate.wait(context.id())));
        enqueue(0, 1);
        eventually(() -> assertThat(gate.waiting()).isOne());

        for (int i = 0; i < 35; i++) {
            wire.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
            LockSupport.parkNanos(100_000_000);
        }

        gate.open();
        eventually(this::assertEmpty);
        eventually(() -> assertThat(told.settled(Outcome.SUCCEEDED)).isOne());
        assertThat(gate.cancelled()).isZero();
    }

    /** It takes no new task, and lets all that it has be done: who holds some for long must not lose them to another. */
    @Test
    @Timeout(60)
    void aFullRedisIsWorkedOffAndCostsNobodyItsLease() {
        settings = settings.concurrency(32);
        enqueue(0, 500);
        IntStream.range(500, 550).forEach(i -> push("t" + i));
        Gate gate = new Gate(); // t10, t60 ... are held for longer than a lease
        Runs<Object> runs = new Runs<>(context -> {
            int number = Integer.parseInt(context.id().substring(1));
            if (number % 10 == 5 && context.attempt() == 1) {
                return Mono.error(new IllegalStateException("on purpose"));
            }
            return number % 50 == 10 ? gate.wait(context.id()) : Mono.delay(Duration.ofMillis(1));
        });

        wire.call("CONFIG", "SET", "maxmemory", "1");
        try {
            Dispatcher working = started(dispatcher(it -> it.lease(SHORT_LEASE)).handler("t", Object.class, runs));
            Dispatcher watching = dispatcher(it -> it.lease(SHORT_LEASE));
            watching.receive("q", Object.class).subscribe(askingForNothing());
            started(watching);

            eventually(() -> {
                assertThat(told.settled(Outcome.SUCCEEDED)).isEqualTo(550 - 11);
                assertThat(gate.waiting()).isEqualTo(11);
            });
            assertThatThrownBy(
                            () -> sluice.client(queue).enqueue(task("refused")).block(PATIENCE))
                    .isInstanceOf(StoreUnavailableException.class)
                    .hasMessageContaining("maxmemory");
            always(SHORT_LEASE.multipliedBy(3), () -> {
                assertThat(gate.waiting()).isEqualTo(11);
                assertThat(told.lapses).hasValue(0);
                assertThat(List.of(working, watching))
                        .allMatch(it -> it.health().get("q").isUp());
            });
            gate.open();

            eventually(() -> assertThat(told.settled(Outcome.SUCCEEDED)).isEqualTo(550));
            eventually(this::assertEmpty);
        } finally {
            wire.call("CONFIG", "SET", "maxmemory", "0");
        }
        assertThat(runs.tasks()).isEqualTo(550);
        assertThat(runs.repeats()).isEqualTo(told.settled(Outcome.RETRIED)).isEqualTo(55);
        assertThat(List.of(told.lapses, told.recovered, told.fenced))
                .extracting(AtomicLong::get)
                .containsOnly(0L);
        assertThat(sluice.examine(queue).block(PATIENCE)).matches(Diagnosis::isClean);
        push("t1000");
        enqueue(1001, 1002);
        eventually(() -> assertThat(runs.tasks()).isEqualTo(552));
        eventually(this::assertEmpty);
    }

    private static BaseSubscriber<Delivery<Object>> askingForNothing() {
        return new BaseSubscriber<>() {
            @Override
            protected void hookOnSubscribe(Subscription subscription) {
                // it only belongs to the queue
            }
        };
    }

    @Test
    @Timeout(60)
    void aSubscriberWithFiniteDemandSurvivesTheLossOfItsLease() {
        settings = settings.concurrency(8);
        Dispatcher dispatcher = dispatcher(it -> it.lease(SHORT_LEASE));
        Runs<Object> seen = Runs.succeeding();
        List<reactor.core.Disposable> held = new ArrayList<>();
        held.add(dispatcher
                .receive("q", Object.class)
                .limitRate(4)
                .concatMap(delivery -> Mono.delay(Duration.ofMillis(1)).then(Mono.defer(() -> {
                    try {
                        seen.handle(delivery);
                    } catch (Exception e) {
                        throw new AssertionError(e);
                    }
                    return delivery.ack();
                })))
                .subscribe());
        started(dispatcher);
        enqueue(0, 400);

        for (int i = 0; i < 5; i++) {
            eventually(() -> assertThat(incarnations()).isNotEmpty());
            lapse(incarnations().get(0), 3);
            LockSupport.parkNanos(50_000_000);
        }

        eventually(Duration.ofSeconds(15), () -> assertThat(seen.tasks()).isEqualTo(400));
        eventually(this::assertEmpty);
        assertThat(held).hasSize(1);
    }
}
