package dev.sluice.faults;

import static dev.sluice.dispatch.Eventually.always;
import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Sluice;
import dev.sluice.dispatch.Blocking;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.dispatch.NothingDropped;
import dev.sluice.dispatch.QueueSettings;
import dev.sluice.dispatch.TaskContext;
import dev.sluice.observe.Observer;
import dev.sluice.observe.Outcome;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Queue;
import dev.sluice.task.RetryPolicy;
import dev.sluice.task.Task;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** Who has to leave a task to others lets go of it first, where its handler does; who does not let go holds up nothing. */
@OnEveryRedis
@ExtendWith(NothingDropped.class)
class HandingBackRedisTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final Duration LEASE =
            Duration.ofSeconds(4); // the guard leaves a tenth of it: longer than to let go
    private static final long TO_LET_GO_NANOS = 100_000_000;

    private final RedisServer redis;
    private final FaultProxy proxy;
    private final List<Dispatcher> dispatchers = new ArrayList<>();
    private final List<Sluice> doors = new ArrayList<>();
    private final AtomicInteger runs = new AtomicInteger();
    private final AtomicInteger overlaps = new AtomicInteger();
    private final AtomicBoolean held = new AtomicBoolean();
    private final CountDownLatch lettingGo = new CountDownLatch(1);
    private final AtomicBoolean mayLetGo = new AtomicBoolean(true);
    private Queue queue = Queue.named("q");

    HandingBackRedisTest(RedisServer redis) {
        this.redis = redis;
        this.proxy = new FaultProxy(redis.port());
    }

    @AfterEach
    void close() {
        mayLetGo.set(true);
        proxy.mode(FaultProxy.Mode.PASS);
        dispatchers.forEach(it -> it.stop(Duration.ZERO).block(PATIENCE));
        doors.forEach(it -> it.close().block(PATIENCE));
        proxy.close();
    }

    @Test
    void whatGoesBackAtAStopRunsElsewhereWhenItsHandlerHasLetGo() {
        Dispatcher first = holding("a", QueueSettings.standard());
        starting(redis.uri(), QueueSettings.standard());

        first.stop(Duration.ZERO).block(PATIENCE);

        assertRunsTwiceOneAfterTheOther();
    }

    @Test
    void whatIsTriedAgainAfterItsTimeoutRunsWhenItsHandlerHasLetGo() {
        RetryPolicy atOnce = RetryPolicy.standard().waits(Duration.ofMillis(1));

        holding("a", QueueSettings.standard().timeout(Duration.ofSeconds(1)).retry(atOnce));

        assertRunsTwiceOneAfterTheOther();
    }

    @Test
    void whatALostLeaseGivesBackRunsElsewhereWhenItsHandlerHasLetGo() throws Exception {
        holding("a", QueueSettings.standard());
        starting(redis.uri(), QueueSettings.standard());

        proxy.mode(FaultProxy.Mode.HOLD);
        assertThat(lettingGo.await(20, TimeUnit.SECONDS)).isTrue();
        proxy.mode(FaultProxy.Mode.PASS);

        assertRunsTwiceOneAfterTheOther();
    }

    @Test
    void whatWasDeliveredIsLetGoOfWhenItsSubscriberHasReturned() {
        AtomicBoolean told = new AtomicBoolean();
        Dispatcher first = dispatcher(proxy.uri(), QueueSettings.standard());
        first.receive("q", Object.class).subscribe(delivery -> {
            runs.incrementAndGet();
            held.set(true);
            delivery.cancelled().doOnSuccess(nothing -> told.set(true)).subscribe();
            Blocking.until(mayLetGo);
            held.set(false);
        });
        first.start().block(PATIENCE);
        mayLetGo.set(false);
        enqueue("a");
        eventually(() -> assertThat(held).isTrue());
        starting(redis.uri(), QueueSettings.standard());

        CompletableFuture<Void> stopped = first.stop(Duration.ZERO).toFuture();
        eventually(() -> assertThat(told).isTrue());
        always(Duration.ofNanos(TO_LET_GO_NANOS), () -> assertThat(runs).hasValue(1));
        mayLetGo.set(true);

        assertRunsTwiceOneAfterTheOther();
        assertThat(stopped).succeedsWithin(PATIENCE);
    }

    /** The loop learns at once that the grace is over and that the time to stop is. */
    @ParameterizedTest
    @EnumSource
    void aStopThatComesToItsEndLateLosesNothingAndStillLetsGoFirst(DeliveryMode mode) {
        queue = queue.delivery(mode);
        AtomicBoolean letGo = new AtomicBoolean();
        AtomicBoolean hangs = new AtomicBoolean();
        Sluice door = Sluice.builder()
                .uri(redis.uri())
                .observer(new Observer() {
                    @Override
                    public void settled(String name, Outcome outcome, int count) {
                        hangs.set(true);
                        Blocking.until(letGo); // on the loop, as a bad observer would
                    }
                })
                .build();
        doors.add(door);
        Sinks.Empty<Void> other = Sinks.empty();
        Dispatcher first = door.dispatcher().queue(queue).lease(LEASE).build();
        dispatchers.add(first);
        first.handler("t", Object.class, task -> task.id().equals("a") ? run(task) : other.asMono());
        first.start().block(PATIENCE);
        enqueue("a");
        enqueue("b");
        eventually(() -> assertThat(held).isTrue());
        starting(redis.uri(), QueueSettings.standard());

        CompletableFuture<Void> stopped = first.stop(Duration.ofMillis(300)).toFuture();
        other.tryEmitEmpty();
        eventually(() -> assertThat(hangs).isTrue());
        LockSupport.parkNanos(1_500_000_000);
        letGo.set(true);

        assertThat(stopped).succeedsWithin(PATIENCE);
        if (mode == DeliveryMode.AT_LEAST_ONCE) {
            assertRunsTwiceOneAfterTheOther();
        } else {
            assertThat(redis.call("HGET", "{q}:status", "a")).isEqualTo("dead");
        }
    }

    @Test
    void aHandlerThatDoesNotLetGoHoldsUpNoStop() {
        Dispatcher first = holding("a", QueueSettings.standard());
        starting(redis.uri(), QueueSettings.standard());
        mayLetGo.set(false);

        first.stop(Duration.ZERO).block(PATIENCE);

        eventually(() -> assertThat(runs).hasValue(2));
        assertThat(held).isTrue();
    }

    @Test
    void aHandlerThatDoesNotLetGoHoldsUpNoRetry() {
        RetryPolicy atOnce = RetryPolicy.standard().waits(Duration.ofMillis(1));
        mayLetGo.set(false);

        holding("a", QueueSettings.standard().timeout(Duration.ofSeconds(1)).retry(atOnce));

        eventually(() -> assertThat(runs).hasValue(2));
        assertThat(held).isTrue();
    }

    @Test
    void aHandlerThatDoesNotLetGoHoldsUpNoNewLife() throws Exception {
        holding("a", QueueSettings.standard());
        mayLetGo.set(false);

        proxy.mode(FaultProxy.Mode.HOLD);
        assertThat(lettingGo.await(20, TimeUnit.SECONDS)).isTrue();
        proxy.mode(FaultProxy.Mode.PASS);

        eventually(() -> assertThat(runs).hasValue(2));
        assertThat(held).isTrue();
    }

    private void assertRunsTwiceOneAfterTheOther() {
        eventually(() -> assertThat(runs).hasValue(2));
        eventually(() -> assertThat(redis.call("HGET", "{q}:status", "a")).isNull());
        assertThat(runs).hasValue(2);
        assertThat(overlaps).hasValue(0);
    }

    /** A dispatcher behind the proxy that runs this task. */
    private Dispatcher holding(String id, QueueSettings settings) {
        Dispatcher first = starting(proxy.uri(), settings);
        enqueue(id);
        eventually(() -> assertThat(held).isTrue());
        return first;
    }

    private void enqueue(String id) {
        doors.get(0).client(queue).enqueue(Task.of("t", (Object) null).id(id)).block(PATIENCE);
    }

    private Dispatcher starting(String uri, QueueSettings settings) {
        Dispatcher dispatcher = dispatcher(uri, settings).handler("t", Object.class, this::run);
        dispatcher.start().block(PATIENCE);
        return dispatcher;
    }

    private Dispatcher dispatcher(String uri, QueueSettings settings) {
        Sluice door = Sluice.builder().uri(uri).build();
        doors.add(door);
        Dispatcher dispatcher =
                door.dispatcher().queue(queue, settings).lease(LEASE).build();
        dispatchers.add(dispatcher);
        return dispatcher;
    }

    /** The first who is given the task holds it until he is told to stop, and then for a while. */
    private Mono<Object> run(TaskContext<Object> context) {
        if (runs.incrementAndGet() > 1) {
            overlaps.addAndGet(held.get() ? 1 : 0);
            return Mono.empty();
        }
        held.set(true);
        return Mono.never().doOnCancel(() -> {
            lettingGo.countDown();
            long since = System.nanoTime();
            while (System.nanoTime() - since < TO_LET_GO_NANOS || !mayLetGo.get()) {
                LockSupport.parkNanos(1_000_000);
            }
            held.set(false);
        });
    }
}
