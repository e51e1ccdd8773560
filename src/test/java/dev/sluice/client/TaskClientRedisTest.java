package dev.sluice.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.codec.JsonCodec;
import dev.sluice.redis.RedisLinks;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.PayloadTooLargeException;
import dev.sluice.task.Queue;
import dev.sluice.task.StoreRefusedException;
import dev.sluice.task.StoreUnavailableException;
import dev.sluice.task.Task;
import dev.sluice.task.TaskState;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.Private;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.StoredStateMayBeBroken;
import io.lettuce.core.RedisURI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;
import reactor.test.StepVerifier;
import reactor.util.function.Tuple2;
import reactor.util.retry.Retry;

@OnEveryRedis
class TaskClientRedisTest {
    private static final Queue MAILS = Queue.named("mails");
    private static final Duration SOON = Duration.ofSeconds(20);

    private final List<RedisLinks> opened = new ArrayList<>();
    private final Set<Thread> before = Thread.getAllStackTraces().keySet();

    @AfterEach
    void noThreadOrConnectionOfOursIsLeft() {
        opened.forEach(links -> links.close().block(SOON));
        eventually(() -> Thread.getAllStackTraces().keySet().stream()
                .noneMatch(thread -> thread.getName().startsWith("lettuce") && !before.contains(thread)));
    }

    @Test
    void aNewTaskIsCreatedAndALivingOneExists(RedisServer redis) {
        TaskClient client = client(redis);
        Task<String> task = Task.of("mail", "hello").id("welcome-17");

        StepVerifier.create(client.enqueue(task))
                .expectNextMatches(result -> result.isCreated() && result.id().equals("welcome-17"))
                .verifyComplete();
        StepVerifier.create(client.enqueue(task))
                .expectNextMatches(result -> result.isExisting() && result.isAccepted())
                .verifyComplete();

        assertThat(length(redis)).isEqualTo(1);
        StepVerifier.create(client.status("welcome-17"))
                .expectNext(TaskState.QUEUED)
                .verifyComplete();
    }

    @Test
    void aListIsOneListOfTasksHoweverOftenItIsSubscribedTo(RedisServer redis) {
        List<Task<Integer>> tasks =
                IntStream.range(0, 300).mapToObj(i -> Task.of("mail", i)).toList();
        Mono<List<EnqueueResult>> list = client(redis).enqueue(tasks);

        List<EnqueueResult> first = list.block(SOON);
        List<EnqueueResult> second = list.block(SOON);

        assertThat(first).hasSize(300).allMatch(EnqueueResult::isCreated);
        assertThat(second).hasSize(300).allMatch(EnqueueResult::isExisting);
        assertThat(ids(second)).isEqualTo(ids(first));
        assertThat(length(redis)).isEqualTo(300);
        assertThat(String.valueOf(redis.call("LINDEX", "{mails}:ready", "299")))
                .contains(first.get(299).id(), "\"payload\":299");
    }

    /** A call that is sent again because results are kept could be overtaken by the next one, which knows of it. */
    @Test
    void whereResultsAreKeptTheFirstCallKnowsOfIt(@Private RedisServer redis) {
        redis.call("HSET", "{mails}:meta", "results", String.valueOf(System.currentTimeMillis() + 60_000));
        redis.call("CONFIG", "RESETSTAT");

        client(redis).enqueue(Task.of("mail", 1)).block(SOON);

        String calls = (String) redis.call("INFO", "commandstats");
        assertThat(calls)
                .contains("cmdstat_eval:calls=2,")
                .doesNotContain("cmdstat_evalsha"); // its introduction, and itself
    }

    @Test
    void whatOneThreadEnqueuesOneByOneKeepsItsOrder(RedisServer redis) {
        TaskClient client = client(redis);
        int lists = 3_000;

        StepVerifier.create(Flux.range(0, lists)
                        .map(i -> IntStream.range(i * 7, i * 7 + 7)
                                .mapToObj(n -> Task.of("mail", n).id("t" + n))
                                .toList())
                        .flatMap(client::enqueue, 64, 1)
                        .count())
                .expectNext((long) lists)
                .expectComplete()
                .verify(SOON);

        List<?> ready = (List<?>) redis.call("LRANGE", "{mails}:ready", "0", "-1");
        for (int n = 0; n < lists * 7; n++) {
            assertThat(ready.get(n).toString()).startsWith("\u0001c t" + n + "\n");
        }
    }

    private static List<String> ids(List<EnqueueResult> results) {
        return results.stream().map(EnqueueResult::id).toList();
    }

