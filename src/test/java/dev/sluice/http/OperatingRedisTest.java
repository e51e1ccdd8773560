package dev.sluice.http;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.client.ClientOptions;
import dev.sluice.client.TaskClient;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.http.Web.Told;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Misfire;
import dev.sluice.task.Overlap;
import dev.sluice.task.Queue;
import dev.sluice.task.Schedule;
import dev.sluice.task.Task;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.StoredStateMayBeBroken;
import java.time.Duration;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import tools.jackson.databind.JsonNode;

@OnEveryRedis
@Timeout(60)
class OperatingRedisTest {
    private static final String SCHEDULES = "/v1/queues/mail/schedules";
    private static final String[] JSON = {"Content-Type", "application/json"};
    private static final String EVERY_HOUR =
            "{\"every\":\"1h\",\"type\":\"poll\",\"payload\":[1, 2],\"timeout\":\"5s\"}";
    private static final String DEAD = "/v1/queues/mail/dead-letters";

    private final RedisServer redis;
    private final Web web;

    OperatingRedisTest(RedisServer redis) {
        this.redis = redis;
        this.web = Web.over(redis.uri(), api -> api.queue(Queue.named("mail")));
    }

    @AfterEach
    void close() {
        web.close();
    }

    @Test
    void queuesAreListedAndShown() {
        assertThat(web.get("/v1/queues").text()).isEqualTo("{\"queues\":[],\"scanned\":1000,\"cursor\":null}");
        assertThat(web.get("/v1/queues/mail").json().path("waiting").asInt()).isZero();
        assertThat(web.get("/v1/queues/other").code()).isEqualTo("queue-unknown");

        web.post("/v1/queues/mail/tasks", "{\"type\":\"t\"}");
        web.post("/v1/queues/mail/tasks", "{\"type\":\"t\",\"delay\":\"1h\"}");

        Told mail = web.get("/v1/queues/mail");
        assertThat(mail.json().path("waiting").asInt()).isEqualTo(1);
        assertThat(mail.json().path("delayed").asInt()).isEqualTo(1);
        assertThat(mail.json().path("delivery").asString()).isEqualTo("at-least-once");
        assertThat(web.get("/v1/queues").json().path("queues").findValuesAsString("name"))
                .containsExactly("mail");
        assertThat(web.get("/v1/queues?cursor=x").code()).isEqualTo("bad-parameter");
        assertThat(web.get("/v1/queues?cursor=18446744073709551615").status()).isEqualTo(200);
        assertThat(web.get("/v1/queues?cursor=18446744073709551616").code()).isEqualTo("bad-parameter");
        assertThat(web.get("/v1/queues?curser=1").code()).isEqualTo("bad-parameter");
    }

    @Test
    @StoredStateMayBeBroken("another program has put a value of another type into a queue's key")
    void aListingSaysWhichQueueRedisRefuses() {
        List.of("a", "b", "c")
                .forEach(name -> web.sluice().client(Queue.named(name)).resume().block());
        redis.call("SET", "{b}:dead", "x");

        Told refused = web.get("/v1/queues");

        assertThat(refused.status()).isEqualTo(503);
        assertThat(refused.code()).isEqualTo("store-refused");
        assertThat(refused.json().path("queue").asString()).isEqualTo("b");
        assertThat(refused.json().path("detail").asString()).startsWith("queue 'b': Redis refused: WRONGTYPE");
        redis.call("DEL", "{b}:dead");
        assertThat(web.get("/v1/queues").json().path("queues").findValuesAsString("name"))
                .containsExactlyInAnyOrder("a", "b", "c");
    }

