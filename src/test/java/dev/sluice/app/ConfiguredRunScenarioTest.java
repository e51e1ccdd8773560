package dev.sluice.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.app.console.RedisAddress;
import dev.sluice.app.serve.ForeignWire;
import dev.sluice.testkit.RedisServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What an operator runs: a file, a Redis elsewhere, logs that a program reads. */
@Timeout(180)
class ConfiguredRunScenarioTest {
    private static final Path REDIS = Path.of("target/redis/7.0/redis-server");

    @TempDir
    private Path folder;

    @Test
    void eachQueueIsServedInItsOwnWay() throws Exception {
        Path file = write("""
                redis: { url: "${SOME_REDIS}" }
                log: { format: json }
                queues:
                  emails: { status-key: email_status, default-type: echo, retry: { max-attempts: 1 } }
                  clicks: { delivery: at-most-once, plain-type: noop }
                """);
        try (RedisServer redis =
                        RedisServer.builder().binary(REDIS).password("s3cret").start();
                Program program =
                        Program.start(Map.of("SOME_REDIS", redis.uri()), "run", "--config", file.toString())) {
            program.errorWith("\"message\":\"Serving\"");
            redis.call("HSET", "email_status", "mail", "queued");
            redis.call("RPUSH", "emails", "{\"id\":\"mail\"}", "{\"id\":\"bad\",\"type\":\"fail\"}");
            redis.call("RPUSH", "clicks", "no JSON at all");

            program.errorWith(
                    "{\"task.id\":\"mail\"},{\"task.type\":\"echo\"},{\"attempt\":\"1\"},{\"outcome\":\"succeeded\"}");
            program.errorWith("{\"task.type\":\"noop\"},{\"attempt\":\"1\"},{\"outcome\":\"succeeded\"}");
            program.errorWith("\"message\":\"Tasks became dead letters\"");
            assertThat(redis.call("ZSCORE", "{emails}:dead", "bad")).isNotNull();
            assertThat(redis.call("HGET", "{clicks}:meta", "delivery")).isEqualTo("at-most-once");
            program.signal("TERM");
            assertThat(program.exit()).isZero();

            assertThat(program.out()).isEmpty();
            assertThat(messages(program)).startsWith("Serving").endsWith("Stopping", "Stopped");
            assertThat(program.err()).doesNotContain("s3cret");
        }
    }

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
                            "  " + file + ":2:25: queues.a.timeout: '5' is no duration: the unit is missing, a whole"
                                    + " number and ms, s, m or h, such as 15s");
        }
    }

    @Test
    void anOutageOfRedisIsTwoLinesHoweverManyQueuesThereAreAndThenItGoesOn() throws Exception {
        Path file = write("lease: 500ms\nqueues: { one: { default-type: echo }, two: { default-type: echo } }");
        try (RedisServer redis = RedisServer.builder().binary(REDIS).start();
                Program program = Program.start("run", "--config", file.toString(), "--redis", redis.uri())) {
            program.lineWith("Ctrl-C stops.");

            redis.kill();
            program.errorWith("Redis does not answer; dispatching goes on when it does");
            redis.restart();
            program.errorWith("Redis answers again");
            redis.call("RPUSH", "one", "{\"id\":\"after-one\"}");
            redis.call("RPUSH", "two", "{\"id\":\"after-two\"}");

            program.lineWith("  after-one  echo  attempt 1  succeeded");
            program.lineWith("  after-two  echo  attempt 1  succeeded");
            assertThat(program.err().lines()).as(program.err()).hasSize(2);
        }
    }

    @Test
    void withRedisFrozenItStillEndsInTimeAndSaysWhatThatMeans() throws Exception {
        try (RedisServer redis = RedisServer.builder().binary(REDIS).start();
                Program program = Program.start("run", "--redis", redis.uri(), "--shutdown-grace", "1s")) {
            program.lineWith("Ctrl-C stops.");
            redis.call("RPUSH", "task_queue", "{\"id\":\"long\",\"type\":\"sleep\",\"payload\":{\"ms\":60000}}");
            try (ForeignWire wire = ForeignWire.connect(RedisAddress.of(redis.uri()))) {
                RunScenarioTest.awaitStatus(wire, "long", "processing");
            }

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

    private Path write(String yaml) throws IOException {
        return Files.writeString(folder.resolve("sluice.yaml"), yaml);
    }

    private static List<String> messages(Program program) {
        JsonMapper json = new JsonMapper();
        List<String> messages = new ArrayList<>();
        for (String line : program.err().lines().toList()) {
            JsonNode event = json.readTree(line);
            messages.add(event.get("message").asString());
        }
        return messages;
    }
}
