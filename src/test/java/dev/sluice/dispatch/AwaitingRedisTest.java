package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.eventually;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.Sluice;
import dev.sluice.client.AwaitOptions;
import dev.sluice.client.ClientOptions;
import dev.sluice.client.TaskClient;
import dev.sluice.client.TaskFilter;
import dev.sluice.redis.ClaimStore;
import dev.sluice.redis.Dues;
import dev.sluice.redis.ExchangeCall;
import dev.sluice.redis.ExchangeReply;
import dev.sluice.redis.Frame;
import dev.sluice.redis.ProducerStore;
import dev.sluice.redis.RedisLinks;
import dev.sluice.redis.Tokens;
import dev.sluice.task.AwaitTimeoutException;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.QueueDrainingException;
import dev.sluice.task.QueueFullException;
import dev.sluice.task.ResultMissingException;
import dev.sluice.task.ResultRetention;
import dev.sluice.task.StoreRefusedException;
import dev.sluice.task.StoreUnavailableException;
import dev.sluice.task.Task;
import dev.sluice.task.TaskCancelledException;
import dev.sluice.task.TaskDeadException;
import dev.sluice.task.TaskDiscardedException;
import dev.sluice.task.TaskEndedException;
import dev.sluice.task.TaskExpiredException;
import dev.sluice.task.TaskFailedException;
import dev.sluice.task.Verdict;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import io.lettuce.core.RedisURI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.util.retry.Retry;

/** Whoever awaits a task hears of its end, whatever that is and whatever is lost on the way. */
@OnEveryRedis
class AwaitingRedisTest extends DispatchCase {
    private static final int MANY = 10_000;
    private static final Duration PATIENCE_WITH_MANY = Duration.ofSeconds(60); // 4 s of a free machine
    private static final Duration TO_STOP = Duration.ofMillis(300);
    private static final Pattern SCRIPTS = Pattern.compile("cmdstat_evalsha:calls=(\\d+)");
    private static final String DISPATCHER = "other";
    private static final String RECORD = "\"attempts\":1,\"ranMs\":1}\n\"of the next one\"";

    private final RedisLinks links;

    AwaitingRedisTest(RedisServer redis) {
        super(redis);
        links = RedisLinks.own(RedisURI.create(redis.uri()), null);
    }

    @AfterEach
    void close() {
        claims().leave(DISPATCHER).then(links.close()).block(PATIENCE);
    }

    record Sum(int total) {}

    @Test
    void theValueComesToWhoAwaitsItAndNothingElseIsLeftThanItsResult() {
        running(task -> Mono.just(new Sum(5)).delayElement(Duration.ofMillis(20)));

        assertThat(await(task("a"), Sum.class)).isEqualTo(new Sum(5));
        assertThat(new String(await(task("b"), byte[].class), UTF_8)).isEqualTo("{\"total\":5}");
        assertThat(await(task("c").delay(Duration.ofMillis(30)), Sum.class)).isEqualTo(new Sum(5));
        assertThat((Long) wire.call("PTTL", key("result:a"))).isBetween(1L, PATIENCE.toMillis());
        eventually(this::assertEmpty);
    }

    @Test
    void aCloseThatNobodyAskedForYetEndsNoAwait() {
        running(task -> Mono.just(new Sum(5)));
        Sluice door = door(redis.uri());
        TaskClient client = door.client(queue);
        client.enqueueAndAwait(task("first"), Sum.class, PATIENCE).block(PATIENCE);

        Mono<Void> later = door.close();

        assertThat(client.enqueueAndAwait(task("a"), Sum.class, PATIENCE).block(PATIENCE))
                .isEqualTo(new Sum(5));
        later.block(PATIENCE);
    }

    @Test
    void whoEmitsNothingCompletesEmpty() {
        running(task -> Mono.empty());

        assertThat(await(task("a"), Sum.class)).isNull();
    }

    @Test
    void aRetryIsNoEnd() {
        running(task ->
                task.attempt() < 3 ? Mono.error(new IllegalStateException("not yet")) : Mono.just(task.attempt()));

        assertThat(await(task("a"), Integer.class)).isEqualTo(3);
    }

