package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.task.DeliveryMode;
import dev.sluice.task.RetryPolicy;
import dev.sluice.task.Task;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.RedisWire;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Any Redis client is a producer: RPUSH of the list, HSET of the status, in this order. */
@OnEveryRedis
class ForeignProducersRedisTest extends DispatchCase {

    ForeignProducersRedisTest(RedisServer redis) {
        super(redis);
    }

    @ParameterizedTest
    @EnumSource
    void aPushIsPickedUpAtOnceWhileNothingElseHappens(DeliveryMode mode) {
        deliver(mode);
        AtomicLong picked = new AtomicLong();
        running(context -> {
            picked.set(System.nanoTime());
            return Mono.empty();
        });
        push("warm-up");
        eventually(this::assertEmpty);

        List<Long> delays = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            picked.set(0);
            long pushed = System.nanoTime();
            push("f" + i);
            eventually(() -> assertThat(picked.get()).isNotZero());
            delays.add((picked.get() - pushed) / 1_000_000);
            eventually(this::assertEmpty);
        }

        // Most of them, because the machine may do something else for a while.
        assertThat(delays.stream().filter(ms -> ms < 250).count())
                .as("%s ms", delays)
                .isGreaterThanOrEqualTo(8);
    }

    @ParameterizedTest
    @EnumSource
    void aTaskWithoutATypeTakesTheDefaultOrDies(DeliveryMode mode) {
        deliver(mode);
        Runs<Object> runs = Runs.succeeding();
        Dispatcher without = running(runs);
        push("a", "{\"id\":\"a\",\"payload\":1}");
        assertThat(deadLetter("a")).contains("\"reason\":\"no-type\"");
        without.stop(GRACE).block(PATIENCE);

        settings = settings.defaultType("t");
        running(runs);
        push("b", "{\"id\":\"b\",\"payload\":1}");

        eventually(() -> assertThat(runs.count("b")).isOne());
        assertThat(runs.count("a")).isZero();
        eventually(() -> assertThat(status("b")).isNull());
    }

    @ParameterizedTest
    @EnumSource
    void aTaskWithoutAnIdGetsOne(DeliveryMode mode) {
        deliver(mode);
        Runs<Object> runs = Runs.succeeding();

        running(runs);
        wire.call("RPUSH", "q", "{\"type\":\"t\",\"payload\":1}", "{\"type\":\"t\",\"payload\":1}");

        eventually(() -> assertThat(runs.tasks()).isEqualTo(2));
        eventually(this::assertEmpty);
    }

    @ParameterizedTest
    @EnumSource
    void whatIsNoJsonGoesToThePlainTypeOrDies(DeliveryMode mode) {
        deliver(mode);
        Dispatcher without = running(context -> Mono.empty());
        wire.call("RPUSH", "q", "just text", "[1,2]", "{\"id\":\"x\",\"type\":\"t\"", "");
        eventually(() -> assertThat(dead()).isEqualTo(4));
        assertThat(deadIds().stream().map(this::deadLetter))
                .allMatch(letter -> letter.matches("(?s)\\{\"reason\":\"(not-json|not-an-object|empty)\".*"));
        without.stop(GRACE).block(PATIENCE);

        Runs<String> raw = takingPlainText();
        wire.call("RPUSH", "q", "wie es ist: 任务");

        eventually(() -> assertThat(raw.count()).isOne());
        assertThat(raw.only().payload()).isEqualTo("wie es ist: 任务");
        eventually(() -> assertThat(dead()).isEqualTo(4));
    }

    @ParameterizedTest
    @EnumSource
    void whatLooksLikeAFrameAndIsNoneIsHandedOverWhole(DeliveryMode mode) {
        deliver(mode);
        Runs<String> raw = takingPlainText();
        List<String> forged = List.of(
                "\u0001\u0007 A\nBC",
                "\u0001c9999999999,1,1 A\nBC",
                "\u0001c1,2 A\nBC",
                "\u0001c1,1,1,1,1 A\nBC",
                "\u0001c A\tB\nBC",
                "\u0001c " + "k".repeat(513) + "\nBC",
                "\u0001c A\u0002" + "e".repeat(4097) + "\nBC");

        forged.forEach(element -> wire.call("RPUSH", key("ready"), element));

        eventually(() -> assertThat(raw.count()).isEqualTo(forged.size()));
        assertThat(raw.all).extracting(TaskContext::payload).containsExactlyInAnyOrderElementsOf(forged);
        eventually(this::assertEmpty);
    }

    /** Whoever waits for it at least once moves it to the list where frames are. */
    @Test
    void inThePlainListOfAnAtMostOnceQueueNothingIsAFrame() {
        deliver(DeliveryMode.AT_MOST_ONCE);
        Runs<String> raw = takingPlainText();

        wire.call("RPUSH", "q", "\u0001c A\nwaited for");
        eventually(() -> assertThat(raw.count()).isOne());
        IntStream.range(0, 20).forEach(i -> wire.call("RPUSH", "q", "\u0001c A\n" + i));

        eventually(() -> assertThat(raw.count()).isEqualTo(21));
        assertThat(raw.all).allMatch(it -> Objects.requireNonNull(it.payload()).startsWith("\u0001c A\n"));
    }

    private Runs<String> takingPlainText() {
        settings = settings.plainType("raw");
        Runs<String> raw = Runs.succeeding();
        started(dispatcher().handler("raw", String.class, raw));
        return raw;
    }

    @Test
    void theSameTaskPushedTwiceRunsOnceWhileItLives() {
        Gate gate = new Gate();
        Runs<Object> runs = new Runs<>(context -> gate.wait(context.id()));
        running(runs);
        push("a", "{\"id\":\"a\",\"type\":\"t\",\"payload\":1}");
        eventually(() -> assertThat(gate.waiting()).isOne());

        push("a", "{\"id\":\"a\",\"type\":\"t\",\"payload\":1}");
        push("a", "{\"id\":\"a\",\"type\":\"t\",\"payload\":2}");

        eventually(
                () -> assertThat(wire.call("HGET", key("meta"), "duplicates")).isEqualTo("1"));
        eventually(() -> assertThat(dead()).isOne());
        assertThat(deadLetter(deadIds().get(0)))
                .contains("\"reason\":\"duplicate-id\"")
                .endsWith("\"payload\":2}");
        gate.open();
        eventually(() -> assertThat(claimed()).isZero());
        eventually(() -> assertThat(hlen(queue.statusKey())).isOne());
        assertThat(runs.count()).isOne();
    }

    @ParameterizedTest
    @EnumSource
    @Timeout(60)
    void noStatusIsLeftOfTwentyThousandTasksWhoseStatusCameSecond(DeliveryMode mode) throws Exception {
        deliver(mode);
        int tasks = 20_000;
        Runs<Object> runs = Runs.succeeding();
        running(runs);
        try (RedisWire producer = redis.wire()) {
            for (int i = 0; i < tasks; i += 10) { // a call each would be 40,000, a minute of a busy machine
                List<String> push = new ArrayList<>(List.of("RPUSH", "q"));
                List<String> statuses = new ArrayList<>(List.of("HSET", queue.statusKey()));
                for (int k = i; k < i + 10; k++) {
                    push.add("{\"id\":\"f" + k + "\",\"type\":\"t\"}");
                    statuses.addAll(List.of("f" + k, "queued"));
                }
                producer.call(push.toArray(String[]::new));
                producer.call(statuses.toArray(String[]::new));
            }
        }

        eventually(() -> assertThat(waiting()).isZero());
        eventually(
                Duration.ofMillis(2500),
                () -> assertThat(hlen(queue.statusKey())).isZero());
        assertThat(runs.tasks()).isEqualTo(tasks);
        assertThat(runs.repeats()).isZero();
    }

    @ParameterizedTest
    @EnumSource
    void aStatusThatComesLateGoesThoughThereIsAlwaysWork(DeliveryMode mode) {
        deliver(mode);
        Gate gate = new Gate();
        settings = settings.concurrency(4);
        Runs<Object> runs =
                new Runs<>(context -> context.id().startsWith("t") ? gate.wait(context.id()) : Mono.empty());
        running(runs);
        wire.call("RPUSH", "q", "{\"id\":\"late\",\"type\":\"t2\"}", "{\"id\":\"early\",\"type\":\"t\"}");
        eventually(() -> assertThat(runs.count("early")).isOne());
        eventually(() -> assertThat(status("early")).isNull());

        enqueue(0, 20); // more than there are slots: the lists are never empty
        eventually(() -> assertThat(gate.waiting()).isEqualTo(4));
        wire.call("HSET", queue.statusKey(), "early", "queued");

        eventually(Duration.ofSeconds(8), () -> assertThat(status("early")).isNull());
        assertThat(waiting()).isPositive();
        gate.open();
        eventually(() -> assertThat(waiting()).isZero());
    }

    @ParameterizedTest
    @EnumSource
    @Timeout(60)
    void noStatusIsLeftOfManyTasksThoughTheListsAreNeverEmpty(DeliveryMode mode) {
        deliver(mode);
        int tasks = 1000;
        settings = settings.concurrency(8);
        Runs<Object> runs = Runs.succeeding();
        started(dispatcher()
                .handler("t", Object.class, runs)
                .handler("load", Object.class, context -> Mono.delay(Duration.ofMillis(20))));

        try (RedisWire producer = redis.wire()) {
            for (int i = 0; i < tasks; i++) {
                if (i % 100 == 0) {
                    keepBusy();
                }
                producer.call("RPUSH", "q", "{\"id\":\"f" + i + "\",\"type\":\"t\"}");
                producer.call("HSET", queue.statusKey(), "f" + i, "queued");
            }
        }

        eventually(() -> {
            keepBusy();
            assertThat(runs.tasks()).isEqualTo(tasks);
        });
        eventually(() -> {
            keepBusy();
            assertThat(foreignStatuses(tasks)).isEmpty();
        });
        assertThat(waiting()).isPositive();
    }

    /** Sees that there is work of our own for seconds, and no more: what is left in the end is examined, too. */
    private void keepBusy() {
        if (llen(key("ready")) < 1000) {
            enqueue(IntStream.range(0, 1000)
                    .mapToObj(i -> Task.of("load", null))
                    .toArray(Task[]::new));
        }
    }

    @Test
    void whatIsPushedOntoAnEmptyListDoesNotWaitForOwnTasksToEnd() {
        deliver(DeliveryMode.AT_MOST_ONCE);
        settings = settings.concurrency(8);
        Runs<Object> runs = Runs.succeeding();
        AtomicInteger loads = new AtomicInteger();
        started(dispatcher().handler("t", Object.class, runs).handler("load", Object.class, context -> {
            loads.incrementAndGet();
            return Mono.delay(Duration.ofMillis(20));
        }));
        sluice.client(queue)
                .enqueueAll(Flux.range(0, 2_000).map(i -> Task.of("load", null))) // for 5 s
                .blockLast(PATIENCE);
        eventually(() -> assertThat(loads.get()).isGreaterThan(50)); // the plain list was found empty

        push("f");

        eventually(() -> assertThat(runs.tasks()).isOne());
        assertThat(waiting()).isPositive();
    }

    private List<Object> foreignStatuses(int tasks) {
        List<String> call = new ArrayList<>(List.of("HMGET", queue.statusKey()));
        IntStream.range(0, tasks).forEach(i -> call.add("f" + i));
        List<Object> left = new ArrayList<>((List<?>) wire.call(call.toArray(String[]::new)));
        left.removeIf(Objects::isNull);
        return left;
    }

    @ParameterizedTest
    @EnumSource
    void aDeadTaskStaysDeadWhenItsStatusComesSecond(DeliveryMode mode) {
        deliver(mode);
        settings = settings.retry(RetryPolicy.never());
        running(context -> Mono.error(new IllegalStateException("no")));

        wire.call("RPUSH", "q", "{\"id\":\"a\",\"type\":\"t\"}");
        deadLetter("a");
        eventually(() -> assertThat(status("a")).isEqualTo("dead"));
        wire.call("HSET", queue.statusKey(), "a", "queued");

        eventually(() -> assertThat(status("a")).isEqualTo("dead"));
    }

    @ParameterizedTest
    @EnumSource
    @Timeout(60)
    void theWorkerLoopOfTheArticleDrainsTheSameList(DeliveryMode mode) {
        deliver(mode);
        Runs<Object> runs = Runs.succeeding();
        AtomicInteger theirs = new AtomicInteger();
        AtomicBoolean over = new AtomicBoolean();
        CompletableFuture<Void> worker = CompletableFuture.runAsync(() -> {
            try (RedisWire article = redis.wire()) {
                while (!over.get()) {
                    Object json = article.call("LPOP", "q");
                    if (json != null) {
                        String id = ((String) json).split("\"", -1)[3];
                        article.call("HSET", queue.statusKey(), id, "processing");
                        theirs.incrementAndGet();
                        article.call("HDEL", queue.statusKey(), id);
                    }
                }
            }
        });
        settings = settings.concurrency(8);
        running(runs);
        try (RedisWire producer = redis.wire()) {
            for (int i = 0; i < 5000; i++) {
                producer.call("RPUSH", "q", "{\"id\":\"f" + i + "\",\"type\":\"t\"}");
                producer.call("HSET", queue.statusKey(), "f" + i, "queued");
            }
        }

        eventually(() -> assertThat(runs.tasks() + theirs.get()).isEqualTo(5000));
        over.set(true);
        worker.join();
        eventually(() -> assertThat(hlen(queue.statusKey())).isZero());
        assertThat(runs.repeats()).isZero();
    }

    @ParameterizedTest
    @EnumSource
    void neitherListStarvesTheOther(DeliveryMode mode) {
        deliver(mode);
        settings = settings.concurrency(16);
        List<Object> raw = new ArrayList<>(List.of("RPUSH", "q"));
        for (int i = 0; i < 1000; i++) {
            raw.add("{\"id\":\"f" + i + "\",\"type\":\"t\"}");
        }
        wire.call(raw.toArray(String[]::new));
        enqueue(0, 1000);
        Runs<Object> runs = Runs.succeeding();

        running(runs);

        eventually(() -> assertThat(runs.tasks()).isEqualTo(2000));
        long foreign = runs.all.stream()
                .limit(800)
                .filter(it -> it.id().startsWith("f"))
                .count();
        assertThat(foreign).isBetween(160L, 640L);
        eventually(this::assertEmpty);
    }

    @ParameterizedTest
    @EnumSource
    void oneSlotServesBothLists(DeliveryMode mode) {
        deliver(mode);
        settings = settings.concurrency(1);
        for (int i = 0; i < 100; i++) {
            push("f" + i);
        }
        enqueue(0, 100);
        Runs<Object> runs = Runs.succeeding();

        running(runs);

        eventually(() -> assertThat(runs.tasks()).isEqualTo(200));
        assertThat(runs.all.stream()
                        .limit(100)
                        .filter(it -> it.id().startsWith("f"))
                        .count())
                .isBetween(40L, 60L);
    }
}
