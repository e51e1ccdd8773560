package dev.sluice.http;

import static dev.sluice.dispatch.Eventually.eventually;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Sluice;
import dev.sluice.dispatch.NothingDropped;
import dev.sluice.http.Web.Told;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Queue;
import dev.sluice.task.Task;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.io.IOException;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import tools.jackson.databind.JsonNode;

@OnEveryRedis
@Timeout(60)
@ExtendWith(NothingDropped.class)
class BatchRedisTest {
    private static final String BATCH = "/v1/queues/mail/tasks:batch";
    private static final String LINES = "application/x-ndjson";

    private static final Duration SOON = Duration.ofSeconds(20);

    private static final byte[] HEAD = ("POST " + BATCH + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: " + LINES
                    + "\r\nTransfer-Encoding: chunked\r\n\r\n")
            .getBytes(US_ASCII);

    private final RedisServer redis;
    private final Web web;

    BatchRedisTest(RedisServer redis) {
        this.redis = redis;
        this.web = Web.over(redis.uri(), api -> api.queue(Queue.named("mail")));
    }

    @AfterEach
    void close() {
        web.close();
    }

    @Test
    void whoKnowsNoChunksGetsNone() throws IOException {
        String body = "[{\"id\":\"a\",\"type\":\"t\"}]";
        String request = "POST " + BATCH + " HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n"
                + "Content-Type: application/json\r\nContent-Length: " + body.length() + "\r\n\r\n" + body;
        String told;
        try (Socket socket = web.socket()) {
            socket.getOutputStream().write(request.getBytes(US_ASCII));
            told = new String(socket.getInputStream().readAllBytes(), US_ASCII);
        }

        assertThat(told)
                .doesNotContainIgnoringCase("transfer-encoding")
                .doesNotContainIgnoringCase("keep-alive")
                .endsWith("\r\n\r\n[{\"index\":0,\"status\":201,\"id\":\"a\",\"outcome\":\"created\"}\n]");
    }

    /** Else its client took it for whole: an answer without the lines that Redis had not answered yet. */
    @Test
    void theAnswerToABodyWhoseChunksCannotBeReadHasNoEnd() throws IOException {
        String line = "{\"id\":\"a\",\"type\":\"t\"}\n";
        StringBuilder told = new StringBuilder();
        try (Socket socket = web.socket()) {
            socket.setSoTimeout((int) SOON.toMillis());
            socket.getOutputStream().write(HEAD);
            socket.getOutputStream()
                    .write((Integer.toHexString(line.length()) + "\r\n" + line + "\r\n").getBytes(US_ASCII));
            while (!told.toString().contains("created")) { // it is answered already
                told.append((char) socket.getInputStream().read());
            }
            socket.getOutputStream().write("ZZ\r\n".getBytes(US_ASCII));
            try {
                told.append(new String(socket.getInputStream().readAllBytes(), US_ASCII));
            } catch (IOException reset) {
                // as good as an end
            }
        }

        assertThat(told.toString()).startsWith("HTTP/1.1 200").doesNotEndWith("0\r\n\r\n");
    }

    @Test
    void eachItemOfAnArrayIsAnsweredInItsPlace() {
        web.post("/v1/queues/mail/tasks", "{\"id\":\"b\",\"type\":\"t\"}");

        Told told = web.post(BATCH, """
                [{"id":"a","type":"t","payload":[1,2]}, {"id":"b","type":"t"}, {"type":7}, nonsense,
                 {"id":"c","type":"t","delay":"1h"}]""");

        assertThat(told.status()).isEqualTo(200);
        assertThat(told.header("Content-Type")).isEqualTo("application/json");
        JsonNode items = told.json();
        assertThat(items.findValuesAsString("index")).containsExactly("0", "1", "2", "3", "4");
        assertThat(items.findValuesAsString("status")).containsExactly("201", "200", "400", "400", "201");
        assertThat(items.get(0).path("outcome").asString()).isEqualTo("created");
        assertThat(items.get(2).path("code").asString()).isEqualTo("invalid-task");
        assertThat(items.get(2).path("field").asString()).isEqualTo("type");
        assertThat(items.get(3).path("code").asString()).isEqualTo("malformed-json");
        assertThat(redis.call("LLEN", "{mail}:ready")).isEqualTo(2L);
        assertThat(redis.call("ZCARD", "{mail}:delayed")).isEqualTo(1L);
    }

