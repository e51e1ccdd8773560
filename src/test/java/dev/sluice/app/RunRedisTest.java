package dev.sluice.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
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

/** {@code run --redis URL} on each server that it is promised for. */
@OnEveryRedis
@Timeout(180)
class RunRedisTest {
    private static final int REFUSED = 5;

    @TempDir
    private Path folder;

    @Test
    void eachQueueIsServedInItsOwnWay(RedisServer.Builder server) throws Exception {
        Path file = write("""
                redis: { url: "${SOME_REDIS}" }
                log: { format: json }
                queues:
                  emails: { status-key: email_status, default-type: echo, retry: { max-attempts: 1 } }
                  clicks: { delivery: at-most-once, plain-type: noop }
                """);
        try (RedisServer redis = server.password("s3cret").start();
                Program program =
                        Program.start(Map.of("SOME_REDIS", redis.uri()), "run", "--config", file.toString())) {
            program.errorWith("\"message\":\"Serving\"");
            redis.call("HSET", "email_status", "mail", "queued");
            redis.call(
                    "RPUSH",
                    "emails",
                    "{\"id\":\"mail\",\"payload\":[1, 2],\"keepResultMs\":60000}",
                    "{\"id\":\"bad\",\"type\":\"fail\"}");
            redis.call("RPUSH", "clicks", "no JSON at all");

            program.errorWith(
                    "{\"task.id\":\"mail\"},{\"task.type\":\"echo\"},{\"attempt\":\"1\"},{\"outcome\":\"succeeded\"}");
            program.errorWith("{\"task.type\":\"noop\"},{\"attempt\":\"1\"},{\"outcome\":\"succeeded\"}");
            program.errorWith("\"message\":\"Tasks became dead letters\"");
            assertThat(redis.call("ZSCORE", "{emails}:dead", "bad")).isNotNull();
            assertThat((String) redis.call("GET", "{emails}:result:mail")).endsWith("}\n[1, 2]");
            assertThat(redis.call("HGET", "{clicks}:meta", "delivery")).isEqualTo("at-most-once");
            program.signal("TERM");
            assertThat(program.exit()).isZero();

            assertThat(program.out()).isEmpty();
            assertThat(messages(program)).startsWith("Serving").endsWith("Stopping", "Stopped");
            assertThat(program.err()).doesNotContain("s3cret");
        }
    }

    @Test
    void anOutageOfRedisIsTwoLinesHoweverManyQueuesThereAreAndThenItGoesOn(RedisServer.Builder server)
            throws Exception {
        Path file = write("lease: 10s\nqueues: { one: { default-type: echo }, two: { default-type: echo } }");
        try (RedisServer redis = server.appendOnly().start();
                Program program = Program.start("run", "--config", file.toString(), "--redis", redis.uri())) {
            program.lineWith("Ctrl-C stops.");

            redis.kill();
            program.errorWith("Redis does not answer; dispatching goes on when it does");
            refuseSomeConnections(redis.port());
            redis.restart();
            program.errorWith("Redis answers again");
            redis.call("RPUSH", "one", "{\"id\":\"after-one\"}");
            redis.call("RPUSH", "two", "{\"id\":\"after-two\"}");

            program.lineWith("  after-one  echo  attempt 1  succeeded");
            program.lineWith("  after-two  echo  attempt 1  succeeded");
            assertThat(program.err().lines()).as(program.err()).hasSize(2);
        }
    }

    // Reaches whoever tries again in vain, and so what is said about that.
    private static void refuseSomeConnections(int port) throws IOException {
        try (ServerSocket refusing = new ServerSocket(port, 50, InetAddress.getLoopbackAddress())) {
            for (int i = 0; i < REFUSED; i++) {
                refusing.accept().close();
            }
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
