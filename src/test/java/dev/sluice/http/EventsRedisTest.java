package dev.sluice.http;

import static dev.sluice.dispatch.Eventually.eventually;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.dispatch.NothingDropped;
import dev.sluice.http.Web.Told;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Queue;
import dev.sluice.task.Task;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.Private;
import dev.sluice.testkit.RedisServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import reactor.core.publisher.Flux;

@OnEveryRedis
@Timeout(60)
@ExtendWith(NothingDropped.class)
class EventsRedisTest {
    private static final String TASKS = "/v1/queues/mail/tasks";
    private static final String EVENTS = "/v1/queues/mail/events";
    private static final Queue MAIL = Queue.named("mail");
    private static final String ID = "x".repeat(480);
    private static final int MOVES = 12_000;

    private final RedisServer redis;
    private final Web web;

    EventsRedisTest(RedisServer redis) {
        this.redis = redis;
        this.web = Web.over(
                redis.uri(),
                api -> api.queue(MAIL)
                        .queue(Queue.named("sms"))
                        .queue(Queue.named("clicks").delivery(DeliveryMode.AT_MOST_ONCE)));
        web.post(TASKS, "{\"type\":\"t\",\"id\":\"before\"}");
        web.post("/v1/queues/sms/tasks", "{\"type\":\"t\",\"id\":\"before\"}");
    }

    @AfterEach
    void close() {
        eventually(() -> assertThat(channels()).doesNotContain("mail")); // those who listened are gone
        web.close();
    }

    @Test
    void movesOfAQueueAreTold() {
        try (Heard heard = web.listen(EVENTS)) {
            assertThat(heard.events(1)).containsExactly("began {\"queue\":\"mail\"}");

            web.post(TASKS, "{\"type\":\"t\",\"id\":\"a \\\"ü\\\"\"}");
            web.post(TASKS, "{\"type\":\"t\",\"id\":\"b\",\"delay\":\"1h\"}");
            web.delete(TASKS + "/b");

            List<String> events = heard.events(4);
            assertThat(heard.ids()).containsExactly("a \"ü\"", "b", "b");
            assertThat(events.get(1))
                    .startsWith("moved {\"queue\":\"mail\",\"id\":")
                    .contains("\"state\":\"queued\"");
            assertThat(events.get(2)).contains("\"state\":\"scheduled\"");
            assertThat(events.get(3)).contains("\"state\":\"cancelled\"");
            long told = Instant.parse(Heard.json(events.get(3)).path("at").asString())
                    .toEpochMilli();
            assertThat(heard.lines()).contains("id: " + told);
        }
    }

    @Test
    void movesOfATaskAreTold() {
        try (Heard heard = web.listen(TASKS + "/a%2Fb/events")) {
            heard.events(1);

            web.post(TASKS, "{\"type\":\"t\",\"id\":\"other\"}");
            web.post(TASKS, "{\"type\":\"t\",\"id\":\"a/b\"}");
            web.delete(TASKS + "/a%2Fb");

            heard.events(3);
            assertThat(heard.ids()).containsExactly("a/b", "a/b");
        }
    }

    @Test
    void movesOfAllNamedQueuesAreTold() {
        try (Heard heard = web.listen("/v1/events")) {
            assertThat(heard.events(2))
                    .containsExactlyInAnyOrder("began {\"queue\":\"mail\"}", "began {\"queue\":\"sms\"}");

            web.post(TASKS, "{\"type\":\"t\",\"id\":\"m\"}");
            web.post("/v1/queues/sms/tasks", "{\"type\":\"t\",\"id\":\"s\"}");

            heard.events(4);
            assertThat(heard.ids()).containsExactlyInAnyOrder("m", "s");
        }
    }

    @Test
    void whoComesAgainIsToldThatThereIsAGap() {
        try (Heard heard = web.listen(EVENTS, "Last-Event-ID", "1764165600000");
                Heard odd = web.listen(EVENTS, "Last-Event-ID", "of another server")) {
            assertThat(heard.events(1))
                    .containsExactly("gap {\"queue\":\"mail\",\"missed\":null,\"after\":\"2025-11-26T14:00:00Z\"}");
            assertThat(odd.events(1)).containsExactly("gap {\"queue\":\"mail\",\"missed\":null,\"after\":null}");
        }
    }

    @Test
    void aRedisThatWasAwayIsAGap(@Private RedisServer own) {
        try (Web other = Web.over(own.uri(), api -> api.queue(MAIL));
                Heard heard = other.listen(EVENTS)) {
            other.post(TASKS, "{\"type\":\"t\",\"id\":\"a\"}");
            heard.events(1);

            own.restart();

            eventually(() ->
                    assertThat(heard.events()).contains("gap {\"queue\":\"mail\",\"missed\":null,\"after\":null}"));
            assertThat(heard.over()).isNotDone();
        }
    }

    @Test
    void aClientThatGoesAwayIsForgotten() throws Exception {
        for (int i = 0; i < 3; i++) {
            try (Heard heard = web.listen(EVENTS);
                    Socket reset = web.socket()) {
                reset.getOutputStream().write(request(EVENTS));
                heard.events(1);
                assertThat(reset.getInputStream().read()).isPositive();
                assertThat(channels()).contains("mail");
                reset.setSoLinger(true, 0);
            }
        }

        eventually(Duration.ofSeconds(5), () -> assertThat(channels()).doesNotContain("mail")); // before any beat
    }