    @Test
    void aBatchThatIsSentAgainWithItsKeyMakesEachTaskOnce() {
        String body = """
                {"type":"t"}
                {"id":"own","type":"t"}
                {"typ":"t"}
                {"type":"t"}
                """;

        Told first = web.post(BATCH, body, "Content-Type", LINES, "Idempotency-Key", "order-7");
        Told again = web.post(BATCH, body, "Content-Type", LINES, "Idempotency-Key", "order-7");

        assertThat(first.text().lines()).anyMatch(line -> line.contains("\"index\":0") && line.contains("order-7-0"));
        assertThat(first.text().lines()).anyMatch(line -> line.contains("\"index\":3") && line.contains("order-7-3"));
        assertThat(first.text()).contains("\"id\":\"own\"", "created").doesNotContain("existing");
        assertThat(again.text()).contains("order-7-0", "order-7-3", "existing").doesNotContain("created");
        for (String bad : List.of("two words", "", " ")) {
            assertThat(web.post(BATCH, "[{\"type\":\"t\"}]", "Idempotency-Key", bad)
                            .status())
                    .isEqualTo(400);
        }
    }

    @Test
    void linesAreAnsweredInTheirOrder() {
        int count = 3_000;
        String body = IntStream.range(0, count)
                .mapToObj(i -> i % 100 == 7 ? "bad" : "{\"id\":\"t" + i + "\",\"type\":\"t\",\"payload\":" + i + "}")
                .collect(Collectors.joining("\n"));

        Told told = web.post(BATCH, body, "Content-Type", LINES);

        List<String> answers = told.text().lines().toList();
        assertThat(answers).hasSize(count);
        for (int i = 0; i < count; i++) {
            assertThat(answers.get(i))
                    .startsWith(
                            "{\"index\":" + i + ",\"status\":" + (i % 100 == 7 ? "400" : "201,\"id\":\"t" + i + "\""));
        }
        assertThat(redis.call("LLEN", "{mail}:ready")).isEqualTo(count - 30L);
        assertThat(String.valueOf(redis.call("LINDEX", "{mail}:ready", "0"))).contains(" t0\n");
        assertThat(String.valueOf(redis.call("LINDEX", "{mail}:ready", "-1"))).contains(" t2999\n");
    }

    @Test
    void wholeUnitsOfBadLinesKeepTheirPlace() {
        String body = IntStream.range(0, 1_200)
                .mapToObj(i -> i / 300 % 2 == 0
                        ? "bad " + i
                        : "{\"id\":\"t" + i + "\",\"type\":\"t\",\"payload\":{\"n\":" + i + "}}")
                .collect(Collectors.joining("\n"));

        List<String> answers =
                web.post(BATCH, body, "Content-Type", LINES).text().lines().toList();

        assertThat(answers).hasSize(1_200);
        for (int i = 0; i < 1_200; i++) {
            assertThat(answers.get(i)).startsWith("{\"index\":" + i + ",\"status\":" + (i / 300 % 2 == 0 ? 400 : 201));
        }
        assertThat(answers.get(1_199))
                .isEqualTo("{\"index\":1199,\"status\":201,\"id\":\"t1199\",\"outcome\":\"created\"}");
        assertThat(answers.get(600)).contains("(line 1, column 1)"); // of its own
        assertThat(String.valueOf(redis.call("LINDEX", "{mail}:ready", "-1")))
                .contains(" t1199\n", "\"payload\":{\"n\":1199}");
    }

