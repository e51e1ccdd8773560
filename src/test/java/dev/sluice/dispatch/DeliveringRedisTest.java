package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.observe.Outcome;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Task;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import tools.jackson.core.type.TypeReference;

/** What is put in comes out, in both delivery modes. */
@OnEveryRedis
class DeliveringRedisTest extends DispatchCase {

    DeliveringRedisTest(RedisServer redis) {
        super(redis);
    }

    @ParameterizedTest
    @EnumSource
    void everyTaskRunsOnceAndLeavesNothingBehind(DeliveryMode mode) {
        deliver(mode);
        Runs<Object> runs = Runs.succeeding();

        running(runs);
        enqueue(0, 2000);

        eventually(() -> assertThat(runs.tasks()).isEqualTo(2000));
        eventually(this::assertEmpty);
        assertThat(runs.repeats()).isZero();
        eventually(() -> assertThat(told.settled(Outcome.SUCCEEDED)).isEqualTo(2000));
        assertThat(told.claimed.get()).isEqualTo(2000);
    }

    @ParameterizedTest
    @EnumSource
    void whatWasPutInBeforeTheStartIsTakenToo(DeliveryMode mode) {
        deliver(mode);
        Runs<Object> runs = Runs.succeeding();
        enqueue(0, 300);

        running(runs);

        eventually(() -> assertThat(runs.tasks()).isEqualTo(300));
        eventually(this::assertEmpty);
    }

    @ParameterizedTest
    @EnumSource
    void anyScriptTravelsUnchanged(DeliveryMode mode) {
        deliver(mode);
        Runs<Letter> runs = Runs.succeeding();
        Letter letter = new Letter("你好，世界 🚰", List.of("ä", "\u0000", "日本語"));

        started(dispatcher().handler("邮件.发送", Letter.class, runs));
        enqueue(Task.of("邮件.发送", letter).id("任务-一").header("来源", "测试"));
        push("任务-二", "{\"id\":\"任务-二\",\"type\":\"邮件.发送\",\"payload\":{\"text\":\"外来\",\"parts\":[]}}");

        eventually(() -> assertThat(runs.count()).isEqualTo(2));
        Map<String, TaskContext<Letter>> byId = new ConcurrentHashMap<>();
        runs.all.forEach(it -> byId.put(it.id(), it));
        assertThat(byId.get("任务-一").payload()).isEqualTo(letter);
        assertThat(byId.get("任务-一").headers()).isEqualTo(Map.of("来源", "测试"));
        assertThat(byId.get("任务-二").payload()).isEqualTo(new Letter("外来", List.of()));
        eventually(this::assertEmpty);
    }

    @Test
    void aHandlerTakesItsPayloadAsItAsksForIt() {
        Runs<Letter> typed = Runs.succeeding();
        Runs<byte[]> bytes = Runs.succeeding();
        Runs<String> text = Runs.succeeding();
        Runs<Void> nothing = Runs.succeeding();
        Runs<List<Letter>> generic = Runs.succeeding();

        started(dispatcher()
                .handler("typed", Letter.class, typed)
                .handler("bytes", byte[].class, bytes)
                .handler("text", String.class, text)
                .handler("nothing", Void.class, nothing)
                .handler("generic", new TypeReference<List<Letter>>() {}.getType(), generic));
        push("a", "{\"id\":\"a\",\"type\":\"typed\",\"payload\":{\"text\":\"x\",\"parts\":[\"y\"]}}");
        push("b", "{\"id\":\"b\",\"type\":\"bytes\",\"payload\":{\"n\": 12345678901234567890.10,\"e\":[]}}");
        push("c", "{\"id\":\"c\",\"type\":\"text\",\"payload\":\"plain\"}");
        push("d", "{\"id\":\"d\",\"type\":\"nothing\",\"payload\":{\"any\":\"thing\"}}");
        push("e", "{\"id\":\"e\",\"type\":\"generic\",\"payload\":[{\"text\":\"x\",\"parts\":[]}]}");
        push("f", "{\"id\":\"f\",\"type\":\"typed\"}");

        eventually(() -> assertThat(typed.count() + bytes.count() + text.count() + nothing.count() + generic.count())
                .isEqualTo(6));
        assertThat(bytes.only().payload()).asString().isEqualTo("{\"n\": 12345678901234567890.10,\"e\":[]}");
        assertThat(text.only().payload()).isEqualTo("plain");
        assertThat(nothing.only().payload()).isNull();
        assertThat(generic.only().payload()).containsExactly(new Letter("x", List.of()));
        assertThat(typed.all.stream().map(TaskContext::payload))
                .containsExactlyInAnyOrder(new Letter("x", List.of("y")), null);
        eventually(this::assertEmpty);
    }

