package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.Sluice;
import dev.sluice.codec.JsonCodec;
import dev.sluice.codec.PayloadCodec;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.ResultRetention;
import dev.sluice.task.RetryPolicy;
import dev.sluice.task.Task;
import dev.sluice.task.Verdict;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.lang.reflect.Type;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

/** A task tells of the end of another one: once for each end, and for nothing that is none. */
@OnEveryRedis
class CallbacksRedisTest extends DispatchCase {
    private final Queue<TaskContext<Map<String, Object>>> calls = new ConcurrentLinkedQueue<>();

    CallbacksRedisTest(RedisServer redis) {
        super(redis);
    }

    @BeforeEach
    void callBack() {
        settings = settings.callback("t", "t.ended");
    }

    @Test
    void itTellsOfASuccessWithItsValue() {
        calledBackAfter(task -> Mono.just(Map.of("pages", 3)));

        enqueue(task("a").header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));

        assertThat(payloadOfTheOnly())
                .containsEntry("id", "a")
                .containsEntry("queue", "q")
                .containsEntry("type", "t")
                .containsEntry("state", "succeeded")
                .containsEntry("attempts", 1)
                .containsEntry("value", Map.of("pages", 3))
                .containsEntry("failure", null)
                .containsKey("ranMs")
                .hasSize(8);
        assertThat(calls.element().headers()).containsOnlyKeys("traceparent");
        eventually(this::assertEmpty);
        assertThat(sluice.client(queue).result("a").blockOptional(PATIENCE)).isEmpty();
    }

    @Test
    void itTellsOfADeathOnceAfterTheLastAttempt() {
        settings = settings.retry("t", QUICK.maxAttempts(3));
        calledBackAfter(task -> Mono.error(new IllegalStateException("not today")));

        enqueue(task("a"));

        assertThat(payloadOfTheOnly())
                .containsEntry("state", "dead")
                .containsEntry("attempts", 3)
                .containsEntry(
                        "failure",
                        Map.of(
                                "reason", "handler-error",
                                "error", "java.lang.IllegalStateException",
                                "message", "not today"))
                .doesNotContainKey("value");
        assertThat(deadIds()).containsExactly("a");
    }

    @Test
    void itTellsOfATimeoutOfADeadlineAndOfWhatCannotBeRead() {
        settings = settings.timeout("t", Duration.ofMillis(50)).retry("t", RetryPolicy.never());
        started(dispatcher()
                .handler("t", Integer.class, task -> Mono.never())
                .handler("t.ended", Object.class, this::called));

        enqueue(
                task("slow"),
                task("late").deadline(Instant.now().minusSeconds(1)),
                Task.of("t", "no number").id("odd"));

        eventually(() -> assertThat(calls).hasSize(3));
        assertThat(calls)
                .extracting(it ->
                        it.payload().get("id") + " " + ((Map<?, ?>) it.payload().get("failure")).get("reason"))
                .containsExactlyInAnyOrder("slow timeout", "late deadline", "odd invalid-task");
    }

    @Test
    void itTellsOfWhatIsDiscardedAndNothingOfWhatRunsAgain() {
        calledBackAfter(task -> {
            if (task.id().equals("x")) {
                return Mono.just(Verdict.discarded());
            }
            return Mono.just(
                    task.fencingNumber() == 1
                            ? Verdict.released()
                            : task.fencingNumber() == 2 ? Verdict.snooze(Duration.ofMillis(5)) : "done");
        });

        enqueue(task("x"), task("a"));

        eventually(() -> assertThat(calls).hasSize(2));
        assertThat(calls)
                .extracting(it -> it.payload().get("id") + " " + it.payload().get("state"))
                .containsExactlyInAnyOrder("x discarded", "a succeeded");
        eventually(this::assertEmpty);
        assertThat(calls).hasSize(2);
    }

    @Test
    void nobodyIsToldOfACancelledTask() {
        Gate gate = new Gate();
        calledBackAfter(task -> gate.wait(task.id()));
        enqueue(task("a"));
        eventually(() -> assertThat(gate.waiting()).isOne());

        sluice.client(queue).cancel("a").block(PATIENCE);

        eventually(this::assertEmpty);
        assertThat(calls).isEmpty();
    }

    @Test
    void eachOfManyEndsIsToldOnce() {
        calledBackAfter(task -> Mono.just(task.id()));

        enqueue(0, 5_000);

        eventually(() -> assertThat(calls).hasSize(5_000));
        assertThat(calls)
                .extracting(it -> it.payload().get("value"))
                .containsExactlyInAnyOrderElementsOf(
                        IntStream.range(0, 5_000).mapToObj(i -> "t" + i).toList());
        eventually(this::assertEmpty);
    }

    @Test
    void aCallbackThatFailsIsTriedAgainLikeAnyTask() {
        started(dispatcher().handler("t", Object.class, task -> Mono.just(1)).handler("t.ended", Object.class, task -> {
            called(task);
            return task.attempt() < 3 ? Mono.error(new IllegalStateException("receiver is down")) : Mono.empty();
        }));

        enqueue(task("a"));

        eventually(() -> assertThat(calls).hasSize(3));
        assertThat(calls.stream().map(TaskContext::id).distinct()).hasSize(1);
        eventually(this::assertEmpty);
    }

    @Test
    void aValueThatIsTooLargeIsLeftOutAndTheCallbackSaysSo() {
        settings = settings.results(new ResultRetention(Duration.ZERO, 10));
        calledBackAfter(task -> Mono.just("12345678901"));

        enqueue(task("a"));

        assertThat(payloadOfTheOnly()).containsEntry("state", "succeeded").doesNotContainKey("value");
        assertThat((Map<?, ?>) calls.element().payload().get("failure"))
                .hasFieldOrPropertyWithValue("reason", "result-too-large");
    }

    /** A payload has fewer levels for it than a value may have, for the callback is one more. */
    @Test
    void aValueThatIsNestedTooDeepForACallbackIsLeftOut() {
        Object value = Stream.iterate((Object) List.of(), List::of)
                .skip(63)
                .findFirst()
                .orElseThrow();
        calledBackAfter(task -> Mono.just(value));

        enqueue(task("a"));

        assertThat(payloadOfTheOnly()).containsEntry("state", "succeeded").doesNotContainKey("value");
        assertThat((Map<?, ?>) calls.element().payload().get("failure"))
                .hasFieldOrPropertyWithValue("reason", "result-too-large");
        eventually(this::assertEmpty);
    }

    /** Nor does it run on the loop, where it would hold up the settles of others. */
    @Test
    void aCodecThatFailsAtACallbackCostsNothingButItsValue() {
        Collection<String> threads = new ConcurrentLinkedQueue<>();
        JsonCodec json = JsonCodec.standard();
        Sluice door = Sluice.builder()
                .uri(redis.uri())
                .observer(told)
                .codec(new PayloadCodec() {
                    @Override
                    public byte[] encode(@Nullable Object payload) {
                        threads.add(Thread.currentThread().getName());
                        if (payload instanceof byte[]) {
                            throw new IllegalStateException("no bytes");
                        }
                        return json.encode(payload);
                    }

                    @Override
                    @SuppressWarnings("TypeParameterUnusedInFormals")
                    public <T> @Nullable T decode(byte[] buffer, int offset, int length, Type type) {
                        return json.decode(buffer, offset, length, type);
                    }
                })
                .build();
        String value = "x".repeat(40_000);
        started(stoppedInTheEnd(door.dispatcher().queue(queue, settings).build())
                .handler("t", Object.class, task -> Mono.just(value))
                .handler("t.ended", Object.class, this::called));

        enqueue(0, 20);

        eventually(() -> assertThat(calls).hasSize(20));
        assertThat(calls)
                .allMatch(it -> it.payload().get("value") == null
                        && it.payload().get("state").equals("succeeded"));
        eventually(this::assertEmpty);
        assertThat(threads).isNotEmpty().noneMatch(name -> name.startsWith("sluice-loop"));
        door.close().block(PATIENCE);
    }

    @Test
    void itComesBesideAResultThatIsKept() {
        calledBackAfter(task -> Mono.just(42));

        enqueue(task("a").keepResult(Duration.ofMinutes(1)));

        assertThat(payloadOfTheOnly()).containsEntry("value", 42);
        eventually(() -> assertThat(
                        sluice.client(queue).result("a").block(PATIENCE).value(Integer.class))
                .isEqualTo(42));
    }

    @Test
    void aFullRedisStillTakesItWithTheEnd() {
        Gate gate = new Gate();
        calledBackAfter(task -> gate.wait(task.id()));
        enqueue(task("a"));
        eventually(() -> assertThat(gate.waiting()).isOne());

        redis.call("CONFIG", "SET", "maxmemory", "1");
        gate.open();

        try {
            assertThat(payloadOfTheOnly()).containsEntry("state", "succeeded");
        } finally {
            redis.call("CONFIG", "SET", "maxmemory", "0");
        }
    }

    @Test
    void aQueueWithAtMostOnceDeliveryHasNone() {
        deliver(DeliveryMode.AT_MOST_ONCE);

        assertThatThrownBy(() -> sluice.dispatcher().queue(queue, settings))
                .isInstanceOf(InvalidTaskException.class)
                .hasMessageContaining("queue 'q' is at-most-once, which has no callbacks");
    }

    private void calledBackAfter(TaskHandler<Object> handler) {
        started(dispatcher().handler("t", Object.class, handler).handler("t.ended", Object.class, this::called));
    }

    @SuppressWarnings("unchecked")
    private Mono<?> called(TaskContext<?> task) {
        calls.add((TaskContext<Map<String, Object>>) task);
        return Mono.empty();
    }

    private Map<String, Object> payloadOfTheOnly() {
        eventually(() -> assertThat(calls).hasSize(1));
        return calls.element().payload();
    }
}
