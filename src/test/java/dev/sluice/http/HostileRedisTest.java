package dev.sluice.http;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.dispatch.NothingDropped;
import dev.sluice.http.Web.Told;
import dev.sluice.task.Queue;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.Private;
import dev.sluice.testkit.RedisServer;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What decent clients do not do, and a Redis that is not there. */
@OnEveryRedis
@Timeout(60)
@ExtendWith(NothingDropped.class)
class HostileRedisTest {
    private static final String TASKS = "/v1/queues/mail/tasks";

    @Test
    void oddPathsAndMethodsAreRefused(RedisServer redis) throws IOException {
        try (Web web = mail(redis)) {
            assertThat(web.raw(get("/"))).startsWith("HTTP/1.1 404");
            assertThat(web.raw(get("/v1"))).startsWith("HTTP/1.1 404");
            assertThat(web.raw(get("//v1/queues"))).startsWith("HTTP/1.1 404");
            assertThat(web.raw(get("/v1/queues/"))).startsWith("HTTP/1.1 400");
            assertThat(web.raw(get("/v1/queues/../../etc/passwd"))).startsWith("HTTP/1.1 404");
            assertThat(web.raw(get("/v1/queues/mail/tasks/%")))
                    .startsWith("HTTP/1.1 400")
                    .contains("bad-path");
            assertThat(web.raw(get("/v1/queues/mail/tasks/%zz"))).startsWith("HTTP/1.1 400");
            assertThat(web.raw(get("/v1/queues/mail/tasks/%ff"))).startsWith("HTTP/1.1 400");
            assertThat(web.raw(get("/v1/queues/mail/tasks/%00")))
                    .startsWith("HTTP/1.1 400")
                    .contains("invalid-task");
            assertThat(web.raw(get("/v1/queues/mail/tasks/a%0d%0aX-Evil:1")))
                    .startsWith("HTTP/1.1 400")
                    .doesNotContain("\nX-Evil");
            assertThat(web.raw(get("http://elsewhere/livez"))).startsWith("HTTP/1.1 200");
            assertThat(web.raw(get("*"))).startsWith("HTTP/1.1 400");
            assertThat(web.raw(last("PUT /v1/queues/mail/tasks")))
                    .startsWith("HTTP/1.1 405")
                    .containsIgnoringCase("allow: POST");
            assertThat(web.raw(last("HEAD /livez"))).startsWith("HTTP/1.1 200").endsWith("\r\n\r\n");
        }
    }

