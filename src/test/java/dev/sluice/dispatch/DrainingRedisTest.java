package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.always;
import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.client.DeadLetters;
import dev.sluice.client.EnqueueResult;
import dev.sluice.client.TaskClient;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.QueueDrainingException;
import dev.sluice.task.QueueInfo;
import dev.sluice.task.RetryPolicy;
import dev.sluice.task.SluiceException;
import dev.sluice.task.Task;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** A draining queue takes no new task of ours, runs all it has, and is open again after the resume. */
@OnEveryRedis
class DrainingRedisTest extends DispatchCase {

    DrainingRedisTest(RedisServer redis) {
        super(redis);
    }

    @ParameterizedTest
    @EnumSource
    void newTasksAreRefusedOnEveryNodeWhatIsThereRunsAndTheResumeOpensIt(DeliveryMode mode) {
        deliver(mode);
        TaskClient client = sluice.client(queue);
        TaskClient other = door(redis.uri()).client(queue);
        enqueue(0, 10);
        assertThat(other.enqueue(task("t9")).block(PATIENCE).isExisting()).isTrue();

        assertThat(client.drain().block(PATIENCE)).isTrue();
        assertThat(client.drain().block(PATIENCE)).isFalse();
        for (TaskClient refused : List.of(client, other)) {
            assertThatThrownBy(() -> refused.enqueue(task("new")).block(PATIENCE))
                    .isInstanceOf(QueueDrainingException.class)
                    .hasMessage("queue q is draining and takes no new tasks until it is resumed ('resume q')");
            assertThat(refused.enqueueAll(Flux.just(task("t0"), task("new"), Task.of("t", 1)))
                            .collectList()
                            .block(PATIENCE))
                    .extracting(EnqueueResult::outcome)
                    .containsExactly(
                            EnqueueResult.Outcome.EXISTING, EnqueueResult.Outcome.FAILED, EnqueueResult.Outcome.FAILED);
        }
        assertThat(status("new")).isNull();
        assertThat(info().left()).isEqualTo(10);
        assertThat(info().draining()).isTrue();

        Runs<Object> runs = Runs.succeeding();
        running(runs);
        eventually(() -> assertThat(info().left()).isZero());
        eventually(() -> assertThat(runs.tasks()).isEqualTo(10));
        eventually(this::assertEmpty);

        assertThat(client.resume().block(PATIENCE)).isTrue();
        assertThat(client.resume().block(PATIENCE)).isFalse();
        assertThat(info().draining()).isFalse();
        assertThat(other.enqueue(task("new")).block(PATIENCE).isCreated()).isTrue();
        eventually(() -> assertThat(runs.count("new")).isEqualTo(1));
    }

    @ParameterizedTest
    @EnumSource
    void whatForeignClientsPushIsRunCountedAndTold(DeliveryMode mode) {
        deliver(mode);
        pushAnnounced("before");
        sluice.client(queue).drain().block(PATIENCE);
        assertThat(info().pushed()).isZero();
        pushAnnounced("f1");
        pushAnnounced("f2");
        assertThat(info().pushed()).isEqualTo(2);

        Runs<Object> runs = Runs.succeeding();
        running(runs);
        eventually(() -> assertThat(runs.tasks()).isEqualTo(3));
        eventually(() -> assertThat(info().pushed()).isEqualTo(2));
        pushAnnounced("f3");
        eventually(() -> assertThat(runs.tasks()).isEqualTo(4));
        eventually(() -> assertThat(info().pushed()).isEqualTo(3));
        sluice.client(queue).resume().block(PATIENCE);
        assertThat(info().pushed()).isZero();
    }

