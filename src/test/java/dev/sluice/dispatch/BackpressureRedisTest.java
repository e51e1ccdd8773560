package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.always;
import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Queue;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.reactivestreams.Subscription;
import reactor.core.Disposable;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;

/** What leaves Redis is what a slot is free for: claimed = min(requested - delivered, concurrency - unsettled). */
@OnEveryRedis
class BackpressureRedisTest extends DispatchCase {
    private static final Duration A_WHILE = Duration.ofMillis(300);

    BackpressureRedisTest(RedisServer redis) {
        super(redis);
    }

    @ParameterizedTest
    @EnumSource
    void aSubscriberThatAsksForNothingGetsNothing(DeliveryMode mode) {
        deliver(mode);
        Asking subscriber = receiving(10);
        enqueue(0, 50);

        always(A_WHILE, () -> assertOutside(50));
        assertThat(subscriber.got).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void nothingLeavesBeyondWhatWasRequested(DeliveryMode mode) {
        deliver(mode);
        Asking subscriber = receiving(10);
        enqueue(0, 50);

        subscriber.request(3);
        eventually(() -> assertThat(subscriber.got).hasSize(3));
        always(A_WHILE, () -> assertOutside(47));
        subscriber.request(4);
        eventually(() -> assertThat(subscriber.got).hasSize(7));
        always(A_WHILE, () -> assertOutside(43));
        subscriber.ackAll();
        eventually(() -> assertHeld(0));
        always(A_WHILE, () -> assertOutside(43));
    }

    @ParameterizedTest
    @EnumSource
    void whatCannotBeDeliveredUsesUpNoRequest(DeliveryMode mode) {
        deliver(mode);
        Asking subscriber = receiving(10);
        for (int i = 0; i < 5; i++) {
            push("untyped" + i, "{\"id\":\"untyped" + i + "\"}");
        }

        subscriber.request(3);
        eventually(() -> assertThat(dead()).isEqualTo(5));
        enqueue(0, 50);

        eventually(() -> assertThat(subscriber.got).hasSize(3));
        always(A_WHILE, () -> assertOutside(47));
    }

    @Test
    void whatIsCancelledBeforeItsTurnUsesUpNoRequest() {
        enqueue(0, 2);
        AtomicBoolean letGo = new AtomicBoolean();
        Dispatcher dispatcher = dispatcher();
        List<String> got = new CopyOnWriteArrayList<>();
        dispatcher.receive("q", Object.class).subscribe(new BaseSubscriber<>() {
            @Override
            protected void hookOnSubscribe(Subscription subscription) {
                subscription.request(2);
            }

            @Override
            protected void hookOnNext(Delivery<Object> delivery) {
                got.add(delivery.id());
                Blocking.until(letGo);
                delivery.ack().subscribe();
            }
        });
        started(dispatcher);
        eventually(() -> assertThat(got).containsExactly("t0"));

        sluice.client(queue).cancel("t1").block(PATIENCE);
        eventually(() -> assertHeld(1));
        enqueue(2, 3);
        letGo.set(true);

        eventually(() -> assertThat(got).containsExactly("t0", "t2"));
        eventually(this::assertEmpty);
    }

    @ParameterizedTest
    @EnumSource
    void askingForAllTakesNoMoreThanTheConcurrency(DeliveryMode mode) {
        deliver(mode);
        Asking subscriber = receiving(10);
        enqueue(0, 50);

        subscriber.request(Long.MAX_VALUE);
        eventually(() -> assertThat(subscriber.got).hasSize(10));
        always(A_WHILE, () -> assertOutside(40));
        subscriber.ackOne();
        subscriber.ackOne();
        eventually(() -> assertThat(subscriber.total()).isEqualTo(12));
        always(A_WHILE, () -> assertOutside(38));
        while (subscriber.total() < 50 || !subscriber.got.isEmpty()) {
            subscriber.ackAll();
        }
        eventually(this::assertEmpty);
    }

    @ParameterizedTest
    @EnumSource
    void whoHasWaitedForWorkTakesNoMoreThanTheConcurrency(DeliveryMode mode) {
        deliver(mode);
        Asking subscriber = receiving(3);
        subscriber.request(Long.MAX_VALUE);
        for (int i = 0; i < 3; i++) { // each ends a wait
            push("f" + i);
            subscriber.ackOne();
        }

        enqueue(0, 20);

        eventually(() -> assertThat(subscriber.got).hasSize(3));
        always(A_WHILE, () -> assertOutside(17));
    }

    @ParameterizedTest
    @EnumSource
    void foreignPushesDoNotLeaveEither(DeliveryMode mode) {
        deliver(mode);
        Asking subscriber = receiving(2);
        for (int i = 0; i < 20; i++) {
            push("f" + i);
        }

        always(A_WHILE, () -> assertOutside(20));
        subscriber.request(Long.MAX_VALUE);
        eventually(() -> assertThat(subscriber.got).hasSize(2));
        always(A_WHILE, () -> assertOutside(18));
    }

    @ParameterizedTest
    @EnumSource
    void acksInAnyOrderNeverStall(DeliveryMode mode) {
        deliver(mode);
        Asking subscriber = receiving(7);
        Random random = new Random(7);
        enqueue(0, 150);

        subscriber.request(Long.MAX_VALUE);
        eventually(() -> {
            List<Delivery<Object>> held = subscriber.takeAll();
            Collections.shuffle(held, random);
            for (Delivery<Object> delivery : held) {
                if (random.nextInt(3) == 0) {
                    subscriber.got.add(delivery);
                } else {
                    assertThat(delivery.ack().block(PATIENCE)).isTrue();
                }
            }
            assertThat(subscriber.total()).isEqualTo(150);
            assertThat(subscriber.got).isEmpty();
        });
        eventually(this::assertEmpty);
    }

    @ParameterizedTest
    @CsvSource({
        "AT_LEAST_ONCE, 1", "AT_LEAST_ONCE, 2", "AT_LEAST_ONCE, 64", "AT_LEAST_ONCE, 1000",
        "AT_MOST_ONCE, 1", "AT_MOST_ONCE, 2", "AT_MOST_ONCE, 64", "AT_MOST_ONCE, 1000"
    })
    void handlersHoldExactlyTheConcurrency(DeliveryMode mode, int concurrency) {
        deliver(mode);
        settings = settings.concurrency(concurrency);
        Gate gate = new Gate();
        int tasks = concurrency + 50;
        enqueue(0, tasks);

        running(context -> gate.wait(context.id()));

        eventually(() -> assertThat(gate.waiting()).isEqualTo(concurrency));
        always(A_WHILE, () -> {
            assertOutside(50);
            assertThat(gate.waiting()).isEqualTo(concurrency);
        });
        gate.open();
        eventually(this::assertEmpty);
    }

    @ParameterizedTest
    @EnumSource
    void theConcurrencyChangesWhileItRuns(DeliveryMode mode) {
        deliver(mode);
        settings = settings.concurrency(4);
        Gate gate = new Gate();
        enqueue(0, 100);
        Dispatcher dispatcher = running(context -> gate.wait(context.id()));
        eventually(() -> assertThat(gate.waiting()).isEqualTo(4));

        dispatcher.concurrency("q", 20);
        eventually(() -> assertThat(gate.waiting()).isEqualTo(20));
        always(A_WHILE, () -> assertOutside(80));

        dispatcher.concurrency("q", 2);
        List<String> held = new ArrayList<>(gate.ids());
        held.subList(0, 18).forEach(gate::pass);
        eventually(() ->
                assertThat(told.settled(dev.sluice.observe.Outcome.SUCCEEDED)).isEqualTo(18));
        always(A_WHILE, () -> {
            assertThat(gate.waiting()).isEqualTo(2);
            assertOutside(80);
        });
        gate.pass(gate.ids().iterator().next());
        eventually(() -> assertOutside(79));
        gate.open();
        eventually(this::assertEmpty);
    }

    @ParameterizedTest
    @EnumSource
    void aStalledQueueStarvesNoOtherOfItsDispatcher(DeliveryMode mode) {
        deliver(mode);
        Queue other = Queue.named("other").delivery(mode);
        Gate gate = new Gate();
        Runs<Object> runs = Runs.succeeding();
        settings = settings.concurrency(8);
        enqueue(0, 100);
        started(dispatcher(it -> it.queue(other, settings))
                .handler(
                        "t",
                        Object.class,
                        context -> context.queue().equals("q") ? gate.wait(context.id()) : runs.handle(context)));
        eventually(() -> assertThat(gate.waiting()).isEqualTo(8));

        queue = other;
        enqueue(0, 1000);

        eventually(() -> assertThat(runs.tasks()).isEqualTo(1000));
        eventually(this::assertEmpty);
        queue = Queue.named("q").delivery(mode);
        assertOutside(92);
        gate.open();
        eventually(this::assertEmpty);
    }

    @Test
    void aSubscriberThatBlocksItsThreadStarvesNoOtherQueue() {
        settings = settings.concurrency(8);
        AtomicBoolean released = new AtomicBoolean();
        List<Queue> others = List.of(Queue.named("o1"), Queue.named("o2"), Queue.named("o3"));
        Map<String, List<String>> got = new ConcurrentHashMap<>();
        Dispatcher dispatcher =
                dispatcher(it -> it.queue(others.get(0)).queue(others.get(1)).queue(others.get(2)));
        List<reactor.core.Disposable> subscriptions = new ArrayList<>();
        subscriptions.add(dispatcher.receive("q", Object.class).subscribe(delivery -> {
            Blocking.until(released);
        }));
        for (Queue other : others) {
            got.put(other.name(), new CopyOnWriteArrayList<>());
            subscriptions.add(dispatcher
                    .receive(other.name(), Object.class)
                    .flatMap(delivery -> {
                        got.get(other.name()).add(delivery.id());
                        return delivery.ack();
                    })
                    .subscribe());
        }
        started(dispatcher);
        try {
            enqueue(0, 4);
            for (Queue other : others) {
                queue = other;
                enqueue(0, 100);
                eventually(() -> assertThat(got.get(other.name())).hasSize(100));
            }
        } finally {
            released.set(true);
            queue = Queue.named("q");
        }
        assertThat(subscriptions).hasSize(4);
    }

    @ParameterizedTest
    @EnumSource
    void aPipelineWithSmallDemandDrainsAll(DeliveryMode mode) {
        deliver(mode);
        settings = settings.concurrency(5);
        enqueue(0, 200);
        Dispatcher dispatcher = dispatcher();
        Map<String, Boolean> seen = new ConcurrentHashMap<>();
        Flux<Boolean> work = dispatcher.receive("q", Object.class).limitRate(3).concatMap(delivery -> {
            seen.put(delivery.id(), true);
            assertThat(Thread.currentThread().getName()).doesNotContain("sluice-loop");
            return delivery.ack();
        });

        reactor.core.Disposable subscription = work.subscribe();
        started(dispatcher);

        eventually(() -> assertThat(seen).hasSize(200));
        eventually(this::assertEmpty);
        subscription.dispose();
    }

    @ParameterizedTest
    @EnumSource
    void whatIsReleasedGoesBackAlsoWhileRedisIsFull(DeliveryMode mode) {
        deliver(mode);
        Asking subscriber = receiving(10);
        enqueue(0, 3);
        subscriber.request(3);
        eventually(() -> assertThat(subscriber.got).hasSize(3));
        List<Delivery<Object>> held = subscriber.takeAll();

        redis.call("CONFIG", "SET", "maxmemory", "1");
        try {
            held.forEach(it -> assertThat(it.release().block(PATIENCE)).isTrue());

            eventually(() -> assertThat(waiting()).isEqualTo(3));
        } finally {
            redis.call("CONFIG", "SET", "maxmemory", "0");
        }
    }

    @ParameterizedTest
    @EnumSource
    void cancellingStopsTheClaimsAndWhatWasDeliveredCanStillBeSettled(DeliveryMode mode) {
        deliver(mode);
        Asking subscriber = receiving(10);
        enqueue(0, 50);
        subscriber.request(5);
        eventually(() -> assertThat(subscriber.got).hasSize(5));

        subscriber.cancel();
        List<Delivery<Object>> held = subscriber.takeAll();

        assertThat(held.get(0).ack().block(PATIENCE)).isTrue();
        assertThat(held.get(1).release().block(PATIENCE)).isTrue();
        eventually(() -> assertOutside(46));
        held.subList(2, 5).forEach(it -> assertThat(it.ack().block(PATIENCE)).isTrue());
        always(A_WHILE, () -> assertOutside(46));
        assertHeld(0);
    }

    @Test
    void aSubscriberThatThrowsGetsNoMoreAndTheRestGoesBack() {
        settings = settings.concurrency(10).retry(QUICK);
        Dispatcher dispatcher = dispatcher();
        dispatcher.receive("q", Object.class).subscribe(new BaseSubscriber<>() {
            @Override
            protected void hookOnSubscribe(Subscription subscription) {
                subscription.request(10);
            }

            @Override
            protected void hookOnNext(Delivery<Object> delivery) {
                throw new StackOverflowError("on purpose");
            }
        });
        enqueue(0, 10);

        started(dispatcher);

        eventually(() -> {
            assertThat(claimed()).isZero();
            assertThat(waiting()).isEqualTo(9 + (dead() > 0 ? 0 : status("t0").equals("retrying") ? 0 : 1));
        });
    }

    @Test
    void afterACancelledSubscriberAnotherGetsWhatFollows() {
        Dispatcher dispatcher = dispatcher();
        Flux<Delivery<Object>> deliveries = dispatcher.receive("q", Object.class);
        started(dispatcher);
        enqueue(0, 10);

        for (int round = 0; round < 5; round++) {
            List<Boolean> counted =
                    deliveries.take(2).concatMap(Delivery::ack).collectList().block(PATIENCE);
            assertThat(counted).containsExactly(true, true);
        }

        eventually(this::assertEmpty);
    }

    /** What throws in an operator behind it cancels it: that costs one attempt, and not the queue. */
    @Test
    void whoSubscribesAgainAfterAnErrorGoesOn() {
        Dispatcher dispatcher = dispatcher();
        Disposable consumer = dispatcher
                .receive("q", Object.class)
                .flatMap(task -> {
                    if (task.id().equals("t1") && task.attempt() == 1) {
                        task.nack(new IllegalStateException("on purpose")).subscribe();
                        throw new IllegalStateException("on purpose");
                    }
                    return task.ack();
                })
                .retry()
                .subscribe();
        started(dispatcher);

        enqueue(0, 100);

        eventually(this::assertEmpty);
        consumer.dispose();
    }

    @Test
    void aSubscriberThatBlocksKeepsNothingFromOthers() {
        AtomicBoolean open = new AtomicBoolean();
        Deque<String> blocked = new ConcurrentLinkedDeque<>();
        Dispatcher blocking = dispatcher();
        blocking.receive("q", Object.class).subscribe(task -> ackOnce(open, task, blocked));
        started(blocking);
        enqueue(0, 10);
        eventually(() -> assertThat(claimed()).isEqualTo(10));

        Runs<Object> runs = Runs.succeeding();
        running(runs);

        eventually(() -> assertThat(runs.tasks()).isEqualTo(9));
        assertThat(blocked).hasSize(1);
        enqueue(10, 20);
        eventually(() -> assertThat(runs.tasks()).isEqualTo(19));
        open.set(true);
        eventually(this::assertEmpty);
    }

    @Test
    void aSubscriberThatBlocksAndIsGoneKeepsWhatItWasGivenAndNothingElse() {
        AtomicBoolean open = new AtomicBoolean();
        Deque<String> blocked = new ConcurrentLinkedDeque<>();
        Dispatcher blocking = dispatcher();
        Flux<Delivery<Object>> deliveries = blocking.receive("q", Object.class);
        reactor.core.Disposable first = deliveries.subscribe(task -> ackOnce(open, task, blocked));
        started(blocking);
        enqueue(0, 10);
        eventually(() -> assertThat(claimed()).isEqualTo(10));
        eventually(() -> assertThat(blocked).hasSize(1));

        first.dispose();
        Set<String> others = ConcurrentHashMap.newKeySet();
        reactor.core.Disposable second = deliveries.subscribe(task -> {
            others.add(task.id());
            task.ack().subscribe();
        });

        eventually(() -> assertThat(others).hasSize(9).doesNotContainAnyElementsOf(blocked));
        open.set(true);
        eventually(this::assertEmpty);
        second.dispose();
    }

    private static void ackOnce(AtomicBoolean open, Delivery<Object> task, Deque<String> taken) {
        taken.add(task.id());
        Blocking.until(open);
        task.ack().subscribe();
    }

    @Test
    void suspectsAreTakenOneAtATimeAndInTheEndAll() {
        Asking subscriber = receiving(10);
        subscriber.request(Long.MAX_VALUE);
        enqueue(0, 3); // by claims that found no suspect
        eventually(() -> assertThat(subscriber.got).hasSize(3));

        for (int i = 0; i < 3; i++) {
            wire.call("RPUSH", key("suspects"), "\u0001c0,2,2 s" + i + "\n{\"type\":\"t\"}");
            wire.call("HSET", queue.statusKey(), "s" + i, "queued");
        }
        wire.call("RPUSH", key("wake"), "1");

        for (int left = 2; left >= 0; left--) {
            int others = left;
            eventually(() -> assertThat(subscriber.got).hasSize(4));
            always(A_WHILE, () -> assertThat(llen(key("suspects"))).isEqualTo(others));
            assertThat(subscriber.got.removeLast().ack().block(PATIENCE)).isTrue();
        }
        subscriber.ackAll();
        eventually(this::assertEmpty);
    }

    @Test
    void deliveriesHaveOneSubscriber() {
        Dispatcher dispatcher = dispatcher();
        Flux<Delivery<Object>> deliveries = dispatcher.receive("q", Object.class);
        reactor.core.Disposable first = deliveries.subscribe();

        reactor.test.StepVerifier.create(deliveries)
                .expectError(IllegalStateException.class)
                .verify(PATIENCE);
        first.dispose();
    }

    @Test
    void aDeliveryThatIsNeverSettledFailsAtItsTimeout() {
        settings =
                settings.concurrency(1).timeout(Duration.ofSeconds(1)).retry(QUICK.maxAttempts(2)); // reading it counts
        Asking subscriber = receiving(1);
        enqueue(0, 1);

        subscriber.request(Long.MAX_VALUE);

        assertThat(deadLetter("t0")).contains("\"reason\":\"timeout\"");
        eventually(() -> assertThat(subscriber.got).hasSize(2));
        assertThat(subscriber.takeAll().get(0).ack().block(PATIENCE)).isFalse();
    }

    // ---- one subscriber that takes what it asks for

    private Asking receiving(int concurrency) {
        settings = settings.concurrency(concurrency);
        Dispatcher dispatcher = dispatcher();
        Asking subscriber = new Asking();
        dispatcher.receive("q", Object.class).subscribe(subscriber);
        started(dispatcher);
        return subscriber;
    }

    /** Exactly so many are still in the lists. */
    private void assertOutside(int tasks) {
        assertThat(waiting()).isEqualTo(tasks);
    }

    private void assertHeld(int tasks) {
        if (queue.delivery() == DeliveryMode.AT_LEAST_ONCE) {
            assertThat(claimed()).isEqualTo(tasks);
        }
        assertThat(((List<?>) wire.call("HVALS", queue.statusKey())).stream().filter("processing"::equals))
                .hasSize(tasks);
    }

    private static final class Asking extends BaseSubscriber<Delivery<Object>> {
        final Deque<Delivery<Object>> got = new ConcurrentLinkedDeque<>();
        private final java.util.concurrent.atomic.AtomicInteger total = new java.util.concurrent.atomic.AtomicInteger();

        @Override
        protected void hookOnSubscribe(Subscription subscription) {
            // Asks for nothing by itself.
        }

        @Override
        protected void hookOnNext(Delivery<Object> delivery) {
            got.add(delivery);
            total.incrementAndGet(); // whoever reads it finds so many, or has taken them
        }

        int total() {
            return total.get();
        }

        List<Delivery<Object>> takeAll() {
            List<Delivery<Object>> all = new ArrayList<>();
            for (Delivery<Object> next = got.poll(); next != null; next = got.poll()) {
                all.add(next);
            }
            return all;
        }

        void ackOne() {
            eventually(() -> assertThat(got).isNotEmpty());
            assertThat(got.remove().ack().block(PATIENCE)).isTrue();
        }

        void ackAll() {
            takeAll().forEach(it -> assertThat(it.ack().block(PATIENCE)).isTrue());
        }
    }
}
