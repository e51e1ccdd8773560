package dev.sluice.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.app.console.RedisAddress;
import dev.sluice.app.serve.ForeignWire;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.UnpackedRedis;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What an operator runs: a file, a Redis elsewhere, logs that a program reads. */
@Timeout(180)
class ConfiguredRunScenarioTest {
    private static final Path REDIS = UnpackedRedis.binary("7.0");

    @TempDir
    private Path folder;

    @Test
    void mistakesInTheFileEndItBeforeAnythingStarts() throws Exception {
        Path file = write("leese: 15s\nqueues: { a: { timeout: 5 } }");
        try (Program program = Program.start("run", "--config", file.toString())) {
            assertThat(program.exit()).isEqualTo(2);
            assertThat(program.out()).isEmpty();
            assertThat(program.err().lines())
                    .containsExactly(
                            "sluice: 2 mistakes in the configuration:",
                            "  " + file + ":1:1: leese is an unknown key; did you mean lease?",
                            "  " + file + ":2:25: queues.a.timeout: '5' is no duration: the unit is missing, a"
                                    + " number and ms, s, m, h or d, such as 15s");
        }
    }

    @Test
    void withRedisFrozenItStillEndsInTimeAndSaysWhatThatMeans() throws Exception {
        try (RedisServer redis = RedisServer.builder().binary(REDIS).start();
                Program program = Program.start("run", "--redis", redis.uri(), "--shutdown-grace", "1s")) {
            program.lineWith("Ctrl-C stops.");
            redis.call("RPUSH", "task_queue", "{\"id\":\"long\",\"type\":\"sleep\",\"payload\":{\"ms\":60000}}");
            try (ForeignWire wire = ForeignWire.connect(RedisAddress.of(redis.uri()))) {
                RunEndsScenarioTest.awaitStatus(wire, "long", "processing");
            }
            // Its answer may be unread yet, and of that nobody could know: one behind it shows that it was read.
            redis.call("RPUSH", "task_queue", "{\"id\":\"behind\",\"type\":\"echo\"}");
            program.lineWith("  behind  echo  attempt 1  succeeded");

            redis.pause();
            long began = System.nanoTime();
            program.signal("TERM");

            assertThat(program.exit()).isEqualTo(1);
            assertThat((System.nanoTime() - began) / 1e9).isLessThan(3.5);
            assertThat(program.out()).contains("Redis did not answer: unfinished tasks run again");
        }
    }

    @Test
    void aRedisThatComesLateIsWaitedFor() throws Exception {
        int port;
        try (RedisServer gone = RedisServer.builder().binary(REDIS).start()) {
            port = gone.port();
        }
        try (Program program = Program.start("run", "--redis", "redis://127.0.0.1:" + port)) {
            assertThat(program.lineWith("Waiting for Redis")).contains("(Connection refused), at most 30 s.");
            try (RedisServer late =
                    RedisServer.builder().binary(REDIS).port(port).start()) {
                program.lineWith("Serving task_queue on redis://127.0.0.1:" + late.port());
            }
        }
    }

    @Test
    void aLogConfigurationOfTheOperatorsTakesThePlaceOfOurs() throws Exception {
        Path log = folder.resolve("events.log");
        Path configuration = Files.writeString(folder.resolve("logback.xml"), """
                <configuration>
                    <appender name="file" class="ch.qos.logback.core.FileAppender">
                        <file>%s</file>
                        <encoder><pattern>%%level %%msg%%n</pattern></encoder>
                    </appender>
                    <root level="INFO"><appender-ref ref="file"/></root>
                </configuration>
                """.formatted(log));
        try (Program program = Program.start(
                Map.of("JAVA_TOOL_OPTIONS", "-Dlogback.configurationFile=" + configuration),
                "run",
                "--log",
                "json",
                "--redis",
                "redis://127.0.0.1:9",
                "--connect-timeout",
                "1ms")) {
            assertThat(program.exit()).isEqualTo(1);
            assertThat(log).content().contains("ERROR It cannot run");
            assertThat(program.err().lines()).noneMatch(line -> line.contains("It cannot run"));
        }
    }

    @Test
    void aLogForProgramsSaysWhyItCannotRun() throws Exception {
        try (RedisServer redis =
                        RedisServer.builder().binary(REDIS).password("right").start();
                Program program =
                        Program.start("run", "--log", "json", "--redis", "redis://:wrong@127.0.0.1:" + redis.port())) {
            assertThat(program.exit()).isEqualTo(1);
            assertThat(program.err().lines()).singleElement().asString().contains("It cannot run", "WRONGPASS");
        }
    }

    @Test
    void aRedisThatIsReachedAndCannotBeUsedIsSaidSoWithTheReason() throws Exception {
        try (RedisServer plain = RedisServer.builder().binary(REDIS).start();
                Program program = Program.start(
                        "run", "--redis", "rediss://127.0.0.1:" + plain.port(), "--connect-timeout", "5s")) {
            assertThat(program.lineWith("Waiting for Redis")).contains("(Redis did not answer in time), at most 5 s.");
            assertThat(program.exit()).isEqualTo(1);
            assertThat(program.err()).contains("was not there within 5 s (Redis did not answer in time)");
        }
    }

    @Test
    void whatOthersWroteSteersNoTerminal() throws Exception {
        try (RedisServer redis = RedisServer.builder().binary(REDIS).start();
                Program program = Program.start("run", "--redis", redis.uri())) {
            program.lineWith("Ctrl-C stops.");
            redis.call("RPUSH", "task_queue", "{\"id\":\"x\",\"type\":\"red\u009b31m\"}");

            assertThat(program.errorWith("task.type=")).contains("red 31m").doesNotContain("\u009b");
        }
    }

    private Path write(String yaml) throws IOException {
        return Files.writeString(folder.resolve("sluice.yaml"), yaml);
    }
}