    @Test
    void whoServesAQueueIsListed() {
        assertThat(web.get("/v1/queues/mail/dispatchers").text()).isEqualTo("{\"dispatchers\":[]}");
        Dispatcher dispatcher =
                web.sluice().dispatcher(Queue.named("mail")).handler("t", Void.class, t -> Mono.empty());
        dispatcher.start().block();

        JsonNode one = web.get("/v1/queues/mail/dispatchers")
                .json()
                .path("dispatchers")
                .path(0);

        assertThat(one.path("id").asString()).isNotEmpty();
        assertThat(one.path("leaseMs").asInt()).isBetween(5_000, 15_000);
        assertThat(one.path("running").asInt()).isZero();
        dispatcher.stop(Duration.ZERO).block();
        assertThat(web.get("/v1/queues/mail/dispatchers").text()).isEqualTo("{\"dispatchers\":[]}");
        assertThat(web.get("/v1/queues/mail/dispatchers?limit=1").code()).isEqualTo("bad-parameter");
        assertThat(web.get("/v1/queues/nobody/dispatchers").code()).isEqualTo("queue-unknown");
    }

    @Test
    void doorsAreOpenedAndClosed() {
        assertThat(web.post("/v1/queues/mail:pause", "").text()).isEqualTo("{\"queue\":\"mail\",\"changed\":true}");
        assertThat(web.post("/v1/queues/mail:pause", "").json().path("changed").asBoolean())
                .isFalse();
        assertThat(web.get("/v1/queues/mail").json().path("paused").asBoolean()).isTrue();
        assertThat(web.post("/v1/queues/mail:drain", "").status()).isEqualTo(200);
        assertThat(web.get("/v1/queues/mail").json().path("draining").asBoolean())
                .isTrue();
        assertThat(web.post("/v1/queues/mail:resume", "").status()).isEqualTo(200);
        assertThat(web.post("/v1/queues/mail:stop", "").status()).isEqualTo(405);
        assertThat(web.post("/v1/queues/nobody:pause", "").code()).isEqualTo("queue-unknown");
        assertThat(redis.call("EXISTS", "{nobody}:meta")).isEqualTo(0L);
    }

    @Test
    void theQueuesThatWereUsedLastAreKept() {
        KnownQueues queues = known(Duration.ofMinutes(1));
        List.of("a", "b", "c")
                .forEach(name -> web.sluice().client(Queue.named(name)).resume().block());

        var mail = queues.find("mail").block();
        var a = queues.find("a").block();
        var b = queues.find("b").block();
        assertThat(queues.find("a").block()).isSameAs(a);
        var c = queues.find("c").block();

        assertThat(queues.find("c").block()).isSameAs(c);
        assertThat(queues.find("a").block()).isSameAs(a);
        assertThat(queues.find("b").block()).isNotSameAs(b);
        assertThat(queues.find("mail").block()).isSameAs(mail);
    }

    /** Nobody serves what is gone from Redis: a task that is put in there would not even be seen. */
    @Test
    void aQueueThatIsGoneIsForgottenAfterAWhile() {
        KnownQueues patient = known(Duration.ofMinutes(1));
        KnownQueues queues = known(Duration.ZERO);
        TaskClient client = web.sluice().client(Queue.named("a"));
        client.resume().block();
        var kept = patient.find("a").block();
        var before = queues.find("a").block();
        assertThat(queues.find("a").block()).isSameAs(before);

        redis.call("DEL", "{a}:meta");

        assertThat(patient.find("a").block()).isSameAs(kept);
        assertThatThrownBy(() -> queues.find("a").block()).isInstanceOf(Problem.class);
        assertThatThrownBy(() -> queues.find("a").block()).isInstanceOf(Problem.class);
    }

    @Test
    void oneLooksAgainForAllAndAStallOfRedisForgetsNothing() {
        Duration aMoment = Duration.ofMillis(300);
        KnownQueues queues = known(aMoment);
        web.sluice().client(Queue.named("a")).resume().block();
        var known = queues.find("a").block();
        LockSupport.parkNanos(aMoment.toNanos());
        redis.call("CONFIG", "RESETSTAT");

        Flux.range(0, 50).flatMap(i -> queues.find("a"), 50).blockLast();
        assertThat((String) redis.call("INFO", "commandstats")).contains("cmdstat_evalsha:calls=1,");

        LockSupport.parkNanos(aMoment.toNanos());
        redis.call("CLIENT", "PAUSE", "2500", "ALL");
        assertThat(queues.find("a").block()).isSameAs(known);
    }

