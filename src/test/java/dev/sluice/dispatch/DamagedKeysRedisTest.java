package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.observe.Outcome;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.Private;
import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** Keys that a hand, or a server that evicts, has changed under a dispatcher that works. */
@OnEveryRedis
class DamagedKeysRedisTest extends DispatchCase {
    DamagedKeysRedisTest(@Private RedisServer redis) {
        super(redis);
    }

    /** Redis takes every call for a repetition then, and would claim nothing as long as this life lasts. */
    @Test
    void aCallNumberThatWasNeverSentEndsTheLife() {
        Runs<Object> runs = atWork();
        String life = incarnations().get(0);

        wire.call("HSET", key("claimed:" + life), "last", "99999999999");
        enqueue(task("after"));

        eventually(() -> assertThat(runs.count("after")).isOne());
        assertThat(incarnations()).hasSize(1).doesNotContain(life);
        eventually(this::assertEmpty);
    }

    @Test
    void aCallNumberThatIsNoneIsAsGoodAsNone() {
        Runs<Object> runs = atWork();

        wire.call("HSET", key("claimed:" + incarnations().get(0)), "last", "x");
        enqueue(task("after"));

        eventually(() -> assertThat(runs.count("after")).isOne());
        eventually(this::assertEmpty);
    }

    @Test
    void settingsThatAreGoneAreWrittenAnew() {
        Gate gate = new Gate();
        started(dispatcher(it -> it.lease(Duration.ofSeconds(2)))
                .handler("t", Object.class, context -> gate.wait(context.id())));
        enqueue(0, 3);
        eventually(() -> assertThat(gate.waiting()).isEqualTo(3));
        String life = incarnations().get(0);
        Object before = wire.call("HMGET", key("meta"), "protocol", "delivery", "status-key", "lease");

        wire.call("DEL", key("meta"));

        eventually(() -> assertThat(wire.call("HMGET", key("meta"), "protocol", "delivery", "status-key", "lease"))
                .isEqualTo(before));
        assertThat(incarnations()).containsExactly(life);
        gate.open();
        eventually(() -> assertThat(told.settled(Outcome.SUCCEEDED)).isEqualTo(3));
        assertThat(told.lapses.get()).isZero();
        eventually(this::assertEmpty);
    }

    /** A dispatcher that has run a task. */
    private Runs<Object> atWork() {
        Runs<Object> runs = Runs.succeeding();
        running(runs);
        enqueue(task("before"));
        eventually(() -> assertThat(runs.count("before")).isOne());
        return runs;
    }
}
