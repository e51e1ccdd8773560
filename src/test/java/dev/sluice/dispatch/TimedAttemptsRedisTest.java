package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Sluice;
import dev.sluice.client.ClientOptions;
import dev.sluice.observe.MicrometerObserver;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.RetryPolicy;
import dev.sluice.task.Task;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import reactor.core.publisher.Mono;

@OnEveryRedis
class TimedAttemptsRedisTest extends DispatchCase {
    private static final long MINUTE_MS = 60_000;

    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final Sluice timed;

    TimedAttemptsRedisTest(RedisServer redis) {
        super(redis);
        this.timed = Sluice.builder()
                .uri(redis.uri())
                .observer(MicrometerObserver.withAttempts(registry))
                .build();
    }

    @AfterEach
    void close() {
        stopAll();
        timed.close().block(PATIENCE);
    }

    @ParameterizedTest
    @EnumSource(DeliveryMode.class)
    void eachAttemptIsTimedForAnObserverThatAsks(DeliveryMode mode) {
        deliver(mode);
        timing(task -> Mono.delay(Duration.ofMillis(20)));
        enqueue(Task.of("t", 1));

        eventually(() ->
                assertThat(count("sluice.end.to.end", "outcome", "succeeded")).isEqualTo(1));
        assertThat(count("sluice.attempt", "type", "t")).isEqualTo(1);
        assertThat(count("sluice.queueing", "type", "t")).isEqualTo(1);
        assertThat(millis("sluice.attempt")).isBetween(20.0, 20_000.0);
        assertThat(millis("sluice.queueing")).isBetween(1.0, 20_000.0);
        assertThat(millis("sluice.end.to.end")).isBetween(21.0, 20_000.0);
    }

    @ParameterizedTest
    @EnumSource(DeliveryMode.class)
    void aForeignProducerMayWriteSinceWhenItsTaskWaits(DeliveryMode mode) {
        deliver(mode);
        timing(task -> Mono.empty());
        long now = System.currentTimeMillis();
        pushWith("old", now - MINUTE_MS + ".25");
        pushWith("early", String.valueOf(now + 60 * MINUTE_MS)); // the clock of its producer is ahead

        eventually(() ->
                assertThat(count("sluice.end.to.end", "outcome", "succeeded")).isEqualTo(2));
        assertThat(count("sluice.queueing", "type", "t")).isEqualTo(2);
        assertThat(millis("sluice.queueing")).isBetween(MINUTE_MS + 0.0, MINUTE_MS + 20_000.0);
    }

    @ParameterizedTest
    @EnumSource(DeliveryMode.class)
    void aTimeThatCannotBeReadChangesNothingForItsTask(DeliveryMode mode) {
        deliver(mode);
        timing(task -> Mono.empty());
        List<String> odd = List.of("\"now\"", "-5", "null", "[1,{\"a\":2}]", "1e999", "99999999999999999999");
        odd.forEach(time -> pushWith("t" + odd.indexOf(time), time));
        sluice.client(queue, ClientOptions.builder().enqueuedAt(false).build())
                .enqueue(task("silent"))
                .block(PATIENCE);

        eventually(() ->
                assertThat(count("sluice.attempt", "outcome", "succeeded")).isEqualTo(odd.size() + 1));
        assertThat(registry.find("sluice.queueing").timer()).isNull();
        assertThat(registry.find("sluice.end.to.end").timer()).isNull();
        assertThat(dead()).isZero();
    }

    @ParameterizedTest
    @EnumSource(DeliveryMode.class)
    void theSlotsOfAllDispatchersAndThoseInUseAreKnown(DeliveryMode mode) {
        deliver(mode);
        settings = settings.concurrency(3);
        timing(task -> Mono.never());
        enqueue(0, 5);
        eventually(() -> assertSlots(3, 3));

        Dispatcher other = timing(task -> Mono.never());
        eventually(() -> assertSlots(6, 5));
        other.concurrency("q", 7);
        eventually(() -> assertSlots(10, 5));

        other.stop(Duration.ZERO).block(PATIENCE);
        eventually(() -> assertSlots(3, 3));
        stopAll();
        assertSlots(0, 0);
    }

    @Test
    void aRetryIsNoSecondWaitButPartOfTheWhole() {
        AtomicInteger runs = new AtomicInteger();
        timing(task -> runs.incrementAndGet() < 3 ? Mono.error(new IllegalStateException("again")) : Mono.empty());
        pushWith("a", String.valueOf(System.currentTimeMillis() - MINUTE_MS));

        eventually(() ->
                assertThat(count("sluice.end.to.end", "outcome", "succeeded")).isEqualTo(1));
        assertThat(count("sluice.attempt", "outcome", "retried")).isEqualTo(2);
        assertThat(count("sluice.queueing", "type", "t")).isEqualTo(1);
        assertThat(millis("sluice.end.to.end")).isGreaterThan(MINUTE_MS + 40.0); // two waits of 20 ms
        assertThat(registry.find("sluice.end.to.end").timers()).hasSize(1);
    }

    @ParameterizedTest
    @EnumSource(DeliveryMode.class)
    void aRedriveIsNoSecondWait(DeliveryMode mode) {
        deliver(mode);
        settings = settings.retry(RetryPolicy.never());
        AtomicBoolean mended = new AtomicBoolean();
        timing(task -> mended.get() ? Mono.empty() : Mono.error(new IllegalStateException("broken")));
        enqueue(task("a"));
        eventually(() -> assertThat(dead()).isEqualTo(1));

        mended.set(true);
        sluice.deadLetters(queue).redrive("a").block(PATIENCE);

        eventually(() ->
                assertThat(count("sluice.end.to.end", "outcome", "succeeded")).isEqualTo(1));
        assertThat(count("sluice.end.to.end", "outcome", "dead")).isEqualTo(1);
        assertThat(count("sluice.queueing", "type", "t")).isEqualTo(1);
    }

    private Dispatcher timing(TaskHandler<Object> handler) {
        return started(stoppedInTheEnd(
                timed.dispatcher().queue(queue, settings).build().handler("t", Object.class, handler)));
    }

    private void pushWith(String id, String enqueuedAt) {
        push(id, "{\"id\":\"" + id + "\",\"enqueuedAt\":" + enqueuedAt + ",\"type\":\"t\"}");
    }

    private void assertSlots(int all, int used) {
        assertThat(gauge("sluice.slots")).isEqualTo(all);
        assertThat(gauge("sluice.slots.used")).isEqualTo(used);
    }

    private double gauge(String name) {
        Gauge found = registry.find(name).tag("queue", "q").gauge();
        return found == null ? -1 : found.value();
    }

    private long count(String timer, String tag, String value) {
        Timer found = registry.find(timer).tags("queue", "q", tag, value).timer();
        return found == null ? 0 : found.count();
    }

    private double millis(String timer) {
        return registry.get(timer).timers().stream()
                .mapToDouble(it -> it.totalTime(TimeUnit.MILLISECONDS))
                .sum();
    }
}