    @Test
    void aSubscriberTakesItsPayloadAsItAsksForIt() {
        List<List<Letter>> got = new CopyOnWriteArrayList<>();
        Dispatcher dispatcher = dispatcher();
        Flux<Delivery<List<Letter>>> deliveries =
                dispatcher.receive("q", new TypeReference<List<Letter>>() {}.getType());
        deliveries
                .concatMap(it -> {
                    got.add(it.payload());
                    return it.ack();
                })
                .subscribe();

        started(dispatcher);
        push("a", "{\"id\":\"a\",\"type\":\"t\",\"payload\":[{\"text\":\"x\",\"parts\":[]}]}");

        eventually(this::assertEmpty);
        assertThat(got).containsExactly(List.of(new Letter("x", List.of())));
    }

    @Test
    void aHandlerSeesAllThatItsTaskSays() {
        Runs<String> runs = Runs.succeeding();
        Instant deadline = Instant.now().plusSeconds(3600).truncatedTo(java.time.temporal.ChronoUnit.MILLIS);

        started(dispatcher().handler("t", String.class, runs));
        enqueue(Task.of("t", "x")
                .id("a")
                .header("k", "v")
                .maxAttempts(7)
                .timeout(Duration.ofSeconds(9))
                .deadline(deadline));

        eventually(() -> assertThat(runs.count()).isOne());
        TaskContext<String> seen = runs.only();
        assertThat(seen.id()).isEqualTo("a");
        assertThat(seen.queue()).isEqualTo("q");
        assertThat(seen.type()).isEqualTo("t");
        assertThat(seen.headers()).isEqualTo(Map.of("k", "v"));
        assertThat(seen.attempt()).isOne();
        assertThat(seen.fencingNumber()).isOne();
        assertThat(seen.crashes()).isZero();
        assertThat(seen.maxAttempts()).isEqualTo(7);
        assertThat(seen.timeout()).isEqualTo(Duration.ofSeconds(9));
        assertThat(seen.deadline()).isEqualTo(deadline);
    }

    @ParameterizedTest
    @EnumSource
    void aTaskThatRunsSaysProcessing(DeliveryMode mode) {
        deliver(mode);
        Gate gate = new Gate();

        running(context -> gate.wait(context.id()));
        enqueue(0, 1);
        pushAnnounced("f");

        eventually(() -> {
            assertThat(status("t0")).isEqualTo("processing");
            assertThat(status("f")).isEqualTo("processing");
        });
        gate.open();
        eventually(this::assertEmpty);
    }

    @ParameterizedTest
    @EnumSource
    void severalDispatchersShareAQueue(DeliveryMode mode) {
        deliver(mode);
        Runs<Object> runs = Runs.succeeding();

        running(runs);
        started(stoppedInTheEnd(
                door(redis.uri()).dispatcher().queue(queue, settings).build().handler("t", Object.class, runs)));
        enqueue(0, 2000);

        eventually(() -> assertThat(runs.tasks()).isEqualTo(2000));
        eventually(this::assertEmpty);
        assertThat(runs.repeats()).isZero();
    }

    @Test
    void aStatusHashOfAnotherNameIsUsed() {
        queue = queue.statusKey("task_status");
        Gate gate = new Gate();

        running(context -> gate.wait(context.id()));
        pushAnnounced("a");

        eventually(() -> assertThat(wire.call("HGET", "task_status", "a")).isEqualTo("processing"));
        gate.open();
        eventually(this::assertEmpty);
    }

    @Test
    void anObserverThatThrowsChangesNothing() {
        Runs<Object> runs = Runs.succeeding();
        dev.sluice.observe.Observer rude = new dev.sluice.observe.Observer() {
            @Override
            public void claimed(String queue, int count) {
                throw new IllegalStateException("rude");
            }

            @Override
            public void settled(String queue, Outcome outcome, int count) {
                throw new AssertionError("ruder");
            }

            @Override
            public void exchange(String queue, long nanos, int claimed, int settled) {
                throw new StackOverflowError("rudest");
            }
        };
        dev.sluice.Sluice door =
                dev.sluice.Sluice.builder().uri(redis.uri()).observer(rude).build();
        Dispatcher dispatcher =
                door.dispatcher().queue(queue, settings.concurrency(10)).build();

        started(dispatcher.handler("t", Object.class, runs));
        enqueue(0, 500);

        eventually(() -> assertThat(runs.tasks()).isEqualTo(500));
        eventually(this::assertEmpty);
        dispatcher.stop(GRACE).block(PATIENCE);
        door.close().block(PATIENCE);
    }

    @Test
    void whatMustBeSaidBeforeTheStartIsRefusedAfterIt() {
        Dispatcher dispatcher = running(context -> Mono.empty());

        assertThatThrownBy(() -> dispatcher.handler("u", Object.class, context -> Mono.empty()))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("before start");
        assertThatThrownBy(() -> dispatcher.receive("q", Object.class)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> dispatcher.concurrency("other", 3)).hasMessageContaining("no queue 'other'");
        assertThatThrownBy(() -> dispatcher.concurrency("q", 0)).hasMessageContaining("concurrency must be 1");
    }

    /** A payload. */
    record Letter(String text, List<String> parts) {}
}
