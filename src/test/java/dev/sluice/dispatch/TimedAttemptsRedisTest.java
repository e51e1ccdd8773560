package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Sluice;
import dev.sluice.observe.MicrometerObserver;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Task;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import reactor.core.publisher.Mono;

@OnEveryRedis
class TimedAttemptsRedisTest extends DispatchCase {
    TimedAttemptsRedisTest(RedisServer redis) {
        super(redis);
    }

    @ParameterizedTest
    @EnumSource(DeliveryMode.class)
    void eachAttemptIsTimedForAnObserverThatAsks(DeliveryMode mode) {
        deliver(mode);
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        Sluice timed = Sluice.builder()
                .uri(redis.uri())
                .observer(MicrometerObserver.withAttempts(registry))
                .build();
        Dispatcher dispatcher =
                timed.dispatcher(queue).handler("t", Object.class, task -> Mono.delay(Duration.ofMillis(20)));
        try {
            started(dispatcher);
            enqueue(Task.of("t", 1));

            eventually(() -> {
                Timer attempts = registry.find("sluice.attempt")
                        .tags("queue", "q", "type", "t", "outcome", "succeeded")
                        .timer();
                assertThat(attempts).isNotNull();
                assertThat(attempts.count()).isEqualTo(1);
                assertThat(attempts.totalTime(java.util.concurrent.TimeUnit.MILLISECONDS))
                        .isBetween(20.0, 20_000.0);
            });
        } finally {
            dispatcher.stop(GRACE).then(timed.close()).block(PATIENCE);
        }
    }
}
