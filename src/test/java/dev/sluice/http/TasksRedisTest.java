package dev.sluice.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.client.ClientOptions;
import dev.sluice.http.Web.Told;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Queue;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@OnEveryRedis
@Timeout(60)
class TasksRedisTest {
    private static final String TASKS = "/v1/queues/mail/tasks";

    private final RedisServer redis;
    private final Web web;

    TasksRedisTest(RedisServer redis) {
        this.redis = redis;
        this.web = Web.over(redis.uri(), api -> api.queue(Queue.named("mail")));
    }

    @AfterEach
    void close() {
        web.close();
    }

    @Test
    void aTaskIsCreatedOnce() {
        String task = """
                {"id":"a","type":"email.send","payload": {"to":"ann", "n":12345678901234567890},
                 "headers":{"tenant":"acme"},"maxAttempts":3,"timeout":"1.5s","deadline":"2999-01-01T00:00:00Z","keepResult":"2m"}""";

        Told created = web.post(TASKS, task);
        Told again = web.post(TASKS, task);

        assertThat(created.status()).isEqualTo(201);
        assertThat(created.header("Location")).isEqualTo("/v1/queues/mail/tasks/a");
        assertThat(created.text()).isEqualTo("{\"id\":\"a\",\"queue\":\"mail\",\"outcome\":\"created\"}");
        assertThat(again.status()).isEqualTo(200);
        assertThat(again.header("Location")).isEqualTo("/v1/queues/mail/tasks/a");
        assertThat(again.json().path("outcome").asString()).isEqualTo("existing");
        assertThat(String.valueOf(redis.call("LINDEX", "{mail}:ready", "0")))
                .contains("{\"to\":\"ann\", \"n\":12345678901234567890}", "\"timeoutMs\":1500", "\"tenant\":\"acme\"")
                .contains("\"keepResultMs\":120000");
        assertThat(web.get(created.header("Location")).json().path("state").asString())
                .isEqualTo("queued");
    }

    @Test
    void theIdempotencyKeyIsTheId() {
        String task = "{\"type\":\"t\"}";

        assertThat(web.post(TASKS, task, "Idempotency-Key", "key-1").status()).isEqualTo(201);
        assertThat(web.post(TASKS, task, "Idempotency-Key", "key-1").status()).isEqualTo(200);
        assertThat(web.post(TASKS, "{\"type\":\"t\",\"id\":\"key-1\"}", "Idempotency-Key", "key-1")
                        .status())
                .isEqualTo(200);
        assertThat(web.post(TASKS, "{\"type\":\"t\",\"id\":\"other\"}", "Idempotency-Key", "key-1")
                        .status())
                .isEqualTo(400);
        for (String bad : List.of("a b", "", " ")) {
            assertThat(web.post(TASKS, task, "Idempotency-Key", bad).code()).isEqualTo("invalid-task");
        }
        assertThat(web.post(TASKS, task, "Idempotency-Key", "key-2", "Idempotency-Key", "key-3")
                        .status())
                .isEqualTo(400);
    }

    @Test
    void aTaskForLaterSaysWhenItIsDue() {
        Told later = web.post(TASKS, "{\"id\":\"later\",\"type\":\"t\",\"delay\":\"2h\"}");
        Told then = web.post(TASKS, "{\"id\":\"then\",\"type\":\"t\",\"at\":\"2999-01-01T00:00:00+02:00\"}");

        assertThat(later.status()).isEqualTo(201);
        assertThat(then.status()).isEqualTo(201);
        Told seen = web.get(TASKS + "/later");
        assertThat(seen.json().path("state").asString()).isEqualTo("scheduled");
        assertThat(seen.json().path("dueInMs").asLong()).isBetween(7_000_000L, 7_200_000L);
    }

    @Test
    void anIdMayBeAnything() {
        List.of(
                        "a b",
                        "a/b",
                        "../../x",
                        "..",
                        "ünïcödé 💌",
                        "50%",
                        "a:redrive",
                        "a?b#c",
                        "+",
                        "%2F",
                        "\"quoted\"",
                        "a\\b")
                .forEach(this::isCreatedFoundAndCancelled);
    }