    private KnownQueues known(Duration keptFor) {
        return new KnownQueues(web.sluice(), ClientOptions.defaults(), List.of(Queue.named("mail")), 2, keptFor);
    }

    @Test
    void aNameMayEndLikeAVerb() {
        web.sluice().client(Queue.named("a:pause")).pause().block();

        assertThat(web.get("/v1/queues/a:pause").json().path("paused").asBoolean())
                .isTrue();
        assertThat(web.post("/v1/queues/a:pause:resume", "")
                        .json()
                        .path("changed")
                        .asBoolean())
                .isTrue();
    }

    @Test
    void deadLettersAreListedPageByPage() {
        bury(120);

        Told first = web.get(DEAD + "?limit=50");
        Told second = web.get(
                DEAD + "?limit=100&cursor=" + first.json().path("cursor").asString());

        assertThat(first.json().path("deadLetters").findValuesAsString("id"))
                .hasSize(50)
                .startsWith("t/119");
        assertThat(second.json().path("deadLetters").findValuesAsString("id"))
                .hasSize(70)
                .endsWith("t/0");
        assertThat(second.json().path("cursor").isNull()).isTrue();
        assertThat(second.json().path("scanned").asInt()).isEqualTo(70);
        Told mails = web.get(DEAD + "?type=sms&limit=200");
        assertThat(mails.json().path("deadLetters").findValuesAsString("type"))
                .hasSize(60)
                .containsOnly("sms");
        assertThat(web.get(DEAD + "?limit=0").code()).isEqualTo("bad-parameter");
        assertThat(web.get(DEAD + "?limit=201").code()).isEqualTo("bad-parameter");
        assertThat(web.get(DEAD + "?from=yesterday").code()).isEqualTo("bad-parameter");
        assertThat(web.get(DEAD + "?from=%2B999999999-01-01T00:00:00Z").code()).isEqualTo("bad-parameter");
        assertThat(web.get(DEAD + "?before=-999999999-01-01T00:00:00Z").code()).isEqualTo("bad-parameter");
        assertThat(web.get(DEAD + "?cursor=x").code()).isEqualTo("bad-parameter");
        for (String time : List.of("1.2.3", ".", "1.", "e5", "--1", "")) {
            assertThat(web.get(DEAD + "?cursor=" + cursor(time)).code())
                    .as(time)
                    .isEqualTo("bad-parameter");
        }
        for (String time : List.of("-1", "0", "1.5", "1764165600123", "1e+22", "1.2345678901234567e-05")) {
            assertThat(web.get(DEAD + "?cursor=" + cursor(time)).status())
                    .as(time)
                    .isEqualTo(200);
        }
        assertThat(web.get(DEAD + "?limit=1&limit=2").code()).isEqualTo("bad-parameter");
    }

    @Test
    void aDeadLetterIsShownRedrivenAndPurged() {
        bury(3);

        Told shown = web.get(DEAD + "/t%2F0");

        assertThat(shown.json().path("reason").asString()).isEqualTo("r");
        assertThat(shown.json().path("payload").path("n").asInt()).isEqualTo(0);
        assertThat(web.post(DEAD + "/t%2F0:redrive", "").json().path("outcome").asString())
                .isEqualTo("redriven");
        assertThat(web.post(DEAD + "/t%2F0:redrive", "").code()).isIn("task-live", "dead-letter-unknown");
        assertThat(web.delete(DEAD + "/t%2F1").json().path("outcome").asString())
                .isEqualTo("purged");
        assertThat(web.delete(DEAD + "/t%2F1").code()).isEqualTo("dead-letter-unknown");
        assertThat(web.get(DEAD + "/t%2F1").status()).isEqualTo(404);
        assertThat(web.delete("/v1/queues/mail/tasks/t%2F2").code()).isEqualTo("task-dead");
        assertThat(web.get("/v1/queues/mail/tasks/t%2F2").json().path("state").asString())
                .isEqualTo("dead");
    }

