package dev.sluice.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Sluice;
import dev.sluice.app.serve.ForeignWire;
import dev.sluice.task.Queue;
import dev.sluice.task.Task;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.UnpackedRedis;
import java.time.Duration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The program at full speed: it has nothing to complain of, unless other tests take the processor away from it. */
@Tag("alone")
@Timeout(180)
class DemoScenarioTest {

    @Test
    void theDemoEndsWithNothingLeftAndThenAnyProducerIsServed() throws Exception {
        try (Program program = Program.start("run", "--demo", "3000")) {
            program.lineWith("Ctrl-C stops.");
            assertThat(program.out())
                    .contains("3,000 of 3,000 handled", "tasks handled    3,000", "queueing time    p50 ")
                    .contains("1,500 over a plain socket", "1,500 through TaskClient.enqueueAll")
                    .contains("left in task_status   none", "VANISH", "redis-cli -p " + program.port() + " RPUSH");

            try (ForeignWire wire = program.redis()) {
                wire.call("RPUSH", "task_queue", "{\"id\":\"plain\",\"type\":\"echo\",\"payload\":{\"n\":1}}");
                wire.call("HSET", "task_status", "plain", "queued");
            }
            assertThat(program.lineWith("  plain  "))
                    .containsPattern("^\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z  plain  echo  attempt 1  succeeded")
                    .endsWith("{\"n\":1}");
            Sluice sluice = Sluice.connect("redis://127.0.0.1:" + program.port());
            sluice.client(Queue.named("task_queue").statusKey("task_status"))
                    .enqueue(Task.of("echo", "from a client").id("ours"))
                    .block(Duration.ofSeconds(20));
            sluice.close().block(Duration.ofSeconds(20));
            program.lineWith("  ours  echo  attempt 1  succeeded");

            long redis = RunEndsScenarioTest.redisProcess(program);
            program.signal("TERM");
            assertThat(program.exit()).isZero();
            assertThat(program.lineWith("Stopped")).isEqualTo("Stopped.");
            assertThat(RunEndsScenarioTest.hasEnded(redis)).isTrue();
            assertThat(program.out()).doesNotContain("bundled");
            assertThat(program.err()).isEmpty();
        }
    }

    /** A dead letter of another day keeps its word. */
    @Test
    void aSignalWhileTheDemoWaitsForLateStatusesStopsInTime() throws Exception {
        try (RedisServer redis = UnpackedRedis.builder("7.0").start()) {
            redis.call("HSET", "task_status", "other", "dead");
            try (Program program =
                    Program.start("run", "--redis", redis.uri(), "--demo", "1000", "--shutdown-grace", "1s")) {
                program.lineWith("500 over a plain socket");
                program.signal("TERM");

                assertThat(program.exit()).isZero();
                assertThat(program.lineWith("Stopped")).isEqualTo("Stopped.");
            }
        }
    }

    @Test
    void aSignalInTheMiddleOfTheDemoStopsInGoodOrder() throws Exception {
        try (Program program = Program.start("run", "--demo", "1000000")) {
            program.lineWith(" of 1,000,000 handled");
            long redis = RunEndsScenarioTest.redisProcess(program);

            program.signal("TERM"); // builds often run where SIGINT is ignored, and children inherit that

            assertThat(program.exit()).isZero();
            assertThat(program.lineWith("Stopped")).isNotEmpty();
            assertThat(RunEndsScenarioTest.hasEnded(redis)).isTrue();
            assertThat(program.err()).isEmpty();
        }
    }
}
