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
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.slf4j.LoggerFactory;

/** What whoever watches the server is told. */
@OnEveryRedis
@Timeout(60)
class ProbesRedisTest {
    private static final Duration SOON = Duration.ofSeconds(20);

    private final RedisServer redis;

    ProbesRedisTest(RedisServer redis) {
        this.redis = redis;
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
            redis.call("SET", "{broken}:dead", "x");

            String told = web.get("/metrics").text();

            assertThat(told)
                    .contains("sluice_tasks{queue=\"a\",state=\"waiting\"} 1.0")
                    .contains("sluice_tasks{queue=\"b\",state=\"waiting\"} 1.0")
                    .contains("sluice_tasks{queue=\"c\",state=\"waiting\"} 1.0");
        }
    }

    @Test
    void aCheckThatThrowsHasFailedAndIsToldOnce() {
        AtomicBoolean broken = new AtomicBoolean(true);
        Logger logger = (Logger) LoggerFactory.getLogger(ProbeRoutes.class);
        ListAppender<ILoggingEvent> log = new ListAppender<>();
        log.start();
        logger.addAppender(log);
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
        } finally {
            logger.detachAppender(log);
        }
        List<ILoggingEvent> warnings = log.list.stream()
                .filter(event -> event.getLevel() == Level.WARN)
                .toList();
        assertThat(warnings).hasSize(1);
        assertThat(warnings.get(0).getThrowableProxy().getMessage()).isEqualTo("no such disk");
        assertThat(warnings.get(0).getKeyValuePairs()).hasToString("[check=\"disk\"]");
    }

    @Test
    void aNameThatAnotherCheckHasIsRefused() {
        Sluice sluice = Sluice.connect(redis.uri());
        HttpApi.Builder api = HttpApi.over(sluice).ready("disk", () -> true);

        assertThatThrownBy(() -> api.ready("redis", () -> true))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("a check named 'redis' is built in, and stays: give this one another name");
        assertThatThrownBy(() -> api.ready("disk", () -> true))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("there is a check named 'disk' already: give this one another name");
        sluice.close().block(SOON);
    }
}