    @Test
    void manyAreRedrivenOrPurgedAtOnce() {
        bury(300);

        Told redriven = web.post(DEAD + ":redrive?type=sms", "");
        Told purged = web.post(DEAD + ":purge?all=true", "");

        assertThat(redriven.text())
                .isEqualTo(
                        "{\"queue\":\"mail\",\"examined\":300,\"matched\":150,\"done\":150,\"refused\":0,\"complete\":true}");
        assertThat(purged.json().path("done").asInt()).isEqualTo(150);
        assertThat(redis.call("LLEN", "{mail}:ready")).isEqualTo(150L);
        assertThat(web.post(DEAD + ":redrive?typo=sms", "").code()).isEqualTo("bad-parameter");
    }

    @Test
    void manyAreRedrivenOrPurgedOnlyIfItIsSaidWhich() {
        bury(2);

        for (String verb : List.of(":redrive", ":purge")) {
            for (String query :
                    List.of("", "?", "?all", "?all=", "?all=false", "?all=false&type=sms", "?all=true&type=sms")) {
                Told refused = web.post(DEAD + verb + query, "");
                assertThat(refused.status()).as(verb + query).isEqualTo(400);
                assertThat(refused.json().path("detail").asString())
                        .as(verb + query)
                        .contains("type, reason, error, from or before", "all=true", "nothing was changed");
            }
            assertThat(web.post(DEAD + verb, "").code()).isEqualTo("bad-parameter");
            assertThat(web.post(DEAD + verb, "").json().path("parameter").asString())
                    .isEqualTo("all");
        }
        assertThat(redis.call("ZCARD", "{mail}:dead")).isEqualTo(2L);
        assertThat(web.get(DEAD + "?all=true").code()).isEqualTo("bad-parameter");
    }

    @Test
    void whatIsBehindAQuestionMarkIsNoPartOfAnId() {
        bury(1);
        web.post("/v1/queues/mail/tasks", "{\"id\":\"a\",\"type\":\"t\"}");

        for (Told refused : List.of(
                web.delete("/v1/queues/mail/tasks/a?b"),
                web.delete(DEAD + "/t%2F0?b"),
                web.get(DEAD + "/t%2F0?b"),
                web.post(DEAD + "/t%2F0:redrive?b", ""),
                web.post("/v1/queues/mail/tasks/t%2F0:retry?b", ""),
                web.get("/v1/queues/mail?b"),
                web.post("/v1/queues/mail:pause?b", ""),
                web.get(SCHEDULES + "/a?b"),
                web.delete(SCHEDULES + "/a?b"),
                web.post(SCHEDULES + "/a:pause?b", ""),
                web.post("/v1/queues/mail/tasks:batch?b", "[]"))) {
            assertThat(refused.code()).as(refused.text()).isEqualTo("bad-parameter");
            assertThat(refused.json().path("parameter").asString()).isEqualTo("b");
        }

        assertThat(web.get("/v1/queues/mail/tasks/a").json().path("state").asString())
                .isEqualTo("queued");
        assertThat(redis.call("ZCARD", "{mail}:dead")).isEqualTo(1L);
        assertThat(web.get("/livez?at=1").status())
                .isEqualTo(200); // who watches may add something to be told no old answer
    }

