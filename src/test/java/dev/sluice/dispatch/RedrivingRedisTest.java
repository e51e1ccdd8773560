package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.client.DeadLetterFilter;
import dev.sluice.client.DeadLetters;
import dev.sluice.task.DeadLetterRetention;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.RetryPolicy;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import reactor.core.publisher.Mono;

/** Dead letters while dispatchers are at work, in both modes. */
@OnEveryRedis
class RedrivingRedisTest extends DispatchCase {

    RedrivingRedisTest(RedisServer redis) {
        super(redis);
        settings = settings.retry(RetryPolicy.standard().maxAttempts(1));
    }

    @ParameterizedTest
    @EnumSource(DeliveryMode.class)
    void whatFailedRunsAgainWhenItsHandlerIsMended(DeliveryMode mode) {
        deliver(mode);
        AtomicBoolean mended = new AtomicBoolean();
        List<String> runs = new CopyOnWriteArrayList<>();
        running(task -> {
            runs.add(task.id() + " " + task.attempt());
            return mended.get() ? Mono.empty() : Mono.error(new IllegalStateException("broken"));
        });
        DeadLetters letters = sluice.deadLetters(queue);
        enqueue(0, 600);
        pushAnnounced("foreign");
        eventually(() -> assertThat(dead()).isEqualTo(601));
        assertThat(runs).hasSize(601);

        mended.set(true);
        assertThat(letters.redriveAll(DeadLetterFilter.all().type("t").error("broken"))
                        .blockLast(PATIENCE)
                        .done())
                .isEqualTo(601);

        eventually(this::assertEmpty);
        assertThat(dead()).isZero();
        assertThat(runs).hasSize(1_202).allMatch(run -> run.endsWith(" 1")).contains("foreign 1");
        assertThat(letters.redrive("t0").block(PATIENCE)).isEqualTo(DeadLetters.Redrive.UNKNOWN);
    }

    @ParameterizedTest
    @EnumSource(DeliveryMode.class)
    void aDispatcherHoldsTheDeadLettersWithinTheirBounds(DeliveryMode mode) {
        deliver(mode);
        settings = settings.deadLetters(DeadLetterRetention.standard().maxCount(10));
        running(task -> Mono.error(new IllegalStateException("broken")));

        enqueue(0, 1_000);

        eventually(
                () -> assertThat(told.settled(dev.sluice.observe.Outcome.DEAD)).isEqualTo(1_000));
        eventually(() -> assertThat(dead()).isEqualTo(10));
        eventually(() -> assertThat(told.trimmed.get()).isEqualTo(990));
        eventually(() -> assertThat(hlen(queue.statusKey())).isEqualTo(10));
    }

    @ParameterizedTest
    @EnumSource(DeliveryMode.class)
    void aPushedCopyOfADeadLetterReplacesIt(DeliveryMode mode) {
        deliver(mode);
        AtomicBoolean mended = new AtomicBoolean();
        running(task -> mended.get() ? Mono.empty() : Mono.error(new IllegalStateException("broken")));
        pushAnnounced("a");
        eventually(() -> assertThat(dead()).isEqualTo(1));

        mended.set(true);
        pushAnnounced("a");

        eventually(() -> assertThat(dead()).isZero());
        eventually(() -> assertThat(hlen(key("dead:bodies"))).isZero()); // at-most-once removes it with another command
        eventually(this::assertEmpty);
    }
}