    @Test
    void eachEndThatIsNotWellHasItsOwnException() {
        started(dispatcher()
                .handler("t", Object.class, task -> switch (task.id()) {
                    case "failed" -> Mono.error(new IllegalStateException("no"));
                    case "dead" -> Mono.just(Verdict.dead("never"));
                    case "discarded" -> Mono.just(Verdict.discarded());
                    case "large" -> Mono.just("x".repeat(70_000));
                    default -> Mono.never();
                })
                .handler("number", Integer.class, task -> Mono.empty()));

        assertThat(((TaskEndedException) failureOf(once("failed"), TaskFailedException.class))
                        .failure()
                        .message())
                .isEqualTo("no");
        assertThat(failureOf(once("dead"), TaskDeadException.class)).hasMessageContaining("never");
        failureOf(once("discarded"), TaskDiscardedException.class);
        assertThat(failureOf(once("slow").timeout(Duration.ofMillis(150)), TaskExpiredException.class))
                .hasMessageContaining("150 ms");
        assertThat(failureOf(once("late").deadline(java.time.Instant.ofEpochMilli(1)), TaskExpiredException.class))
                .hasMessageContaining("deadline");
        assertThat(failureOf(once("large"), ResultMissingException.class)).hasMessageContaining("result-too-large");
        assertThat(failureOf(Task.of("number", "none").id("unreadable"), TaskDeadException.class))
                .hasMessageContaining("invalid-task");
        assertThat(failureOf(Task.of("nobody", 1).id("unknown").maxAttempts(1), TaskDeadException.class))
                .hasMessageContaining("nobody");
    }

    /** It was enqueued, and has run. */
    @Test
    void aValueThatIsNotWhatWasAskedForIsAnEndThatIsKnown() {
        running(task -> Mono.just(new Sum(5)));

        assertThatThrownBy(() -> await(task("a"), Integer.class))
                .isInstanceOfSatisfying(
                        ResultMissingException.class,
                        it -> assertThat(it.failure().reason()).isEqualTo("result-not-readable"));
    }

    /** Also where the channel of ends is to be subscribed to first: a payload may need the thread that has it. */
    @Test
    void aPayloadIsWrittenByTheThreadThatSubscribes() {
        running(task -> Mono.just(5));
        List<Thread> writers = new CopyOnWriteArrayList<>();
        TaskClient client = door(redis.uri()).client(queue);

        for (int i = 0; i < 2; i++) {
            client.enqueueAndAwait(Task.of("t", new Telling(writers)), Integer.class, PATIENCE)
                    .block(PATIENCE);
        }

        assertThat(writers).isNotEmpty().containsOnly(Thread.currentThread());
    }

    /** Notes who reads it. */
    public static final class Telling {
        private final List<Thread> readers;

        Telling(List<Thread> readers) {
            this.readers = readers;
        }

        public int getNumber() {
            readers.add(Thread.currentThread());
            return 1;
        }
    }

    @Test
    void aCancelledTaskIsToldOfWhereverItWas() {
        AtomicInteger starts = new AtomicInteger();
        CompletableFuture<?> waiting = awaiting(task("waiting"));
        CompletableFuture<?> scheduled = awaiting(task("scheduled").delay(Duration.ofHours(1)));
        eventually(() -> assertThat(status("waiting") + status("scheduled")).isEqualTo("queuedscheduled"));
        sluice.client(queue).cancel("waiting").block(PATIENCE);
        sluice.client(queue).cancel("scheduled").block(PATIENCE);
        assertThat(failureOf(waiting)).isInstanceOf(TaskCancelledException.class);
        assertThat(failureOf(scheduled)).isInstanceOf(TaskCancelledException.class);
        CompletableFuture<?> oneOfMany = awaiting(Task.of("mail", 1).id("mail"));
        eventually(() -> assertThat(status("mail")).isEqualTo("queued"));
        sluice.client(queue).cancelAll(TaskFilter.all().type("mail")).blockLast(PATIENCE);
        assertThat(failureOf(oneOfMany)).isInstanceOf(TaskCancelledException.class);

        running(task -> {
            starts.incrementAndGet();
            return Mono.never();
        });
        CompletableFuture<?> running = awaiting(task("running"));
        eventually(() -> assertThat(starts).hasValue(1));
        sluice.client(queue).cancel("running").block(PATIENCE);

        assertThat(failureOf(running)).isInstanceOf(TaskCancelledException.class);
        eventually(this::assertEmpty);
    }

