package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.always;
import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.annotation.JsonCreator;
import dev.sluice.observe.Outcome;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Queue;
import dev.sluice.task.RetryPolicy;
import dev.sluice.task.Task;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** Whatever a handler does ends its own attempt and nothing else. */
@OnEveryRedis
class BadHandlersRedisTest extends DispatchCase {

    BadHandlersRedisTest(RedisServer redis) {
        super(redis);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "throws",
                "throws a checked exception",
                "returns null",
                "error",
                "late error",
                "stack overflow",
                "no class",
                "assertion",
                "a message without a form in UTF-8",
                "an exception that cannot be described"
            })
    void aHandlerThatFailsFailsItsAttemptAndNoOther(String how) {
        settings = settings.retry(QUICK.maxAttempts(2)).concurrency(8);
        Runs<Object> good = Runs.succeeding();
        Runs<Object> bad = new Runs<>(context -> fail(how));

        started(dispatcher().handler("t", Object.class, good).handler("bad", Object.class, bad));
        enqueue(0, 50);
        enqueue(Task.of("bad", null).id("bad"));
        enqueue(50, 100);

        assertThat(deadLetter("bad"))
                .startsWith("{\"reason\":\"handler-error\"")
                .contains("\u0001c2,0,2 bad\n");
        eventually(() -> assertThat(good.count()).isEqualTo(100));
        assertThat(bad.all.stream().map(TaskContext::attempt)).containsExactly(1, 2);
        assertThat(bad.all.stream().map(TaskContext::fencingNumber)).containsExactly(1L, 2L);
        eventually(() -> assertThat(hlen(queue.statusKey())).isOne());
        assertThat(status("bad")).isEqualTo("dead");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void nobodyIsGivenATaskThatEndedWhileItsPayloadWasRead(boolean handler) {
        AtomicInteger given = new AtomicInteger();
        AtomicBoolean go = new AtomicBoolean();
        Slow.gate = go;
        Dispatcher dispatcher = dispatcher();
        if (handler) {
            dispatcher.handler("t", Slow.class, task -> {
                given.incrementAndGet();
                return Mono.empty();
            });
        } else {
            dispatcher.receive(queue.name(), Slow.class).subscribe(task -> given.incrementAndGet());
        }
        started(dispatcher);

        enqueue(Task.of("t", 1).id("a").timeout(Duration.ofMillis(100)).maxAttempts(1));
        assertThat(deadLetter("a")).startsWith("{\"reason\":\"timeout\"");
        go.set(true);
        enqueue(Task.of("t", 2).id("b"));

        eventually(() -> assertThat(given).hasPositiveValue()); // the one behind it
        always(Duration.ofMillis(200), () -> assertThat(given).hasValue(1));
    }

    /** A payload that takes its time to be read. */
    static final class Slow {
        private static volatile AtomicBoolean gate = new AtomicBoolean();

        @JsonCreator
        Slow(int number) {
            AtomicBoolean mine = gate;
            if (number == 1) {
                Blocking.until(mine);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void anEmptyMonoAndAValueAreBothASuccess(DeliveryMode mode) {
        deliver(mode);
        Runs<Object> runs = new Runs<>(context -> context.id().equals("t0") ? Mono.empty() : Mono.just("value"));

        running(runs);
        enqueue(0, 2);

        eventually(() -> assertThat(told.settled(Outcome.SUCCEEDED)).isEqualTo(2));
        eventually(this::assertEmpty);
    }

    @ParameterizedTest
    @EnumSource
    void aHandlerThatNeverEndsIsCancelledAtItsTimeoutAndItsSlotIsFree(DeliveryMode mode) {
        deliver(mode);
        settings = settings.concurrency(2).timeout(Duration.ofSeconds(1)).retry(RetryPolicy.never());
        AtomicInteger cancelled = new AtomicInteger();
        Runs<Object> runs = new Runs<>(context ->
                context.id().startsWith("t") ? Mono.never().doOnCancel(cancelled::incrementAndGet) : Mono.empty());

        running(runs);
        enqueue(0, 2);
        enqueue(task("after"));

        eventually(() -> assertThat(runs.count("after")).isOne());
        eventually(() -> assertThat(cancelled.get()).isEqualTo(2));
        assertThat(deadLetter("t0")).contains("\"reason\":\"timeout\"").contains("1000 ms");
        eventually(() -> assertThat(claimed()).isZero());
    }

    @Test
    void aTaskHasATimeoutOfItsOwn() {
        settings = settings.retry(RetryPolicy.never());

        running(context -> Mono.never());
        enqueue(task("a").timeout(Duration.ofMillis(100)));

        assertThat(deadLetter("a")).contains("\"reason\":\"timeout\"").contains("100 ms");
    }

    @Test
    void anErrorAfterTheCancelChangesNothing() {
        settings = settings.timeout(Duration.ofSeconds(1)).retry(RetryPolicy.never());
        AtomicBoolean told = new AtomicBoolean();

        running(context -> Mono.create(sink -> sink.onCancel(() -> {
            sink.error(new IllegalStateException("after cancel"));
            told.set(true);
        })));
        enqueue(task("a"));

        assertThat(deadLetter("a")).contains("\"reason\":\"timeout\"");
        eventually(() -> assertThat(told).isTrue());
    }

    @Test
    void aHandlerThatThrowsWhenCancelledHarmsNobody() {
        settings = settings.timeout(Duration.ofMillis(100))
                .retry(RetryPolicy.never())
                .concurrency(4);
        Runs<Object> runs = new Runs<>(context -> context.id().startsWith("bad")
                ? Mono.fromDirect(subscriber -> subscriber.onSubscribe(new org.reactivestreams.Subscription() {
                    @Override
                    public void request(long n) {}

                    @Override
                    public void cancel() {
                        throw new IllegalStateException("cannot be cancelled");
                    }
                }))
                : Mono.empty());

        running(runs);
        enqueue(task("bad0"), task("bad1"), task("bad2"), task("bad3"), task("good"));

        eventually(() -> assertThat(runs.count("good")).isOne());
        eventually(() -> assertThat(dead()).isEqualTo(4));
    }

    @Test
    void aHandlerThatCompletesAfterItsTimeoutChangesNothing() {
        settings = settings.timeout(Duration.ofMillis(100)).retry(RetryPolicy.never());
        Sinks.Empty<Void> sink = Sinks.empty();

        running(context -> Mono.fromDirect(subscriber -> subscriber.onSubscribe(new org.reactivestreams.Subscription() {
            @Override
            public void request(long n) {
                sink.asMono().subscribe(nothing -> {}, error -> {}, subscriber::onComplete);
            }

            @Override
            public void cancel() {
                // Deaf on purpose.
            }
        })));
        enqueue(task("a"));
        String letter = deadLetter("a");
        sink.tryEmitEmpty();
        enqueue(task("b"));

        eventually(() -> assertThat(told.settled(Outcome.SUCCEEDED)).isOne());
        assertThat(deadLetter("a")).isEqualTo(letter);
    }

    @Test
    void aHandlerThatEndsTwiceEndsOnce() {
        Runs<Object> runs = new Runs<>(context -> Mono.fromDirect(subscriber -> {
            subscriber.onSubscribe(reactor.core.publisher.Operators.emptySubscription());
            subscriber.onComplete();
            subscriber.onComplete();
        }));

        running(runs);
        enqueue(0, 20);

        eventually(() -> assertThat(told.settled(Outcome.SUCCEEDED)).isEqualTo(20));
        eventually(this::assertEmpty);
        assertThat(runs.count()).isEqualTo(20);
    }

    @Test
    void handlersThatBlockTheirThreadsHoldUpNobodyAndAreTimedOut() {
        settings = settings.concurrency(8).timeout(Duration.ofMillis(800)).retry(RetryPolicy.never());
        AtomicBoolean released = new AtomicBoolean();
        Runs<Object> runs = new Runs<>(context -> {
            if (context.id().startsWith("blocks")) {
                Blocking.until(released);
            }
            return Mono.empty();
        });

        try {
            running(runs);
            // More than there are handler threads.
            for (int i = 0; i < HandlerPoolTest.threads() + 1; i++) {
                enqueue(task("blocks" + i));
            }
            eventually(() -> assertThat(runs.count()).isGreaterThanOrEqualTo(HandlerPoolTest.threads()));
            enqueue(0, 100);

            eventually(() -> assertThat(runs.tasks()).isEqualTo(101 + HandlerPoolTest.threads()));
            eventually(() -> assertThat(dead()).isEqualTo(HandlerPoolTest.threads() + 1));
            eventually(() -> assertThat(claimed()).isZero());
        } finally {
            released.set(true);
        }
    }

    /** What cannot be begun here is for others, and so is the other queue of this dispatcher. */
    @Test
    @Timeout(60)
    void oneWhoseThreadsAreAllBlockedKeepsNothingFromTheOthers() {
        int threads = 11 * HandlerPoolTest.threads(); // with the reserve
        Queue other = Queue.named("other");
        AtomicBoolean released = new AtomicBoolean();
        AtomicInteger blocked = new AtomicInteger();
        try {
            started(dispatcher(it -> it.queue(other)).handler("t", Object.class, context -> {
                blocked.incrementAndGet();
                Blocking.until(released);
                return Mono.empty();
            }));
            enqueue(0, threads + 20);
            eventually(PATIENCE, () -> assertThat(blocked).hasValue(threads));
            sluice.client(other).enqueue(task("elsewhere")).block(PATIENCE);

            eventually(() -> assertThat(claimed()).isEqualTo(threads));
            Runs<Object> runs = Runs.succeeding();
            started(dispatcher(it -> it.queue(other)).handler("t", Object.class, runs));
            eventually(() -> assertThat(runs.count()).isEqualTo(21));
            assertThat(runs.all).allMatch(it -> it.attempt() == 1);
        } finally {
            released.set(true);
        }

        eventually(this::assertEmpty);
        assertThat(blocked).hasValue(threads);
    }

    @Test
    void anUnknownTypeIsToldOnceTriedAgainAndThenDead() {
        settings = settings.retry(QUICK.maxAttempts(3));

        try (LogTap log = new LogTap()) {
            running(context -> Mono.empty());
            enqueue(Task.of("nobody.knows", null).id("a"));

            assertThat(deadLetter("a"))
                    .startsWith("{\"reason\":\"unknown-type\"")
                    .contains("nobody.knows")
                    .contains("\u0001c3,");
            assertThat(log.warnings())
                    .singleElement()
                    .asString()
                    .startsWith("No handler")
                    .contains("nobody.knows", "a");
        }
        assertThat(told.settled(Outcome.RETRIED)).isEqualTo(2);
    }

    @ParameterizedTest
    @EnumSource
    void aPayloadThatCannotBeReadIsDeadAtOnce(DeliveryMode mode) {
        deliver(mode);
        Runs<DeliveringRedisTest.Letter> runs = Runs.succeeding();

        started(dispatcher().handler("t", DeliveringRedisTest.Letter.class, runs));
        pushAnnounced("a", "{\"id\":\"a\",\"type\":\"t\",\"payload\":{\"text\":[1]}}");
        pushAnnounced("b", "{\"id\":\"b\",\"type\":\"t\",\"payload\":\"" + "x".repeat(300_000) + "\"}");
        pushAnnounced("c", "{\"id\":\"c\",\"type\":\"t\",\"payload\":{\"text\":\"fine\",\"parts\":[]}}");

        assertThat(deadLetter("a")).contains("\"reason\":\"invalid-task\"");
        assertThat(deadLetter("b")).contains("\"reason\":\"payload-too-large\"");
        eventually(() -> assertThat(runs.count("c")).isOne());
        assertThat(runs.count()).isOne();
        eventually(() -> assertThat(hlen(queue.statusKey())).isEqualTo(2));
        assertThat(status("a")).isEqualTo("dead");
    }

    @Test
    void aTaskPastItsDeadlineIsDead() {
        Runs<Object> runs = Runs.succeeding();

        running(runs);
        push("a", "{\"id\":\"a\",\"type\":\"t\",\"deadline\":1000}");

        assertThat(deadLetter("a")).contains("\"reason\":\"deadline\"");
        assertThat(runs.count()).isZero();
    }

    @Test
    void whatFailsWhereNothingIsRunAgainIsKept() {
        deliver(DeliveryMode.AT_MOST_ONCE);
        Runs<Object> runs = new Runs<>(context -> Mono.error(new IllegalStateException("no")));

        running(runs);
        enqueue(0, 500);

        eventually(() -> assertThat(dead()).isEqualTo(500));
        eventually(() -> assertThat(hlen(key("dead:bodies"))).isEqualTo(500));
        assertThat(runs.count()).isEqualTo(500);
    }

    private static Mono<?> fail(String how) throws Exception {
        return switch (how) {
            case "throws" -> throw new IllegalStateException("boom");
            case "throws a checked exception" -> throw new java.io.IOException("boom");
            case "returns null" -> null;
            case "error" -> Mono.error(new IllegalArgumentException("boom"));
            case "late error" ->
                Mono.delay(Duration.ofMillis(5)).then(Mono.error(new IllegalArgumentException("boom")));
            case "stack overflow" -> deeper(1);
            case "no class" -> throw new NoClassDefFoundError("some/Missing");
            case "assertion" -> throw new AssertionError("boom");
            case "a message without a form in UTF-8" ->
                throw new IllegalStateException("half \ud83d of a pair\n\u0000");
            default ->
                throw new IllegalStateException() {
                    @Override
                    public String getMessage() {
                        throw new IllegalStateException("not even a message");
                    }
                };
        };
    }

    private static Mono<?> deeper(long depth) {
        return depth < 0 ? Mono.empty() : deeper(depth + 1).thenReturn(depth);
    }
}
