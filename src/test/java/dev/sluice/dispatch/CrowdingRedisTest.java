package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.always;
import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.client.AwaitOptions;
import dev.sluice.client.ClientOptions;
import dev.sluice.client.EnqueueResult.Outcome;
import dev.sluice.client.TaskClient;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.QueueFullException;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@OnEveryRedis
class CrowdingRedisTest extends DispatchCase {
    CrowdingRedisTest(RedisServer redis) {
        super(redis);
    }

    @ParameterizedTest
    @EnumSource
    void aQueueWithALimitRefusesMoreWhoeverAsksAndTellsOnceOfPushesBeyondIt(DeliveryMode mode) {
        deliver(mode);
        settings = settings.maxLength(3);
        Runs<Object> runs = Runs.succeeding();
        TaskClient client = sluice.client(queue);
        try (LogTap log = new LogTap()) {
            running(runs);
            client.pause().block(PATIENCE);
            eventually(() ->
                    assertThat(wire.call("HGET", key("meta"), "max-length")).isEqualTo("3"));
            always(
                    Duration.ofSeconds(1),
                    () -> assertThat(runs.count()).isZero()); // whoever works has noticed the pause

            enqueue(0, 3);
            assertThat(client.enqueue(task("more")).block(PATIENCE).outcome()).isEqualTo(Outcome.FULL);
            assertThat(crowded(log)).isEmpty();
            push("pushed1");
            push("pushed2");

            eventually(() -> assertThat(told.over.get()).isEqualTo(2));
            always(Duration.ofMillis(2500), () -> assertThat(crowded(log)).hasSize(1));
            assertThat(crowded(log).get(0)).contains("max_length").contains("over");

            client.resume().block(PATIENCE);
            eventually(() -> assertThat(runs.count()).isEqualTo(5));
            eventually(() -> assertThat(told.over.get()).isZero());
            assertThat(client.enqueue(task("more")).block(PATIENCE).outcome()).isEqualTo(Outcome.CREATED);
        }
    }

    @Test
    void whoEndsTellsOfNoCrowdAnyMore() {
        settings = settings.maxLength(1);
        Dispatcher dispatcher = running(Runs.succeeding());
        sluice.client(queue).pause().block(PATIENCE);
        push("pushed1");
        push("pushed2");
        push("pushed3");
        eventually(() -> assertThat(told.over.get()).isPositive());

        dispatcher.stop(Duration.ZERO).block(PATIENCE);

        assertThat(told.over.get()).isZero();
    }

    @Test
    void theLesserLimitCountsAndTheRefusalSaysWhoseItIs() {
        settings = settings.maxLength(2);
        running(Runs.succeeding());
        sluice.client(queue).pause().block(PATIENCE);
        eventually(
                () -> assertThat(wire.call("HGET", key("meta"), "max-length")).isEqualTo("2"));
        always(Duration.ofSeconds(1), () -> assertThat(waiting()).isZero()); // whoever works has noticed the pause
        enqueue(0, 1);
        TaskClient strict =
                sluice.client(queue, ClientOptions.builder().maxQueueLength(1).build());
        TaskClient easy =
                sluice.client(queue, ClientOptions.builder().maxQueueLength(100).build());

        assertThat(strict.enqueue(task("a")).block(PATIENCE).outcome()).isEqualTo(Outcome.FULL);
        assertThat(easy.enqueue(task("b")).block(PATIENCE).outcome()).isEqualTo(Outcome.CREATED);
        assertThat(easy.enqueue(task("c")).block(PATIENCE).outcome()).isEqualTo(Outcome.FULL);
        easy.cancel("b").block(PATIENCE);
        assertThat(easy.enqueue(task("e")).block(PATIENCE).outcome())
                .as("what is cancelled waits for nothing, though nobody has dropped it")
                .isEqualTo(Outcome.CREATED);
        assertThatThrownBy(() -> sluice.client(queue)
                        .enqueueAndAwait(task("d"), Object.class, AwaitOptions.within(PATIENCE))
                        .block(PATIENCE))
                .isInstanceOf(QueueFullException.class)
                .hasMessageContaining("takes at most its max-length and is full");
        sluice.client(queue).resume().block(PATIENCE);
    }

    @Test
    void aLimitThatIsTakenAwayIsGoneWithTheNextRound() {
        wire.call("HSET", key("meta"), "max-length", "1");
        running(Runs.succeeding());

        eventually(() ->
                assertThat(wire.call("HEXISTS", key("meta"), "max-length")).isEqualTo(0L));
    }

    private static List<String> crowded(LogTap log) {
        return log.warnings().stream()
                .filter(it -> it.contains("More tasks wait than may"))
                .toList();
    }
}
