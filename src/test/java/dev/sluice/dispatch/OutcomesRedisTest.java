package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.observe.Outcome;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Failure;
import dev.sluice.task.RetryPolicy;
import dev.sluice.task.Task;
import dev.sluice.task.TaskTimeoutException;
import dev.sluice.task.Verdict;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** What a handler chooses, and what a policy makes of its failures. */
@OnEveryRedis
class OutcomesRedisTest extends DispatchCase {
    private static final Duration HOUR = Duration.ofHours(1);
    private final IllegalStateException reason = new IllegalStateException("not today");

    OutcomesRedisTest(RedisServer redis) {
        super(redis);
    }

    // ---- chosen by the handler

    @Test
    void aSnoozeUsesNoAttempt() {
        Runs<Object> runs = new Runs<>(task ->
                Mono.just(task.fencingNumber() < 3 ? Verdict.snooze(Duration.ofMillis(10)) : Verdict.succeeded()));

        running(runs);
        enqueue(0, 1);

        eventually(() -> assertThat(runs.count()).isEqualTo(3));
        assertThat(runs.all.stream().map(TaskContext::attempt)).containsExactly(1, 1, 1);
        assertThat(runs.all).allMatch(it -> it.lastFailure() == null);
        eventually(this::assertEmpty);
        assertThat(told.settled(Outcome.SNOOZED)).isEqualTo(2);
    }

    @Test
    void aSnoozedTaskIsScheduled() {
        running(task -> Mono.just(Verdict.snooze(HOUR)));
        enqueue(0, 1);

        eventually(() -> assertThat(status("t0")).isEqualTo("scheduled"));
        assertThat(dueInMs("t0")).isBetween(HOUR.toMillis() - 60_000, HOUR.toMillis());
    }

    @ParameterizedTest
    @EnumSource
    void aDiscardedTaskLeavesNothing(DeliveryMode mode) {
        deliver(mode);

        running(task -> Mono.just(Verdict.discarded()));
        enqueue(0, 20);

        eventually(() -> assertThat(told.settled(Outcome.DISCARDED)).isEqualTo(20));
        eventually(this::assertEmpty);
        assertThat(dead()).isZero();
    }

    @ParameterizedTest
    @EnumSource
    void aHandlerMayEndItsTaskAsCancelled(DeliveryMode mode) {
        deliver(mode);
        Runs<Object> runs = new Runs<>(task -> Mono.just(Verdict.cancelled()));

        running(runs);
        enqueue(0, 20);

        eventually(() -> assertThat(told.settled(Outcome.CANCELLED)).isEqualTo(20));
        eventually(this::assertEmpty);
        assertThat(runs.count()).isEqualTo(20);
        assertThat(dead()).isZero();
    }

    @ParameterizedTest
    @EnumSource
    void deadNowIsTheEndWhateverAttemptsAreLeft(DeliveryMode mode) {
        deliver(mode);
        Runs<Object> runs = new Runs<>(task -> Mono.just(Verdict.dead("no such address")));

        running(runs);
        enqueue(0, 1);

        assertThat(deadLetter("t0")).contains("\"reason\":\"rejected\"").contains("no such address");
        assertThat(runs.count()).isOne();
    }

    @Test
    void aChosenDelayCountsTheAttemptAndIsDeadAfterTheLast() {
        settings = settings.retry(RetryPolicy.standard().maxAttempts(2).waits(HOUR));
        Runs<Object> runs = new Runs<>(task -> Mono.just(Verdict.retry(Duration.ofMillis(5), reason)));

        running(runs);
        enqueue(0, 1);

        assertThat(deadLetter("t0")).contains("\"reason\":\"handler-error\"").contains("not today");
        assertThat(runs.all.stream().map(TaskContext::attempt)).containsExactly(1, 2);
    }

    @Test
    void aReleasedTaskGoesBackAndKeepsItsAttempt() {
        Runs<Object> runs =
                new Runs<>(task -> Mono.just(task.fencingNumber() == 1 ? Verdict.released() : Verdict.succeeded()));

        running(runs);
        enqueue(0, 1);

        eventually(() -> assertThat(runs.count()).isEqualTo(2));
        assertThat(runs.all.get(1).attempt()).isOne();
        eventually(this::assertEmpty);
    }