    @Test
    void whatIsNoHttpEndsTheConnectionOnly(RedisServer redis) throws IOException {
        try (Web web = mail(redis)) {
            assertThat(web.raw("nonsense\r\n\r\n")).startsWith("HTTP/1.1 400");
            assertThat(web.raw("GET /" + "x".repeat(20_000) + " HTTP/1.1\r\n\r\n"))
                    .startsWith("HTTP/1.1 414");
            assertThat(web.raw("GET /livez HTTP/1.1\r\nHost: localhost\r\nA: " + "x".repeat(40_000) + "\r\n\r\n"))
                    .startsWith("HTTP/1.1 4");
            assertThat(web.raw("POST " + TASKS + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                            + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"))
                    .startsWith("HTTP/1.1 4");
            assertThat(web.get("/livez").status()).isEqualTo(200);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "Transfer-Encoding: gzip, chunked",
                "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
            })
    void aTransferCodingThatIsNotUnderstoodIsRefusedAndEndsTheConnection(String coding, RedisServer redis)
            throws IOException {
        String body = "{\"id\":\"a\",\"type\":\"t\"}";
        String chunked = Integer.toHexString(body.length()) + "\r\n" + body + "\r\n0\r\n\r\n";
        try (Web web = mail(redis)) {
            for (String request : List.of(
                    "POST " + TASKS,
                    "POST " + TASKS + ":batch",
                    "PUT /v1/queues/mail/schedules/s",
                    "POST /v1/queues/mail:pause",
                    "GET /livez")) {
                assertThat(web.raw(request + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                                + coding + "\r\n\r\n" + chunked + get("/livez")))
                        .as(request)
                        .startsWith("HTTP/1.1 501")
                        .contains("unsupported-transfer")
                        .containsIgnoringCase("connection: close")
                        .doesNotContain("HTTP/1.1 200");
            }
            assertThat(redis.call("LLEN", "{mail}:ready")).isEqualTo(0L);
            assertThat(web.raw(new String(post("Transfer-Encoding: CHUNKED\r\n"), US_ASCII) + chunked))
                    .startsWith("HTTP/1.1 201");
        }
    }

    /** What has come of it looks whole, and is not. */
    @ParameterizedTest
    @ValueSource(strings = {"ZZ\r\n", "\r\n"})
    void aBodyWhoseChunksCannotBeReadIsRefusedAndNothingOfItDone(String noChunk, RedisServer redis) throws IOException {
        String task = "{\"id\":\"a\",\"type\":\"t\"}";
        String schedule = "{\"every\":\"1m\",\"type\":\"t\"}";
        try (Web web = mail(redis)) {
            for (String request : List.of("POST " + TASKS, "PUT /v1/queues/mail/schedules/s")) {
                String body = request.startsWith("POST") ? task : schedule;
                assertThat(web.raw(request + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                                + "Transfer-Encoding: chunked\r\n\r\n" + Integer.toHexString(body.length()) + "\r\n"
                                + body
                                + "\r\n" + noChunk + get("/livez")))
                        .as(request)
                        .startsWith("HTTP/1.1 400")
                        .doesNotContain("HTTP/1.1 20");
            }
            assertThat(web.get("/livez").status()).isEqualTo(200);
            assertThat(redis.call("EXISTS", "{mail}:ready", "{mail}:schedules")).isEqualTo(0L);
            // The one before it was whole.
            assertThat(web.raw(new String(post("Content-Length: " + task.length() + "\r\n"), US_ASCII)
                            + task
                            + new String(post("Transfer-Encoding: chunked\r\n"), US_ASCII)
                            + noChunk))
                    .matches("(?s)HTTP/1.1 201.*HTTP/1.1 400.*");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"Transfer-Encoding: chunked", "Content-Length: 65537"})
    void aProbeWithALongBodyIsTheLastOfItsConnection(String length, RedisServer redis) throws IOException {
        try (Web web = mail(redis)) {
            for (String probe : List.of("GET /livez", "GET /readyz", "POST /livez")) {
                assertThat(web.raw(probe + " HTTP/1.1\r\nHost: localhost\r\n" + length + "\r\n\r\n"))
                        .as(probe)
                        .startsWith(probe.startsWith("GET") ? "HTTP/1.1 200" : "HTTP/1.1 405")
                        .containsIgnoringCase("connection: close");
            }
            assertThat(web.raw("GET /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}" + get("/livez")))
                    .matches("(?s)HTTP/1.1 200.*HTTP/1.1 200.*");
        }
    }

    @Test
    void aBodyWithoutEndIsCutOff(RedisServer redis) throws Exception {
        assertCutOff(redis, post("Transfer-Encoding: chunked\r\n"));
    }

    @Test
    void aBodyWithoutEndIsCutOffThoughNobodyAskedForIt(RedisServer redis) throws Exception {
        assertCutOff(
                redis,
                "GET /livez HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".getBytes(US_ASCII));
    }

    private static void assertCutOff(RedisServer redis, byte[] headers) throws Exception {
        try (Web web = mail(redis);
                Socket socket = web.socket()) {
            socket.getOutputStream().write(headers);
            byte[] chunk = ("10000\r\n" + "x".repeat(0x10000) + "\r\n").getBytes(US_ASCII);
            int sent = 0;
            try {
                while (sent < 2_000) {
                    socket.getOutputStream().write(chunk);
                    sent++;
                }
            } catch (IOException cut) {
                // that is what it is about
            }

            assertThat(sent).isLessThan(2_000);
            assertThat(web.get("/livez").status()).isEqualTo(200);
        }
    }

    @Test
    void whoSendsMoreThanIsTakenStillReadsWhy(RedisServer redis) throws Exception {
        byte[] body = new byte[2_000_000];
        String head =
                "POST " + TASKS + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
                        + body.length + "\r\n\r\n";
        try (Web web = mail(redis)) {
            for (int i = 0; i < 10; i++) {
                try (Socket socket = web.socket()) {
                    socket.getOutputStream().write(head.getBytes(US_ASCII));
                    int refused = socket.getInputStream().read(); // before it has sent anything of the body
                    socket.getOutputStream().write(body);

                    assertThat((char) refused
                                    + new String(socket.getInputStream().readAllBytes(), US_ASCII))
                            .startsWith("HTTP/1.1 413")
                            .contains("body-too-large");
                }
            }
        }
    }

    @Test
    void aLengthBeyondAnyIntIsTooLarge(RedisServer redis) throws IOException {
        try (Web web = mail(redis)) {
            assertThat(web.raw(new String(post("Content-Length: 3000000000\r\n"), US_ASCII)))
                    .startsWith("HTTP/1.1 413")
                    .containsIgnoringCase("connection: close");
            assertThat(web.raw("GET /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000000000\r\n\r\n"))
                    .startsWith("HTTP/1.1 404")
                    .containsIgnoringCase("connection: close");
        }
    }

    @Test
    void whoDawdlesIsCutOff(RedisServer redis) throws Exception {
        var patience = new Progress.Patience(Duration.ofMillis(500), Duration.ofMillis(700));
        try (Web web = Web.over(redis.uri(), api -> api.queue(Queue.named("mail")), patience);
                Socket silent = web.socket();
                Socket slowHeaders = web.socket();
                Socket slowBody = web.socket()) {
            slowBody.getOutputStream().write(post("Content-Length: 1000\r\n"));
            String drops =
                    "GET /livez HTTP/1.1\r\nHost: localhost\r\nA: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

            assertThat(bytesUntilCut(slowHeaders, drops)).isLessThan(drops.length());
            assertThat(bytesUntilCut(slowBody, " ".repeat(100))).isLessThan(100);
            assertThat(silent.getInputStream().read()).isEqualTo(-1);
            assertThat(web.post(TASKS, "{\"type\":\"t\"}").status()).isEqualTo(201);
        }
    }

    @Test
    void aClientThatVanishesLeavesNothingBehind(RedisServer redis) throws Exception {
        try (Web web = mail(redis)) {
            for (int i = 0; i < 20; i++) {
                try (Socket socket = web.socket()) {
                    socket.getOutputStream().write(post("Content-Length: 1000\r\n"));
                    socket.getOutputStream().write("{\"type\":".getBytes(US_ASCII));
                    socket.setSoLinger(true, 0); // a reset instead of an end
                }
                try (Socket socket = web.socket()) {
                    socket.getOutputStream()
                            .write(("POST " + TASKS
                                            + ":batch HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
                                            + "Content-Type: application/x-ndjson\r\n\r\n11\r\n{\"type\":\"t\",\"x\":1\r\n")
                                    .getBytes(US_ASCII));
                    socket.setSoLinger(true, 0);
                }
            }

            assertThat(web.post(TASKS, "{\"type\":\"t\"}").status()).isEqualTo(201);
            assertThat(redis.call("LLEN", "{mail}:ready")).isEqualTo(1L);
        }
    }

    @Test
    void whoSendsNothingMoreAfterARequestIsAnsweredAllTheSame(RedisServer redis) throws Exception {
        String task = "{\"id\":\"a\",\"type\":\"t\"}";
        String post = new String(post("Content-Length: " + task.length() + "\r\n"), US_ASCII) + task;
        String batch = post.replace(TASKS, TASKS + ":batch")
                .replace("Length: " + task.length(), "Length: " + (task.length() + 2))
                .replace(task, "[" + task + "]");
        String look = "GET " + TASKS + "/a HTTP/1.1\r\nHost: localhost\r\n\r\n";
        try (Web web = mail(redis)) {
            assertThat(halfClosed(web, post)).startsWith("HTTP/1.1 201").contains("\"created\"");
            assertThat(halfClosed(web, batch)).startsWith("HTTP/1.1 200").contains("\"existing\"");
            assertThat(halfClosed(web, look)).startsWith("HTTP/1.1 200").contains("\"queued\"");
            assertThat(halfClosed(web, look.replace("/a ", "/a?wait=300ms "))).startsWith("HTTP/1.1 200");
            assertThat(halfClosed(web, look + look))
                    .matches("(?s)HTTP/1.1 200.*\"queued\".*HTTP/1.1 200.*\"queued\".*");
        }
    }

    @Test
    void whoSendsNothingMoreAndAwaitsNoWholeAnswerIsClosedAtOnce(RedisServer redis) throws Exception {
        String events = "GET /v1/queues/mail/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
        try (Web web = mail(redis)) {
            long began = System.nanoTime();

            assertThat(halfClosed(web, "")).isEmpty();
            assertThat(halfClosed(web, new String(post("Content-Length: 1000\r\n"), US_ASCII)))
                    .isEmpty();
            assertThat(halfClosed(web, events)).doesNotContain("event: moved");

            assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(5));
        }
    }

    /** All that comes back for these bytes to a client that has shut its writing side down, and waits for the end. */
    private static String halfClosed(Web web, String request) throws IOException {
        try (Socket socket = web.socket()) {
            socket.getOutputStream().write(request.getBytes(US_ASCII));
            socket.shutdownOutput();
            return new String(socket.getInputStream().readAllBytes(), US_ASCII);
        }
    }

    @Test
    void withoutRedisThereIsAnAnswerInTime(@Private RedisServer redis) {
        try (Web web = mail(redis)) {
            web.post(TASKS, "{\"type\":\"t\"}");
            redis.stop();
            long began = System.nanoTime();

            Told refused = web.post(TASKS, "{\"id\":\"a\",\"type\":\"t\"}");
            Told batch = web.post(TASKS + ":batch", "[{\"id\":\"a\",\"type\":\"t\"},{\"type\":1}]");

            assertThat(refused.status()).isEqualTo(503);
            assertThat(refused.code()).isEqualTo("store-unavailable");
            assertThat(refused.header("Retry-After")).isEqualTo("1");
            assertThat(refused.json().path("id").asString()).isEqualTo("a");
            assertThat(batch.json().findValuesAsString("status")).containsExactly("503", "400");
            assertThat(web.get("/v1/queues").status()).isEqualTo(503);
            assertThat(web.get("/v1/queues/mail/dead-letters").status()).isEqualTo(503);
            assertThat(web.get("/livez").status()).isEqualTo(200);
            assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(20));
        }
    }

    private static Web mail(RedisServer redis) {
        return Web.over(redis.uri(), api -> api.queue(Queue.named("mail")));
    }

    private static String get(String target) {
        return last("GET " + target);
    }

    /** A request without a body after which the connection ends: the answer is all there, and none is waited for. */
    private static String last(String methodAndTarget) {
        return methodAndTarget + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    }

    private static byte[] post(String header) {
        return ("POST " + TASKS + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + header
                        + "\r\n")
                .getBytes(US_ASCII);
    }

    /** How many of these bytes can be sent, ten a second, until the server has had enough. */
    static int bytesUntilCut(Socket socket, String bytes) throws InterruptedException {
        for (int sent = 0; sent < bytes.length(); sent++) {
            try {
                socket.getOutputStream().write(bytes.charAt(sent));
                socket.setSoTimeout(50);
                if (socket.getInputStream().read() < 0) {
                    return sent;
                }
            } catch (SocketTimeoutException silent) {
                // goes on
            } catch (IOException cut) {
                return sent;
            }
        }
        return bytes.length();
    }
}
