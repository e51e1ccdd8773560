package dev.sluice.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.http.SelfSigned;
import dev.sluice.testkit.RedisServer;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code run --http}: the standalone dispatcher takes tasks over HTTP, runs them, and tells how it is; also over TLS. */
@Timeout(120)
class HttpScenarioTest {
    private final HttpClient client = HttpClient.newHttpClient();

    @Test
    void aTaskThatIsPostedRuns() throws Exception {
        try (Program program = Program.start("run", "--http", "127.0.0.1:0", "--no-demo")) {
            String line = program.lineWith("HTTP is answered at ");
            String url = line.substring(line.indexOf("http://"), line.length() - 1);
            program.lineWith("Serving");

            HttpResponse<String> posted = client.send(
                    HttpRequest.newBuilder(URI.create(url + "/v1/queues/task_queue/tasks"))
                            .header("Content-Type", "application/json")
                            .POST(BodyPublishers.ofString("{\"id\":\"over-http\",\"type\":\"echo\"}"))
                            .build(),
                    BodyHandlers.ofString());

            assertThat(posted.statusCode()).isEqualTo(201);
            program.lineWith("over-http");
            assertThat(get(url + "/readyz").body())
                    .isEqualTo("{\"ready\":true,\"checks\":{\"dispatcher\":true,\"redis\":true}}");
            assertThat(get(url + "/metrics").body())
                    .contains(
                            "sluice_settled_total{outcome=\"succeeded\",queue=\"task_queue\"} 1.0",
                            "sluice_tasks{queue=\"task_queue\",state=\"waiting\"} 0.0")
                    .doesNotContain("over-http");
            program.signal("TERM");
            assertThat(program.exit()).isZero();
        }
    }

    @Test
    void itIsHttpsWithACertificate(@TempDir Path folder) throws Exception {
        SelfSigned own = SelfSigned.of("RSA");
        own.certificate(folder.resolve("cert.pem"));
        own.key(folder.resolve("key.pem"));
        String page = Files.readString(Path.of("src/docs/http.md"));
        String shown = page.split("```yaml\n", -1)[1].split("```", -1)[0];
        Path file = Files.writeString(
                folder.resolve("my.yaml"),
                shown.replace("0.0.0.0:8443", "127.0.0.1:0").replace("/etc/sluice", folder.toString()));
        try (Program program = Program.start("run", "--config", file.toString(), "--log", "text", "--no-demo")) {
            String line = program.lineWith("HTTP is answered at ");
            URI live = URI.create(line.substring(line.indexOf("https://"), line.length() - 1) + "/livez");
            HttpClient trusting =
                    HttpClient.newBuilder().sslContext(own.client()).build();

            HttpResponse<String> answer =
                    trusting.send(HttpRequest.newBuilder(live).build(), BodyHandlers.ofString());

            assertThat(answer.body()).isEqualTo("ok\n");
            assertThat(answer.version()).isEqualTo(HttpClient.Version.HTTP_1_1);
        }
    }

    @Test
    void anAddressThatIsTakenEndsIt() throws Exception {
        try (var taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                Program program = Program.start("run", "--http", "127.0.0.1:" + taken.getLocalPort(), "--no-demo")) {
            assertThat(program.exit()).isEqualTo(1);
            assertThat(program.err()).contains("cannot listen for HTTP: Failed to bind on [127.0.0.1:");
        }
    }

    @Test
    void aStartThatIsRefusedBeginsNoTask() throws Exception {
        try (RedisServer redis = RedisServer.start();
                var taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            redis.call("RPUSH", "task_queue", "{\"id\":\"a\",\"type\":\"echo\"}");
            try (Program program =
                    Program.start("run", "--redis", redis.uri(), "--http", "127.0.0.1:" + taken.getLocalPort())) {
                assertThat(program.exit()).isEqualTo(1);
                assertThat(program.err()).contains("cannot listen for HTTP");
            }

            assertThat(redis.call("LLEN", "task_queue")).isEqualTo(1L);
            assertThat(redis.call("KEYS", "*"))
                    .as("nothing else, and nobody joined")
                    .isEqualTo(List.of("task_queue"));
        }
    }

    private HttpResponse<String> get(String url) throws Exception {
        return client.send(HttpRequest.newBuilder(URI.create(url)).build(), BodyHandlers.ofString());
    }
}
