package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Diagnosis;
import dev.sluice.task.Finding;
import dev.sluice.task.Finding.Kind;
import dev.sluice.task.Task;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Examines a queue while it is at work. {@code -Dsluice.doctor.tasks=1000000} makes it a long one; its figures are
 * printed.
 */
@OnEveryRedis
class DoctorLiveScenarioTest extends DispatchCase {
    private static final int TASKS = Integer.getInteger("sluice.doctor.tasks", 5_000);
    private static final Duration LONG = Duration.ofMinutes(15);

    DoctorLiveScenarioTest(RedisServer redis) {
        super(redis);
    }

    @ParameterizedTest
    @EnumSource
    @Timeout(value = 20, unit = TimeUnit.MINUTES)
    void ofAQueueAtWorkOnlyWhatIsWrongIsFound(DeliveryMode mode) {
        deliver(mode);
        settings = settings.concurrency(32);
        Flux<Task<String>> tasks =
                Flux.range(0, TASKS).map(i -> Task.of("t", "x".repeat(100)).id("t" + i));
        sluice.client(queue).enqueueAll(tasks).then().block(LONG);
        Runs<Object> runs =
                new Runs<>(context -> context.attempt() == 1 && context.id().endsWith("7")
                        ? Mono.error(new IllegalStateException("once"))
                        : Mono.delay(Duration.ofMillis(5)));
        running(runs);
        Disposable producing = Flux.interval(Duration.ofMillis(5))
                .onBackpressureDrop()
                .concatMap(i -> sluice.client(queue)
                        .enqueueAll(Flux.range(0, 8).map(k -> Task.of("t", i).id("live-" + i + "-" + k)))
                        .then())
                .subscribe();
        Disposable cancelling = mode == DeliveryMode.AT_MOST_ONCE
                ? () -> {}
                : Flux.interval(Duration.ofMillis(3))
                        .onBackpressureDrop()
                        .concatMap(i -> sluice.client(queue)
                                .cancel(i % 2 == 0 ? "t" + (TASKS - 1 - i) : "live-" + i / 2 + "-" + i % 8))
                        .subscribe();
        try {
            long begun = System.nanoTime();
            Diagnosis sound = sluice.examine(queue).block(LONG);
            long took = System.nanoTime() - begun;
            long ran = runs.count();
            System.out.printf(
                    "doctor: %s, %,d tasks at work, %,d runs meanwhile, %,d ms, %d findings, on Redis %s%n",
                    mode.word(),
                    sound.liveTasks(),
                    ran,
                    took / 1_000_000,
                    sound.findings().size(),
                    redis.version());
            assertThat(sound.findings()).isEmpty();
            assertThat(ran).isPositive();

            wire.call("HSET", queue.statusKey(), "ghost", "queued", "odd", "whatever");
            wire.call("HSET", key("bodies"), "lost", "\u0001c lost\n{\"type\":\"t\"}");
            wire.call("HSET", queue.statusKey(), "lost", "processing");
            assertThat(sluice.examine(queue).block(LONG).findings())
                    .extracting(Finding::kind, Finding::subject)
                    .contains(tuple(Kind.STATUS_GHOST, "ghost"), tuple(Kind.STATUS_GHOST, "odd"))
                    .hasSize(3);
            Diagnosis repaired = sluice.repair(queue).block(LONG);
            assertThat(repaired.findings()).allMatch(Finding::repaired);
            if (mode == DeliveryMode.AT_LEAST_ONCE) {
                eventually(() -> assertThat(runs.count("lost")).isOne());
            }
        } finally {
            producing.dispose();
            cancelling.dispose();
        }
        if (TASKS < 100_000) {
            eventually(LONG, () -> assertThat(waiting()).isZero());
            eventually(LONG, () -> assertThat(hlen(queue.statusKey()) - dead()).isZero());
        } else {
            wire.call("FLUSHALL");
        }
    }
}
