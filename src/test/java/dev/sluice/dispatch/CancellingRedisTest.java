package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Sluice;
import dev.sluice.client.Cancellation;
import dev.sluice.client.TaskClient;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Queue;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.Private;
import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

/** A task is cancelled by its id from any client, and disposed where it runs. */
@OnEveryRedis
class CancellingRedisTest extends DispatchCase {
    private static final Duration TO_DISPOSE = Duration.ofMillis(200);

    private final Map<String, Long> disposed = new ConcurrentHashMap<>();
    private final Runs<Object> endless =
            new Runs<>(task -> Mono.never().doOnCancel(() -> disposed.put(task.id(), System.nanoTime())));

    CancellingRedisTest(RedisServer redis) {
        super(redis);
    }

    @Test
    void runningTasksOfAnotherNodeAreDisposedInTime() {
        running(endless);
        enqueue(0, 100);
        eventually(() -> assertThat(endless.count()).isEqualTo(100));
        TaskClient elsewhere = door(redis.uri()).client(queue);

        List<Long> took = Flux.range(0, 100)
                .concatMap(i -> {
                    long asked = System.nanoTime();
                    return elsewhere.cancel("t" + i).map(answer -> {
                        assertThat(answer).isEqualTo(Cancellation.STOPPING);
                        return asked;
                    });
                })
                .collectList()
                .block(PATIENCE);
        eventually(() -> assertThat(disposed).hasSize(100));

        List<Long> ms = IntStream.range(0, 100)
                .mapToObj(i -> (disposed.get("t" + i) - took.get(i)) / 1_000_000)
                .sorted()
                .toList();
        // The middle one: the last ones say how busy this machine is with other tests.
        assertThat(ms.get(49)).as(ms.toString()).isLessThan(TO_DISPOSE.toMillis());
        eventually(this::assertEmpty);
        assertThat(dead()).isZero();
        assertThat(endless.repeats()).isZero();
    }

    /** Each look for one goes through all that is held: who is told of many looks once. */
    @Test
    void manyAreCancelledOneByOneAndTheLeaseIsKept() {
        settings = settings.concurrency(20_000);
        started(dispatcher(it -> it.lease(Duration.ofSeconds(1))).handler("t", Object.class, endless));
        enqueue(0, 20_000);
        eventually(() -> assertThat(endless.count()).isEqualTo(20_000));
        TaskClient elsewhere = door(redis.uri()).client(queue);

        Flux.range(0, 10_000).flatMap(i -> elsewhere.cancel("t" + i), 256).blockLast(PATIENCE);
        eventually(() -> assertThat(disposed).hasSize(10_000));

        assertThat(told.lapses).hasValue(0);
        assertThat(endless.repeats()).isZero();
    }

    @Test
    void everyDispatcherOfAProcessIsTold() {
        settings = settings.concurrency(1);
        running(endless);
        running(endless);
        enqueue(0, 2);
        eventually(() -> assertThat(endless.count()).isEqualTo(2));

        Flux.just("t0", "t1")
                .concatMap(id -> sluice.client(queue).cancel(id))
                .collectList()
                .block(PATIENCE);

        // Sooner than by the next heartbeat, which is the other way to hear of it.
        eventually(Duration.ofSeconds(2), () -> assertThat(disposed).containsOnlyKeys("t0", "t1"));
    }

    @Test
    void aTaskThatIsStoppedIsGoneAndItsIdIsFree() {
        running(endless);
        TaskClient client = sluice.client(queue);
        enqueue(0, 1);
        eventually(() -> assertThat(endless.count()).isEqualTo(1));

        assertThat(client.cancel("t0").block(PATIENCE)).isEqualTo(Cancellation.STOPPING);
        eventually(() -> assertThat(client.status("t0").blockOptional(PATIENCE)).isEmpty());
        assertThat(client.cancel("t0").block(PATIENCE)).isEqualTo(Cancellation.UNKNOWN);
        enqueue(0, 1);

        eventually(() -> assertThat(endless.count("t0")).isEqualTo(2));
        assertThat(disposed).hasSize(1);
    }

    @Test
    void codeThatNoCancellationReachesCanAsk() {
        List<TaskContext<Object>> held = new CopyOnWriteArrayList<>();
        Queue other = Queue.named("other");
        Dispatcher dispatcher = dispatcher(it -> it.queue(other, settings)).handler("t", Object.class, endless);
        Disposable subscribed = dispatcher.receive("other", Object.class).subscribe(held::add);
        started(dispatcher);
        enqueue(0, 1);
        sluice.client(other).enqueue(task("t1")).block(PATIENCE);
        eventually(() -> assertThat(held.size() + endless.count()).isEqualTo(2));
        held.addAll(endless.all);
        assertThat(held).noneMatch(TaskContext::isCancelled);

        sluice.client(queue).cancel("t0").block(PATIENCE);
        sluice.client(other).cancel("t1").block(PATIENCE);

        eventually(() -> assertThat(held).allMatch(TaskContext::isCancelled));
        held.forEach(
                task -> assertThat(task.cancelled().blockOptional(PATIENCE)).isEmpty());
        subscribed.dispose();
    }