    @Test
    void aBodyIsRefusedWhereNoneIsRead() throws Exception {
        bury(2);

        for (Told refused : List.of(
                web.post(DEAD + ":purge", "{\"type\":\"sms\"}"),
                web.post(DEAD + ":redrive", "type=sms", "Content-Type", "application/x-www-form-urlencoded"),
                web.ask("GET", DEAD, "{\"type\":\"sms\"}", JSON),
                web.ask("DELETE", DEAD + "/t%2F0", "{}", JSON),
                web.post("/v1/queues/mail:pause", "{}"))) {
            assertThat(refused.status()).as(refused.text()).isEqualTo(400);
            assertThat(refused.code()).isEqualTo("unexpected-body");
        }
        assertThat(web.raw("POST " + DEAD + ":purge HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                        + "4\r\ntype\r\n0\r\n\r\n"))
                .startsWith("HTTP/1.1 400")
                .contains("unexpected-body");

        assertThat(redis.call("ZCARD", "{mail}:dead")).isEqualTo(2L);
        assertThat(web.get("/v1/queues/mail").json().path("paused").asBoolean()).isFalse();
    }

    private static String cursor(String time) {
        return Base64.getUrlEncoder().encodeToString((time + " t/1").getBytes(US_ASCII));
    }

    private void bury(int count) {
        web.sluice().client(Queue.named("mail")).resume().block(); // so that it is a queue
        IntStream.range(0, count).forEach(i -> {
            String id = "t/" + i;
            redis.call(
                    "HSET",
                    "{mail}:dead:bodies",
                    id,
                    "{\"reason\":\"r\",\"message\":\"m\"}\n\u0001c " + id + "\n{\"type\":\""
                            + (i % 2 == 0 ? "mail" : "sms") + "\",\"payload\":{\"n\":" + i + "}}");
            redis.call("ZADD", "{mail}:dead", Integer.toString(1_000 + i), id);
            redis.call("HSET", "{mail}:status", id, "dead");
        });
    }

    @Test
    void schedulesAreShownHaltedTriggeredAndRemoved() {
        Schedule nightly = Schedule.cron("a:pause", "0 2 * * *", ZoneId.of("Europe/Berlin"), Task.of("report", 1));
        Schedule poll = Schedule.every("poll", Duration.ofMinutes(10), Task.of("poll", 1))
                .misfire(Misfire.catchUp(3))
                .overlap(Overlap.SKIP);
        web.sluice().schedules(Queue.named("mail")).put(nightly).block();
        web.sluice().schedules(Queue.named("mail")).put(poll).block();

        assertThat(web.get(SCHEDULES).json().path("schedules").findValuesAsString("name"))
                .containsExactlyInAnyOrder("poll", "a:pause");
        assertThat(web.get(SCHEDULES + "/poll").text())
                .startsWith("{\"name\":\"poll\",\"type\":\"poll\",\"cron\":null,\"zone\":null,\"everyMs\":600000,"
                        + "\"misfire\":\"catch-up 3\",\"overlap\":\"skip\",\"origin\":\"code\",\"paused\":false,");
        assertThat(web.get(SCHEDULES + "/a:pause").json().path("zone").asString())
                .isEqualTo("Europe/Berlin");

        assertThat(web.post(SCHEDULES + "/a:pause:pause", "").text())
                .isEqualTo("{\"queue\":\"mail\",\"schedule\":\"a:pause\",\"changed\":true}");
        assertThat(web.post(SCHEDULES + "/a:pause:pause", "")
                        .json()
                        .path("changed")
                        .asBoolean())
                .isFalse();
        assertThat(web.get(SCHEDULES + "/a:pause").json().path("paused").asBoolean())
                .isTrue();
        assertThat(web.post(SCHEDULES + "/a:pause:resume", "")
                        .json()
                        .path("changed")
                        .asBoolean())
                .isTrue();

        Told triggered = web.post(SCHEDULES + "/poll:trigger", "");
        assertThat(triggered.status()).isEqualTo(201);
        assertThat(web.get(triggered.header("Location")).json().path("state").asString())
                .isEqualTo("queued");
        web.post("/v1/queues/mail:drain", "");
        assertThat(web.post(SCHEDULES + "/poll:trigger", "").code()).isEqualTo("queue-draining");

        assertThat(web.delete(SCHEDULES + "/poll").status()).isEqualTo(200);
        assertThat(web.delete(SCHEDULES + "/poll").code()).isEqualTo("schedule-unknown");
        assertThat(web.get(SCHEDULES + "/poll").code()).isEqualTo("schedule-unknown");
        assertThat(web.post(SCHEDULES + "/poll:trigger", "").code()).isEqualTo("schedule-unknown");
        assertThat(web.post(SCHEDULES + "/poll:stop", "").status()).isEqualTo(405);
        assertThat(web.get(SCHEDULES + "/a%20b").code()).isEqualTo("invalid-schedule");
        assertThat(web.get(SCHEDULES + "?cursor=x").code()).isEqualTo("bad-parameter");
    }

    @Test
    void tenThousandSchedulesComeInPages() {
        declareTenThousand();

        Told first = web.get(SCHEDULES);
        assertThat(first.json().path("schedules").size()).isEqualTo(50);
        assertThat(first.json().path("scanned").asInt()).isEqualTo(50);
        assertThat(first.text().length()).isLessThan(15_000);
        assertThat(walked(SCHEDULES + "?limit=200"))
                .containsExactlyElementsOf(IntStream.range(0, 10_000)
                        .mapToObj(i -> "s" + (10_000 + i))
                        .toList());
    }

    @Test
    void aCursorOrALimitThatIsNoneIsRefused() {
        declareTenThousand();
        for (String limit : List.of("0", "201", "-1", "x", "", "1.5", "999999999999")) {
            Told refused = web.get(SCHEDULES + "?limit=" + limit);
            assertThat(refused.status()).as(limit).isEqualTo(400);
            assertThat(refused.code()).as(limit).isEqualTo("bad-parameter");
            assertThat(refused.json().path("parameter").asString()).isEqualTo("limit");
        }
        for (String time : List.of("1.2.3", ".", "nan", "infinity", "+inf", "")) {
            Told refused = web.get(SCHEDULES + "?cursor=" + cursor(time));
            assertThat(refused.code()).as(time).isEqualTo("bad-parameter");
            assertThat(refused.text()).contains("this is no cursor of a listing of schedules");
        }
        assertThat(web.get(SCHEDULES + "?cursor=x").code()).isEqualTo("bad-parameter");
        assertThat(web.get(SCHEDULES + "?cursor=").code()).isEqualTo("bad-parameter");
        assertThat(web.get(SCHEDULES + "?page=2").code()).isEqualTo("bad-parameter");
        assertThat(web.get(SCHEDULES + "?cursor=" + cursor("inf")).status()).isEqualTo(200);
        assertThat(web.get("/v1/queues/nobodys/schedules?limit=1").code()).isEqualTo("queue-unknown");
    }

    /** Half of them are paused, and those come last, by name. */
    private void declareTenThousand() {
        web.sluice()
                .schedules(Queue.named("mail"))
                .create(Schedule.every("s10000", Duration.ofDays(300), Task.of("t", 1)))
                .block();
        String record = (String) redis.call("HGET", "{mail}:schedules", "s10000");
        String body = (String) redis.call("HGET", "{mail}:schedules:bodies", "s10000");
        for (int from = 0; from < 10_000; from += 1_000) {
            List<String> records = new ArrayList<>(List.of("HSET", "{mail}:schedules"));
            List<String> bodies = new ArrayList<>(List.of("HSET", "{mail}:schedules:bodies"));
            List<String> times = new ArrayList<>(List.of("ZADD", "{mail}:schedules:due"));
            for (int i = from; i < from + 1_000; i++) {
                boolean paused = i >= 5_000;
                records.addAll(List.of("s" + (10_000 + i), paused ? record.replace("active", "paused") : record));
                bodies.addAll(List.of("s" + (10_000 + i), body));
                times.addAll(List.of(paused ? "+inf" : "4000000000000", "s" + (10_000 + i)));
            }
            redis.call(records.toArray(String[]::new));
            redis.call(bodies.toArray(String[]::new));
            redis.call(times.toArray(String[]::new));
        }
    }

    private List<String> walked(String place) {
        List<String> names = new ArrayList<>();
        for (String from = ""; !from.equals("over"); ) {
            JsonNode page = web.get(place + from).json();
            assertThat(page.path("schedules").size()).isLessThanOrEqualTo(200);
            names.addAll(page.path("schedules").findValuesAsString("name"));
            from = page.path("cursor").isNull()
                    ? "over"
                    : "&cursor=" + page.path("cursor").asString();
        }
        return names;
    }

    @Test
    void theLocationOfAScheduleThatIsNamedLikeAStepUpIsItsOwn() {
        Told created = web.ask("PUT", SCHEDULES + "/%2E%2E", "{\"every\":\"1h\",\"type\":\"t\"}", JSON);

        assertThat(created.status()).isEqualTo(201);
        assertThat(created.header("Location")).isEqualTo(SCHEDULES + "/%2E%2E");
        assertThat(web.get(SCHEDULES + "/%2E%2E").status()).isEqualTo(200);
    }

    @Test
    void theLocationOfAScheduleInAQueueThatIsNamedLikeAStepUpIsItsOwn() {
        web.sluice().client(Queue.named("..")).resume().block(); // so that it is a queue
        String schedules = "/v1/queues/%2E%2E/schedules";

        Told created = web.ask("PUT", schedules + "/a", "{\"every\":\"1h\",\"type\":\"t\"}", JSON);

        assertThat(created.status()).isEqualTo(201);
        assertThat(created.header("Location")).isEqualTo(schedules + "/a");
        assertThat(web.post(schedules + "/a:trigger", "").header("Location")).startsWith("/v1/queues/%2E%2E/tasks/");
    }

    @Test
    void aScheduleIsDeclaredAndReplaced() {
        String daily = "{\"cron\":\"@daily\",\"zone\":\"Europe/Berlin\",\"type\":\"report\",\"payload\":{\"n\":1}}";
        Told created = web.ask("PUT", SCHEDULES + "/nightly", daily, JSON);
        assertThat(created.status()).isEqualTo(201);
        assertThat(created.text())
                .isEqualTo("{\"queue\":\"mail\",\"schedule\":\"nightly\",\"outcome\":\"created\",\"before\":null}");
        assertThat(web.get(created.header("Location")).json().path("origin").asString())
                .isEqualTo("http");
        String next = web.get(SCHEDULES + "/nightly").json().path("next").asString();

        Told again = web.ask("PUT", SCHEDULES + "/nightly", daily, JSON);
        assertThat(again.status()).isEqualTo(200);
        assertThat(again.json().path("outcome").asString()).isEqualTo("unchanged");
        assertThat(web.get(SCHEDULES + "/nightly").json().path("next").asString())
                .isEqualTo(next);

        web.post(SCHEDULES + "/nightly:pause", "");
        Told updated = web.ask("PUT", SCHEDULES + "/nightly", EVERY_HOUR, JSON);
        assertThat(updated.status()).isEqualTo(200);
        assertThat(updated.json().path("outcome").asString()).isEqualTo("updated");
        assertThat(updated.json().path("before").asString())
                .contains("cron Europe/Berlin @daily", "type report", "declared by http");
        assertThat(web.get(SCHEDULES + "/nightly").text()).contains("\"everyMs\":3600000", "\"paused\":true");

        Told triggered = web.post(SCHEDULES + "/nightly:trigger", "");
        assertThat(redis.call("LINDEX", "{mail}:ready", "0").toString())
                .containsPattern(
                        "\\{\"type\":\"poll\",\"payload\":\\[1, 2],\"timeoutMs\":5000,\"enqueuedAt\":[1-9][0-9]{12}}$");
        assertThat(triggered.status()).isEqualTo(201);
    }

    @Test
    void aScheduleThatMustBeNewReplacesNoOther() {
        String[] onlyNew = {"Content-Type", "application/json", "If-None-Match", "*"};
        assertThat(web.ask("PUT", SCHEDULES + "/a:pause", EVERY_HOUR, onlyNew).status())
                .isEqualTo(201);
        assertThat(web.ask("PUT", SCHEDULES + "/a:pause", EVERY_HOUR, onlyNew).status())
                .isEqualTo(200);

        Told refused = web.ask("PUT", SCHEDULES + "/a:pause", EVERY_HOUR.replace("1h", "2h"), onlyNew);

        assertThat(refused.status()).isEqualTo(412);
        assertThat(refused.code()).isEqualTo("schedule-conflict");
        assertThat(web.get(SCHEDULES + "/a:pause").json().path("everyMs").asLong())
                .isEqualTo(3_600_000);
        for (String[] other : new String[][] {
            {"If-Match", "*"}, {"If-None-Match", "\"a\""}, {"If-Unmodified-Since", "Mon, 01 Jan 2024 00:00:00 GMT"}
        }) {
            assertThat(web.ask(
                                    "PUT",
                                    SCHEDULES + "/b",
                                    EVERY_HOUR,
                                    "Content-Type",
                                    "application/json",
                                    other[0],
                                    other[1])
                            .code())
                    .isEqualTo("bad-precondition");
        }
    }

    @Test
    void aScheduleThatCannotBeReadIsRefusedWithThePlace() {
        assertRefused("{\"type\":\"t\",\"cron\":\"0 2 * *\"}", 400, "invalid-schedule", "\"field\":\"cron\"");
        assertRefused("{\"type\":\"t\",\"cron\":\"61 * * * *\"}", 400, "invalid-schedule", "\"field\":\"cron\"");
        assertRefused("{\"type\":\"t\",\"every\":\"10m\",\"wen\":1}", 400, "invalid-schedule", "has no field 'wen'");
        assertRefused("{\"type\":\"t\",\"every\":\"10m\"", 400, "malformed-json", "the schedule is not well-formed");
        assertRefused("", 400, "malformed-json", "the schedule is empty");
        String large = "{\"type\":\"t\",\"every\":\"10m\",\"payload\":\"" + "x".repeat(300_000) + "\"}";
        assertRefused(large, 413, "payload-too-large", "");
        assertThat(web.ask("PUT", SCHEDULES + "/a", "{}", "Content-Type", "text/plain")
                        .status())
                .isEqualTo(415);
        assertThat(web.ask("PUT", SCHEDULES + "/a%20b", EVERY_HOUR, JSON).code())
                .isEqualTo("invalid-schedule");
        assertThat(web.ask("PUT", "/v1/queues/nobodys/schedules/a", EVERY_HOUR, JSON)
                        .code())
                .isEqualTo("queue-unknown");
        assertThat(web.get(SCHEDULES).json().path("schedules").size()).isZero();
    }

    @Test
    void aScheduleMayAskForNoResultsWhereNoneAreKept() {
        Queue clicks = Queue.named("clicks").delivery(DeliveryMode.AT_MOST_ONCE);
        web.sluice().client(clicks).resume().block(); // so that it is a queue
        String form = "{\"every\":\"1h\",\"type\":\"t\",\"keepResult\":\"1h\"}";

        Told schedule = web.ask("PUT", "/v1/queues/clicks/schedules/a", form, JSON);
        Told task = web.post("/v1/queues/clicks/tasks", "{\"type\":\"t\",\"keepResult\":\"1h\"}");

        assertThat(schedule.status()).as(schedule.text()).isEqualTo(400);
        assertThat(schedule.code()).isEqualTo("invalid-schedule");
        assertThat(schedule.json().path("field").asString()).isEqualTo("keepResult");
        assertThat(schedule.json().path("detail").asString())
                .isEqualTo("queue 'clicks' is at-most-once and keeps no results: leave keepResult out, or use an"
                        + " at-least-once queue")
                .isEqualTo(task.json().path("detail").asString());
        assertThat(web.get("/v1/queues/clicks/schedules").json().path("schedules"))
                .isEmpty();
        assertThat(web.ask("PUT", SCHEDULES + "/a", form, JSON).status()).isEqualTo(201);
    }

    private void assertRefused(String form, int status, String code, String words) {
        Told refused = web.ask("PUT", SCHEDULES + "/a", form, JSON);
        assertThat(refused.status()).as(refused.text()).isEqualTo(status);
        assertThat(refused.code()).isEqualTo(code);
        assertThat(refused.text()).contains(words);
    }

    @Test
    void aTaskThatIsDeadIsRetried() {
        bury(1);

        Told retried = web.post("/v1/queues/mail/tasks/t%2F0:retry", "");

        assertThat(retried.text()).isEqualTo("{\"id\":\"t/0\",\"queue\":\"mail\",\"outcome\":\"redriven\"}");
        assertThat(web.post("/v1/queues/mail/tasks/t%2F0:retry", "").code()).isIn("task-live", "dead-letter-unknown");
        assertThat(web.post("/v1/queues/mail/tasks/b:retry", "").code()).isEqualTo("dead-letter-unknown");
        assertThat(web.post("/v1/queues/mail/tasks/b", "").header("Allow")).isEqualTo("DELETE, GET");
    }
}
