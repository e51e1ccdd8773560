package dev.sluice.http;

import static dev.sluice.dispatch.Eventually.eventually;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.client.ClientOptions;
import dev.sluice.client.TaskClient;
import dev.sluice.client.Waiting;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.dispatch.NothingDropped;
import dev.sluice.dispatch.QueueSettings;
import dev.sluice.http.Web.Told;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Queue;
import dev.sluice.task.RetryPolicy;
import dev.sluice.task.Verdict;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.Private;
import dev.sluice.testkit.RedisServer;
import java.net.InetAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import reactor.core.publisher.Mono;
import reactor.netty.DisposableServer;
import reactor.netty.http.server.HttpServer;

@OnEveryRedis
@Timeout(60)
@ExtendWith(NothingDropped.class)
class WaitsRedisTest {
    private static final String TASKS = "/v1/queues/mail/tasks";
    private static final Queue MAIL = Queue.named("mail");
    private static final Duration SOON = Duration.ofSeconds(20);

    private final RedisServer redis;
    private final Web web;
    private final Dispatcher dispatcher;

    WaitsRedisTest(RedisServer redis) {
        this.redis = redis;
        this.web = Web.over(
                redis.uri(), api -> api.queue(MAIL).queue(Queue.named("clicks").delivery(DeliveryMode.AT_MOST_ONCE)));
        this.dispatcher = web.sluice()
                .dispatcher()
                .queue(MAIL, QueueSettings.standard().retry(RetryPolicy.never()))
                .build()
                .handler("echo", Object.class, task -> Mono.just(task.payload()))
                .handler("none", Object.class, task -> Mono.empty())
                .handler("drop", Object.class, task -> Mono.just(Verdict.discarded()))
                .handler("fail", Object.class, task -> Mono.error(new IllegalStateException("no paper")))
                .handler("long", Object.class, task -> {
                    task.progress(40, "on it");
                    return Mono.never();
                });
        dispatcher.start().block(SOON);
    }

    @AfterEach
    void close() {
        dispatcher.stop(Duration.ZERO).block(SOON);
        web.close();
    }

    @Test
    void theAnswerHasTheEndIfItIsThereInTime() {
        Told echo = web.post(TASKS + "?wait=20s", "{\"id\":\"a\",\"type\":\"echo\",\"payload\":{\"b\":[1,2]}}");
        Told again = web.post(TASKS + "?wait=20s", "{\"id\":\"a\",\"type\":\"echo\"}");
        Told none = web.post(TASKS + "?wait=20s", "{\"type\":\"none\"}");
        Told drop = web.post(TASKS + "?wait=20s", "{\"type\":\"drop\"}");
        Told fail = web.post(TASKS + "?wait=20s", "{\"id\":\"f\",\"type\":\"fail\"}");

        assertThat(echo.status()).isEqualTo(201);
        assertThat(echo.text())
                .startsWith(
                        "{\"id\":\"a\",\"queue\":\"mail\",\"outcome\":\"created\",\"end\":{\"state\":\"succeeded\"");
        assertThat(echo.json().at("/end/value").toString()).isEqualTo("{\"b\":[1,2]}");
        assertThat(echo.json().at("/end/attempts").asInt()).isEqualTo(1);
        assertThat(again.status()).isEqualTo(200);
        assertThat(again.json().path("end")).isEqualTo(echo.json().path("end"));
        assertThat(none.json().at("/end/state").asString()).isEqualTo("succeeded");
        assertThat(none.json().path("end").has("value")).isFalse();
        assertThat(drop.json().at("/end/state").asString()).isEqualTo("discarded");
        assertThat(fail.status()).isEqualTo(201);
        assertThat(fail.json().at("/end/state").asString()).isEqualTo("dead");
        assertThat(fail.json().at("/end/failure/message").asString()).isEqualTo("no paper");

        Told kept = web.get(TASKS + "/a");
        assertThat(kept.text()).startsWith("{\"id\":\"a\",\"queue\":\"mail\",\"state\":\"succeeded\",");
        assertThat(web.get(TASKS + "/a?wait=20s").text()).isEqualTo(kept.text());
        assertThat(web.get(TASKS + "/f?wait=20s").json().path("state").asString())
                .isEqualTo("dead");
        assertThat(web.get(TASKS + "/f").json().path("deadForMs").isNumber()).isTrue();
    }

    @Test
    void otherwiseTheAnswerIsTheOrdinaryOne() {
        Told late = web.post(TASKS + "?wait=200ms", "{\"id\":\"l\",\"type\":\"long\"}");

        assertThat(late.status()).isEqualTo(201);
        assertThat(late.text()).isEqualTo("{\"id\":\"l\",\"queue\":\"mail\",\"outcome\":\"created\"}");
        assertThat(web.get(TASKS + "/l?wait=200ms").json().path("state").asString())
                .isEqualTo("processing");
        assertThat(web.get(TASKS + "/nobody?wait=20s").code()).isEqualTo("task-unknown");
    }

    @Test
    void howFarATaskIsCanBeSeenAndHeard() {
        try (Heard heard = web.listen(TASKS + "/l/events")) {
            heard.events(1);
            web.post(TASKS, "{\"id\":\"l\",\"type\":\"long\"}");

            assertThat(heard.events(4).get(3))
                    .startsWith("progress {\"queue\":\"mail\",\"id\":\"l\",\"percent\":40,\"text\":\"on it\",");
            assertThat(web.get(TASKS + "/l").json().at("/progress/percent").asInt())
                    .isEqualTo(40);
        }
    }