    @Test
    void anUnknownIdHasNoState(RedisServer redis) {
        StepVerifier.create(client(redis).status("nobody")).verifyComplete();
        StepVerifier.create(client(redis).status("\n")).verifyError(InvalidTaskException.class);
    }

    @Test
    void aMonoIsOneTaskHoweverOftenItIsSubscribedTo(RedisServer redis) {
        Mono<EnqueueResult> enqueue = client(redis).enqueue(Task.of("mail", "hello"));

        StepVerifier.create(enqueue.concatWith(enqueue).map(EnqueueResult::outcome))
                .expectNext(EnqueueResult.Outcome.CREATED, EnqueueResult.Outcome.EXISTING)
                .verifyComplete();

        assertThat(length(redis)).isEqualTo(1);
    }

    @Test
    void aRetryAfterALostAnswerMakesOneTask(@Private RedisServer redis) {
        TaskClient client = client(redis);
        client.enqueue(Task.of("mail", "before")).block(SOON);
        Mono<EnqueueResult> enqueue = client.enqueue(Task.of("mail", "hello"));

        redis.pause(); // the call is on its way, and its answer comes to a connection that was given up
        StepVerifier.create(enqueue)
                .expectError(StoreUnavailableException.class)
                .verify(Duration.ofSeconds(5));
        redis.resume();
        eventually(() -> length(redis) == 2);

        StepVerifier.create(enqueue)
                .expectNextMatches(EnqueueResult::isExisting)
                .verifyComplete();
        assertThat(length(redis)).isEqualTo(2);
    }

    /** A cut between two calls shows nothing; so there are cuts until one has left somebody without an answer. */
    @Test
    void cutConnectionsInTheMiddleOfABulkCostNoTaskAndDoubleNone(RedisServer redis) {
        TaskClient client = client(redis);
        int unanswered = 0;
        long all = 0;

        for (int bulk = 0; bulk < 10 && unanswered == 0; bulk++) {
            String prefix = "t" + bulk + "-";
            Map<String, Task<?>> open = new ConcurrentHashMap<>();
            IntStream.range(0, 20_000)
                    .forEach(i -> open.put(prefix + i, Task.of("mail", i).id(prefix + i)));
            for (int round = 0; !open.isEmpty(); round++) {
                unanswered += enqueueAgain(redis, client, open, round < 3);
            }
            all += 20_000;
        }

        assertThat(unanswered).isPositive();
        assertThat(length(redis)).isEqualTo(all);
        assertThat(redis.call("HLEN", MAILS.statusKey())).isEqualTo(all);
    }