    @Test
    void whatItsRecoveryBuriesIsToldToo() {
        CompletableFuture<?> poison = awaiting(task("poison"));
        eventually(() -> assertThat(status("poison")).isEqualTo("queued"));
        killTwoThatHoldIt();

        assertThat(failureOf(poison)).isInstanceOf(TaskDeadException.class).hasMessageContaining("crash-limit");
    }

    @Test
    void anIdWhoseResultIsKeptIsAnsweredAndNotRunAgain() {
        settings = settings.results(ResultRetention.standard().maxAge(Duration.ofMinutes(1)));
        AtomicInteger runs = new AtomicInteger();
        running(task -> Mono.just(runs.incrementAndGet()));

        TaskClient client = sluice.client(queue);
        for (int i = 0; i < 2; i++) { // the second listens already
            assertThat(client.enqueueAndAwait(task("a"), Integer.class, PATIENCE)
                            .block(PATIENCE))
                    .isEqualTo(1);
        }
        assertThat(runs).hasValue(1);
    }

    @Test
    void manyLargeResultsAreReadOneAnswerAfterTheOther() {
        settings = settings.results(new ResultRetention(Duration.ofMinutes(1), 1 << 20));
        running(task -> Mono.just("x".repeat(200_000)));
        TaskClient client = sluice.client(queue);

        for (int i = 0; i < 2; i++) { // the second time all are there, and more than fits into one answer
            assertThat(Flux.range(0, 20)
                            .flatMap(it -> client.enqueueAndAwait(task("t" + it), String.class, PATIENCE), 20)
                            .collectList()
                            .block(PATIENCE))
                    .hasSize(20);
        }
    }

    @Test
    void severalMayAwaitOneTaskFromSeveralProcesses() {
        Sluice other = door(redis.uri());
        CompletableFuture<Object> first = awaiting(task("a"));
        eventually(() -> assertThat(status("a")).isEqualTo("queued"));
        CompletableFuture<Object> second = awaiting(task("a"));
        CompletableFuture<Object> third = other.client(queue)
                .enqueueAndAwait(task("a"), Object.class, PATIENCE)
                .toFuture();

        running(task -> Mono.just("once").delayElement(Duration.ofMillis(50)));

        assertThat(List.of(first.join(), second.join(), third.join())).containsOnly("once");
    }

    @Test
    void whoWaitedLongEnoughIsToldSoAndMayWaitAgain() {
        Sinks.One<String> value = Sinks.one();
        running(task -> value.asMono());
        TaskClient client = sluice.client(queue);

        assertThatThrownBy(() -> client.enqueueAndAwait(task("a"), String.class, Duration.ofMillis(500))
                        .block(PATIENCE))
                .isInstanceOf(AwaitTimeoutException.class)
                .hasMessageContaining("500 ms");
        CompletableFuture<String> again =
                client.enqueueAndAwait(task("a"), String.class, PATIENCE).toFuture();
        eventually(() -> assertThat(status("a")).isEqualTo("processing"));
        value.tryEmitValue("late");

        assertThat(again.join()).isEqualTo("late");
    }

