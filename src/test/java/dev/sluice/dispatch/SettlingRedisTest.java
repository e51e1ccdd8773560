package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.observe.Outcome;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Failure;
import dev.sluice.task.Task;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedTransferQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

/** How attempts end, and what follows. */
@OnEveryRedis
class SettlingRedisTest extends DispatchCase {
    private final Throwable reason = new IllegalStateException("not today");

    private final BlockingQueue<Delivery<Object>> got = new LinkedTransferQueue<>(); // a loop adds: no locks

    SettlingRedisTest(RedisServer redis) {
        super(redis);
    }

    @Test
    void aFailedAttemptWaitsAndRunsAgainWithGrowingNumbers() {
        settings = settings.retry(QUICK.maxAttempts(4));
        Runs<Object> runs = new Runs<>(context -> context.attempt() < 4 ? Mono.error(reason) : Mono.empty());

        running(runs);
        enqueue(0, 1);

        eventually(() -> assertThat(runs.count()).isEqualTo(4));
        assertThat(runs.all.stream().map(TaskContext::attempt)).containsExactly(1, 2, 3, 4);
        assertThat(runs.all.stream().map(TaskContext::fencingNumber)).containsExactly(1L, 2L, 3L, 4L);
        eventually(this::assertEmpty);
        assertThat(told.settled(Outcome.RETRIED)).isEqualTo(3);
    }

    @Test
    void whileItWaitsItsStatusSaysRetrying() {
        settings = settings.retry(QUICK.backoff(Duration.ofMillis(700), 1, Duration.ofMillis(700)));
        Runs<Object> runs = new Runs<>(context -> context.attempt() == 1 ? Mono.error(reason) : Mono.empty());

        running(runs);
        enqueue(0, 1);

        eventually(() -> assertThat(status("t0")).isEqualTo("retrying"));
        assertThat(wire.call("ZCARD", key("delayed"))).isEqualTo(1L);
        eventually(() -> assertThat(runs.count()).isEqualTo(2));
        eventually(this::assertEmpty);
    }

    @Test
    void aRetryIsDueToTheTenthOfASecondThoughNothingElseHappens() {
        settings = settings.retry(
                QUICK.backoff(Duration.ofMillis(400), 1, Duration.ofMillis(400)).jitter(0));
        java.util.List<Long> at = new java.util.concurrent.CopyOnWriteArrayList<>();
        Runs<Object> runs = new Runs<>(context -> {
            at.add(System.nanoTime());
            return context.attempt() == 1 ? Mono.error(reason) : Mono.empty();
        });

        running(runs);
        enqueue(0, 1);

        eventually(() -> assertThat(at).hasSize(2));
        assertThat((at.get(1) - at.get(0)) / 1_000_000).isBetween(395L, 1500L);
    }

    @Test
    void theTasksOwnLimitOfAttemptsWins() {
        Runs<Object> runs = new Runs<>(context -> Mono.error(reason));

        running(runs);
        enqueue(Task.of("t", null).id("a").maxAttempts(2));

        assertThat(deadLetter("a")).contains("\"reason\":\"handler-error\"").contains("not today");
        assertThat(runs.count()).isEqualTo(2);
    }

    @Test
    void manyRetriesAtOnceAllRunAgain() {
        Runs<Object> runs = new Runs<>(context -> context.attempt() < 3 ? Mono.error(reason) : Mono.empty());
        settings = settings.concurrency(64);

        running(runs);
        enqueue(0, 1000);

        eventually(() -> assertThat(runs.count()).isEqualTo(3000));
        eventually(this::assertEmpty);
    }

    @Test
    void ackIsTrueOnce() throws Exception {
        receive();
        Delivery<Object> delivery = next();

        assertThat(delivery.ack().block(PATIENCE)).isTrue();
        assertThat(delivery.ack().block(PATIENCE)).isFalse();
        assertThat(delivery.nack(reason).block(PATIENCE)).isFalse();
        assertThat(delivery.reject(reason).block(PATIENCE)).isFalse();
        assertThat(delivery.release().block(PATIENCE)).isFalse();
        eventually(this::assertEmpty);
    }

    @Test
    void aMonoOfAckThatNobodySubscribesToDoesNothing() throws Exception {
        receive();
        Delivery<Object> delivery = next();

        Mono<Boolean> ack = delivery.ack();

        assertThat(claimed()).isOne();
        assertThat(ack.block(PATIENCE)).isTrue();
        assertThat(ack.block(PATIENCE)).isFalse();
    }

