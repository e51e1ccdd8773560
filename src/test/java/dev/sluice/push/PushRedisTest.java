package dev.sluice.push;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Sluice;
import dev.sluice.client.DeadLetter;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.dispatch.QueueSettings;
import dev.sluice.task.Queue;
import dev.sluice.task.RetryPolicy;
import dev.sluice.task.Task;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.BiFunction;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.netty.http.server.HttpServerResponse;

/** Tasks in a real Redis, delivered to a real server. */
@OnEveryRedis
class PushRedisTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final Queue QUEUE = Queue.named("reports");

    private final RedisServer redis;
    private final Sluice sluice;
    private final Deque<AutoCloseable> opened = new ArrayDeque<>();

    PushRedisTest(RedisServer redis) {
        this.redis = redis;
        this.sluice = Sluice.connect(redis.uri());
        opened.push(() -> sluice.close().block(PATIENCE));
    }

    @AfterEach
    void close() throws Exception {
        while (!opened.isEmpty()) {
            opened.pop().close();
        }
    }

    @Test
    void everyTaskIsDelivered() {
        Endpoint endpoint = delivering((request, response) -> response.send(), 2);

        enqueue(Flux.range(0, 100).map(i -> Task.of("report.build", i).id("t" + i)));

        eventually(() -> assertThat(endpoint.requests().stream().map(Endpoint.Request::body))
                .hasSize(100)
                .doesNotHaveDuplicates());
        assertEmpty();
    }

    @Test
    void aFailedDeliveryIsTriedAgainUnderTheSameId() {
        Endpoint endpoint = delivering(
                (request, response) -> response.status(request.headers().getInt("ce-attempt") < 3 ? 500 : 200)
                        .send(),
                64);

        enqueue(Task.of("report.build", 1)
                .id("a")
                .header("traceparent", "00-" + "a".repeat(32) + "-" + "b".repeat(16) + "-01"));

        eventually(() -> assertThat(endpoint.requests()).hasSize(3));
        assertEmpty();
        assertThat(endpoint.requests())
                .extracting(it -> it.headers().get("webhook-id"))
                .containsOnly("a");
        assertThat(endpoint.requests())
                .extracting(it -> it.headers().get("traceparent"))
                .containsOnly("00-" + "a".repeat(32) + "-" + "b".repeat(16) + "-01");
        assertThat(endpoint.requests())
                .extracting(it -> Long.parseLong(it.headers().get("ce-fencingnumber")))
                .isSorted()
                .doesNotHaveDuplicates();
    }

    @Test
    void afterTheLastAttemptTheDeadLetterSaysWhatTheTargetSaid() {
        delivering((request, response) -> response.status(500).sendString(Mono.just("disk full")), 64);

        enqueue(Task.of("report.build", 1).id("a").maxAttempts(2));

        DeadLetter dead = deadLetter();
        assertThat(dead.attempts()).isEqualTo(2);
        assertThat(dead.failure().message()).endsWith(" answered 500: disk full");
    }

    @Test
    void whatIsGoneIsDeadAtTheFirstAttempt() {
        Endpoint endpoint =
                delivering((request, response) -> response.status(410).send(), 64);

        enqueue(Task.of("report.build", 1).id("a"));

        assertThat(deadLetter().attempts()).isEqualTo(1);
        assertThat(endpoint.requests()).hasSize(1);
    }

    @Test
    void aRetryAfterIsKeptInRedis() {
        Endpoint endpoint = delivering(
                (request, response) ->
                        response.status(429).header("retry-after", "60").send(),
                64);
        long before = Instant.now().toEpochMilli();

        enqueue(Task.of("report.build", 1).id("a"));

        eventually(() -> assertThat(redis.call("ZCARD", "{reports}:delayed")).isEqualTo(1L));
        double due = Double.parseDouble((String) redis.call("ZSCORE", "{reports}:delayed", "a"));
        assertThat(due).isBetween(before + 59_000.0, before + 75_000.0);
        assertThat(endpoint.requests()).hasSize(1);
    }

    @Test
    void aTargetThatHangsCostsNoMoreThanTheTimeoutOfTheTask() {
        Endpoint endpoint = delivering((request, response) -> Mono.never(), 64);

        // Long enough for a request to be there at all: the first of a JVM may need a second where all cores are taken.
        enqueue(Task.of("report.build", 1).id("a").maxAttempts(1).timeout(Duration.ofSeconds(3)));

        assertThat(deadLetter().failure().reason()).isEqualTo("timeout");
        eventually(() -> assertThat(endpoint.closedConnections()).isEqualTo(1));
        assertThat(Integer.parseInt(endpoint.requests().get(0).headers().get("ce-remainingms")))
                .isBetween(0, 3000);
    }

    @Test
    void aTargetThatSendsAByteNowAndThenEither() {
        Endpoint endpoint = delivering(
                (request, response) -> response.sendString(
                        Flux.interval(Duration.ofMillis(20)).map(i -> "."), java.nio.charset.StandardCharsets.UTF_8),
                64);

        enqueue(Task.of("report.build", 1).id("a").maxAttempts(1).timeout(Duration.ofSeconds(1)));

        assertThat(deadLetter().failure().reason()).isEqualTo("timeout");
        eventually(() -> assertThat(endpoint.closedConnections()).isEqualTo(1));
    }

    @Test
    void aDeliveryEndsAtTheDeadlineOfItsTask() {
        Endpoint endpoint = delivering((request, response) -> Mono.never(), 64);

        enqueue(Task.of("report.build", 1).id("a").deadline(Instant.now().plusMillis(400)));

        assertThat(deadLetter().failure().reason()).isEqualTo("deadline");
        eventually(() -> assertThat(endpoint.closedConnections()).isEqualTo(endpoint.connections()));
    }

    @Test
    void aStopHandsBackWhatIsUnderWay() {
        Endpoint endpoint = Endpoint.answering((request, response) -> Mono.never());
        opened.push(endpoint);
        Dispatcher dispatcher = dispatcher(endpoint, 64);
        enqueue(Task.of("report.build", 1).id("a"));
        eventually(() -> assertThat(endpoint.requests()).hasSize(1));

        dispatcher.stop(Duration.ZERO).block(PATIENCE);

        assertThat(redis.call("HGET", "{reports}:status", "a")).isEqualTo("queued");
        eventually(() -> assertThat(endpoint.closedConnections()).isEqualTo(1));
    }

    @Test
    void hostileHeadersOfAnyProducerStayInTheirPlace() {
        Endpoint endpoint = delivering((request, response) -> response.send(), 64);

        redis.call(
                "RPUSH",
                "reports",
                "{\"id\":\"a b\",\"type\":\"report.build\",\"headers\":{\"Host\":\"evil\",\"na me\":\"1\",\"webhook-id\":\"x\"}}");

        eventually(() -> assertThat(endpoint.requests()).hasSize(1));
        Endpoint.Request request = endpoint.requests().get(0);
        assertThat(request.headers().getAll("host")).containsExactly("127.0.0.1:" + endpoint.port());
        assertThat(request.headers().getAll("webhook-id")).containsExactly("a%20b");
        assertThat(request.headers().get("task-host")).isEqualTo("evil");
        assertThat(request.body()).isEqualTo("null");
    }

    private Endpoint delivering(
            BiFunction<Endpoint.Request, HttpServerResponse, Publisher<Void>> answer, int connections) {
        Endpoint endpoint = Endpoint.answering(answer);
        opened.push(endpoint);
        dispatcher(endpoint, connections);
        return endpoint;
    }

    private Dispatcher dispatcher(Endpoint endpoint, int connections) {
        PushHandler handler = PushHandler.to(PushTarget.to(endpoint.url())
                .allowPrivate("127.0.0.1")
                .connections(connections)
                .build());
        opened.push(() -> handler.close().block(PATIENCE));
        QueueSettings settings =
                QueueSettings.standard().retry(RetryPolicy.standard().waits(Duration.ofMillis(20)));
        Dispatcher dispatcher = sluice.dispatcher().queue(QUEUE, settings).build();
        dispatcher.handler("report.build", byte[].class, handler).start().block(PATIENCE);
        opened.push(() -> dispatcher.stop(Duration.ZERO).block(PATIENCE));
        return dispatcher;
    }

    private void enqueue(Task<?> task) {
        sluice.client(QUEUE).enqueue(task).block(PATIENCE);
    }

    private void enqueue(Flux<? extends Task<?>> tasks) {
        sluice.client(QUEUE).enqueueAll(tasks).blockLast(PATIENCE);
    }

    private DeadLetter deadLetter() {
        eventually(() -> assertThat(redis.call("ZCARD", "{reports}:dead")).isEqualTo(1L));
        return sluice.deadLetters(QUEUE).find("a").block(PATIENCE);
    }

    /** Nothing is left of any task. */
    private void assertEmpty() {
        eventually(() -> assertThat(redis.call("HLEN", "{reports}:status")).isEqualTo(0L));
        assertThat(redis.call("ZCARD", "{reports}:dead")).isEqualTo(0L);
    }
}
