package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.always;
import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.client.TaskClient;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.RetryPolicy;
import dev.sluice.task.Task;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** A paused queue gives nothing to anyone, loses nothing, and goes on where it stood. */
@OnEveryRedis
class PausingRedisTest extends DispatchCase {
    private static final Duration IN_EFFECT = Duration.ofSeconds(1);

    PausingRedisTest(RedisServer redis) {
        super(redis);
    }

    @ParameterizedTest
    @EnumSource
    void nothingStartsOnAnyNodeASecondAfterAPauseAndAllOfItAfterTheResume(DeliveryMode mode) {
        deliver(mode);
        ConcurrentLinkedQueue<Long> starts = new ConcurrentLinkedQueue<>();
        Runs<Object> runs = new Runs<>(task -> Mono.fromRunnable(() -> starts.add(System.nanoTime())));
        running(runs);
        started(stoppedInTheEnd(
                door(redis.uri()).dispatcher().queue(queue, settings).build().handler("t", Object.class, runs)));
        enqueue(0, 10);
        eventually(() -> assertThat(runs.tasks()).isEqualTo(10));

        assertThat(sluice.client(queue).pause().block(PATIENCE)).isTrue();
        long paused = System.nanoTime();
        // A stream of work, ours and foreign, for as long as anything could go wrong in.
        for (long i : Flux.interval(Duration.ofMillis(20)).take(120).toIterable()) {
            push("f" + i);
            sluice.client(queue).enqueue(task("c" + i)).block(PATIENCE);
        }
        long late =
                starts.stream().filter(at -> at - paused > IN_EFFECT.toNanos()).count();
        assertThat(late).isZero();
        assertThat(sluice.queue("q").block(PATIENCE).paused()).isTrue();
        long waited = waiting();
        assertThat(waited).isGreaterThan(100);
        assertThat(runs.tasks() + waited).isEqualTo(250);

        long resumed = System.nanoTime();
        assertThat(sluice.client(queue).resume().block(PATIENCE)).isTrue();
        eventually(() -> assertThat(runs.tasks()).isEqualTo(250));

        assertThat(starts.stream().filter(at -> at > resumed).mapToLong(at -> at - resumed))
                .anyMatch(nanos -> nanos < IN_EFFECT.toNanos());
        assertThat(runs.repeats()).isZero();
        eventually(this::assertEmpty);
    }

    @ParameterizedTest
    @EnumSource
    void aPauseIsKeptInRedisUntilItIsTakenBackAndRunningTasksEnd(DeliveryMode mode) throws InterruptedException {
        deliver(mode);
        CountDownLatch begun = new CountDownLatch(1);
        Gate gate = new Gate();
        TaskClient client = sluice.client(queue);
        Dispatcher first = running(task -> {
            begun.countDown();
            return gate.wait(task.id());
        });
        enqueue(0, 1);
        assertThat(begun.await(20, TimeUnit.SECONDS)).isTrue();

        assertThat(client.pause().block(PATIENCE)).isTrue();
        assertThat(client.pause().block(PATIENCE)).isFalse();
        gate.open();
        eventually(() -> assertThat(status("t0")).isNull());
        first.stop(GRACE).block(PATIENCE);
        enqueue(1, 2);

        Runs<Object> runs = Runs.succeeding();
        running(runs);
        always(Duration.ofMillis(300), () -> assertThat(runs.count()).isZero());
        assertThat(status("t1")).isEqualTo("queued");
        assertThat(client.resume().block(PATIENCE)).isTrue();
        assertThat(client.resume().block(PATIENCE)).isFalse();
        eventually(() -> assertThat(runs.count("t1")).isEqualTo(1));
    }

    @Test
    void nobodyIsRungForAPausedQueueAndSomebodyAtTheResume() {
        sluice.client(queue).pause().block(PATIENCE);
        enqueue(0, 3);
        assertThat(llen(key("wake"))).isZero();

        sluice.client(queue).resume().block(PATIENCE);
        assertThat(llen(key("wake"))).isEqualTo(1);
    }

    @Test
    void aPausedDispatcherAsksAboutOncePerSecondThoughMuchIsPushed() {
        running(Runs.succeeding());
        sluice.client(queue).pause().block(PATIENCE);
        for (int i = 0; i < 500; i++) {
            push("f" + i);
        }
        wire.call("CONFIG", "RESETSTAT");
        long from = System.nanoTime();
        always(IN_EFFECT.multipliedBy(2), () -> assertThat(waiting()).isEqualTo(500));
        double seconds = (System.nanoTime() - from) / 1e9;

        // Each second: a look of the dispatcher, a round of upkeep; now and then a heartbeat.
        assertThat(calls("evalsha") / seconds).isLessThan(4);
        assertThat(calls("blmove")).isLessThan(2);
        sluice.client(queue).resume().block(PATIENCE);
        eventually(this::assertEmpty);
    }

    @Test
    void whatIsDueDuringAPauseRunsAfterIt() {
        settings = settings.retry(RetryPolicy.standard().backoff(Duration.ofMillis(50), 1, Duration.ofMillis(50)));
        Runs<Object> runs = new Runs<>(task -> task.attempt() == 1
                ? sluice.client(queue).pause().then(Mono.error(new IllegalStateException("again")))
                : Mono.empty());
        running(runs);
        sluice.client(queue).enqueue(Task.of("t", 1).id("a")).block(PATIENCE);

        eventually(() -> {
            assertThat(runs.count()).isEqualTo(1);
            assertThat(waiting()).isEqualTo(1); // upkeep has seen that it is due
        });
        sluice.client(queue).resume().block(PATIENCE);

        eventually(() -> assertThat(runs.count()).isEqualTo(2));
    }

    private int calls(String command) {
        return wire.call("INFO", "commandstats")
                .toString()
                .lines()
                .filter(line -> line.startsWith("cmdstat_" + command + ":"))
                .mapToInt(line -> Integer.parseInt(line.replaceAll(".*:calls=(\\d+),.*", "$1")))
                .sum();
    }
}