    @Test
    void whoAsksBeforeSendingTheBodyIsToldToGoOn() throws IOException {
        try (Socket socket = web.socket()) {
            String asking = new String(HEAD, US_ASCII).replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n");
            socket.getOutputStream().write(asking.getBytes(US_ASCII));

            String told = "";
            while (!told.endsWith("\r\n\r\n")) {
                told += (char) socket.getInputStream().read();
            }

            assertThat(told).startsWith("HTTP/1.1 100 ");
            send(socket, "{\"id\":\"a\",\"type\":\"t\"}\n");
            while (!told.contains("\"outcome\"")) {
                told += (char) socket.getInputStream().read();
            }
        }
    }

    @Test
    void aLineIsAnsweredWhileMoreIsAwaited() throws IOException {
        try (Socket socket = web.socket()) {
            socket.getOutputStream().write(HEAD);
            for (int i = 0; i < 3; i++) {
                send(socket, "{\"id\":\"t" + i + "\",\"type\":\"t\"}\n");

                String told = "";
                while (!told.contains("\"t" + i + "\"")) {
                    told += (char) socket.getInputStream().read();
                }
            }
        }
    }

    @Test
    void itemsWhoseAnswerIsLostAreTriedOnceMore() {
        String body = IntStream.range(0, 700)
                .mapToObj(i -> i == 300 ? "bad" : "{\"id\":\"t" + i + "\",\"type\":\"t\"}")
                .collect(Collectors.joining("\n"));
        web.post("/v1/queues/mail/tasks", "{\"id\":\"before\",\"type\":\"t\"}");
        redis.call("CLIENT", "PAUSE", "60000", "WRITE");

        var told = CompletableFuture.supplyAsync(() -> web.post(BATCH, body, "Content-Type", LINES));
        eventually(
                () -> assertThat(String.valueOf(redis.call("CLIENT", "LIST"))).contains("flags=b"));
        redis.call("CLIENT", "KILL", "TYPE", "normal");
        redis.call("CLIENT", "UNPAUSE");

        List<String> answers = told.join().text().lines().toList();
        assertThat(answers).hasSize(700);
        for (int i = 0; i < 700; i++) {
            assertThat(answers.get(i))
                    .startsWith("{\"index\":" + i + ",\"status\":" + (i == 300 ? "400" : "201,\"id\":\"t" + i + "\""));
        }
        assertThat(redis.call("LLEN", "{mail}:ready")).isEqualTo(700L);
    }

    @Test
    void aClientThatVanishesWhileItIsAnsweredCostsNobodyElse() throws IOException {
        String lines = "{\"type\":\"t\"}\n".repeat(1_000);
        for (int i = 0; i < 2; i++) {
            try (Socket socket = web.socket()) {
                socket.getOutputStream().write(HEAD);
                for (int part = 0; part < 3; part++) {
                    send(socket, lines);
                }
                assertThat(socket.getInputStream().read()).isPositive(); // tasks are on their way
                socket.setSoLinger(true, 0); // a reset
            }
        }

        assertThat(web.post(BATCH, lines, "Content-Type", LINES, "Prefer", "return=minimal")
                        .text())
                .isEqualTo("{\"accepted\":1000,\"refused\":0}\n");
    }

    @Test
    void whoWantsToKnowOnlyWhatWasRefusedSaysSo() {
        Told lines = web.post(
                BATCH,
                "{\"type\":\"t\"}\n{\"type\":1}\n{\"type\":\"t\"}\n",
                "Content-Type",
                LINES,
                "Prefer",
                "return=minimal");
        Told array = web.post(BATCH, "[{\"type\":\"t\"}]", "Prefer", "respond-async, Return=Minimal");

        assertThat(lines.header("Preference-Applied")).isEqualTo("return=minimal");
        assertThat(lines.text().lines()).hasSize(2).last().isEqualTo("{\"accepted\":2,\"refused\":1}");
        assertThat(array.json().get(0).path("accepted").asInt()).isEqualTo(1);
    }