    private void isCreatedFoundAndCancelled(String id) {
        Told created = web.post(TASKS, "{\"type\":\"t\",\"id\":" + Web.JSON.writeValueAsString(id) + "}");

        assertThat(created.status()).isEqualTo(201);
        assertThat(created.json().path("id").asString()).isEqualTo(id);
        Told seen = web.get(created.header("Location"));
        assertThat(seen.json().path("id").asString()).isEqualTo(id);
        String encoded = URLEncoder.encode(id, StandardCharsets.UTF_8).replace("+", "%20");
        assertThat(web.delete(TASKS + "/" + encoded).status()).isEqualTo(200);
        assertThat(web.get(TASKS + "/" + encoded).code()).isEqualTo("task-unknown");
    }

    @Test
    void aWaitingTaskIsCancelled() {
        web.post(TASKS, "{\"id\":\"a\",\"type\":\"t\"}");

        Told cancelled = web.delete(TASKS + "/a");

        assertThat(cancelled.status()).isEqualTo(200);
        assertThat(cancelled.json().path("cancellation").asString()).isEqualTo("cancelled");
        assertThat(web.delete(TASKS + "/a").status()).isEqualTo(404);
        assertThat(web.delete(TASKS + "/a").code()).isEqualTo("task-unknown");
    }

    @Test
    void whatIsNoTaskIsRefused() {
        List.of("{", "", "[]", "{} {}", "{\"type\":\"t\"} x").forEach(body -> isRefused(body, "malformed-json"));
        List.of(
                        "{}",
                        "{\"type\":7}",
                        "{\"type\":\"\"}",
                        "{\"type\":\"t\",\"typ\":1}",
                        "{\"type\":\"t\",\"timeoutMs\":1}",
                        "{\"type\":\"t\",\"type\":\"u\"}",
                        "{\"type\":\"t\",\"id\":\"\"}",
                        "{\"type\":\"t\",\"id\":\"\\u0000\"}",
                        "{\"type\":\"t\",\"id\":\"\\ud800\"}",
                        "{\"type\":\"t\",\"id\":[1]}",
                        "{\"type\":\"t\",\"maxAttempts\":0}",
                        "{\"type\":\"t\",\"maxAttempts\":\"3\"}",
                        "{\"type\":\"t\",\"delay\":5}",
                        "{\"type\":\"t\",\"delay\":\"5\"}",
                        "{\"type\":\"t\",\"delay\":\"-5s\"}",
                        "{\"type\":\"t\",\"delay\":\"400d\"}",
                        "{\"type\":\"t\",\"timeout\":\"0s\"}",
                        "{\"type\":\"t\",\"at\":\"tomorrow\"}",
                        "{\"type\":\"t\",\"at\":\"2999-01-01T00:00:00Z\",\"delay\":\"1s\"}",
                        "{\"type\":\"t\",\"headers\":{\"a\":1}}",
                        "{\"type\":\"t\",\"payload\":{\"a\":1,\"a\":2}}")
                .forEach(body -> isRefused(body, "invalid-task"));
        assertThat(redis.call("EXISTS", "{mail}:ready", "{mail}:status")).isEqualTo(0L);
    }

    private void isRefused(String body, String code) {
        Told told = web.post(TASKS, body);

        assertThat(told.status()).as(body + told.text()).isEqualTo(400);
        assertThat(told.header("Content-Type")).isEqualTo("application/problem+json");
        assertThat(told.code()).as(body).isEqualTo(code);
    }

    @Test
    void anIdThatAClientWouldTakeForAStepHasALocation() {
        assertThat(web.post(TASKS, "{\"id\":\"..\",\"type\":\"t\"}").header("Location"))
                .isEqualTo("/v1/queues/mail/tasks/%2E%2E");
        assertThat(web.get("/v1/queues/mail/tasks/%2E%2E").json().path("id").asString())
                .isEqualTo("..");
        assertThat(web.post(TASKS, "{\"id\":\".a\",\"type\":\"t\"}").header("Location"))
                .isEqualTo("/v1/queues/mail/tasks/.a");
    }

