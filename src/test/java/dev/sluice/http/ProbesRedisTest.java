package dev.sluice.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.sluice.Sluice;
import dev.sluice.observe.PrometheusMeters;
import dev.sluice.task.Queue;
import dev.sluice.task.Task;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.StoredStateMayBeBroken;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.slf4j.LoggerFactory;

/** What whoever watches the server is told. */
@OnEveryRedis
@Timeout(60)
class ProbesRedisTest {
    private static final Duration SOON = Duration.ofSeconds(20);

    private final RedisServer redis;
    private final List<Runnable> listening = new ArrayList<>();

    ProbesRedisTest(RedisServer redis) {
        this.redis = redis;
    }

    @AfterEach
    void listenNoMore() {
        listening.forEach(Runnable::run);
    }

    @Test
    @StoredStateMayBeBroken("another program has put a value of another type into a queue's key")
    void aQueueThatRedisRefusesKeepsNoOtherFromBeingCounted() {
        PrometheusMeters meters = PrometheusMeters.create();
        Sluice counting =
                Sluice.builder().uri(redis.uri()).observer(meters.observer()).build();
        List<Queue> queues =
                Stream.of("broken", "a", "b", "c").map(Queue::named).toList();
        try (Web web = Web.over(counting, api -> {
            queues.forEach(api::queue);
            return api.metrics(meters::text);
        })) {
            queues.forEach(
                    queue -> web.sluice().client(queue).enqueue(Task.of("t", 1)).block(SOON));
            assertThat(web.get("/metrics").text()).contains(waiting("broken", "1.0"));
            ListAppender<ILoggingEvent> log = listen(ProbeRoutes.class);

            for (int outage = 0; outage < 2; outage++) {
                redis.call("SET", "{broken}:dead", "x");
                for (int i = 0; i < 3; i++) {
                    assertThat(web.get("/metrics").text())
                            .contains(waiting("a", "1.0"), waiting("b", "1.0"), waiting("c", "1.0"))
                            .contains(waiting("broken", "NaN"), "sluice_oldest_seconds{queue=\"broken\"} NaN");
                }
                redis.call("DEL", "{broken}:dead");
                assertThat(web.get("/metrics").text()).contains(waiting("broken", "1.0"));
            }

            assertThat(warnings(log)).hasSize(2).allSatisfy(warning -> {
                assertThat(warning.getFormattedMessage()).contains("Redis refuses to count this queue");
                assertThat(warning.getKeyValuePairs().toString()).contains("queue=\"broken\"", "WRONGTYPE");
            });
        }
    }

    private static String waiting(String queue, String count) {
        return "sluice_tasks{queue=\"" + queue + "\",state=\"waiting\"} " + count;
    }

    @Test
    void metersThatCannotBeCollectedAreToldOnceAnOutage() {
        AtomicBoolean broken = new AtomicBoolean();
        ListAppender<ILoggingEvent> log = listen(ProbeRoutes.class, Problem.class);
        try (Web web = Web.over(
                redis.uri(),
                api -> api.metrics(() -> {
                    if (broken.get()) {
                        throw new IllegalStateException("no such registry");
                    }
                    return "up 1\n";
                }))) {
            for (int outage = 0; outage < 2; outage++) {
                broken.set(true);
                for (int i = 0; i < 3; i++) {
                    Web.Told told = web.get("/metrics");
                    assertThat(told.status()).isEqualTo(500);
                    assertThat(told.code()).isEqualTo("internal");
                    assertThat(told.text()).doesNotContain("no such registry");
                }
                broken.set(false);
                assertThat(web.get("/metrics").status()).isEqualTo(200);
            }
        }
        assertThat(warnings(log)).hasSize(2).allSatisfy(warning -> {
            assertThat(warning.getThrowableProxy()).isNull();
            assertThat(warning.getKeyValuePairs().toString()).contains("IllegalStateException", "no such registry");
        });
    }

    @Test
    void aCheckThatThrowsHasFailedAndIsToldOnce() {
        AtomicBoolean broken = new AtomicBoolean(true);
        ListAppender<ILoggingEvent> log = listen(ProbeRoutes.class);
        try (Web web = Web.over(
                redis.uri(),
                api -> api.ready("disk", () -> {
                            if (broken.get()) {
                                throw new IllegalStateException("no such disk");
                            }
                            return true;
                        })
                        .ready("wall", () -> true))) {
            for (int i = 0; i < 3; i++) {
                Web.Told told = web.get("/readyz");
                assertThat(told.status()).as(told.text()).isEqualTo(503);
                assertThat(told.text())
                        .isEqualTo("{\"ready\":false,\"checks\":{\"disk\":false,\"redis\":true,\"wall\":true}}");
            }
            broken.set(false);
            assertThat(web.get("/readyz").status()).isEqualTo(200);
        }
        List<ILoggingEvent> warnings = warnings(log);
        assertThat(warnings).hasSize(1);
        assertThat(warnings.get(0).getThrowableProxy().getMessage()).isEqualTo("no such disk");
        assertThat(warnings.get(0).getKeyValuePairs()).hasToString("[check=\"disk\"]");
    }

    @Test
    void aNameThatAnotherCheckHasIsRefused() {
        Sluice sluice = Sluice.connect(redis.uri());
        HttpApi.Builder api = HttpApi.over(sluice).ready("disk", () -> true);

        assertThatThrownBy(() -> api.ready("redis", () -> true))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("a check named 'redis' is built in, and stays: give this one another name");
        assertThatThrownBy(() -> api.ready("disk", () -> true))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("there is a check named 'disk' already: give this one another name");
        sluice.close().block(SOON);
    }

    private ListAppender<ILoggingEvent> listen(Class<?>... speakers) {
        ListAppender<ILoggingEvent> log = new ListAppender<>();
        log.start();
        for (Class<?> speaker : speakers) {
            Logger logger = (Logger) LoggerFactory.getLogger(speaker);
            logger.addAppender(log);
            listening.add(() -> logger.detachAppender(log));
        }
        return log;
    }

    private static List<ILoggingEvent> warnings(ListAppender<ILoggingEvent> log) {
        return log.list.stream().filter(event -> event.getLevel() == Level.WARN).toList();
    }
}