    @Test
    void whoWaitsHearsOfACancellation() {
        web.get(TASKS + "/nobody?wait=1s"); // so that the channel is there
        eventually(() -> {
            web.post(TASKS, "{\"id\":\"c\",\"type\":\"echo\",\"delay\":\"1h\"}");
            CompletableFuture<Told> waiting = CompletableFuture.supplyAsync(() -> web.get(TASKS + "/c?wait=20s"));
            web.delete(TASKS + "/c"); // if that is before anybody waits, it was never there for him

            assertThat(waiting.join().text())
                    .isEqualTo("{\"id\":\"c\",\"queue\":\"mail\",\"state\":\"cancelled\","
                            + "\"attempts\":null,\"endedAt\":null,\"ranMs\":null,\"failure\":null}");
        });
    }

    @Test
    void aWaitHasBounds() {
        for (String wait : List.of("", "0s", "31s", "30001ms", "10", "-1s", "1m", "0.5ms", "999999s", "10S")) {
            Told post = web.post(TASKS + "?wait=" + wait, "{\"id\":\"x\",\"type\":\"echo\"}");
            assertThat(post.code()).as(wait).isEqualTo("bad-parameter");
            assertThat(post.json().path("parameter").asString()).isEqualTo("wait");
            assertThat(web.get(TASKS + "/x?wait=" + wait).code()).isEqualTo("bad-parameter");
        }
        assertThat(web.post(TASKS + "?wait=1s&wait=2s", "{\"id\":\"x\",\"type\":\"echo\"}")
                        .code())
                .isEqualTo("bad-parameter");
        assertThat(web.post(TASKS + "?waite=1s", "{\"id\":\"x\",\"type\":\"echo\"}")
                        .code())
                .isEqualTo("bad-parameter");
        assertThat(web.get(TASKS + "/x").code()).isEqualTo("task-unknown");
        assertThat(web.post("/v1/queues/clicks/tasks?wait=1s", "{\"type\":\"echo\"}")
                        .code())
                .isEqualTo("invalid-task");
        assertThat(redis.call("EXISTS", "clicks")).isEqualTo(0L);
        assertThat(web.get("/v1/queues/clicks/tasks/x").code()).isEqualTo("task-unknown");
        Told noWait = web.get("/v1/queues/clicks/tasks/x?wait=1s");
        assertThat(noWait.code()).isEqualTo("invalid-queue");
        assertThat(noWait.json().path("field").asString()).isEqualTo("queue");
    }

    @Test
    void aResultThatIsToBeKeptForLongerIs() {
        web.post(TASKS + "?wait=20s", "{\"id\":\"k\",\"type\":\"none\",\"keepResult\":\"1h\"}");

        assertThat((long) redis.call("TTL", "{mail}:result:k")).isGreaterThan(3_000L);
    }

    @Test
    void aClientThatGoesAwayWaitsNoLonger() throws Exception {
        KnownQueues queues = new KnownQueues(web.sluice(), ClientOptions.defaults(), List.of(MAIL));
        TaskClient client = queues.find("mail").block().client();
        TaskRoutes tasks = new TaskRoutes(web.sluice(), queues, 1_000);
        DisposableServer server = HttpServer.create()
                .host("127.0.0.1")
                .port(0)
                .handle((request, response) -> {
                    Call call = new Call(request, Target.of(request.uri()), Mono.never());
                    return Route.answering(it -> tasks.enqueue(it, "mail")).serve(call, response);
                })
                .bindNow();
        try {
            for (boolean reset : new boolean[] {true, false}) {
                try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
                    socket.getOutputStream()
                            .write(("POST /?wait=30s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                                            + "Content-Length: 15\r\n\r\n{\"type\":\"long\"}")
                                    .getBytes(US_ASCII));
                    eventually(() -> assertThat(Waiting.through(client)).isEqualTo(1));
                    socket.setSoLinger(reset, 0);
                }

                eventually(
                        Duration.ofSeconds(5),
                        () -> assertThat(Waiting.through(client)).isZero());
            }
        } finally {
            server.disposeNow();
        }
    }

    @Test
    void aStopAnswersWhoWaits() throws Exception {
        CompletableFuture<Told> waiting =
                CompletableFuture.supplyAsync(() -> web.post(TASKS + "?wait=30s", "{\"id\":\"l\",\"type\":\"long\"}"));
        eventually(() -> assertThat(web.get(TASKS + "/l").status()).isEqualTo(200));

        web.stop(Duration.ofSeconds(30)).toFuture().get(5, TimeUnit.SECONDS);

        assertThat(waiting.join().status()).isEqualTo(201);
        assertThat(waiting.join().json().has("end")).isFalse();
    }

    @Test
    void withoutRedisAWaitIsAnsweredInTime(@Private RedisServer own) {
        try (Web other = Web.over(own.uri(), api -> api.queue(MAIL))) {
            other.post(TASKS, "{\"id\":\"a\",\"type\":\"t\"}");
            own.stop();

            Told post = other.post(TASKS + "?wait=1s", "{\"id\":\"b\",\"type\":\"t\"}");
            Told get = other.get(TASKS + "/a?wait=1s");

            assertThat(post.status()).isEqualTo(503);
            assertThat(post.json().path("id").asString()).isEqualTo("b");
            assertThat(get.code()).isEqualTo("store-unavailable");
        }
    }

    @Test
    void whoWaitsForATaskThatIsThereIsNotToldThatNothingWasEnqueued(@Private RedisServer own) {
        try (Web other = Web.over(own.uri(), api -> api.queue(MAIL))) {
            other.post(TASKS, "{\"id\":\"a\",\"type\":\"t\"}");
            own.pause();
            try {
                Told get = other.get(TASKS + "/a?wait=10s");

                assertThat(get.code()).isEqualTo("store-unavailable");
                assertThat(get.json().path("detail").asString())
                        .isEqualTo("the channel on which the end would be told could not be subscribed to");
            } finally {
                own.resume();
            }
        }
    }
}