    @ParameterizedTest
    @ValueSource(strings = {"retry", "snooze"})
    void whereNothingIsRunAgainWhatWouldBeIsADeadLetter(String chosen) {
        deliver(DeliveryMode.AT_MOST_ONCE);

        running(task -> Mono.just(
                chosen.equals("retry") ? Verdict.retry(Duration.ZERO, reason) : Verdict.snooze(Duration.ZERO)));
        enqueue(0, 1);

        assertThat(deadLetter("t0")).contains(chosen.equals("retry") ? "not today" : "\"reason\":\"snoozed\"");
    }

    @ParameterizedTest
    @ValueSource(strings = {"a second verdict", "an error", "never an end"})
    void theFirstVerdictCountsAndNothingAfterIt(String then) {
        Flux<Verdict> more = switch (then) {
            case "a second verdict" -> Flux.just(Verdict.dead("second"));
            case "an error" -> Flux.error(reason);
            default -> Flux.never();
        };
        Runs<Object> runs = new Runs<>(
                task -> Mono.fromDirect(Flux.<Object>just(Verdict.discarded()).concatWith(more)));

        running(runs);
        enqueue(0, 1);

        eventually(() -> assertThat(told.settled(Outcome.DISCARDED)).isOne());
        eventually(this::assertEmpty);
        assertThat(runs.count()).isOne();
        assertThat(dead()).isZero();
    }

    @Test
    void whatIsNoVerdictDecidesNothingBeforeTheEnd() {
        settings = settings.retry(RetryPolicy.never());

        running(task -> Mono.fromDirect(Flux.just("a value").concatWith(Mono.error(reason))));
        enqueue(0, 1);

        assertThat(deadLetter("t0")).contains("not today");
    }

    // ---- chosen by the policy

    @Test
    void aClassOfExceptionsIsRetriedDeadOrDiscarded() {
        settings = settings.retry(RetryPolicy.standard()
                .waits(HOUR)
                .retryOn(UncheckedTimeout.class, Duration.ofHours(2))
                .retryOn(SoftRefusal.class)
                .deadOn(Refusal.class)
                .discardOn(Gone.class));

        running(task -> Mono.error(
                switch (task.id()) {
                    case "dead" -> new Refusal();
                    case "soft" -> new SoftRefusal();
                    case "gone" -> new Gone();
                    case "slow" -> new UncheckedTimeout();
                    case "wrapped" -> new CompletionException(new Refusal());
                    default -> new IllegalStateException("its cause is no reason", new Refusal());
                }));
        enqueue(task("dead"), task("soft"), task("gone"), task("slow"), task("wrapped"), task("caused"));

        assertThat(deadLetter("dead")).contains("\"reason\":\"handler-error\"").contains("Refusal");
        assertThat(deadLetter("wrapped")).contains("\"reason\":\"handler-error\"");
        eventually(() -> assertThat(told.settled(Outcome.RETRIED)).isEqualTo(3));
        assertThat(told.settled(Outcome.DISCARDED)).isOne();
        assertThat(status("gone")).isNull();
        assertThat(dueInMs("soft")).isLessThanOrEqualTo(HOUR.toMillis());
        assertThat(dueInMs("caused")).isLessThanOrEqualTo(HOUR.toMillis());
        assertThat(dueInMs("slow")).isBetween(2 * HOUR.toMillis() - 60_000, 2 * HOUR.toMillis());
    }

    @Test
    void aRuleOfOnesOwnSeesTheFailureAndItsAttempt() {
        settings = settings.retry(QUICK.rule((thrown, attempt) -> thrown instanceof Refusal && attempt == 2
                ? Optional.of(Verdict.dead("refused twice"))
                : Optional.empty()));
        Runs<Object> runs = new Runs<>(task -> Mono.error(new Refusal()));

        running(runs);
        enqueue(0, 1);

        assertThat(deadLetter("t0")).contains("refused twice");
        assertThat(runs.count()).isEqualTo(2);
    }

    @ParameterizedTest
    @ValueSource(strings = {"throws", "throws an Error", "returns null"})
    void aRuleThatFailsIsAsIfItWereNotThere(String how) {
        AtomicInteger asked = new AtomicInteger();
        settings = settings.retry(QUICK.maxAttempts(2).rule((thrown, attempt) -> {
            asked.incrementAndGet();
            return broken(how);
        }));

        running(task -> Mono.error(reason));
        enqueue(0, 3);

        for (int i = 0; i < 3; i++) {
            assertThat(deadLetter("t" + i)).contains("not today").contains("\u0001c2,");
        }
        assertThat(asked).hasValue(6);
    }