    @Test
    void nackUsesAnAttempt() throws Exception {
        settings = settings.retry(QUICK.maxAttempts(2));
        receive();

        assertThat(next().nack(reason).block(PATIENCE)).isTrue();
        Delivery<Object> second = next();
        assertThat(second.attempt()).isEqualTo(2);
        assertThat(second.fencingNumber()).isEqualTo(2);
        assertThat(second.nack(reason).block(PATIENCE)).isTrue();

        assertThat(deadLetter("t0")).contains("\"reason\":\"nack\"").contains("not today");
    }

    @Test
    void nackWithADelayWaitsThatLong() throws Exception {
        receive();

        assertThat(next().nack(reason, Duration.ofHours(1)).block(PATIENCE)).isTrue();

        assertThat(status("t0")).isEqualTo("retrying");
        assertThat(got.poll(300, TimeUnit.MILLISECONDS)).isNull();
    }

    @Test
    void rejectIsTheEnd() throws Exception {
        receive();

        assertThat(next().reject(reason).block(PATIENCE)).isTrue();

        assertThat(deadLetter("t0")).contains("\"reason\":\"rejected\"");
        assertThat(status("t0")).isEqualTo("dead");
    }

    @Test
    void releaseUsesNoAttempt() throws Exception {
        receive();

        assertThat(next().release().block(PATIENCE)).isTrue();

        Delivery<Object> second = next();
        assertThat(second.attempt()).isOne();
        assertThat(second.fencingNumber()).isEqualTo(2);
        assertThat(second.ack().block(PATIENCE)).isTrue();
    }

    @Test
    void snoozePutsOffAndUsesNoAttempt() throws Exception {
        receive();

        assertThat(next().snooze(Duration.ofMillis(20)).block(PATIENCE)).isTrue();

        Delivery<Object> second = next();
        assertThat(second.attempt()).isOne();
        assertThat(second.fencingNumber()).isEqualTo(2);
        assertThat(second.lastFailure()).isNull();
        assertThatThrownBy(() -> second.snooze(Duration.ofDays(366))).hasMessageContaining("0 to 365 days");
        assertThat(second.ack().block(PATIENCE)).isTrue();
    }

    @Test
    void discardEndsQuietly() throws Exception {
        receive();

        assertThat(next().discard().block(PATIENCE)).isTrue();

        eventually(this::assertEmpty);
        assertThat(dead()).isZero();
        assertThat(told.settled(Outcome.DISCARDED)).isOne();
    }

    @Test
    void aDeliveryThatNobodySettlesIsCancelledAtItsTimeout() throws Exception {
        settings = settings.timeout(Duration.ofSeconds(1));
        receive();
        Delivery<Object> first = next();

        assertThat(first.cancelled().blockOptional(PATIENCE)).isEmpty();
        assertThat(first.isCancelled()).isTrue();
        assertThat(first.ack().block(PATIENCE)).isFalse();

        Delivery<Object> second = next();
        assertThat(second.attempt()).isEqualTo(2);
        assertThat(second.lastFailure()).extracting(Failure::reason).isEqualTo("timeout");
    }

    @Test
    void whereNothingRunsTwiceEveryNackIsADeadLetter() throws Exception {
        deliver(DeliveryMode.AT_MOST_ONCE);
        receive();
        enqueue(1, 2);

        assertThat(next().nack(reason).block(PATIENCE)).isTrue();
        assertThat(next().nack(reason, Duration.ofSeconds(1)).block(PATIENCE)).isTrue();

        eventually(() -> assertThat(dead()).isEqualTo(2));
        eventually(() -> assertThat(deadIds().stream().map(this::deadLetter))
                .allMatch(it -> it.contains("\"reason\":\"nack\"")));
    }

    private void receive() {
        Dispatcher dispatcher = dispatcher();
        dispatcher.receive("q", Object.class).subscribe(got::add);
        started(dispatcher);
        enqueue(0, 1);
    }

    private Delivery<Object> next() throws InterruptedException {
        Delivery<Object> next = got.poll(10, TimeUnit.SECONDS);
        assertThat(next).isNotNull();
        return next;
    }
}