    @Test
    void whatCannotBeAwaitedIsRefusedAtOnce() {
        var once = dev.sluice.task.Queue.named("once").delivery(DeliveryMode.AT_MOST_ONCE);
        TaskClient client =
                sluice.client(queue, ClientOptions.builder().maxQueueLength(1).build());

        assertThatThrownBy(() -> sluice.client(once)
                        .enqueueAndAwait(task("a"), Void.class, PATIENCE)
                        .block(PATIENCE))
                .isInstanceOf(InvalidTaskException.class)
                .hasMessageContaining("at-most-once");
        assertThatThrownBy(() -> client.enqueueAndAwait(task("a"), Void.class, Duration.ZERO)
                        .block(PATIENCE))
                .isInstanceOf(InvalidTaskException.class)
                .hasMessageContaining("1 ms to 365 days");
        enqueue(task("first"));
        assertThatThrownBy(() ->
                        client.enqueueAndAwait(task("a"), Void.class, PATIENCE).block(PATIENCE))
                .isInstanceOf(QueueFullException.class);
        client.drain().block(PATIENCE);
        assertThatThrownBy(() ->
                        client.enqueueAndAwait(task("a"), Void.class, PATIENCE).block(PATIENCE))
                .isInstanceOf(QueueDrainingException.class);
        client.resume().block(PATIENCE);
        assertThat(waiting()).isEqualTo(1);
    }

    @Test
    void whoAwaitsACancelledTaskIsNotGivenTheValueOfTheNextOneOfItsId() {
        TaskClient client = thatHeardOneEnd();
        CompletableFuture<?> created = awaiting(client, task("a"));
        CompletableFuture<?> scheduled = awaiting(client, task("later").delay(Duration.ofHours(1)));
        eventually(() -> assertThat(status("a") + status("later")).isEqualTo("queuedscheduled"));
        long scripts = scripts();
        CompletableFuture<?> existing = awaiting(client, task("a"));
        eventually(() -> assertThat(scripts()).isGreaterThanOrEqualTo(scripts + 2)); // its enqueue, and its one look

        ProducerStore producer = links.producer(queue);
        replaceInOneGo(2, List.of("a", "later"), producer.cancel("a"), producer.cancel("later"));

        assertThat(List.of(failureOf(created), failureOf(existing), failureOf(scheduled)))
                .hasOnlyElementsOfType(TaskCancelledException.class);
        assertThat(await(task("a"), String.class)).isEqualTo("of the next one");
        assertThat(await(task("later"), String.class)).isEqualTo("of the next one");
    }

    @Test
    void whoAwaitsADeadTaskIsNotGivenTheValueOfTheNextOneOfItsId() {
        CompletableFuture<?> first = awaiting(thatHeardOneEnd(), task("a"));
        eventually(() -> assertThat(status("a")).isEqualTo("queued"));
        exchange(new ExchangeCall(2, 100, false)).block(PATIENCE);
        assertThat(status("a")).isEqualTo("processing");
        ExchangeCall failing = new ExchangeCall(3, 0, false);
        failing.dead(Tokens.of(2, 1), "{}");

        replaceInOneGo(4, List.of("a"), exchange(failing));

        assertThat(failureOf(first)).isInstanceOf(TaskDeadException.class);
        assertThat(await(task("a"), String.class)).isEqualTo("of the next one");
    }

    @Test
    void whatIsToldOfAnEarlierLifeOrByOthersEndsNothing() {
        CompletableFuture<Object> value = awaiting(thatHeardOneEnd(), task("a"));
        eventually(() -> assertThat(status("a")).isEqualTo("queued"));

        for (String told :
                List.of("cancelled a\n1", "cancelled a", "dead a\n-1", "cancelled a\n99999999999999999999", "1", "")) {
            wire.call("PUBLISH", key("ended@0"), told);
        }
        running(task -> Mono.just("its own"));

        assertThat(value.join()).isEqualTo("its own");
    }

    @Test
    void cancellingTheMonoCancelsTheTaskWhereverItRunsIfThatIsAskedFor() {
        Map<String, Long> stopped = new ConcurrentHashMap<>();
        AtomicInteger starts = new AtomicInteger();
        TaskClient elsewhere = door(redis.uri()).client(queue);
        AwaitOptions cancelling = AwaitOptions.within(PATIENCE).cancelsTask(true);
        running(task -> Mono.never()
                .doOnSubscribe(it -> starts.incrementAndGet())
                .doOnCancel(() -> stopped.put(task.id(), System.nanoTime())));
        List<Disposable> waiting = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            waiting.add(elsewhere
                    .enqueueAndAwait(task("t" + i), Void.class, cancelling)
                    .subscribe());
        }
        Disposable alone =
                elsewhere.enqueueAndAwait(task("alone"), Void.class, PATIENCE).subscribe();
        eventually(() -> assertThat(starts).hasValue(21));