    @Test
    void aTimeoutIsShownToClassRulesOnly() {
        AtomicInteger asked = new AtomicInteger();
        settings = settings.timeout(Duration.ofMillis(100))
                .retry(RetryPolicy.standard()
                        .rule((thrown, attempt) -> {
                            asked.incrementAndGet();
                            return Optional.empty();
                        })
                        .deadOn(TaskTimeoutException.class));

        running(task -> Mono.never());
        enqueue(0, 1);

        assertThat(deadLetter("t0")).contains("\"reason\":\"timeout\"").contains("\u0001c1,");
        assertThat(asked).hasValue(0);
    }

    // ---- per queue, type and task

    @Test
    void aTypeHasItsOwnTimeoutAndPolicyAndATaskIsAboveBoth() {
        settings = settings.timeout("short", Duration.ofSeconds(1)).retry("short", RetryPolicy.never());
        Runs<Object> runs = new Runs<>(task -> Mono.never());

        started(dispatcher().handler("t", Object.class, runs).handler("short", Object.class, runs));
        enqueue(
                task("queue"),
                Task.of("short", null).id("type"),
                Task.of("short", null).id("task").timeout(Duration.ofMinutes(7)).maxAttempts(3));

        assertThat(deadLetter("type")).contains("\"reason\":\"timeout\"").contains("1000 ms");
        eventually(() -> assertThat(runs.count()).isEqualTo(3));
        assertThat(seen(runs, "queue").timeout()).isEqualTo(Duration.ofMinutes(5));
        assertThat(seen(runs, "queue").maxAttempts()).isEqualTo(5);
        assertThat(seen(runs, "type").maxAttempts()).isEqualTo(1);
        assertThat(seen(runs, "task").timeout()).isEqualTo(Duration.ofMinutes(7));
        assertThat(seen(runs, "task").maxAttempts()).isEqualTo(3);
    }

    @Test
    void aTaskBringsItsOwnWaits() {
        settings = settings.retry(RetryPolicy.standard().jitter(0));

        running(task -> task.attempt() == 1 ? Mono.error(reason) : Mono.error(new Refusal()));
        enqueue(task("a").backoff(Duration.ofMillis(1), HOUR));
        push("b", "{\"id\":\"b\",\"type\":\"t\",\"backoff\":[3600000]}");
        push("c", "{\"id\":\"c\",\"type\":\"t\",\"backoff\":[-1]}");

        assertThat(deadLetter("c")).contains("\"reason\":\"bad-field:backoff\"");
        eventually(() -> assertThat(told.settled(Outcome.RETRIED)).isEqualTo(3));
        for (String id : List.of("a", "b")) {
            assertThat(dueInMs(id)).isBetween(HOUR.toMillis() - 60_000, HOUR.toMillis());
        }
    }

    // ---- the last failure

    @Test
    void aHandlerSeesWhyTheAttemptBeforeFailed() {
        Runs<Object> runs = new Runs<>(task ->
                task.attempt() < 3 ? Mono.error(new IllegalStateException("attempt " + task.attempt())) : Mono.empty());

        running(runs);
        enqueue(0, 1);

        eventually(() -> assertThat(runs.count()).isEqualTo(3));
        assertThat(runs.all.get(0).lastFailure()).isNull();
        assertThat(runs.all.get(1).lastFailure()).satisfies(failure -> {
            assertThat(failure.reason()).isEqualTo("handler-error");
            assertThat(failure.type()).isEqualTo("java.lang.IllegalStateException");
            assertThat(failure.message()).isEqualTo("attempt 1");
            assertThat(failure.trace()).contains("OutcomesRedisTest");
        });
        assertThat(runs.all.get(2).lastFailure()).extracting(Failure::message).isEqualTo("attempt 2");
        eventually(this::assertEmpty);
    }

    @Test
    void aMessageOfAMegabyteGrowsNoTask() {
        settings = settings.retry(QUICK.maxAttempts(4));
        Runs<Object> runs = new Runs<>(task -> Mono.error(new IllegalStateException("错\n".repeat(500_000))));

        running(runs);
        enqueue(0, 1);

        assertThat(deadLetter("t0").getBytes(java.nio.charset.StandardCharsets.UTF_8))
                .hasSizeLessThan(5_000);
        assertThat(runs.all.get(3).lastFailure()).isNotNull();
    }

