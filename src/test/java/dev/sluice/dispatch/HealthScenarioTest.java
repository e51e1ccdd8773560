package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.always;
import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.InstanceOfAssertFactories.STRING;

import dev.sluice.Sluice;
import dev.sluice.observe.Observer;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Queue;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.Private;
import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import reactor.core.publisher.Mono;

/** A dispatcher that does not work says so, and works again by itself. */
@OnEveryRedis
class HealthScenarioTest extends DispatchCase {
    private static final Duration THREE_LOOKS = Duration.ofMillis(1500);
    private static final String HANGS = "The dispatcher loop does not turn";
    private static final String TURNS = "The dispatcher loop turns again";

    HealthScenarioTest(@Private RedisServer redis) {
        super(redis);
    }

    @ParameterizedTest
    @EnumSource
    void aRedisThatDoesNotAnswerIsSaidAndForgottenWhenItDoes(DeliveryMode mode) {
        deliver(mode);
        Dispatcher dispatcher = dispatcher(it -> it.lease(Duration.ofSeconds(6))) // a call every two seconds notices it
                .handler("t", Object.class, task -> Mono.empty());
        assertThat(dispatcher.health()).isEmpty();
        started(dispatcher);
        eventually(() -> assertThat(told.up).hasValue(1));
        assertThat(state(dispatcher)).isEqualTo(Health.State.UP);

        redis.pause();
        eventually(() -> assertThat(state(dispatcher)).isEqualTo(Health.State.RECONNECTING));
        eventually(() -> assertThat(told.up).hasValue(0));
        assertThat(dispatcher.health().get("q").reason()).isNotEmpty();
        redis.resume();

        eventually(() -> assertThat(state(dispatcher)).isEqualTo(Health.State.UP));
        eventually(() -> assertThat(told.up).hasValue(1));
        dispatcher.stop(GRACE).block(PATIENCE);
        assertThat(state(dispatcher)).isEqualTo(Health.State.STOPPED);
        eventually(() -> assertThat(told.up).hasValue(0));
    }

    @ParameterizedTest
    @EnumSource
    void aRedisThatIsNotThereAtTheStartIsSaidOnceAndForgottenWhenItComes(
            DeliveryMode mode, RedisServer.Builder builder) {
        RedisServer late = builder.start();
        try (LogTap log = new LogTap()) {
            late.stop();
            Dispatcher dispatcher = stoppedInTheEnd(idle(door(late.uri())
                    .dispatcher()
                    .queue(queue.delivery(mode))
                    .queue(Queue.named("other").delivery(mode))
                    .build()));

            CompletableFuture<Void> start = dispatcher.start().toFuture();
            eventually(() -> assertThat(dispatcher.health().values())
                    .hasSize(2)
                    .allMatch(its -> its.state() == Health.State.RECONNECTING)
                    .allMatch(its -> its.reason().contains("Connection refused")));
            eventually(() -> assertThat(log.warnings()).isNotEmpty());
            late.restart();

            Mono.fromFuture(start).block(PATIENCE);
            assertThat(dispatcher.health().values()).allMatch(Health::isUp);
            assertThat(log.warnings())
                    .singleElement()
                    .asString()
                    .startsWith("Redis does not answer")
                    .contains("Connection refused");
            eventually(() -> assertThat(log.lines()).anyMatch(line -> line.startsWith("Redis answers again")));
        } finally {
            stopAll();
            late.close();
        }
    }

    /** It answers what it is asked about itself, and takes nothing. */
    @ParameterizedTest
    @EnumSource
    void aReplicaThatIsMetAtTheStartIsSaid(DeliveryMode mode) {
        deliver(mode);
        redis.call("REPLICAOF", "127.0.0.1", "1");
        try (LogTap log = new LogTap()) {
            Dispatcher dispatcher = idle(dispatcher());

            CompletableFuture<Void> start = dispatcher.start().toFuture();
            eventually(() -> assertThat(state(dispatcher)).isEqualTo(Health.State.RECONNECTING));
            assertThat(dispatcher.health().get("q").reason()).contains("READONLY");
            eventually(
                    () -> assertThat(log.warnings()).singleElement().asString().startsWith("Redis does not answer"));
            redis.call("REPLICAOF", "NO", "ONE");

            Mono.fromFuture(start).block(PATIENCE);
            assertThat(state(dispatcher)).isEqualTo(Health.State.UP);
            assertThat(log.lines()).anyMatch(line -> line.startsWith("Redis answers again"));
        }
    }

    @Test
    void whatRedisRefusesIsSaidAndTriedUntilSomebodyChangesIt() {
        Dispatcher dispatcher = running(task -> Mono.empty());

        wire.call("RENAME", key("meta"), "aside");
        wire.call("SET", key("meta"), "in the way");
        enqueueForeign("a");
        eventually(() -> assertThat(state(dispatcher)).isEqualTo(Health.State.REFUSED));
        assertThat(dispatcher.health().get("q").reason()).contains("WRONGTYPE");
        wire.call("RENAME", "aside", key("meta"));

        eventually(() -> assertThat(state(dispatcher)).isEqualTo(Health.State.UP));
        eventually(this::assertEmpty);
    }

    @Test
    void aLoopThatHangsIsSaidOnceByAnotherThreadAndItGoesOn() {
        AtomicBoolean letGo = new AtomicBoolean();
        AtomicInteger up = new AtomicInteger();
        Observer blocking = new Observer() {
            @Override
            public void claimed(String name, int count) {
                Blocking.until(letGo); // on the loop, as a bad observer would
            }

            @Override
            public void health(String name, boolean isUp) {
                up.addAndGet(isUp ? 1 : -1);
            }
        };
        Runs<Object> runs = Runs.succeeding();
        Sluice door = Sluice.builder().uri(redis.uri()).observer(blocking).build();
        Dispatcher dispatcher = door.dispatcher()
                .queue(queue, settings)
                .lease(Duration.ofSeconds(30))
                .build()
                .handler("t", Object.class, runs);
        try (LogTap log = new LogTap()) {
            started(dispatcher);
            eventually(() -> assertThat(up).hasValue(1));
            enqueue(0, 1);

            eventually(() -> assertThat(state(dispatcher)).isEqualTo(Health.State.STALLED));
            eventually(() -> assertThat(up).hasValue(0));
            always(
                    THREE_LOOKS,
                    () -> assertThat(log.warnings()).singleElement(STRING).startsWith(HANGS));
            assertThat(runs.count()).isZero();
            letGo.set(true);

            eventually(() -> assertThat(state(dispatcher)).isEqualTo(Health.State.UP));
            eventually(() -> assertThat(up).hasValue(1));
            eventually(() -> assertThat(runs.count()).isOne());
            eventually(this::assertEmpty);
            assertThat(log.lines()).filteredOn(line -> line.startsWith(HANGS)).hasSize(1);
            assertThat(log.lines()).filteredOn(line -> line.startsWith(TURNS)).hasSize(1);
        } finally {
            letGo.set(true);
            dispatcher.stop(GRACE).block(PATIENCE);
            door.close().block(PATIENCE);
        }
    }

    private void enqueueForeign(String id) {
        wire.call("HSET", queue.statusKey(), id, "queued");
        wire.call("RPUSH", queue.name(), "{\"id\":\"" + id + "\",\"type\":\"t\"}");
    }

    private static Health.State state(Dispatcher dispatcher) {
        return dispatcher.health().get("q").state();
    }
}
