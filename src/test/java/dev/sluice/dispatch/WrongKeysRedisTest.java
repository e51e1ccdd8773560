package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.task.DeliveryMode;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Mono;

/** A key of another type in the way is told once, harms no thread, and is forgotten once it is gone. */
@OnEveryRedis
class WrongKeysRedisTest extends DispatchCase {

    WrongKeysRedisTest(RedisServer redis) {
        super(redis);
    }

    @ParameterizedTest
    @CsvSource({
        "AT_LEAST_ONCE, q",
        "AT_LEAST_ONCE, {q}:status",
        "AT_LEAST_ONCE, {q}:wake",
        "AT_MOST_ONCE, q",
        "AT_MOST_ONCE, {q}:status"
    })
    void aKeyOfAnotherTypeIsToldOnceAndForgottenOnceItIsGone(DeliveryMode mode, String name) {
        deliver(mode);
        Runs<Object> runs = Runs.succeeding();
        running(runs);
        enqueue(0, 10);
        eventually(() -> assertThat(runs.count()).isEqualTo(10));
        eventually(this::assertEmpty);
        LogTap log = new LogTap();
        try {
            wire.call("DEL", name);
            wire.call("SET", name, "in the way");
            wire.call("LPUSH", name.equals("q") ? key("ready") : "q", "{\"type\":\"t\"}"); // something to do

            eventually(() -> assertThat(log.warnings()).anyMatch(it -> it.contains("WRONGTYPE")));
            LockSupport.parkNanos(Duration.ofMillis(700).toNanos());
            assertThat(log.warnings().stream().filter(it -> it.contains("WRONGTYPE")))
                    .hasSize(1);
        } finally {
            log.close();
        }

        wire.call("DEL", name);
        push("after");

        eventually(() -> assertThat(runs.count("after")).isOne());
        eventually(() -> assertThat(runs.count()).isEqualTo(12));
        eventually(this::assertEmpty);
    }

    /** Else it would look as if it waited, and its id were free. */
    @Test
    void theFirstWordThatCouldNotBeWrittenIsWrittenOnceItCanBe() {
        deliver(DeliveryMode.AT_MOST_ONCE);
        Gate gate = new Gate();
        running(new Runs<>(context -> gate.wait(context.id())));
        wire.call("SET", queue.statusKey(), "in the way");
        wire.call("RPUSH", "q", "{\"id\":\"a\",\"type\":\"t\"}");
        eventually(() -> assertThat(gate.waiting()).isOne());
        LockSupport.parkNanos(Duration.ofMillis(300).toNanos()); // it is tried

        wire.call("DEL", queue.statusKey());

        eventually(() -> assertThat(status("a")).isEqualTo("processing"));
        gate.open();
        eventually(this::assertEmpty);
    }

    /** Where nothing is run again, a failed task that cannot be kept has no other copy. */
    @ParameterizedTest
    @ValueSource(strings = {"{q}:dead", "{q}:dead:bodies"})
    void whatFailedIsKeptOnceItCanBe(String name) {
        deliver(DeliveryMode.AT_MOST_ONCE);
        Runs<Object> runs = new Runs<>(context -> Mono.error(new IllegalStateException("on purpose")));
        running(runs);
        wire.call("SET", name, "in the way");
        LogTap log = new LogTap();
        try {
            IntStream.range(0, 5).forEach(i -> push("t" + i)); // our own client would be refused
            eventually(() -> assertThat(runs.count()).isEqualTo(5));
            LockSupport.parkNanos(Duration.ofMillis(1500).toNanos());
            assertThat(log.warnings().stream().filter(it -> it.contains("WRONGTYPE")))
                    .hasSize(1);
        } finally {
            log.close();
        }

        wire.call("DEL", name);

        eventually(() -> assertThat(deadIds()).containsExactlyInAnyOrder("t0", "t1", "t2", "t3", "t4"));
        eventually(() -> assertThat(hlen(key("dead:bodies"))).isEqualTo(5));
        assertThat(runs.repeats()).isZero();
    }
}