    @Test
    void whatWaitsDoesNotRunAndTheRestDoes() {
        TaskClient client = sluice.client(queue);
        enqueue(0, 1000);
        push("f");
        client.enqueue(task("later").delay(Duration.ofMillis(300))).block(PATIENCE);

        for (int i = 0; i < 1000; i += 2) {
            assertThat(client.cancel("t" + i).block(PATIENCE)).isEqualTo(Cancellation.CANCELLED);
        }
        assertThat(client.cancel("f").block(PATIENCE)).isEqualTo(Cancellation.CANCELLED);
        assertThat(client.cancel("later").block(PATIENCE)).isEqualTo(Cancellation.CANCELLED);
        Runs<Object> runs = Runs.succeeding();
        settings = settings.concurrency(1);
        running(runs);

        eventually(() -> assertThat(runs.count()).isEqualTo(500));
        eventually(this::assertEmpty);
        assertThat(runs.all).allMatch(task -> Integer.parseInt(task.id().substring(1)) % 2 == 1);
        assertThat(wire.call("EXISTS", key("cancelled"), key("cancelling"))).isEqualTo(0L);
    }

    @Test
    void aMessageThatIsLostCostsTimeOnly(@Private RedisServer own) {
        TaskClient client = door(own.uri()).client(queue);
        settings = settings.concurrency(4);
        started(stoppedInTheEnd(door(own.uri())
                .dispatcher()
                .queue(queue, settings)
                .lease(Duration.ofSeconds(3))
                .build()
                .handler("t", Object.class, endless)));
        client.enqueue(task("t0")).block(PATIENCE);
        eventually(() -> assertThat(endless.count()).isEqualTo(1));
        // As the script would have done, but for the message.
        own.call("SADD", key("cancelling"), "t0");

        eventually(Duration.ofSeconds(3), () -> assertThat(disposed).hasSize(1));
    }

    @Test
    void aCancellationIsHeardAfterTheConnectionForMessagesWasCut() {
        started(dispatcher(it -> it.lease(Duration.ofSeconds(6))) // the next heartbeat tells of it, if no message does
                .handler("t", Object.class, endless));
        enqueue(0, 1);
        eventually(() -> assertThat(endless.count()).isEqualTo(1));

        wire.call("CLIENT", "KILL", "TYPE", "pubsub");
        sluice.client(queue).cancel("t0").block(PATIENCE);

        eventually(() -> assertThat(disposed).hasSize(1));
        eventually(this::assertEmpty);
    }

    @Test
    void badRequestsAreRefusedWithTheReason() {
        StepVerifier.create(sluice.client(queue).cancel("\n")).verifyError(InvalidTaskException.class);
        StepVerifier.create(sluice.client(queue).cancel("nobody"))
                .expectNext(Cancellation.UNKNOWN)
                .verifyComplete();
        queue = Queue.named("clicks").delivery(DeliveryMode.AT_MOST_ONCE);
        StepVerifier.create(sluice.client(queue).cancel("a"))
                .verifyErrorSatisfies(error -> assertThat(error)
                        .isInstanceOf(InvalidTaskException.class)
                        .hasMessageContaining("queue 'clicks' is at-most-once"));
    }

    /** A user of Redis 7 may use no channels unless somebody gave them to him. */
    @Test
    void whoMayNotSubscribeHearsOfACancellationWithItsHeartbeatAndIsTold() {
        Gate gate = new Gate();
        try (LogTap log = new LogTap()) {
            Sluice deaf = doorHearing();
            started(stoppedInTheEnd(deaf.dispatcher()
                            .queue(queue, settings)
                            .lease(Duration.ofSeconds(1))
                            .build())
                    .handler("t", Object.class, task -> gate.wait(task.id())));
            enqueue(task("a"));
            eventually(() -> assertThat(gate.waiting()).isOne());

            assertThat(deaf.client(queue).cancel("a").block(PATIENCE)).isNotNull();

            eventually(() -> assertThat(gate.cancelled()).isOne());
            assertThat(log.warnings())
                    .filteredOn(it -> it.contains("give the user &{NAME}:*"))
                    .hasSize(1);
        }
    }
}
