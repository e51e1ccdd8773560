package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.eventually;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.client.EnqueueResult;
import dev.sluice.client.TaskClient;
import dev.sluice.client.TaskResult;
import dev.sluice.task.AwaitTimeoutException;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.ResultRetention;
import dev.sluice.task.TaskState;
import dev.sluice.task.Verdict;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** What is kept of a task's end, for how long, and what that means for its id. */
@OnEveryRedis
class ResultsRedisTest extends DispatchCase {
    private static final Duration MINUTE = Duration.ofMinutes(1);

    ResultsRedisTest(RedisServer redis) {
        super(redis);
    }

    record Sum(int total, List<String> of) {}

    @Test
    void byDefaultNothingIsKept() {
        running(task -> Mono.just(42));

        enqueue(task("a"));

        eventually(this::assertEmpty);
        assertThat(wire.call("EXISTS", key("result:a"))).isEqualTo(0L);
        assertThat(wire.call("HEXISTS", key("meta"), "results")).isEqualTo(0L);
        assertThat(sluice.client(queue).result("a").blockOptional(PATIENCE)).isEmpty();
    }

    @Test
    void aResultHasTheValueAndRedisItselfExpiresIt() {
        keepingResults();
        Instant before = Instant.now();
        running(task -> Mono.just(new Sum(5, List.of("2", "3"))).delayElement(Duration.ofMillis(20)));

        enqueue(task("a"));

        TaskResult result = resultOf("a");
        assertThat(result.state()).isEqualTo(TaskState.SUCCEEDED);
        assertThat(result.value(Sum.class)).isEqualTo(new Sum(5, List.of("2", "3")));
        assertThat(new String(Objects.requireNonNull(result.json()), UTF_8))
                .isEqualTo("{\"total\":5,\"of\":[\"2\",\"3\"]}");
        assertThat(result.attempts()).isEqualTo(1);
        assertThat(result.ran()).isBetween(Duration.ofMillis(20), PATIENCE);
        assertThat(result.endedAt())
                .isBetween(before.minusSeconds(1), Instant.now().plusSeconds(1));
        assertThat(result.failure()).isNull();
        assertThat((Long) wire.call("PTTL", key("result:a"))).isBetween(1L, MINUTE.toMillis());
        eventually(this::assertEmpty);
    }

    @Test
    void aTaskMayAskForItselfAlsoOneOfAForeignProducer() {
        running(task -> Mono.just(task.id()));

        enqueue(task("a").keepResult(MINUTE), task("b"));
        push("c", "{\"id\":\"c\",\"type\":\"t\",\"keepResultMs\":60000}");

        assertThat(resultOf("a").value(String.class)).isEqualTo("a");
        assertThat(resultOf("c").value(String.class)).isEqualTo("c");
        eventually(this::assertEmpty);
        assertThat(sluice.client(queue).result("b").blockOptional(PATIENCE)).isEmpty();
    }

    @Test
    void whoEmitsNothingHasAResultWithoutAValue() {
        keepingResults();
        running(task -> Mono.empty());

        enqueue(task("a"));

        assertThat(resultOf("a").hasValue()).isFalse();
        assertThat(resultOf("a").value(String.class)).isNull();
        assertThat(resultOf("a").failure()).isNull();
    }

    @Test
    void aRetryIsNoEndAndTheLastAttemptCounts() {
        keepingResults();
        running(task ->
                task.attempt() < 3 ? Mono.error(new IllegalStateException("not yet")) : Mono.just(task.attempt()));

        enqueue(task("a"));

        assertThat(resultOf("a").attempts()).isEqualTo(3);
        assertThat(resultOf("a").value(Integer.class)).isEqualTo(3);
    }

    @Test
    void aDiscardedTaskIsKeptAndADeadOneIsFoundInItsDeadLetter() {
        keepingResults();
        running(task -> Mono.just(task.id().equals("x") ? Verdict.discarded() : Verdict.dead("never")));

        enqueue(task("x"), task("d"));

        assertThat(resultOf("x").state()).isEqualTo(TaskState.DISCARDED);
        TaskResult dead = resultOf("d");
        assertThat(dead.state()).isEqualTo(TaskState.DEAD);
        assertThat(dead.attempts()).isEqualTo(1);
        assertThat(Objects.requireNonNull(dead.failure()).message()).isEqualTo("never");
        assertThat(dead.hasValue()).isFalse();
        assertThat(wire.call("EXISTS", key("result:d"))).isEqualTo(0L);
    }