        alone.dispose();
        List<Long> took = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            String id = "t" + i;
            long asked = System.nanoTime();
            waiting.get(i).dispose();
            eventually(() -> assertThat(stopped).containsKey(id));
            took.add((stopped.get(id) - asked) / 1_000_000);
        }

        assertThat(stopped).doesNotContainKey("alone");
        took.sort(null); // the middle one: the last ones say how busy this machine is with other tests
        assertThat(took.get(9)).as(took.toString()).isLessThan(TO_STOP.toMillis());
        elsewhere.cancel("alone").block(PATIENCE);
        eventually(this::assertEmpty);
    }

    @Test
    void whoCancelsBeforeItsTaskIsThereLeavesNothingEither() {
        TaskClient client = sluice.client(queue);
        AwaitOptions cancelling = AwaitOptions.within(PATIENCE).cancelsTask(true);
        client.enqueueAndAwait(task("first").delay(Duration.ofHours(1)), Void.class, cancelling)
                .subscribe()
                .dispose();
        Disposable scheduled = client.enqueueAndAwait(
                        task("scheduled").delay(Duration.ofHours(1)), Void.class, cancelling)
                .subscribe();
        eventually(() -> assertThat(status("scheduled")).isEqualTo("scheduled"));
        paused(() -> {
            Disposable sent = client.enqueueAndAwait(task("sent").delay(Duration.ofHours(1)), Void.class, cancelling)
                    .subscribe();
            sent.dispose();
            scheduled.dispose();
            return sent;
        });

        enqueue(task("after"));
        eventually(() -> assertThat(hlen(queue.statusKey())).isEqualTo(1));
        assertThat(status("after")).isEqualTo("queued");
    }

    @Test
    void whoseTimeIsOverLeavesItsTaskAloneUnlessItPutsATimeoutBehind() {
        AwaitOptions cancelling = AwaitOptions.within(Duration.ofSeconds(1)).cancelsTask(true);
        TaskClient client = sluice.client(queue);
        client.enqueue(task("first")).block(PATIENCE); // which opens the connection: the second is for the wait alone

        assertThatThrownBy(() -> client.enqueueAndAwait(task("left"), Void.class, cancelling)
                        .block(PATIENCE))
                .isInstanceOf(AwaitTimeoutException.class);
        assertThat(status("left")).isEqualTo("queued");
        assertThatThrownBy(() -> client.enqueueAndAwait(
                                task("taken"),
                                Void.class,
                                AwaitOptions.within(PATIENCE).cancelsTask(true))
                        .timeout(Duration.ofSeconds(1))
                        .block(PATIENCE))
                .hasCauseInstanceOf(TimeoutException.class);
        eventually(() -> assertThat(status("taken")).isNull());
    }

    @Test
    void twoDatabasesOfOneServerDoNotHearEachOther() {
        TaskClient here = sluice.client(queue);
        TaskClient there = door(redis.uri() + "/1").client(queue);
        CompletableFuture<String> first =
                here.enqueueAndAwait(task("a"), String.class, PATIENCE).toFuture();
        CompletableFuture<String> second =
                there.enqueueAndAwait(task("a"), String.class, PATIENCE).toFuture();
        running(task -> Mono.just("here"));
        assertThat(first.join()).isEqualTo("here");

        started(stoppedInTheEnd(door(redis.uri() + "/1")
                        .dispatcher()
                        .queue(queue, settings)
                        .build())
                .handler("t", Object.class, task -> Mono.just("there")));

        assertThat(second.join()).isEqualTo("there");
    }

    @Test
    void nobodyHangsWhenTheLinkIsCutAroundTheEnd() {
        running(task -> Mono.just(task.id()).delayElement(Duration.ofMillis(1)));

        TaskClient client = sluice.client(queue);
        CompletableFuture<List<String>> all = Flux.range(0, 500)
                .flatMap(i -> client.enqueueAndAwait(task("t" + i), String.class, PATIENCE), 20)
                .collectList()
                .toFuture();
        int cuts = 0;
        while (!all.isDone() && cuts < 20) {
            eventually(() -> assertThat(all.isDone() || isHeard()).isTrue());
            cuts += ((Long) wire.call("CLIENT", "KILL", "TYPE", "pubsub")).intValue();
        }

        assertThat(all.join()).doesNotHaveDuplicates().hasSize(500);
        assertThat(cuts).isPositive();
    }

    @Test
    void anEndThatWasMissedAndOfWhichNothingIsKeptIsToldAsSuch() {
        CompletableFuture<?> gone = awaiting(task("gone"));
        eventually(() -> assertThat(status("gone")).isEqualTo("queued"));

        wire.call("DEL", key("ready"), queue.statusKey());
        wire.call("CLIENT", "KILL", "TYPE", "pubsub");

        assertThat(failureOf(gone)).isInstanceOf(ResultMissingException.class);
    }

    @Test
    @Timeout(120)
    void tenThousandMayAwaitAtOnceOverOneLink() {
        settings = settings.concurrency(MANY);
        Sinks.Empty<Void> all = Sinks.empty();
        AtomicInteger started = new AtomicInteger();
        running(task -> {
            if (started.incrementAndGet() == MANY) {
                all.tryEmitEmpty();
            }
            return all.asMono().thenReturn(task.id());
        });

        TaskClient client = sluice.client(queue);
        List<String> values = Flux.range(0, MANY)
                .flatMap(i -> awaitedUntilEnqueued(client, task("t" + i)), MANY)
                .collectList()
                .block(PATIENCE_WITH_MANY);

        assertThat(values).doesNotHaveDuplicates().hasSize(MANY);
        assertThat((String) wire.call("CLIENT", "LIST", "TYPE", "pubsub"))
                .satisfies(links -> assertThat(links.lines()).hasSize(1));
    }

    // ---- several lives of an id

    /** A client that was told of one end. A dispatcher has joined, and Redis knows the scripts. */
    private TaskClient thatHeardOneEnd() {
        TaskClient client = sluice.client(queue);
        CompletableFuture<?> first = awaiting(client, task("first"));
        eventually(() -> assertThat(status("first")).isEqualTo("queued"));
        links.producer(queue).cancel("first").block(PATIENCE);
        assertThat(failureOf(first)).isInstanceOf(TaskCancelledException.class);
        claims().join(DISPATCHER, PATIENCE).block(PATIENCE);
        exchange(new ExchangeCall(1, 0, false)).block(PATIENCE);
        return client;
    }

    /** Has tasks end, and the next ones of their ids end well, by one connection without a break: nobody can look between. */
    private void replaceInOneGo(int call, List<String> ids, Mono<?>... ends) {
        List<byte[]> frames = ids.stream()
                .map(id -> Frame.ofClient(id, "{\"type\":\"t\"}".getBytes(UTF_8)))
                .toList();
        ExchangeCall settling = new ExchangeCall(call + 1, 0, false);
        for (int i = 0; i < ids.size(); i++) {
            long token = Tokens.of(call, i + 1);
            settling.succeeded(token, false);
            settling.keep(token, ids.get(i), PATIENCE.toMillis(), RECORD.getBytes(UTF_8));
        }
        CompletableFuture<Void> all = paused(() -> Mono.when(
                        Mono.when(ends),
                        links.producer(queue).enqueue(ids, frames, new Dues(), 0),
                        exchange(new ExchangeCall(call, 100, false)),
                        exchange(settling))
                .toFuture());
        all.join();
    }

    /** What is sent meanwhile is executed at its end, that of one connection without a break. */
    private <T> T paused(Supplier<T> meanwhile) {
        wire.call("CLIENT", "PAUSE", "400", "ALL");
        return meanwhile.get();
    }

    private Mono<ExchangeReply> exchange(ExchangeCall call) {
        return claims().exchange(DISPATCHER, claims().keysOf(DISPATCHER), call);
    }

    private ClaimStore claims() {
        return links.claims(queue, 3);
    }

    /** How many scripts were run so far. */
    private long scripts() {
        Matcher calls = SCRIPTS.matcher((String) wire.call("INFO", "commandstats"));
        return calls.find() ? Long.parseLong(calls.group(1)) : 0;
    }

    private boolean isHeard() {
        return ((List<?>) wire.call("PUBSUB", "NUMSUB", key("ended@0"))).get(1).equals(1L);
    }

    private static Task<Object> once(String id) {
        return task(id).maxAttempts(1);
    }

    /** On a busy machine so many at once may wait longer for their turn than an enqueue waits. */
    private static Mono<String> awaitedUntilEnqueued(TaskClient client, Task<?> task) {
        return client.enqueueAndAwait(task, String.class, PATIENCE_WITH_MANY)
                .retryWhen(Retry.indefinitely().filter(StoreUnavailableException.class::isInstance));
    }

    private <R> R await(Task<?> task, Class<R> value) {
        return sluice.client(queue).enqueueAndAwait(task, value, PATIENCE).block(PATIENCE);
    }

    private CompletableFuture<Object> awaiting(Task<?> task) {
        return awaiting(sluice.client(queue), task);
    }

    private static CompletableFuture<Object> awaiting(TaskClient client, Task<?> task) {
        return client.enqueueAndAwait(task, Object.class, PATIENCE).toFuture();
    }

    private Throwable failureOf(Task<?> task, Class<? extends Throwable> type) {
        Throwable failure = failureOf(awaiting(task));
        assertThat(failure).as(task.toString()).isInstanceOf(type);
        return failure;
    }

    private static Throwable failureOf(CompletableFuture<?> awaited) {
        try {
            return new AssertionError("it ended well, with " + awaited.join());
        } catch (CompletionException failed) {
            return failed.getCause();
        }
    }

    /** Or a server took over that does not give it. */
    @Test
    void whoMaySubscribeNoMoreIsToldWhileItWaits() {
        TaskClient client = doorHearing("&{q}:*", "&sluice:pulse").client(queue);
        CompletableFuture<String> end =
                client.enqueueAndAwait(task("a"), String.class, PATIENCE).toFuture();
        eventually(() -> assertThat(status("a")).isEqualTo("queued"));

        letHear("resetchannels"); // which closes its connection

        eventually(() -> assertThat(end).isCompletedExceptionally());
        assertThat(failureOf(end))
                .isInstanceOf(StoreRefusedException.class)
                .hasMessageContaining("is not this user's: give it &{q}:* and &sluice:pulse");
        letHear("&{q}:*", "&sluice:pulse");
        running(task -> Mono.just("done"));
        assertThat(client.enqueueAndAwait(task("b"), String.class, PATIENCE).block(PATIENCE))
                .isEqualTo("done");
    }

    /** A user of Redis 7 may use no channels unless somebody gave them to him. */
    @Test
    void whoMayNotSubscribeIsToldWhichRightIsMissingAndMayAwaitOnceItIsThere() {
        TaskClient deaf = doorHearing().client(queue);
        Mono<String> end = deaf.enqueueAndAwait(task("a"), String.class, PATIENCE);

        for (int i = 0; i < 20; i++) { // each opens a connection, which Lettuce may hand out before it takes commands
            assertThatThrownBy(() -> end.block(PATIENCE))
                    .isInstanceOfSatisfying(StoreRefusedException.class, refused -> {
                        assertThat(refused.reason()).isEqualTo("permission");
                        assertThat(refused.retryable()).isFalse();
                    })
                    .hasMessageContaining("nothing was enqueued: give it &{q}:* and &sluice:pulse");
        }

        assertThat(waiting()).isZero();
        assertThatThrownBy(() -> deaf.await("a", PATIENCE).block(PATIENCE))
                .hasMessageContaining("is not this user's: give it &{q}:* and &sluice:pulse");
        letHear("&{q}:*", "&sluice:pulse");
        running(task -> Mono.just("done"));
        assertThat(end.block(PATIENCE)).isEqualTo("done");
    }
}