    // ---- deadlines

    @Test
    void anAttemptThatRunsAtTheDeadlineIsCut() {
        Gate gate = new Gate();
        Runs<Object> runs = new Runs<>(task -> gate.wait(task.id()));

        long began = System.nanoTime();
        running(runs);
        enqueue(task("a").deadline(java.time.Instant.now().plusSeconds(3)));

        eventually(() -> assertThat(runs.count()).isOne());
        Duration timeout = runs.only().timeout();
        Duration latest =
                Duration.ofNanos(System.nanoTime() - began); // Redis' clock is known as late as its answer came
        assertThat(timeout).isLessThanOrEqualTo(Duration.ofSeconds(3).plus(latest));
        assertThat(deadLetter("a")).contains("\"reason\":\"deadline\"").contains("while it ran");
        eventually(() -> assertThat(gate.cancelled()).isOne());
        assertThat(runs.count()).isOne();
    }

    @Test
    void aRetryThatWouldComeAfterTheDeadlineIsADeadLetterWithItsFailure() {
        settings = settings.retry(RetryPolicy.standard().waits(HOUR));

        running(task -> Mono.error(reason));
        enqueue(task("a").deadline(java.time.Instant.now().plusSeconds(60)));

        assertThat(deadLetter("a")).contains("\"reason\":\"handler-error\"").contains("not today");
    }

    // ---- what a handler is told

    @Test
    void aHandlerIsToldThatItsTimeIsOver() {
        settings = settings.timeout(Duration.ofSeconds(1)).retry(RetryPolicy.never());
        AtomicInteger signals = new AtomicInteger();
        Runs<Object> runs = new Runs<>(task -> {
            task.cancelled().subscribe(nothing -> {}, error -> {}, signals::incrementAndGet);
            return task.id().equals("slow") ? Mono.never() : Mono.empty();
        });

        running(runs);
        enqueue(task("slow"), task("quick").timeout(HOUR));

        deadLetter("slow");
        eventually(() -> assertThat(signals).hasValue(1));
        assertThat(seen(runs, "slow").isCancelled()).isTrue();
        assertThat(seen(runs, "slow").remaining()).isZero();
        assertThat(seen(runs, "slow").cancelled().blockOptional(PATIENCE)).isEmpty();
        eventually(() -> assertThat(told.settled(Outcome.SUCCEEDED)).isOne());
        assertThat(seen(runs, "quick").isCancelled()).isFalse();
    }

    @Test
    void aStopTellsARunningHandlerAfterTheGrace() {
        Runs<Object> runs = new Runs<>(task -> Mono.never());
        Dispatcher dispatcher = running(runs);
        enqueue(0, 1);
        eventually(() -> assertThat(runs.count()).isOne());
        assertThat(runs.only().isCancelled()).isFalse();
        assertThat(runs.only().remaining()).isBetween(Duration.ofMinutes(4), Duration.ofMinutes(5));
        Mono<Void> told = runs.only().cancelled();

        dispatcher.stop(Duration.ofMillis(50)).block(PATIENCE);

        assertThat(told.blockOptional(PATIENCE)).isEmpty();
        assertThat(runs.only().isCancelled()).isTrue();
    }

    private static TaskContext<Object> seen(Runs<Object> runs, String id) {
        return runs.all.stream().filter(it -> it.id().equals(id)).findFirst().orElseThrow();
    }

    private long dueInMs(String id) {
        List<?> time = (List<?>) wire.call("TIME");
        return (long) Double.parseDouble((String) wire.call("ZSCORE", key("delayed"), id))
                - Long.parseLong((String) time.get(0)) * 1000
                - Long.parseLong((String) time.get(1)) / 1000;
    }

    @SuppressWarnings("OptionalAssignedToNull") // what a careless rule may do
    private static Optional<Verdict> broken(String how) {
        return switch (how) {
            case "throws" -> throw new IllegalStateException("a broken rule");
            case "throws an Error" -> throw new AssertionError("a broken rule");
            default -> null;
        };
    }

    private static class Refusal extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    private static final class SoftRefusal extends Refusal {
        private static final long serialVersionUID = 1L;
    }

    private static final class Gone extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    private static final class UncheckedTimeout extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }
}
