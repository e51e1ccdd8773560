package dev.sluice.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Sluice;
import dev.sluice.observe.PrometheusMeters;
import dev.sluice.task.Queue;
import dev.sluice.task.Task;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.StoredStateMayBeBroken;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

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
}