    @Test
    void aValueThatIsTooLargeOrCannotBeWrittenCostsTheTaskNothing() {
        settings = settings.results(new ResultRetention(MINUTE, 10));
        Object circle = new Object[1];
        ((Object[]) circle)[0] = circle;
        running(task ->
                Mono.just(task.id().equals("large") ? "12345678901" : task.id().equals("fits") ? "12345678" : circle));

        enqueue(task("large"), task("fits"), task("circle"));

        assertThat(resultOf("fits").value(String.class)).isEqualTo("12345678");
        assertThat(resultOf("large").state()).isEqualTo(TaskState.SUCCEEDED);
        assertThat(resultOf("large").hasValue()).isFalse();
        assertThat(Objects.requireNonNull(resultOf("large").failure()).reason()).isEqualTo("result-too-large");
        assertThat(Objects.requireNonNull(resultOf("large").failure()).message())
                .contains("10", "13");
        assertThat(resultOf("circle").state()).isEqualTo(TaskState.SUCCEEDED);
        assertThat(Objects.requireNonNull(resultOf("circle").failure()).reason())
                .isEqualTo("result-not-writable");
        assertThat(dead()).isZero();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aValueWhoseAccessorThrowsAnErrorCostsTheTaskNothing(boolean elsewhere) {
        settings = settings.results(new ResultRetention(MINUTE, 10));
        AtomicInteger runs = new AtomicInteger();
        Iterable<Object> broken = () -> {
            throw new NoClassDefFoundError("what/Is/Missing");
        };
        running(task -> {
            Mono<Iterable<Object>> value = Mono.fromCallable(() -> {
                runs.incrementAndGet();
                return broken;
            });
            return elsewhere ? value.subscribeOn(Schedulers.boundedElastic()) : value;
        });

        enqueue(task("a"));

        assertThat(resultOf("a").state()).isEqualTo(TaskState.SUCCEEDED);
        assertThat(Objects.requireNonNull(resultOf("a").failure()).reason()).isEqualTo("result-not-writable");
        assertThat(runs).hasValue(1);
    }

    @Test
    void whileItsResultIsKeptAnIdIsTaken() {
        settings = settings.results(ResultRetention.standard().maxAge(Duration.ofMillis(400)));
        AtomicInteger runs = new AtomicInteger();
        running(task -> Mono.just(runs.incrementAndGet()));
        enqueue(task("a"));
        resultOf("a");

        List<EnqueueResult> again = Objects.requireNonNull(sluice.client(queue)
                .enqueueAll(Flux.just(task("b"), task("a"), task("c")))
                .collectList()
                .block(PATIENCE));

        assertThat(again).extracting(EnqueueResult::isExisting).containsExactly(false, true, false);
        eventually(() -> assertThat(
                        sluice.client(queue).enqueue(task("a")).block(PATIENCE).isCreated())
                .isTrue());
        eventually(() -> assertThat(runs).hasValue(4));
    }

    @Test
    void aCancelledTaskLeavesItsIdFree() {
        keepingResults();
        AtomicInteger starts = new AtomicInteger();
        running(task -> starts.incrementAndGet() == 1 ? Mono.never() : Mono.just("second"));
        enqueue(task("a"));
        eventually(() -> assertThat(starts).hasValue(1));

        sluice.client(queue).cancel("a").block(PATIENCE);
        eventually(this::assertEmpty);
        assertThat(sluice.client(queue).result("a").blockOptional(PATIENCE)).isEmpty();
        enqueue(task("a"));

        assertThat(resultOf("a").value(String.class)).isEqualTo("second");
    }

    /** The latest life counts: it has died, and a dead letter does not hold its id. */
    @Test
    void aLaterDeathIsNotHiddenByAnOlderResult() {
        AtomicInteger starts = new AtomicInteger();
        running(task -> starts.incrementAndGet() == 2 ? Mono.just(Verdict.dead("no")) : Mono.just("" + starts));
        TaskClient client = sluice.client(queue);
        enqueue(task("a").keepResult(MINUTE));
        assertThat(resultOf("a").value(String.class)).isEqualTo("1");
        push("a");
        eventually(() -> assertThat(dead()).isEqualTo(1));

        assertThat(resultOf("a").state()).isEqualTo(TaskState.DEAD);
        sluice.client(queue).pause().block(PATIENCE);
        assertThat(client.enqueue(task("a").keepResult(MINUTE)).block(PATIENCE).isCreated())
                .isTrue();
        assertThat(client.result("a").block(PATIENCE)).isNull();
        assertThatThrownBy(() -> client.await("a", Duration.ofMillis(300)).block(PATIENCE))
                .isInstanceOf(AwaitTimeoutException.class);
        sluice.client(queue).resume().block(PATIENCE);
        eventually(() -> assertThat(resultOf("a").value(String.class)).isEqualTo("3"));
    }

    /** As after a redrive, and a foreign push: what ran before is not the result of what waits. */
    @Test
    void whatWaitsHasNotEndedThoughAResultOfAnOlderLifeIsKept() {
        running(task -> Mono.just("first"));
        enqueue(task("a").keepResult(MINUTE));
        assertThat(resultOf("a").value(String.class)).isEqualTo("first");
        sluice.client(queue).pause().block(PATIENCE);

        pushAnnounced("a");

        assertThat(sluice.client(queue).result("a").block(PATIENCE)).isNull();
        sluice.client(queue).resume().block(PATIENCE);
        eventually(this::assertEmpty);
    }

    @Test
    void manyLargeResultsAreSplitOverCalls() {
        settings = settings.results(new ResultRetention(MINUTE, 1 << 20)).concurrency(100);
        running(task -> Mono.just("x".repeat(200_000)).delayElement(Duration.ofMillis(50)));

        enqueue(0, 40);

        eventually(this::assertEmpty);
        assertThat(told.mostSettled.get()).isBetween(1L, 6L); // about a megabyte
        for (int i = 0; i < 40; i++) {
            assertThat(resultOf("t" + i).json()).hasSize(200_002);
        }
    }

    @Test
    void anAtMostOnceQueueKeepsNoneAndSaysSo() {
        deliver(DeliveryMode.AT_MOST_ONCE);

        assertThatThrownBy(() -> dispatcher(it -> it.queue(
                        dev.sluice.task.Queue.named("other").delivery(DeliveryMode.AT_MOST_ONCE),
                        settings.results(ResultRetention.standard().maxAge(MINUTE)))))
                .isInstanceOf(InvalidTaskException.class)
                .hasMessageContaining("at-most-once");
        assertThatThrownBy(() -> sluice.client(queue)
                        .enqueue(task("a").keepResult(MINUTE))
                        .block(PATIENCE))
                .isInstanceOf(InvalidTaskException.class)
                .hasMessageContaining("at-most-once");
        running(task -> Mono.just(1));
        push("f", "{\"id\":\"f\",\"type\":\"t\",\"keepResultMs\":60000}");
        eventually(this::assertEmpty);
        assertThat(wire.call("EXISTS", key("result:f"))).isEqualTo(0L);
    }

    @Test
    void whatSomebodyElseWroteThereIsReadAsFarAsItGoes() {
        wire.call("SET", key("result:odd"), "no json", "EX", "100");
        wire.call("SET", key("result:half"), "{\"state\":\"discarded\",\"attempts\":\"many\"}", "EX", "100");

        assertThat(resultOf("odd").state()).isEqualTo(TaskState.SUCCEEDED);
        assertThat(resultOf("half").state()).isEqualTo(TaskState.DISCARDED);
        assertThat(resultOf("half").attempts()).isZero();
    }

    private void keepingResults() {
        settings = settings.results(ResultRetention.standard().maxAge(MINUTE));
    }

    private TaskResult resultOf(String id) {
        eventually(() -> assertThat(sluice.client(queue).result(id).blockOptional(PATIENCE))
                .isPresent());
        return Objects.requireNonNull(sluice.client(queue).result(id).block(PATIENCE));
    }
}
