package dev.sluice.client;

import static dev.sluice.dispatch.Eventually.always;
import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.codec.JsonCodec;
import dev.sluice.redis.ProducerStore;
import dev.sluice.redis.RedisLinks;
import dev.sluice.task.Queue;
import dev.sluice.task.StoreUnavailableException;
import dev.sluice.task.TaskCancelledException;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import io.lettuce.core.RedisURI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Schedulers;

/** Who waits no longer leaves nothing behind. {@code -Dsluice.awaits=100000} makes it many. */
@OnEveryRedis
class AwaitsRedisTest {
    private static final int MANY = Integer.getInteger("sluice.awaits", 10_000);
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final RedisServer redis;
    private final RedisLinks links;
    private final ProducerStore store;
    private final Awaits awaits;

    AwaitsRedisTest(RedisServer redis) {
        this.redis = redis;
        links = RedisLinks.own(RedisURI.create(redis.uri()), null);
        store = links.producer(Queue.named("q"));
        awaits = new Awaits(store, Schedulers.parallel());
    }

    @AfterEach
    void close() {
        links.close().block(PATIENCE);
    }

    @Test
    void ofManyWhoCancelOrHaveNoTimeLeftNoneIsKept() {
        List<Disposable> cancelled = new ArrayList<>();
        List<CompletableFuture<TaskResult>> timedOut = new ArrayList<>();

        for (int i = 0; i < MANY; i++) {
            if (i % 2 == 0) {
                cancelled.add(await("t" + i, PATIENCE).subscribe());
            } else {
                timedOut.add(await("t" + i, Duration.ofMillis(500)).toFuture());
            }
        }
        assertThat(awaits.size()).isGreaterThan(MANY / 4);
        cancelled.forEach(Disposable::dispose);

        assertThat(timedOut)
                .allSatisfy(one -> assertThat(
                                one.handle((result, failure) -> failure).join())
                        .isInstanceOf(StoreUnavailableException.class));
        assertThat(awaits.size()).isZero();
        assertThat(awaits.ids()).isZero();
    }

    @Test
    void manyMayAwaitOneTaskAndLeaveInAnyOrder() {
        List<Disposable> all = new ArrayList<>();
        for (int i = 0; i < MANY; i++) {
            all.add(await("t", PATIENCE).subscribe());
        }
        assertThat(awaits.size()).isEqualTo(MANY);
        assertThat(awaits.ids()).isEqualTo(1);

        Collections.shuffle(all, new Random(1));
        all.subList(1, MANY).forEach(Disposable::dispose);
        assertThat(awaits.size()).isEqualTo(1);
        assertThat(awaits.ids()).isEqualTo(1);
        all.get(0).dispose();

        assertThat(awaits.size()).isZero();
        assertThat(awaits.ids()).isZero();
    }

    /** The first of them wait until messages come. */
    @Test
    void whatOneThreadAwaitsIsEnqueuedInItsOrder() {
        List<Integer> enqueued = Collections.synchronizedList(new ArrayList<>());
        List<Integer> asked = new ArrayList<>();
        for (int i = 0; asked.size() < MANY; i++) {
            int number = i;
            asked.add(number);
            awaits.enqueue(
                            "t" + i,
                            told -> Mono.fromRunnable(() -> enqueued.add(number)),
                            AwaitOptions.within(PATIENCE),
                            (reply, index) -> null)
                    .subscribe(result -> {}, atTheEnd -> {});
        }

        eventually(() -> assertThat(enqueued).hasSize(MANY));
        assertThat(enqueued).isEqualTo(asked);
    }

    /** A long value is read once, whoever wants it, and holds up nobody else as often. */
    @Test
    void manyWhoAwaitOneTaskAskOnce() {
        String large = "x".repeat(250_000);
        redis.call("SET", "{q}:result:t", "{\"state\":\"succeeded\"}\n\"" + large + "\"", "PX", "60000");
        List<CompletableFuture<TaskResult>> all = new ArrayList<>();
        redis.call("CONFIG", "RESETSTAT");
        for (int i = 0; i < 1_000; i++) {
            all.add(awaits.end(
                            "t",
                            AwaitOptions.within(PATIENCE),
                            (reply, index) -> TaskResult.of("t", reply, index, JsonCodec.standard()))
                    .toFuture());
        }

        all.forEach(one -> assertThat(one.join().value(String.class)).hasSize(250_000));
        assertThat(calls("eval") + calls("evalsha")).isLessThan(50);
    }

    private int calls(String command) {
        return ((String) redis.call("INFO", "commandstats"))
                .lines()
                .filter(line -> line.startsWith("cmdstat_" + command + ":calls="))
                .mapToInt(line -> Integer.parseInt(line.replaceAll(".*:calls=(\\d+),.*", "$1")))
                .sum();
    }

    @Test
    void whoWaitsIsToldWhenAllIsClosed() {
        CompletableFuture<TaskResult> waiting = await("t", Duration.ofDays(1)).toFuture();

        links.close().block(PATIENCE);

        assertThatThrownBy(() -> waiting.get(10, TimeUnit.SECONDS)).hasCauseInstanceOf(StoreUnavailableException.class);
        assertThat(awaits.size()).isZero();
    }

    /** The answer of such a look might overtake the message that says how it ended. */
    @Test
    void aNewTaskIsNotLookedForWhileItsEndWouldBeHeard() {
        CompletableFuture<TaskResult> waiting = awaits.enqueue(
                        "t",
                        told -> Mono.just(EnqueueResult.of("t", EnqueueResult.Outcome.CREATED)),
                        AwaitOptions.within(PATIENCE),
                        (reply, index) -> null)
                .toFuture();
        always(Duration.ofMillis(200), () -> assertThat(waiting).isNotDone()); // Redis would know of no such task

        redis.call("PUBLISH", "{q}:ended@0", "cancelled t\n1");

        assertThatThrownBy(() -> waiting.get(10, TimeUnit.SECONDS)).hasCauseInstanceOf(TaskCancelledException.class);
    }

    /** Nobody heard it, and who looks for what was missed passes over a task that may not be there yet. */
    @Test
    void anEndInAGapThatWasOverBeforeTheEnqueueWasAnsweredIsLookedFor() {
        Sinks.One<EnqueueResult> answer = Sinks.one();
        AtomicBoolean sent = new AtomicBoolean();
        AtomicInteger begun = new AtomicInteger();
        CompletableFuture<TaskResult> waiting = awaits.enqueue(
                        "t",
                        told -> answer.asMono().doOnSubscribe(it -> sent.set(true)),
                        AwaitOptions.within(Duration.ofSeconds(20)),
                        (reply, index) -> TaskResult.of("t", reply, index, JsonCodec.standard()))
                .toFuture();
        eventually(() -> assertThat(sent).isTrue());
        store.listenToEnds(message -> {}, begun::incrementAndGet, refusal -> {}); // told after whoever awaits
        assertThat(begun).hasValue(1);

        redis.call("CLIENT", "KILL", "TYPE", "pubsub");
        redis.call("SET", "{q}:result:t", "{\"state\":\"succeeded\"}\n5", "PX", "60000");
        eventually(() -> assertThat(begun).hasValueGreaterThan(1));
        answer.tryEmitValue(EnqueueResult.of("t", EnqueueResult.Outcome.CREATED));

        assertThat(waiting.join().value(Integer.class)).isEqualTo(5);
    }

    /** One of whose task Redis never says that it is there, so that nobody looks for its end. */
    private Mono<TaskResult> await(String id, Duration timeout) {
        return awaits.enqueue(id, told -> Mono.never(), AwaitOptions.within(timeout), (reply, index) -> null);
    }
}
