package dev.sluice.app;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.testkit.RedisServer;
import java.io.BufferedReader;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Whoever reads what {@code run} prints may stop to; a pipe that is full then blocks each thread that prints. */
@Timeout(180)
class BlockedOutputScenarioTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final int PIPE = 65_536;
    private static final int TASKS = 600; // whose lines of some 145 bytes are more than a pipe takes
    private static final int MS_BETWEEN = 25; // for the log of tasks has 50 lines a second
    private static final Duration GRACE = Duration.ofSeconds(1);
    private static final Duration LONGEST_STOP = GRACE.plusSeconds(2).plusSeconds(2); // the last two are the machine's

    @Test
    void aFullPipeHoldsUpNoTaskAndNoStop() throws Exception {
        try (RedisServer redis = RedisServer.start()) {
            Process program =
                    Program.unread("run", "--redis", redis.uri(), "--shutdown-grace", "1s", "--concurrency", "700");
            try {
                readUntilItServes(program);

                for (int i = 0; i < TASKS; i++) {
                    push(redis, i + "x".repeat(500), "sleep", "{\"ms\":" + i * MS_BETWEEN + "}");
                }
                eventually(
                        PATIENCE,
                        () -> assertThat(waiting(redis) + bodies(redis)).isZero());
                assertThat(program.getInputStream().available())
                        .as("bytes nobody reads")
                        .isGreaterThan(PIPE - 1_024);

                push(redis, "quick", "echo", "1");
                eventually(
                        PATIENCE,
                        () -> assertThat(waiting(redis) + bodies(redis)).isZero());

                push(redis, "slow", "sleep", "{\"ms\":3600000}");
                eventually(PATIENCE, () -> assertThat(waiting(redis)).isZero());
                long asked = System.nanoTime();
                program.destroy(); // SIGTERM
                assertThat(program.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS))
                        .isTrue();
                assertThat(Duration.ofNanos(System.nanoTime() - asked)).isLessThan(LONGEST_STOP);
                assertThat(redis.call("LLEN", "{task_queue}:ready"))
                        .as("given back")
                        .isEqualTo(1L);
                assertThat(redis.call("EXISTS", "{task_queue}:dispatchers")).isEqualTo(0L);
            } finally {
                program.destroyForcibly();
            }
        }
    }

    private static void readUntilItServes(Process program) throws IOException {
        BufferedReader lines = program.inputReader();
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            if (line.startsWith("Serving")) {
                return;
            }
        }
        throw new AssertionError("it ended before it served");
    }

    private static void push(RedisServer redis, String id, String type, String payload) {
        redis.call(
                "RPUSH", "task_queue", "{\"id\":\"" + id + "\",\"type\":\"" + type + "\",\"payload\":" + payload + "}");
    }

    /** What waits in the two lists. */
    private static long waiting(RedisServer redis) {
        return (Long) redis.call("LLEN", "task_queue") + (Long) redis.call("LLEN", "{task_queue}:ready");
    }

    /** What is claimed. */
    private static long bodies(RedisServer redis) {
        return (Long) redis.call("HLEN", "{task_queue}:bodies");
    }
}
