package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.always;
import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.as;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.Sluice;
import dev.sluice.observe.Outcome;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Queue;
import dev.sluice.task.StoreRefusedException;
import dev.sluice.task.Task;
import dev.sluice.task.Verdict;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.Private;
import dev.sluice.testkit.RedisServer;
import io.lettuce.core.RedisClient;
import io.lettuce.core.resource.ClientResources;
import io.lettuce.core.resource.DefaultClientResources;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.test.StepVerifier;

/** A dispatcher starts once, stops in time whatever happens, and leaves nothing behind. */
@OnEveryRedis
class LifecycleRedisTest extends DispatchCase {

    LifecycleRedisTest(RedisServer redis) {
        super(redis);
    }

    @Tag("alone")
    @ParameterizedTest
    @EnumSource
    void stoppingAnIdleDispatcherLeavesNothing(DeliveryMode mode) {
        deliver(mode);
        Dispatcher dispatcher = running(context -> Mono.empty());

        assertThat(msToStop(dispatcher, Duration.ofSeconds(10))).isLessThan(3000);

        assertThat(incarnations()).isEmpty();
        assertEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void stoppingUnderLoadFinishesWhatRunsAndKeepsTheRest(DeliveryMode mode) {
        deliver(mode);
        Runs<Object> runs = new Runs<>(context -> Mono.delay(Duration.ofMillis(5)));
        settings = settings.concurrency(50);
        enqueue(0, 3000);
        Dispatcher dispatcher = running(runs);
        eventually(() -> assertThat(runs.count()).isGreaterThan(300));

        dispatcher.stop(PATIENCE).block(PATIENCE);

        assertThat(claimed()).isZero();
        assertThat(waiting()).isEqualTo(3000 - runs.tasks()).isPositive();
        assertThat(runs.repeats()).isZero();
        assertThat(dead()).isZero();
        assertThat(hlen(queue.statusKey())).isEqualTo(waiting());
    }

    @Tag("alone")
    @Test
    void whatDoesNotEndWithinTheGraceGoesBackToTheHeadAndUsesNoAttempt() {
        Gate gate = new Gate();
        settings = settings.concurrency(3);
        enqueue(0, 10);
        Dispatcher dispatcher = running(context -> gate.wait(context.id()));
        eventually(() -> assertThat(gate.waiting()).isEqualTo(3));

        assertThat(msToStop(dispatcher, Duration.ofMillis(200))).isBetween(200L, 2200L + 500);

        assertThat(gate.cancelled()).isEqualTo(3);
        assertThat(told.settled(Outcome.RELEASED)).isEqualTo(3);
        assertThat(waiting()).isEqualTo(10);
        assertThat(claimed()).isZero();
        Runs<Object> runs = Runs.succeeding();
        settings = settings.concurrency(1);
        running(runs);
        eventually(() -> assertThat(runs.count()).isEqualTo(10));
        assertThat(runs.all.stream().map(TaskContext::id).limit(3)).containsExactlyInAnyOrder("t0", "t1", "t2");
        assertThat(runs.all).allMatch(it -> it.attempt() == 1);
        assertThat(runs.all.stream().limit(3)).allMatch(it -> it.fencingNumber() == 2);
    }

    @Tag("alone")
    @Test
    void whatDoesNotEndWithinTheGraceIsKeptWhereNothingRunsTwice() {
        deliver(DeliveryMode.AT_MOST_ONCE);
        Gate gate = new Gate();
        settings = settings.concurrency(3);
        enqueue(0, 10);
        Dispatcher dispatcher = running(context -> gate.wait(context.id()));
        eventually(() -> assertThat(gate.waiting()).isEqualTo(3));

        assertThat(msToStop(dispatcher, Duration.ofMillis(200))).isLessThan(2200 + 500);

        assertThat(dead()).isEqualTo(3);
        assertThat(waiting()).isEqualTo(7);
    }

    @Test
    void whatWasNotBegunWhenTheGraceIsOverGoesBackWhereNothingRunsTwice() {
        java.util.concurrent.atomic.AtomicBoolean released = new java.util.concurrent.atomic.AtomicBoolean();
        try {
            deliver(DeliveryMode.AT_MOST_ONCE);
            Runs<Object> runs = new Runs<>(context -> {
                Blocking.until(released); // keeps the thread that the others of its pop wait for
                return Mono.empty();
            });
            settings = settings.concurrency(16);
            enqueue(0, 16);
            Dispatcher dispatcher = running(runs);
            eventually(() -> assertThat(runs.count()).isPositive());

            dispatcher.stop(Duration.ZERO).block(PATIENCE);

            assertThat(dead()).isEqualTo(runs.count());
            assertThat(waiting()).isPositive().isEqualTo(16 - runs.count());
        } finally {
            released.set(true);
        }
    }

    /** Its wait is not cancelled by a stop, and may bring one more. */
    @Test
    void whatIsPoppedAfterTheEndOfTheGraceGoesBackWhereNothingRunsTwice() {
        java.util.concurrent.atomic.AtomicBoolean released = new java.util.concurrent.atomic.AtomicBoolean();
        java.util.concurrent.CountDownLatch inside = new java.util.concurrent.CountDownLatch(1);
        try {
            deliver(DeliveryMode.AT_MOST_ONCE);
            Dispatcher dispatcher = dispatcher();
            dispatcher.receive("q", Object.class).subscribe(delivery -> {
                inside.countDown();
                Blocking.until(released);
            });
            started(dispatcher);
            enqueue(0, 1);
            eventually(() -> assertThat(inside.getCount()).isZero());
            always(Duration.ofMillis(100), () -> assertThat(waiting()).isZero()); // it waits for the next

            java.util.concurrent.CompletableFuture<Void> stopped =
                    dispatcher.stop(Duration.ZERO).toFuture();
            always(Duration.ofMillis(200), () -> assertThat(stopped).isNotDone());
            enqueue(1, 2);
            stopped.join();

            assertThat(waiting()).isEqualTo(1);
            assertThat(status("t1")).isEqualTo("queued");
        } finally {
            released.set(true);
        }
    }

    @Tag("alone")
    @Test
    void aHandlerThatNeverLetsGoOfItsThreadDelaysNoStop() {
        java.util.concurrent.atomic.AtomicBoolean released = new java.util.concurrent.atomic.AtomicBoolean();
        try {
            Runs<Object> runs = new Runs<>(context -> {
                Blocking.until(released);
                return Mono.empty();
            });
            enqueue(0, 2);
            Dispatcher dispatcher = running(runs);
            eventually(() -> assertThat(runs.count()).isPositive());

            assertThat(msToStop(dispatcher, Duration.ofMillis(100))).isLessThan(2100 + 500);

            assertThat(waiting()).isEqualTo(2);
        } finally {
            released.set(true);
        }
    }

    @Test
    void whatWasClaimedAndNotBegunBeforeAStopIsNotBegunInItsGrace() {
        java.util.concurrent.atomic.AtomicBoolean released = new java.util.concurrent.atomic.AtomicBoolean();
        try {
            Runs<Object> runs = new Runs<>(context -> {
                Blocking.until(released); // keeps the thread that the others of its claim wait for
                return Mono.empty();
            });
            settings = settings.concurrency(16);
            enqueue(0, 16);
            Dispatcher dispatcher = running(runs);
            eventually(() -> assertThat(runs.count()).isPositive());

            CompletableFuture<Void> stopped = dispatcher.stop(PATIENCE).toFuture();

            eventually(() -> assertThat(waiting()).isPositive().isEqualTo(16 - runs.count()));
            released.set(true);
            assertThat(stopped).succeedsWithin(PATIENCE);
            assertThat(waiting()).isEqualTo(16 - runs.count());
            assertThat(claimed()).isZero();
        } finally {
            released.set(true);
        }
    }

    @Test
    void stoppingTwiceIsStoppingOnce() {
        Gate gate = new Gate();
        enqueue(0, 1);
        Dispatcher dispatcher = running(context -> gate.wait(context.id()));
        eventually(() -> assertThat(gate.waiting()).isOne());

        CompletableFuture<Void> first = dispatcher.stop(Duration.ofMillis(300)).toFuture();
        CompletableFuture<Void> second = dispatcher.stop(Duration.ofMinutes(1)).toFuture();
        Mono.when(Mono.fromFuture(first), Mono.fromFuture(second)).block(PATIENCE);
        dispatcher.stop(Duration.ofMinutes(1)).block(PATIENCE);

        assertThat(waiting()).isOne();
    }

    @Test
    void whoStopsWaitingForTheStopDoesNotUndoIt() {
        Dispatcher dispatcher = running(context -> Mono.empty());

        dispatcher.stop(GRACE).subscribe().dispose();

        eventually(() -> assertThat(incarnations()).isEmpty());
        dispatcher.stop(GRACE).block(PATIENCE);
    }

    @Test
    void startingTwiceIsRefusedAndHarmsNothing() {
        Runs<Object> runs = Runs.succeeding();
        Dispatcher dispatcher = running(runs);

        assertThatThrownBy(() -> dispatcher.start().block(PATIENCE)).isInstanceOf(IllegalStateException.class);

        // A second start that failed must not have stopped the first.
        enqueue(0, 3);
        eventually(() -> assertThat(runs.count()).isEqualTo(3));
    }

    @ParameterizedTest
    @EnumSource
    void aStartWithNobodyToRunItsTasksIsRefusedUntilThereIsSomebody(DeliveryMode mode) {
        deliver(mode);
        Queue received = Queue.named("received");
        enqueue(0, 1);
        Dispatcher dispatcher = dispatcher(it -> it.queue(received));
        dispatcher.receive("received", Object.class);

        assertThatThrownBy(() -> dispatcher.start().block(PATIENCE))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage(
                        "nobody would run the tasks of [q]: register a handler, or receive() the queue, before start");

        assertThat(incarnations()).isEmpty();
        assertThat(waiting()).isOne();
        Runs<Object> runs = Runs.succeeding();
        started(dispatcher.handler("t", Object.class, runs));
        eventually(() -> assertThat(runs.count()).isOne());
    }

    @Test
    void aDispatcherOfReceiversAloneNeedsNoHandler() {
        Dispatcher dispatcher = dispatcher();
        Flux<Delivery<Object>> tasks = dispatcher.receive("q", Object.class);

        started(dispatcher);

        enqueue(0, 1);
        tasks.take(1).flatMap(Delivery::ack).blockLast(PATIENCE);
        eventually(this::assertEmpty);
    }

    @Tag("alone")
    @Test
    void aDispatcherThatWasNeverStartedStops() {
        Dispatcher dispatcher = dispatcher();

        assertThat(msToStop(dispatcher, Duration.ofSeconds(10))).isLessThan(2000);

        assertThatThrownBy(() -> dispatcher.start().block(PATIENCE)).isInstanceOf(IllegalStateException.class);
    }

    @Tag("alone")
    @ParameterizedTest
    @EnumSource
    void aStartWaitsForRedisAndAStopEndsTheWait(DeliveryMode mode, RedisServer.Builder builder) {
        deliver(mode);
        RedisServer late = builder.start();
        try {
            late.stop();
            Dispatcher dispatcher = stoppedInTheEnd(
                    idle(door(late.uri()).dispatcher().queue(queue, settings).build()));
            CompletableFuture<Void> start = dispatcher.start().toFuture();
            Dispatcher impatient = stoppedInTheEnd(
                    idle(door(late.uri()).dispatcher().queue(queue, settings).build()));
            CompletableFuture<Void> given = impatient.start().toFuture();

            assertThat(msToStop(impatient, Duration.ofSeconds(10))).isLessThan(3000);
            assertThatThrownBy(() -> given.get(5, TimeUnit.SECONDS)).isInstanceOf(ExecutionException.class);
            assertThat(start).isNotDone();

            late.restart();
            Mono.fromFuture(start).block(PATIENCE);
        } finally {
            stopAll();
            late.close();
        }
    }

    @Tag("alone")
    @ParameterizedTest
    @EnumSource
    void aStartOnAClosedSluiceFailsAtOnce(DeliveryMode mode) {
        deliver(mode);
        Dispatcher dispatcher = idle(dispatcher());
        sluice.close().block(PATIENCE);

        long before = System.nanoTime();
        assertThatThrownBy(() -> dispatcher.start().block(PATIENCE))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");

        assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(Duration.ofSeconds(3));
        assertThat(dispatcher.health().get("q").state()).isEqualTo(Health.State.STOPPED);
    }

    @ParameterizedTest
    @EnumSource
    void whoseSluiceIsClosedStopsAndSaysSo(DeliveryMode mode) {
        deliver(mode);
        Sluice door = door(redis.uri());
        Dispatcher dispatcher =
                stoppedInTheEnd(idle(door.dispatcher().queue(queue, settings).build()));
        dispatcher.start().block(PATIENCE);

        try (LogTap log = new LogTap()) {
            door.close().block(PATIENCE);

            eventually(() -> assertThat(dispatcher.health().get("q").state()).isEqualTo(Health.State.STOPPED));
            dispatcher.stop(GRACE).block(PATIENCE);
            assertThat(log.warnings())
                    .filteredOn(it -> it.contains("was closed while it ran"))
                    .hasSize(1);
        }
        assertThat(told.cuts.get()).isEqualTo(told.mends.get());
    }

    @Test
    void whoIsNotStartedAnyMoreReceivesNothing() {
        Dispatcher dispatcher = dispatcher();
        dispatcher.stop(GRACE).block(PATIENCE);

        assertThatThrownBy(() -> dispatcher.receive("q", Object.class)).isInstanceOf(IllegalStateException.class);
    }

    @ParameterizedTest
    @EnumSource
    void whoStopsDuringAnOutageLeavesNoLinkDown(DeliveryMode mode, @Private RedisServer own) {
        deliver(mode);
        Dispatcher dispatcher = stoppedInTheEnd(
                idle(door(own.uri()).dispatcher().queue(queue, settings).build()));
        dispatcher.start().block(PATIENCE);
        own.kill();
        eventually(() -> assertThat(told.cuts.get()).isOne());

        dispatcher.stop(GRACE).block(PATIENCE);

        assertThat(told.mends.get()).isOne();
    }

    @Tag("alone")
    @ParameterizedTest
    @EnumSource
    void aStartThatWaitsForRedisEndsWhenItsSluiceIsClosed(DeliveryMode mode) {
        deliver(mode);
        Sluice door = door("redis://127.0.0.1:1");
        Dispatcher dispatcher =
                stoppedInTheEnd(idle(door.dispatcher().queue(queue, settings).build()));
        CompletableFuture<Void> start = dispatcher.start().toFuture();
        eventually(() -> assertThat(dispatcher.health()).isNotEmpty());

        door.close().block(PATIENCE);

        assertThat(start)
                .failsWithin(Duration.ofSeconds(5))
                .withThrowableThat()
                .withCauseInstanceOf(IllegalStateException.class)
                .withMessageContaining("closed");
    }

    /** Wherever between two of its queues the stop falls. */
    @ParameterizedTest
    @EnumSource
    void aStartThatIsStoppedHalfWayEndsAndLeavesNobodyBehind(DeliveryMode mode) {
        List<Mono<Void>> ends = new ArrayList<>();
        for (int i = 0; i < 30; i++) {
            Dispatcher dispatcher = ofSixQueues(mode);

            CompletableFuture<Void> start = dispatcher.start().toFuture();
            LockSupport.parkNanos(i * 250_000L);
            CompletableFuture<Void> stop = dispatcher.stop(GRACE).toFuture();

            ends.add(Mono.fromFuture(stop));
            ends.add(Mono.fromFuture(start).onErrorComplete(IllegalStateException.class));
        }

        Mono.when(ends).block(PATIENCE);
        assertThat((List<?>) wire.call("KEYS", "*:dispatchers")).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void whoStopsWaitingForTheStartDoesNotEndIt(DeliveryMode mode) {
        deliver(mode);
        Runs<Object> runs = Runs.succeeding();
        Dispatcher dispatcher = dispatcher().handler("t", Object.class, runs);

        dispatcher.start().subscribe().dispose();

        enqueue(0, 3);
        eventually(() -> assertThat(runs.count()).isEqualTo(3));
    }

    private Dispatcher ofSixQueues(DeliveryMode mode) {
        Dispatcher.Builder builder = sluice.dispatcher();
        IntStream.range(0, 6).forEach(i -> builder.queue(Queue.named("q" + i).delivery(mode)));
        return stoppedInTheEnd(idle(builder.build()));
    }

    @Tag("alone")
    @ParameterizedTest
    @EnumSource
    void aStopEndsInTimeThoughRedisIsGone(DeliveryMode mode, RedisServer.Builder builder) {
        deliver(mode);
        RedisServer own = builder.start();
        try {
            Gate gate = new Gate();
            Sluice door = door(own.uri());
            Dispatcher dispatcher = stoppedInTheEnd(
                            door.dispatcher().queue(queue, settings).build())
                    .handler("t", Object.class, context -> gate.wait(context.id()));
            started(dispatcher);
            door.client(queue).enqueue(task("a")).block(PATIENCE);
            eventually(() -> assertThat(gate.waiting()).isOne());

            own.kill();

            assertThat(msToStop(dispatcher, Duration.ofMillis(300))).isLessThan(2300 + 700);
            assertThat(gate.cancelled()).isOne();
        } finally {
            own.close();
        }
    }

    @Test
    void aWrongPasswordIsToldAtOnce(RedisServer.Builder builder) {
        try (RedisServer locked = builder.password("secret").start()) {
            for (String uri :
                    List.of("redis://127.0.0.1:" + locked.port(), "redis://:wrong@127.0.0.1:" + locked.port())) {
                Dispatcher dispatcher = stoppedInTheEnd(
                        idle(door(uri).dispatcher().queue(queue, settings).build()));

                assertThatThrownBy(() -> dispatcher.start().block(PATIENCE))
                        .isInstanceOf(StoreRefusedException.class)
                        .hasMessageContaining("password");
            }
        }
    }

    @Test
    void anotherDeliveryModeOrStatusHashIsRefused() {
        running(context -> Mono.empty());

        for (Queue other : List.of(queue.delivery(DeliveryMode.AT_MOST_ONCE), queue.statusKey("other"))) {
            Dispatcher dispatcher = stoppedInTheEnd(
                    idle(sluice.dispatcher().queue(other, settings).build()));
            assertThatThrownBy(() -> dispatcher.start().block(PATIENCE))
                    .isInstanceOf(StoreRefusedException.class)
                    .hasMessageContaining("set the same on both");
        }
    }

    /** As on servers that others manage. */
    @Test
    void aServerThatTellsNothingOfItselfIsServed(@Private RedisServer own) {
        own.call("ACL", "SETUSER", "app", "on", ">pw", "~*", "&*", "+@all", "-@dangerous");
        Runs<Object> runs = Runs.succeeding();
        Sluice door = door("redis://app:pw@127.0.0.1:" + own.port());

        started(stoppedInTheEnd(door.dispatcher().queue(queue, settings).build())
                .handler("t", Object.class, runs));
        door.client(queue).enqueue(task("a")).block(PATIENCE);

        eventually(() -> assertThat(runs.count()).isOne());
        stopAll(); // before its server goes
    }

    /** What it takes could not be written down: its words would stay when it dies, or nothing would be taken. */
    @ParameterizedTest
    @EnumSource
    void whoMayNotWriteDownWhatHeTakesIsRefusedAtTheStart(DeliveryMode mode, @Private RedisServer own) {
        String all = "~" + key("[^c]*");
        own.call("ACL", "SETUSER", "app", "on", ">pw", "~" + queue.name(), all, "~" + key("cancel*"), "&*", "+@all");
        Sluice door = door("redis://app:pw@127.0.0.1:" + own.port());
        Dispatcher dispatcher = stoppedInTheEnd(
                        door.dispatcher().queue(queue.delivery(mode), settings).build())
                .handler("t", Object.class, Runs.succeeding());

        assertThatThrownBy(() -> dispatcher.start().block(PATIENCE))
                .isInstanceOf(StoreRefusedException.class)
                .hasMessageContaining("NOPERM");
        stopAll(); // before its server goes
    }

    @Test
    void aHandlerOfATypeThatNoTaskCanHaveIsRefused() {
        Dispatcher dispatcher = sluice.dispatcher(queue);

        for (String type : List.of("", "a\nb", "x".repeat(257))) {
            assertThatThrownBy(() -> dispatcher.handler(type, Object.class, Runs.succeeding()))
                    .isInstanceOf(InvalidTaskException.class)
                    .hasMessageContaining("a task type must be 1 to 256 UTF-8 bytes without control characters");
        }
    }

    @Test
    void twoQueuesWithOneStatusKeyAreRefused() {
        Dispatcher.Builder builder = sluice.dispatcher().queue(Queue.named("a").statusKey("states"));

        assertThatThrownBy(() -> builder.queue(Queue.named("b").statusKey("states")))
                .isInstanceOf(InvalidTaskException.class)
                .hasMessageContaining("queues 'a' and 'b' have one status key, 'states'");
    }

    @Test
    void aStartThatFailsForOneQueueRunsNone() {
        Queue odd = Queue.named("odd");
        wire.call("HSET", "{odd}:meta", "protocol", "1", "delivery", "at-most-once", "status-key", "{odd}:status");
        Runs<Object> runs = Runs.succeeding();
        Dispatcher dispatcher = dispatcher(it -> it.queue(odd)).handler("t", Object.class, runs);

        assertThatThrownBy(() -> dispatcher.start().block(PATIENCE)).isInstanceOf(StoreRefusedException.class);

        assertThat(incarnations()).isEmpty();
        enqueue(0, 1);
        Eventually.always(Duration.ofMillis(300), () -> assertThat(runs.count()).isZero());
    }

    @Test
    void whatIsNeverStartedHasNoThread() {
        sluice.server().block(PATIENCE);
        List<Thread> before = threads();

        Dispatcher dispatcher = dispatcher().handler("t", Object.class, context -> Mono.empty());

        assertThat(dispatcher.health()).isEmpty();
        assertThat(threads()).allMatch(before::contains);
    }

    @Tag("alone")
    @ParameterizedTest
    @EnumSource
    void noThreadAndNoConnectionRemains(DeliveryMode mode, @Private RedisServer own) {
        deliver(mode);
        List<Thread> before = threads();
        Sluice door = Sluice.connect(own.uri());
        Dispatcher dispatcher = door.dispatcher()
                .queue(queue, settings)
                .queue(Queue.named("r").delivery(mode))
                .build();
        dispatcher.handler("t", Object.class, context -> Mono.empty());
        dispatcher.receive("r", Object.class).flatMap(Delivery::ack).subscribe();
        started(dispatcher);
        door.client(queue).enqueue(task("a")).block(PATIENCE);
        door.client(Queue.named("r").delivery(mode)).enqueue(task("a")).block(PATIENCE);
        eventually(() -> assertThat((Long) own.call("HLEN", "{r}:status") + (Long) own.call("HLEN", "{q}:status"))
                .isZero());

        dispatcher.stop(GRACE).block(PATIENCE);
        door.close().block(PATIENCE);

        eventually(Duration.ofSeconds(5), () -> assertThat(threads()).allMatch(before::contains));
        // Those of Reactor that wait for a graceful disposal keep a JVM alive, and the next dispatcher finds them
        // there.
        assertThat(Thread.getAllStackTraces().keySet())
                .filteredOn(it -> !it.isDaemon())
                .extracting(Thread::getName)
                .noneMatch(it -> it.matches("pool-\\d+-thread-\\d+"));
        eventually(
                () -> assertThat(((String) own.call("CLIENT", "LIST")).lines()).hasSize(1));
    }

    @Test
    void whatTheCallerBroughtStaysUsable(@Private RedisServer own) {
        ClientResources resources = DefaultClientResources.create();
        RedisClient client = RedisClient.create(resources, own.uri());
        SimpleMeterRegistry meters = new SimpleMeterRegistry();
        try {
            Sluice door = Sluice.builder()
                    .uri(own.uri())
                    .redisClient(client)
                    .meterRegistry(meters)
                    .build();
            Runs<Object> runs = Runs.succeeding();
            Dispatcher dispatcher = door.dispatcher(queue).handler("t", Object.class, runs);
            started(dispatcher);
            door.client(queue).enqueue(task("a")).block(PATIENCE);
            eventually(() -> assertThat(runs.count()).isOne());

            dispatcher.stop(GRACE).block(PATIENCE);
            door.close().block(PATIENCE);

            eventually(() ->
                    assertThat(((String) own.call("CLIENT", "LIST")).lines()).hasSize(1));
            assertThat(client.connect().sync().ping()).isEqualTo("PONG");
            assertThat(meters.isClosed()).isFalse();
            assertThat(meters.getMeters()).isNotEmpty();
        } finally {
            client.shutdown(Duration.ZERO, Duration.ofSeconds(2));
            resources.shutdown(0, 2, TimeUnit.SECONDS).awaitUninterruptibly(5000);
        }
    }

    @Test
    void aDeliveryThatOutlivesItsDispatcherIsNotItsAnyMore() {
        Dispatcher dispatcher = dispatcher();
        java.util.concurrent.atomic.AtomicReference<Delivery<Object>> held =
                new java.util.concurrent.atomic.AtomicReference<>();
        java.util.concurrent.atomic.AtomicBoolean completed = new java.util.concurrent.atomic.AtomicBoolean();
        dispatcher.receive("q", Object.class).subscribe(held::set, failure -> {}, () -> completed.set(true));
        started(dispatcher);
        enqueue(0, 1);
        eventually(() -> assertThat(held.get()).isNotNull());

        dispatcher.stop(Duration.ofMillis(50)).block(PATIENCE);

        eventually(() -> assertThat(completed).isTrue());
        assertThat(held.get().ack().block(PATIENCE)).isFalse();
        assertThat(waiting()).isOne();
    }

    @Test
    void whoSubscribesToDeliveriesAfterTheStopHearsOfIt() {
        Dispatcher dispatcher = dispatcher();
        Flux<Delivery<Object>> deliveries = dispatcher.receive("q", Object.class);
        started(dispatcher);
        dispatcher.stop(GRACE).block(PATIENCE);

        StepVerifier.create(deliveries).expectComplete().verify(PATIENCE);
    }

    @Test
    void whoseSubscriptionMeetsTheStopHearsOfItAfterwards() {
        Dispatcher dispatcher = dispatcher();
        Flux<Delivery<Object>> deliveries = dispatcher
                .receive("q", Object.class)
                .doOnSubscribe(begun -> dispatcher.stop(Duration.ZERO).block(PATIENCE));

        StepVerifier.create(deliveries).expectSubscription().expectComplete().verify(PATIENCE);
    }

    /** More than a flatMap subscribes to at once. */
    @Test
    void ofManyQueuesEachStopsAtOnce() {
        List<Queue> queues =
                IntStream.range(0, 257).mapToObj(i -> Queue.named("q" + i)).toList();
        Gate gate = new Gate();
        Dispatcher.Builder builder = sluice.dispatcher();
        queues.forEach(each -> builder.queue(each, settings.concurrency(1)));
        Dispatcher dispatcher =
                stoppedInTheEnd(builder.build()).handler("t", Object.class, task -> gate.wait(task.queue()));
        queues.subList(0, 256).forEach(each -> wire.call("RPUSH", each.name(), "{\"type\":\"t\"}"));
        started(dispatcher);
        eventually(() -> assertThat(gate.waiting()).isEqualTo(256));

        CompletableFuture<Void> stopped = dispatcher.stop(PATIENCE).toFuture();

        eventually(() -> assertThat(wire.call("EXISTS", "{q256}:dispatchers"))
                .as("its last one")
                .isEqualTo(0L));
        assertThat(stopped).isNotDone();
        gate.open();
        Mono.fromFuture(stopped).block(PATIENCE);
    }

    @ParameterizedTest
    @EnumSource
    void aGraceForEverIsTakenForALongOne(DeliveryMode mode) {
        deliver(mode);
        Gate gate = new Gate();
        Dispatcher dispatcher = running(task -> gate.wait(task.id()));
        enqueue(0, 1);
        eventually(() -> assertThat(gate.waiting()).isOne());
        int before = links().size();
        try (LogTap log = new LogTap()) {
            CompletableFuture<Void> stopped =
                    dispatcher.stop(ChronoUnit.FOREVER.getDuration()).toFuture();
            gate.open();
            Mono.fromFuture(stopped).block(PATIENCE);

            assertThat(log.warnings()).isEmpty();
        }
        eventually(() -> assertThat(links()).hasSizeLessThan(before));
    }

    @ParameterizedTest
    @EnumSource
    void startsThatAreRefusedLeaveNoLinks(DeliveryMode mode) {
        DeliveryMode other = mode == DeliveryMode.AT_MOST_ONCE ? DeliveryMode.AT_LEAST_ONCE : DeliveryMode.AT_MOST_ONCE;
        String word = other == DeliveryMode.AT_MOST_ONCE ? "at-most-once" : "at-least-once";
        wire.call("HSET", "{odd}:meta", "protocol", "1", "delivery", word, "status-key", "{odd}:status");
        List<Object> before = links();

        for (int i = 0; i < 3; i++) {
            Dispatcher refused = stoppedInTheEnd(idle(sluice.dispatcher()
                    .queue(Queue.named("odd").delivery(mode))
                    .queue(Queue.named("after").delivery(mode))
                    .build()));
            assertThatThrownBy(() -> refused.start().block(PATIENCE)).isInstanceOf(StoreRefusedException.class);
        }

        eventually(() -> assertThat(links()).hasSameElementsAs(before));
    }

    /** The connections of the door, open or to be opened. */
    private List<Object> links() {
        return new ArrayList<>(assertThat(sluice)
                .extracting("links.links", as(InstanceOfAssertFactories.COLLECTION))
                .actual());
    }

    private static long msToStop(Dispatcher dispatcher, Duration grace) {
        long before = System.nanoTime();
        dispatcher.stop(grace).block(PATIENCE);
        return (System.nanoTime() - before) / 1_000_000;
    }

    private static List<Thread> threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(it ->
                        it.getName().startsWith("sluice-") || it.getName().startsWith("lettuce-") || !it.isDaemon())
                .toList();
    }

    /** Redis reads and writes each of them whole, and serves nobody else meanwhile. */
    @Test
    void manyLargeTasksGoBackInCallsOfAboutAMegabyte() {
        settings = settings.concurrency(100);
        Runs<Object> runs = new Runs<>(task -> Mono.never());
        Dispatcher dispatcher = running(runs);
        Flux.range(0, 40)
                .concatMap(i -> sluice.client(queue)
                        .enqueue(Task.of("t", "x".repeat(200_000)).id("t" + i)))
                .blockLast(PATIENCE);
        eventually(() -> assertThat(runs.count()).isEqualTo(40));

        dispatcher.stop(Duration.ZERO).block(PATIENCE);

        assertThat(waiting()).isEqualTo(40);
        assertThat(told.mostSettled.get()).isBetween(1L, 6L);
    }

    /** Redis reads them before it lets them go. */
    @Test
    void manyLargeTasksThatAreDiscardedTogetherAreSettledInCallsOfAboutAMegabyte() {
        settings = settings.concurrency(100);
        Sinks.One<Verdict> gate = Sinks.one();
        Runs<Object> runs = new Runs<>(task -> gate.asMono());
        running(runs);
        Flux.range(0, 40)
                .concatMap(i -> sluice.client(queue)
                        .enqueue(Task.of("t", "x".repeat(200_000)).id("t" + i)))
                .blockLast(PATIENCE);
        eventually(() -> assertThat(runs.count()).isEqualTo(40));

        gate.tryEmitValue(Verdict.discarded()).orThrow();

        eventually(this::assertEmpty);
        assertThat(told.mostSettled.get()).isBetween(1L, 6L);
    }
}
