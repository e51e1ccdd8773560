package dev.sluice.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.app.config.Configuration;
import dev.sluice.app.config.Settings;
import dev.sluice.app.serve.ForeignWire;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Runs what {@code src/docs/push.md} shows: its receiver, and the program with its file. */
@Timeout(180)
class PushScenarioTest {
    private static final String SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    @TempDir
    private Path folder;

    @Test
    void theReceiverOfTheManualTakesWhatTheProgramDelivers() throws Exception {
        int port = freePort();
        Process receiver = receiver(port);
        Path file = Files.writeString(folder.resolve("my.yaml"), block("yaml", port));
        try (Program program =
                Program.start(Map.of("PUSH_SECRET", SECRET), "run", "--config", file.toString(), "--log", "text")) {
            program.lineWith("Tasks of type report.build are delivered to http://127.0.0.1:" + port + ".");
            program.lineWith("Ctrl-C stops.");
            awaitListening(port);

            try (ForeignWire wire = program.redis()) {
                wire.call(
                        "RPUSH", "task_queue", "{\"id\":\"r-7\",\"type\":\"report.build\",\"payload\":{\"month\":10}}");
            }

            assertThat(program.lineWith("r-7")).contains("report.build", "succeeded");
            assertThat(statusOf(port, "report")).isEqualTo(401);
            program.signal("TERM");
            assertThat(program.exit()).isZero();
            assertThat(program.err()).doesNotContain("whsec_");
        } finally {
            receiver.destroyForcibly().waitFor(10, TimeUnit.SECONDS);
        }
    }

    @Test
    void theEndOfADeliveryIsDeliveredToo() throws Exception {
        int port = freePort();
        Process receiver = receiver(port);
        String push = "{ push: { url: 'http://127.0.0.1:" + port
                + "/report', allow-private: 127.0.0.1, secrets: [ '${PUSH_SECRET}' ] } }";
        Path file = Files.writeString(
                folder.resolve("callback.yaml"),
                "queues: { reports: { types: { report.build: { callback: report.built } } } }\nhandlers:\n"
                        + "  report.build: " + push + "\n  report.built: " + push + "\n");
        try (Program program = Program.start(
                Map.of("PUSH_SECRET", SECRET), "run", "--config", file.toString(), "--http", "127.0.0.1:0")) {
            String line = program.lineWith("HTTP is answered at ");
            String metrics = line.substring(line.indexOf("http://"), line.length() - 1) + "/metrics";
            program.lineWith("Ctrl-C stops.");
            awaitListening(port);

            try (ForeignWire wire = program.redis()) {
                wire.call("RPUSH", "reports", "{\"id\":\"r-7\",\"type\":\"report.build\"}");
            }

            assertThat(program.lineWith("r-7")).contains("report.build", "succeeded");
            assertThat(program.lineWith("report.built  attempt 1")).contains("succeeded");
            assertThat(HttpClient.newHttpClient()
                            .send(
                                    HttpRequest.newBuilder(URI.create(metrics)).build(),
                                    HttpResponse.BodyHandlers.ofString())
                            .body())
                    .contains("sluice_push_seconds_count{outcome=\"succeeded\",target=\"http://127.0.0.1:" + port
                            + "\"} 2");
        } finally {
            receiver.destroyForcibly().waitFor(10, TimeUnit.SECONDS);
        }
    }

    @Test
    void theCallbackOfTheManualIsRead() throws Exception {
        Path file = Files.writeString(
                folder.resolve("callback.yaml"),
                Files.readString(Path.of("src/docs/push.md"))
                        .split("```yaml\n", -1)[2]
                        .split("```", 2)[0]);

        Settings settings = Configuration.load(file, Map.of("SHOP_SECRET", SECRET), Map.of())
                .settings();

        assertThat(settings.queues().get(0).settings().callbacks())
                .containsExactly(Map.entry("report.build", "report.built"));
        assertThat(settings.pushes()).containsOnlyKeys("report.build", "report.built");
    }

    @Test
    void aTypeThatHasAHandlerAlreadyIsRefused() throws Exception {
        Path file = Files.writeString(
                folder.resolve("twice.yaml"), "handlers: { echo: { push: { url: 'https://example.org/' } } }");
        try (Program program = Program.start("run", "--config", file.toString())) {
            assertThat(program.exit()).isEqualTo(2);
            assertThat(program.err()).contains("handlers.echo: the type has a handler already, which is built in");
        }
    }

    private Process receiver(int port) throws IOException {
        Path source = Files.writeString(folder.resolve("Receiver.java"), block("java", port));
        ProcessBuilder builder = new ProcessBuilder(Program.java(), source.toString());
        builder.environment().put("PUSH_SECRET", SECRET);
        return builder.inheritIO().start();
    }

    /** The first block of the manual in that language, with a port that is free. */
    private static String block(String language, int port) throws IOException {
        String page = Files.readString(Path.of("src/docs/push.md"));
        String[] parts = page.split("```" + language + "\n", -1);
        assertThat(parts).hasSizeGreaterThan(1);
        return parts[1].split("```", 2)[0].replace("9000", "" + port);
    }

    /** What somebody is answered who has no secret. */
    private static int statusOf(int port, String path) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/" + path))
                .header("webhook-id", "forged")
                .header("webhook-timestamp", "" + System.currentTimeMillis() / 1000)
                .header("webhook-signature", "v1,AAAA")
                .POST(HttpRequest.BodyPublishers.ofString("{}"))
                .build();
        return HttpClient.newHttpClient()
                .send(request, HttpResponse.BodyHandlers.discarding())
                .statusCode();
    }

    private static void awaitListening(int port) throws IOException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (true) {
            try {
                new Socket(InetAddress.getLoopbackAddress(), port).close();
                return;
            } catch (ConnectException notYet) {
                assertThat(System.nanoTime()).isLessThan(deadline);
                LockSupport.parkNanos(50_000_000);
            }
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }
}