    /** Takes what was accepted out of {@code open}; how many may have been or not. */
    private static int enqueueAgain(RedisServer redis, TaskClient client, Map<String, Task<?>> open, boolean isCut) {
        ConcurrentLinkedQueue<CompletableFuture<Void>> cutting = new ConcurrentLinkedQueue<>();
        List<Task<?>> again = new ArrayList<>(open.values());
        AtomicInteger unanswered = new AtomicInteger();
        StepVerifier.create(client.enqueueAll(Flux.fromIterable(again))
                        .index()
                        .doOnNext(result -> {
                            if (isCut && result.getT1() % 5000 == 2500) {
                                cutting.add(CompletableFuture.runAsync(
                                        () -> redis.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")));
                            }
                        })
                        .map(Tuple2::getT2)
                        .doOnNext(result -> {
                            assertThat(result.isAccepted()).isNotEqualTo(result.isRetryable());
                            if (result.isAccepted()) {
                                open.remove(result.id());
                            } else {
                                assertThat(result.error()).isInstanceOf(StoreUnavailableException.class);
                                unanswered.incrementAndGet();
                            }
                        }))
                .expectNextCount(again.size())
                .expectComplete()
                .verify(SOON);
        cutting.forEach(CompletableFuture::join);
        return unanswered.get();
    }

    @Test
    void fiftyThousandTasksAreInTheQueueInTheOrderOfTheSource(RedisServer redis) {
        StepVerifier.create(client(redis)
                        .enqueueAll(Flux.range(0, 50_000)
                                .map(i -> Task.of("mail", i).id("t" + i)))
                        .index()
                        .filter(result -> result.getT2().isCreated()
                                && result.getT2().id().equals("t" + result.getT1()))
                        .count())
                .expectNext(50_000L)
                .verifyComplete();

        assertThat(length(redis)).isEqualTo(50_000);
        for (int i = 0; i < 50_000; i += 9_999) {
            assertThat(redis.call("LINDEX", "{mails}:ready", Integer.toString(i))
                            .toString())
                    .startsWith("\u0001c t" + i + "\n");
        }
        redis.call("FLUSHALL"); // the doctor reads task by task, for seconds here; it sees the 20,000 of another test
    }

    @Test
    void tasksWithTheSameIdInOneBulkAreOne(RedisServer redis) {
        StepVerifier.create(client(redis)
                        .enqueueAll(Flux.just("a", "b", "a", "a")
                                .map(id -> Task.of("mail", 1).id(id)))
                        .map(EnqueueResult::isCreated))
                .expectNext(true, true, false, false)
                .verifyComplete();

        assertThat(length(redis)).isEqualTo(2);
    }

    @Test
    void badTasksInTheMiddleOfABulkAreErrorsOfTheirOwn(RedisServer redis) {
        Flux<Task<?>> tasks = Flux.range(0, 1000)
                .map(i -> Task.of("mail", i % 100 == 50 ? "x".repeat(JsonCodec.DEFAULT_LIMIT) : "x"));

        StepVerifier.create(client(redis).enqueueAll(tasks).collectList())
                .assertNext(results -> assertThat(IntStream.range(0, 1000)
                                .filter(i -> results.get(i).isCreated() == (i % 100 != 50)))
                        .hasSize(1000))
                .verifyComplete();

        assertThat(length(redis)).isEqualTo(990);
    }

    @Test
    void aPayloadBeyondTheLimitOfTheCodecIsRefusedAndNothingIsSent(RedisServer redis) {
        TaskClient client = TaskClient.over(
                links(redis).producer(MAILS), MAILS, JsonCodec.withLimit(100), ClientOptions.defaults());

        StepVerifier.create(client.enqueue(Task.of("mail", "x".repeat(98))))
                .expectNextCount(1)
                .verifyComplete();
        StepVerifier.create(client.enqueue(Task.of("mail", "x".repeat(99))))
                .verifyError(PayloadTooLargeException.class);
        StepVerifier.create(client.enqueue(Task.of("mail", "{".getBytes(StandardCharsets.UTF_8))))
                .verifyError(InvalidTaskException.class);

        assertThat(length(redis)).isEqualTo(1);
    }

    @Test
    void idsAndPayloadsInAnyScriptArriveAsTheyAre(RedisServer redis) {
        TaskClient client = client(redis);

        client.enqueue(Task.of("邮件.发送", Map.of("问候", "你好，世界 🚰")).id("任务-四十二")).block(SOON);

        assertThat((String) redis.call("LINDEX", "{mails}:ready", "0"))
                .matches("\u0001c 任务-四十二\n\\{\"type\":\"邮件.发送\",\"payload\":\\{\"问候\":\"你好，世界 🚰\"},"
                        + "\"enqueuedAt\":[0-9]{13}}");
        assertThat(redis.call("HGET", MAILS.statusKey(), "任务-四十二")).isEqualTo("queued");
        assertThat(client.status("任务-四十二").block(SOON)).isEqualTo(TaskState.QUEUED);
    }

    @Test
    void tasksLargerThanACallAreSentInCallsOfTheirOwn(RedisServer redis) {
        String text = "x".repeat(JsonCodec.DEFAULT_LIMIT - 2);

        StepVerifier.create(client(redis)
                        .enqueueAll(Flux.range(0, 40).map(i -> Task.of("mail", text)))
                        .filter(EnqueueResult::isCreated)
                        .count())
                .expectNext(40L)
                .verifyComplete();
    }

    @Test
    void aFullQueueSaysSoAndTakesTheRestLater(RedisServer redis) {
        TaskClient client = TaskClient.over(
                links(redis).producer(MAILS),
                MAILS,
                JsonCodec.standard(),
                ClientOptions.builder().maxQueueLength(3).build());

        StepVerifier.create(client.enqueueAll(Flux.range(0, 5).map(i -> Task.of("mail", i)))
                        .map(EnqueueResult::outcome))
                .expectNext(
                        EnqueueResult.Outcome.CREATED,
                        EnqueueResult.Outcome.CREATED,
                        EnqueueResult.Outcome.CREATED,
                        EnqueueResult.Outcome.FULL,
                        EnqueueResult.Outcome.FULL)
                .verifyComplete();
        StepVerifier.create(client.enqueue(Task.of("mail", 6)))
                .expectNextMatches(result -> result.isFull() && result.isRetryable())
                .verifyComplete();
    }

    @Test
    void manyCallersAtOnceShareCalls(RedisServer redis) {
        TaskClient client = client(redis);
        client.enqueue(Task.of("mail", "before")).block(SOON);
        redis.call("CONFIG", "RESETSTAT");

        Flux.range(0, 5_000)
                .flatMap(i -> client.enqueue(Task.of("mail", i)), 500)
                .blockLast(SOON);

        assertThat(length(redis)).isEqualTo(5_001);
        assertThat(calls(redis)).isLessThan(2_500);
    }

    @Test
    void signalsComeOnTheParallelSchedulerAndNeverOnTheRedisEventLoop(RedisServer redis) {
        TaskClient client = client(redis);
        Set<String> threads = ConcurrentHashMap.newKeySet();
        Runnable note = () -> threads.add(Thread.currentThread().getName().replaceAll("-\\d+$", ""));

        client.enqueue(Task.of("mail", 1).id("a"))
                .doOnNext(result -> note.run())
                .block(SOON);
        client.enqueueAll(Flux.range(0, 1000).map(i -> Task.of("mail", i)).doOnNext(task -> note.run()))
                .doOnNext(result -> note.run())
                .blockLast(SOON);
        client.status("a").doOnNext(state -> note.run()).block(SOON);

        assertThat(threads).containsExactly("parallel");
    }

    @Test
    void withRedisDownEveryCallFailsInTimeAndWorksAgainByItself(@Private RedisServer redis) {
        TaskClient client = client(redis);
        client.enqueue(Task.of("mail", "before")).block(SOON);

        redis.stop();
        StepVerifier.create(client.enqueue(Task.of("mail", "down")))
                .expectError(StoreUnavailableException.class)
                .verify(Duration.ofSeconds(5));
        StepVerifier.create(client.status("any"))
                .expectError(StoreUnavailableException.class)
                .verify(Duration.ofSeconds(5));
        StepVerifier.create(client.enqueueAll(Flux.range(0, 300).map(i -> Task.of("mail", i)))
                        .filter(EnqueueResult::isRetryable)
                        .count())
                .expectNext(300L)
                .expectComplete()
                .verify(Duration.ofSeconds(5));
        redis.restart();

        client.enqueue(Task.of("mail", "up"))
                .retryWhen(Retry.backoff(20, Duration.ofMillis(20)).maxBackoff(Duration.ofSeconds(1)))
                .block(SOON);
        assertThat(length(redis)).isEqualTo(1);
    }

    @Test
    void withRedisSilentEveryWaitingCallerIsToldWithinFiveSeconds(@Private RedisServer redis) {
        TaskClient client = client(redis);
        client.enqueue(Task.of("mail", "before")).block(SOON);

        redis.pause();
        try {
            StepVerifier.create(Flux.range(0, 5_000)
                            .flatMap(
                                    i -> client.enqueue(Task.of("mail", i))
                                            .onErrorResume(StoreUnavailableException.class, error -> Mono.empty()),
                                    5_000))
                    .expectComplete()
                    .verify(Duration.ofSeconds(6));
        } finally {
            redis.resume();
        }
    }

    @Test
    void aClientThatStartsWhileRedisIsDownIntroducesItselfLater(@Private RedisServer redis) {
        TaskClient client = client(redis);
        redis.stop();
        StepVerifier.create(client.enqueue(Task.of("mail", "down"))).verifyError(StoreUnavailableException.class);

        redis.restart();
        client.enqueue(Task.of("mail", "up"))
                .retryWhen(Retry.backoff(20, Duration.ofMillis(20)).maxBackoff(Duration.ofSeconds(1)))
                .block(SOON);

        assertThat(redis.call("HGET", "{mails}:meta", "delivery")).isEqualTo("at-least-once");
    }

    @Test
    void aFullRedisIsUnavailableAndTakesTasksAgainWhenThereIsRoom(@Private RedisServer redis) {
        TaskClient client = client(redis);
        client.enqueue(Task.of("mail", "before")).block(SOON);

        redis.call("CONFIG", "SET", "maxmemory", "1");
        StepVerifier.create(client.enqueue(Task.of("mail", "full")))
                .verifyErrorSatisfies(error -> assertThat(error)
                        .isInstanceOf(StoreUnavailableException.class)
                        .hasMessageContaining("maxmemory"));
        redis.call("CONFIG", "SET", "maxmemory", "0");

        assertThat(client.enqueue(Task.of("mail", "room")).block(SOON).isCreated())
                .isTrue();
        assertThat(length(redis)).isEqualTo(2);
    }

    @Test
    @StoredStateMayBeBroken("a key of another type is in the way")
    void aKeyOfAnotherTypeIsRefusedUntilItIsGone(RedisServer redis) {
        TaskClient client = client(redis);
        redis.call("SET", "{mails}:ready", "in the way");

        StepVerifier.create(client.enqueue(Task.of("mail", 1)))
                .verifyErrorSatisfies(error ->
                        assertThat(((StoreRefusedException) error).reason()).isEqualTo("wrong-type"));
        StepVerifier.create(client.enqueueAll(Flux.just(Task.of("mail", 1))))
                .assertNext(result -> {
                    assertThat(result.error()).isInstanceOf(StoreRefusedException.class);
                    assertThat(result.isRetryable()).isFalse();
                })
                .verifyComplete();

        redis.call("DEL", "{mails}:ready");
        assertThat(client.enqueue(Task.of("mail", 1)).block(SOON).isCreated()).isTrue();
    }

    /** Also if that node has all slots, and would take the task. */
    @Test
    void aClusterIsRefusedInOneSentence(RedisServer.Builder builder) {
        try (RedisServer node = builder.with("cluster-enabled", "yes").start()) {
            List<String> all = new ArrayList<>(List.of("CLUSTER", "ADDSLOTS"));
            IntStream.range(0, 16384).mapToObj(String::valueOf).forEach(all::add);
            node.call(all.toArray(String[]::new));

            StepVerifier.create(client(node).enqueue(Task.of("mail", 1)))
                    .verifyErrorSatisfies(error -> assertThat(error)
                            .isInstanceOf(StoreRefusedException.class)
                            .hasMessageContaining("a node of a Redis Cluster, which Sluice does not support yet"));
            assertThat(node.call("DBSIZE")).isEqualTo(0L);
        }
    }

    @Test
    void anotherDeliveryModeIsRefusedInOneSentenceAndNothingIsSent(RedisServer redis) {
        client(redis).enqueue(Task.of("mail", 1)).block(SOON);
        TaskClient other = client(redis, MAILS.delivery(DeliveryMode.AT_MOST_ONCE));

        assertThatThrownBy(() -> other.enqueue(Task.of("mail", 2)).block(SOON))
                .isInstanceOf(StoreRefusedException.class)
                .hasMessageContaining("at-least-once")
                .hasMessageContaining("at-most-once");
        assertThatThrownBy(() -> other.status("a").block(SOON)).isInstanceOf(StoreRefusedException.class);

        assertThat(length(redis)).isEqualTo(1);
    }

    @Test
    void aSubscriberThatTakesTenGetsTenAndNoMoreIsEnqueued(RedisServer redis) {
        Flux<Task<?>> endless = Flux.<Task<?>>generate(sink -> sink.next(Task.of("mail", 1)));

        assertThat(client(redis).enqueueAll(endless).take(10).count().block(SOON))
                .isEqualTo(10);

        assertThat(length(redis)).isEqualTo(10);
    }

    @Test
    void aClosedLinkFailsWhatComesAfterIt(RedisServer redis) {
        RedisLinks links = links(redis);
        TaskClient client =
                TaskClient.over(links.producer(MAILS), MAILS, JsonCodec.standard(), ClientOptions.defaults());
        client.enqueue(Task.of("mail", 1)).block(SOON);

        links.close().block(SOON);

        StepVerifier.create(client.enqueue(Task.of("mail", 2)))
                .expectError(StoreUnavailableException.class)
                .verify(SOON);
    }

    @Test
    void idsThatAreMadeAreUnique(RedisServer redis) {
        Set<String> ids = new HashSet<>(client(redis)
                .enqueueAll(Flux.range(0, 5_000).map(i -> Task.of("mail", i)))
                .map(EnqueueResult::id)
                .collectList()
                .block(SOON));

        assertThat(ids).hasSize(5_000).allMatch(id -> id.matches("[0-9A-Za-z]{14}"));
    }

    private TaskClient client(RedisServer redis) {
        return client(redis, MAILS);
    }

    private TaskClient client(RedisServer redis, Queue queue) {
        return TaskClient.over(links(redis).producer(queue), queue, JsonCodec.standard(), ClientOptions.defaults());
    }

    private RedisLinks links(RedisServer redis) {
        RedisLinks links = RedisLinks.own(RedisURI.create(redis.uri()), null);
        opened.add(links);
        return links;
    }

    private static long length(RedisServer redis) {
        return (Long) redis.call("LLEN", "{mails}:ready");
    }

    private static int calls(RedisServer redis) {
        return redis.call("INFO", "commandstats")
                .toString()
                .lines()
                .filter(line -> line.startsWith("cmdstat_evalsha:"))
                .mapToInt(line -> Integer.parseInt(line.replaceAll(".*:calls=(\\d+),.*", "$1")))
                .sum();
    }

    private static void eventually(BooleanSupplier condition) {
        Flux.interval(Duration.ZERO, Duration.ofMillis(5), Schedulers.boundedElastic())
                .filter(tick -> condition.getAsBoolean())
                .blockFirst(SOON);
    }
}