    @Test
    void theTraceOfARequestGoesOnInItsTask() {
        String own = "{\"type\":\"t\",\"headers\":{\"traceparent\":\"own\"}}";

        web.post(TASKS, "{\"type\":\"t\"}", "traceparent", "00-ab-cd-01", "tracestate", "vendor=1");
        web.post(TASKS, own, "traceparent", "00-ab-cd-01", "tracestate", "vendor=1");
        String several = "{\"type\":\"t\",\"id\":\"several\"}";
        web.post(TASKS, several, "traceparent", "00-ab-cd-01", "tracestate", "vendor=1", "tracestate", "other=2");
        web.post(TASKS, "{\"type\":\"t\"}", "traceparent", "00-a", "traceparent", "00-b", "tracestate", "vendor=1");

        assertThat(String.valueOf(redis.call("LINDEX", "{mail}:ready", "0")))
                .contains("\"traceparent\":\"00-ab-cd-01\"", "\"tracestate\":\"vendor=1\"");
        assertThat(String.valueOf(redis.call("LINDEX", "{mail}:ready", "1")))
                .contains("\"traceparent\":\"own\"")
                .doesNotContain("tracestate");
        assertThat(String.valueOf(redis.call("LINDEX", "{mail}:ready", "3")))
                .as("two parents are none")
                .doesNotContain("trace");
        assertThat(String.valueOf(redis.call("LINDEX", "{mail}:ready", "2")))
                .contains("\"tracestate\":\"vendor=1,other=2\"");
    }

    @Test
    void whatIsTooLongOrPackedIsRefused() {
        String large = "{\"type\":\"t\",\"payload\":\"" + "x".repeat(300_000) + "\"}";
        String huge = "{\"type\":\"t\",\"payload\":\"" + "x".repeat(2_000_000) + "\"}";
        String deep = "{\"type\":\"t\",\"payload\":" + "[".repeat(10_000) + "]".repeat(10_000) + "}";

        assertThat(web.post(TASKS, large).code()).isEqualTo("payload-too-large");
        assertThat(web.post(TASKS, huge).code()).isEqualTo("body-too-large");
        assertThat(web.post(TASKS, deep).json().path("detail").asString())
                .isEqualTo("the task exceeds a limit: a field may be nested at most 64 deep");
        assertThat(web.post(TASKS, deep).code()).isEqualTo("invalid-task");
        assertThat(web.post(TASKS, "\u001f\u008b", "Content-Encoding", "gzip").code())
                .isEqualTo("unsupported-encoding");
        assertThat(web.post(TASKS + ":batch", "x", "Content-Encoding", "gzip").code())
                .isEqualTo("unsupported-encoding");
        assertThat(web.post(TASKS, "type=t", "Content-Type", "text/plain").code())
                .isEqualTo("unsupported-type");
    }

    @Test
    void aFullQueueAsksForPatience() {
        try (Web small = Web.over(
                redis.uri(),
                api -> api.queue(Queue.named("mail"))
                        .clientOptions(ClientOptions.builder().maxQueueLength(1).build()))) {
            small.post(TASKS, "{\"type\":\"t\"}");

            Told full = small.post(TASKS, "{\"type\":\"t\",\"id\":\"b\"}");

            assertThat(full.status()).isEqualTo(429);
            assertThat(full.header("Retry-After")).isEqualTo("1");
            assertThat(full.code()).isEqualTo("queue-full");
            assertThat(full.json().path("retryable").asBoolean()).isTrue();
            assertThat(full.json().path("id").asString()).isEqualTo("b");
        }
    }

    @Test
    void aDrainingQueueTakesNothingNew() {
        web.post("/v1/queues/mail:drain", "");

        Told refused = web.post(TASKS, "{\"type\":\"t\"}");

        assertThat(refused.status()).isEqualTo(409);
        assertThat(refused.code()).isEqualTo("queue-draining");
    }

    @Test
    void aQueueThatNobodyKnowsIsNotMade() {
        Told told = web.post("/v1/queues/mial/tasks", "{\"type\":\"t\"}");

        assertThat(told.status()).isEqualTo(404);
        assertThat(told.code()).isEqualTo("queue-unknown");
        assertThat(redis.call("DBSIZE")).isEqualTo(0L);
        Told invalid = web.post("/v1/queues/a%20b/tasks", "{\"type\":\"t\"}");
        assertThat(invalid.code()).isEqualTo("invalid-queue");
        assertThat(invalid.json().path("field").asString()).isEqualTo("queue");
    }

    @Test
    void aQueueIsUsedAsItIsRecorded() {
        Queue clicks = Queue.named("clicks").delivery(DeliveryMode.AT_MOST_ONCE).statusKey("click_status");
        web.sluice().client(clicks).pause().block();

        Told created = web.post("/v1/queues/clicks/tasks", "{\"type\":\"t\",\"id\":\"c\"}");

        assertThat(created.status()).isEqualTo(201);
        assertThat(redis.call("HGET", "click_status", "c")).isEqualTo("queued");
        assertThat(web.delete("/v1/queues/clicks/tasks/c").code()).isEqualTo("invalid-queue");
    }
}
