package dev.sluice.app;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.app.console.RedisAddress;
import dev.sluice.app.serve.ForeignWire;
import dev.sluice.dispatch.Together;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.UnpackedRedis;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** How long the whole process takes to stop, and what it says in the end, where its Redis does not answer. */
@Tag("alone")
@Timeout(180)
class RunStopsScenarioTest {
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final Duration PROMISED = Duration.ofSeconds(2); // on top of the grace

    /** What its Redis is like when a stop is asked for. */
    enum Away {
        FROZEN_A_MOMENT_AGO(0),
        FROZEN_A_SECOND_AGO(1000),
        FROZEN_LONG_AGO(4000),
        KILLED(1000);

        private final long agoMs;

        Away(long agoMs) {
            this.agoMs = agoMs;
        }

        void strike(RedisServer redis) {
            if (this == KILLED) {
                redis.kill();
            } else {
                redis.pause();
            }
            LockSupport.parkNanos(agoMs * 1_000_000);
        }
    }

    @Test
    void whoHoldsNothingWaitsForNobody() throws Exception {
        Together.run(
                Away.values().length,
                Stream.of(Away.values())
                        .map(away -> stop(away, this::holdingNothing))
                        .toList());
    }

    private void holdingNothing(Away away) throws Exception {
        try (RedisServer redis = UnpackedRedis.builder("7.0").start();
                Program program = Program.start("run", "--redis", redis.uri(), "--shutdown-grace", "6s")) {
            program.lineWith("Ctrl-C stops.");
            redis.call("RPUSH", "task_queue", "{\"id\":\"done\",\"type\":\"echo\"}");
            program.lineWith("  done  echo  attempt 1  succeeded");
            awaitStatusGone(redis, "done");
            away.strike(redis);

            Duration took = stopOf(program);

            assertThat(took).isLessThan(PROMISED);
            assertThat(program.exit()).isZero();
            assertThat(program.out()).endsWith("Stopped.").doesNotContain("unfinished");
        }
    }

    @Test
    void whoHoldsATaskEndsWithinTheGraceAndTwoSeconds() throws Exception {
        Together.run(
                Away.values().length,
                Stream.of(Away.values())
                        .map(away -> stop(away, this::holdingATask))
                        .toList());
    }

    private void holdingATask(Away away) throws Exception {
        Duration grace = Duration.ofSeconds(1);
        try (RedisServer redis = UnpackedRedis.builder("7.0").start();
                Program program = Program.start("run", "--redis", redis.uri(), "--shutdown-grace", "1s")) {
            beginLong(program, redis);
            away.strike(redis);

            Duration took = stopOf(program);

            assertThat(took).isLessThan(grace.plus(PROMISED));
            assertThat(program.exit()).isEqualTo(1);
            assertThat(program.out())
                    .endsWith(
                            "Stopped, but Redis did not answer: unfinished tasks run again when their lease has ended.");
        }
    }

    /** Its lease is over before its grace is: nothing of what it held can be given back any more. */
    @Test
    void whoseLeaseIsOverSaysThatItsTasksAreUnfinished() throws Exception {
        String[] run = {"run", "--shutdown-grace", "20s"};
        try (RedisServer redis = UnpackedRedis.builder("7.0").start();
                Program program = Program.start(Map.of("SLUICE_LEASE", "3s", "SLUICE_REDIS_URL", redis.uri()), run)) {
            beginLong(program, redis);
            redis.pause();

            Duration took = stopOf(program);

            assertThat(took).isLessThan(Duration.ofSeconds(3).plus(PROMISED));
            assertThat(program.exit()).isEqualTo(1);
            assertThat(program.out()).contains("Stopped, but Redis did not answer: unfinished tasks run again");
        }
    }

    private interface Case {
        void of(Away away) throws Exception;
    }

    private static Callable<Away> stop(Away away, Case one) {
        return () -> {
            try {
                one.of(away);
            } catch (AssertionError e) {
                throw new AssertionError(away + ": " + e.getMessage(), e);
            }
            return away;
        };
    }

    /** Has it hold a task that does not end. */
    private static void beginLong(Program program, RedisServer redis) throws Exception {
        program.lineWith("Ctrl-C stops.");
        redis.call("RPUSH", "task_queue", "{\"id\":\"long\",\"type\":\"sleep\",\"payload\":{\"ms\":60000}}");
        try (ForeignWire wire = ForeignWire.connect(RedisAddress.of(redis.uri()))) {
            RunEndsScenarioTest.awaitRunning(program, wire, "long");
        }
    }

    private static Duration stopOf(Program program) throws Exception {
        long asked = System.nanoTime();
        program.signal("TERM");
        program.exit();
        return Duration.ofNanos(System.nanoTime() - asked);
    }

    private static void awaitStatusGone(RedisServer redis, String id) {
        eventually(
                PATIENCE,
                () -> assertThat(redis.call("HGET", "task_status", id)).isNull());
    }
}