    @Test
    void whoDoesNotReadIsCutOff() throws Exception {
        var patience = new Progress.Patience(Duration.ofSeconds(10), Duration.ofMillis(400));
        try (Web hasty = Web.over(redis.uri(), api -> api.queue(MAIL), patience);
                Socket silent = listening(hasty)) {
            moveMany(hasty);
            eventually(() -> assertThat(channels()).doesNotContain("mail"));

            assertThat(silent.getInputStream().readAllBytes())
                    .hasSizeLessThan(1_000_000); // of 7 MB, what the kernel took at both ends
            redis.call("FLUSHALL");
        }
    }

    @Test
    void whoReadsTooSlowlyIsToldHowManyHeMissed() throws Exception {
        try (Socket slow = listening(web)) {
            moveMany(web);

            String last = ID + (MOVES - 1);
            StringBuilder text = new StringBuilder();
            byte[] part = new byte[65_536];
            for (int from = 0; text.indexOf(last, from) < 0; ) {
                from = Math.max(0, text.length() - last.length());
                text.append(new String(part, 0, slow.getInputStream().read(part), US_ASCII));
            }

            long missed = text.toString()
                    .lines()
                    .filter(line -> line.contains("\"missed\":"))
                    .mapToLong(line ->
                            Web.JSON.readTree(line.substring(6)).path("missed").asLong())
                    .sum();
            long told = text.toString().lines().filter("event: moved"::equals).count();
            assertThat(missed).isPositive();
            assertThat(told + missed).isEqualTo(MOVES);
            redis.call("FLUSHALL");
        }
    }

    /** A client that has heard of nothing but the beginning, and has little room for more. */
    private static Socket listening(Web web) throws IOException {
        Socket socket = new Socket();
        socket.setReceiveBufferSize(65_536);
        socket.setSoTimeout(10_000);
        socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), web.port()));
        socket.getOutputStream().write(request(EVENTS));
        StringBuilder text = new StringBuilder();
        while (text.indexOf("event: began") < 0) {
            text.append((char) socket.getInputStream().read());
        }
        return socket;
    }

    /** More than fits into what the kernel and a listener keep. */
    private static void moveMany(Web web) {
        Flux.range(0, MOVES)
                .map(i -> Task.of("t", i).id(ID + i))
                .as(web.sluice().client(MAIL)::enqueueAll)
                .blockLast();
    }

    @Test
    void aStopEndsTheStreams() throws Exception {
        try (Heard heard = web.listen(EVENTS);
                Heard all = web.listen("/v1/events")) {
            heard.events(1);
            all.events(1);

            web.stop(Duration.ofSeconds(30)).toFuture().get(5, TimeUnit.SECONDS);

            heard.over().get(5, TimeUnit.SECONDS);
            all.over().get(5, TimeUnit.SECONDS);
            assertThat(heard.events())
                    .last()
                    .isEqualTo("end {\"code\":\"stopping\",\"detail\":\"the server stops\",\"retryable\":true}");
        }
    }

    @Test
    void thereAreOnlySoManyStreams() {
        List<Heard> all = new ArrayList<>();
        for (int i = 0; i < EventRoutes.MOST; i++) {
            all.add(web.listen(EVENTS));
        }
        all.forEach(heard -> heard.events(1));

        Told refused = web.get(EVENTS);
        assertThat(refused.status()).isEqualTo(503);
        assertThat(refused.code()).isEqualTo("too-many-streams");
        assertThat(refused.header("Retry-After")).isEqualTo("1");

        all.remove(0).close();
        eventually(() -> {
            try (Heard next = web.listen(EVENTS)) {
                assertThat(next.status()).isEqualTo(200);
            }
        });
        all.forEach(Heard::close);
    }

    @Test
    void whatCannotBeListenedToIsRefused() {
        assertThat(web.get("/v1/queues/clicks/events").code()).isEqualTo("invalid-queue");
        assertThat(web.get("/v1/queues/nobody/events").code()).isEqualTo("queue-unknown");
        assertThat(web.get(TASKS + "/%00/events").code()).isEqualTo("invalid-task");
        assertThat(web.get(EVENTS + "?type=t").code()).isEqualTo("bad-parameter");
        assertThat(web.post(EVENTS, "").status()).isEqualTo(405);
        assertThat(web.get(TASKS + "/a/event").status()).isEqualTo(404);
        Told head = web.ask("HEAD", EVENTS, "");
        assertThat(head.status()).isEqualTo(200);
        assertThat(head.header("Content-Type")).isEqualTo("text/event-stream");
        try (Web none = Web.over(redis.uri(), api -> api)) {
            assertThat(none.get("/v1/events").code()).isEqualTo("queue-unknown");
        }
    }

    @Test
    void aQueueThatIsRunOtherwiseEndsTheStream() {
        redis.call("HSET", "{mail}:meta", "status-key", "another");
        try (Web other = Web.over(redis.uri(), api -> api.queue(MAIL));
                Heard heard = other.listen(EVENTS)) {
            assertThat(heard.events(1).get(0)).startsWith("end {\"queue\":\"mail\",\"code\":\"store-refused\"");
            heard.over().join();
        }
    }

    private String channels() {
        return String.valueOf(redis.call("PUBSUB", "CHANNELS", "{mail}*"));
    }

    private static byte[] request(String path) {
        return ("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n").getBytes(US_ASCII);
    }
}