    @Test
    void whatIsScheduledOrToBeRetriedIsLeftUntilItHasRun() {
        settings = settings.retry(RetryPolicy.standard().backoff(Duration.ofMillis(50), 1, Duration.ofMillis(50)));
        Runs<Object> runs = new Runs<>(task -> task.id().equals("again") && task.attempt() == 1
                ? Mono.error(new IllegalStateException("again"))
                : Mono.empty());
        enqueue(task("again"), task("later").delay(Duration.ofSeconds(2)));
        sluice.client(queue).drain().block(PATIENCE);
        assertThat(info().left()).isEqualTo(2);
        running(runs);

        eventually(() -> assertThat(runs.count("again")).isEqualTo(2));
        eventually(() -> assertThat(info().left()).isEqualTo(1));
        eventually(() -> assertThat(info().left()).isZero());
        assertThat(runs.count("later")).isEqualTo(1);
    }

    @Test
    void aDeadLetterIsRedrivenAndRunWhileTheQueueDrains() {
        Runs<Object> runs = new Runs<>(
                task -> task.fencingNumber() == 1 ? Mono.error(new IllegalStateException("no")) : Mono.empty());
        enqueue(task("a").maxAttempts(1));
        running(runs);
        eventually(() -> assertThat(dead()).isEqualTo(1));
        sluice.client(queue).drain().block(PATIENCE);

        assertThat(sluice.deadLetters(queue).redrive("a").block(PATIENCE)).isEqualTo(DeadLetters.Redrive.REDRIVEN);

        eventually(() -> assertThat(runs.count("a")).isEqualTo(2));
        eventually(this::assertEmpty);
    }

    @Test
    void whatAHandlerEnqueuesIsRefusedToo() {
        Runs<Object> runs = new Runs<>(
                task -> sluice.client(queue).enqueue(task("follow-up")).then());
        enqueue(task("a").maxAttempts(1));
        sluice.client(queue).drain().block(PATIENCE);
        running(runs);

        assertThat(deadLetter("a")).contains("QueueDrainingException", "until it is resumed");
        assertThat(status("follow-up")).isNull();
    }

    @ParameterizedTest
    @EnumSource
    void aPauseHaltsADrainAnotherDrainGoesOnAndAResumeEndsBoth(DeliveryMode mode) {
        deliver(mode);
        TaskClient client = sluice.client(queue);
        enqueue(0, 3);
        client.pause().block(PATIENCE);
        Runs<Object> runs = Runs.succeeding();
        running(runs);

        assertThat(client.drain().block(PATIENCE)).isTrue(); // paused before: that it ends
        eventually(() -> assertThat(runs.tasks()).isEqualTo(3));
        assertThat(client.pause().block(PATIENCE)).isTrue();
        assertThat(info()).matches(it -> it.paused() && it.draining());
        always(Duration.ofSeconds(1), () -> {}); // by then every dispatcher has heard of it
        pushAnnounced("f");
        always(Duration.ofMillis(300), () -> assertThat(runs.count("f")).isZero());
        assertThat(client.drain().block(PATIENCE)).isTrue();
        eventually(() -> assertThat(runs.count("f")).isEqualTo(1));

        client.pause().block(PATIENCE);
        assertThat(client.resume().block(PATIENCE)).isTrue();
        assertThat(info()).matches(it -> !it.paused() && !it.draining());
        enqueue(task("n"));
        eventually(() -> assertThat(runs.count("n")).isEqualTo(1));
    }

    @Test
    void aRefusalIsNotCuredByTryingOn() {
        sluice.client(queue).drain().block(PATIENCE);

        EnqueueResult refused =
                sluice.client(queue).enqueueAll(Flux.just(task("a"))).blockLast(PATIENCE);

        assertThat(refused.isRetryable()).isFalse();
        assertThat(refused.error()).extracting(SluiceException::code).isEqualTo("queue-draining");
    }

    @Test
    void aDrainIsKeptInRedisThroughARestartOfEveryDispatcher() {
        Dispatcher first = running(Runs.succeeding());
        sluice.client(queue).drain().block(PATIENCE);
        first.stop(GRACE).block(PATIENCE);
        running(Runs.succeeding());

        assertThatThrownBy(
                        () -> door(redis.uri()).client(queue).enqueue(task("n")).block(PATIENCE))
                .isInstanceOf(QueueDrainingException.class);
    }

    private QueueInfo info() {
        return sluice.queue("q").block(PATIENCE);
    }
}