    @Test
    void anEmptyOrBrokenBatchIsAnsweredInForm() {
        assertThat(web.post(BATCH, "[]").text()).isEqualTo("[]");
        assertThat(web.post(BATCH, "", "Content-Type", LINES).text()).isEmpty();
        for (String noArray : List.of("", " ", "{}", " {\"type\":\"t\"}", "x")) {
            assertRefusedAsAWhole(noArray);
        }
        assertThat(web.post(BATCH, " \n[]").text()).isEqualTo("[]");
        assertThat(web.post("/v1/queues/nobody/tasks:batch", "[]").code()).isEqualTo("queue-unknown");
        assertThat(web.post(BATCH, "x", "Content-Type", "text/csv").code()).isEqualTo("unsupported-type");
    }

    @Test
    void anArrayThatEndsInItsFirstTaskIsRefusedAsAWhole() throws IOException {
        for (String cut : List.of("[", "[ ", "[{\"ty", "[{\"type\":\"t\"}", "[{\"type\":\"t\"} ")) {
            assertRefusedAsAWhole(cut);
        }
        assertThat(web.raw("POST " + BATCH + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                        + "Content-Length: 2\r\n\r\n[{"))
                .startsWith("HTTP/1.1 400")
                .doesNotContainIgnoringCase("transfer-encoding")
                .containsIgnoringCase("content-length");
        assertThat(redis.call("LLEN", "{mail}:ready")).isEqualTo(0L);

        Told later = web.post(BATCH, "[{\"id\":\"a\",\"type\":\"t\"},{\"ty");

        assertThat(later.status()).isEqualTo(200);
        assertThat(later.json().findValuesAsString("status")).containsExactly("201", "400");
    }

    private void assertRefusedAsAWhole(String body) {
        Told told = web.post(BATCH, body);
        assertThat(told.status()).as(body).isEqualTo(400);
        assertThat(told.header("Content-Type")).isEqualTo("application/problem+json");
        assertThat(told.code()).isEqualTo("malformed-json");
    }

    @Test
    void aQueueThatWasMadeAnewOtherwiseRefusesOneBatch() {
        String batch = BATCH.replace("mail", "moody");
        String task = "[{\"type\":\"t\"}]";
        enqueue(Queue.named("moody"));
        assertThat(web.get("/v1/queues/moody/dead-letters").status()).isEqualTo(200);
        redis.call("FLUSHALL");
        enqueue(Queue.named("moody").delivery(DeliveryMode.AT_MOST_ONCE));

        assertThat(web.post(batch, task).json().findValuesAsString("code")).containsExactly("store-refused");
        assertThat(web.post(batch, task).json().findValuesAsString("status")).containsExactly("201");
    }

    private void enqueue(Queue queue) {
        Sluice other = Sluice.connect(redis.uri());
        other.client(queue).enqueue(Task.of("t", 1)).block(SOON);
        other.close().block(SOON);
    }

    @Test
    void whileNobodyReadsTheAnswersNothingMoreIsRead() throws Exception {
        try (var socket = web.socket()) {
            socket.setSendBufferSize(64 * 1024);
            socket.setReceiveBufferSize(8 * 1024);
            socket.getOutputStream().write(HEAD);
            String lines = "{\"type\":1}\n".repeat(2_000);
            byte[] chunk = (Integer.toHexString(lines.length()) + "\r\n" + lines + "\r\n").getBytes(US_ASCII);
            var sent = new AtomicLong();
            Thread sender = new Thread(() -> {
                try {
                    while (true) {
                        socket.getOutputStream().write(chunk);
                        sent.addAndGet(chunk.length);
                    }
                } catch (IOException closed) {
                    // the end of the test
                }
            });
            sender.start();

            long before = -1;
            while (before != sent.get()) { // 300 ms without a byte: nobody takes them
                before = sent.get();
                sender.join(300);
            }

            assertThat(sent.get()).isLessThan(40_000_000);
        }
    }

    private static void send(Socket socket, String chunk) throws IOException {
        socket.getOutputStream()
                .write((Integer.toHexString(chunk.length()) + "\r\n" + chunk + "\r\n").getBytes(US_ASCII));
    }
}
