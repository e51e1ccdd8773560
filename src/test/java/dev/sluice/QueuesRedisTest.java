package dev.sluice;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import dev.sluice.client.TaskClient;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.observe.Observer;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.DispatcherInfo;
import dev.sluice.task.Explanation;
import dev.sluice.task.Finding;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Queue;
import dev.sluice.task.QueueInfo;
import dev.sluice.task.Task;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.RedisWire;
import dev.sluice.testkit.StoredStateMayBeBroken;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.test.StepVerifier;

/** Looks at queues from outside: which there are, how full, in order or not, and on what server. */
@OnEveryRedis
class QueuesRedisTest {
    private static final Duration SOON = Duration.ofSeconds(20);
    private static final Queue JOBS = Queue.named("jobs").statusKey("job_status");

    private final RedisServer redis;
    private final Sluice sluice;

    QueuesRedisTest(RedisServer redis) {
        this.redis = redis;
        this.sluice = Sluice.connect(redis.uri());
    }

    @AfterEach
    void close() {
        sluice.close().block(SOON);
    }

    @Test
    @StoredStateMayBeBroken("a dispatcher is made up")
    void eachDispatcherIsShownWithWhatItHolds() throws InterruptedException {
        CountDownLatch begun = new CountDownLatch(3);
        Dispatcher busy = sluice.dispatcher(JOBS)
                .handler("stay", Void.class, task -> Mono.never().doOnSubscribe(it -> begun.countDown()));
        assertThat(sluice.dispatchers(JOBS).collectList().block(SOON)).isEmpty();
        busy.start().block(SOON);
        sluice.client(JOBS)
                .enqueueAll(Flux.range(0, 3).map(i -> Task.of("stay", i)))
                .blockLast(SOON);
        assertThat(begun.await(20, TimeUnit.SECONDS)).isTrue();
        redis.call("ZADD", "{jobs}:dispatchers", Long.toString(System.currentTimeMillis() + 25_000), "longer");
        redis.call("HSET", "{jobs}:claimed:longer", "t1", "a", "t2", "b");

        List<DispatcherInfo> shown = sluice.dispatchers(JOBS).collectList().block(SOON);

        assertThat(shown).extracting(DispatcherInfo::running).containsExactly(2L, 3L);
        assertThat(shown.get(0).id()).isEqualTo("longer");
        assertThat(shown.get(1).leaseLeft()).isBetween(Duration.ofSeconds(5), Duration.ofSeconds(15));
        busy.stop(Duration.ZERO).block(SOON);
        assertThat(sluice.dispatchers(JOBS)
                        .map(DispatcherInfo::id)
                        .collectList()
                        .block(SOON))
                .containsExactly("longer");
    }

    @Test
    void eachTaskIsCountedWhereItIs() throws InterruptedException {
        CountDownLatch begun = new CountDownLatch(2);
        Dispatcher dispatcher = sluice.dispatcher(JOBS)
                .handler("stay", Void.class, task -> Mono.never().doOnSubscribe(it -> begun.countDown()))
                .handler("fail", Void.class, task -> Mono.error(new IllegalStateException("again")))
                .handler("die", Void.class, task -> Mono.error(new IllegalStateException("last")));
        sluice.client(JOBS)
                .enqueueAll(Flux.just(
                        Task.of("stay", 1),
                        Task.of("stay", 2),
                        Task.of("fail", 3),
                        Task.of("die", 4).maxAttempts(1)))
                .blockLast(SOON);
        assertThat(info("jobs")).isEqualTo(counts(4, 0, 0, 0, 0));

        dispatcher.start().block(SOON);
        assertThat(begun.await(20, TimeUnit.SECONDS)).isTrue();
        Flux.defer(() -> sluice.queue("jobs"))
                .repeat()
                .filter(info -> info.delayed() == 1 && info.dead() == 1)
                .blockFirst(SOON);

        assertThat(info("jobs")).isEqualTo(counts(0, 1, 2, 1, 1));
        dispatcher.stop(Duration.ZERO).block(SOON);
        assertThat(info("jobs")).isEqualTo(counts(2, 1, 0, 1, 0));
    }

    @Test
    void aDispatcherWhoseLeaseIsOverIsNotCounted() {
        sluice.client(JOBS).enqueue(Task.of("stay", 1)).block(SOON);
        redis.call("ZADD", "{jobs}:dispatchers", "0", "marked", "1000", "long-gone", "99999999999999", "alive");

        assertThat(info("jobs").dispatchers()).hasValue(1);
        redis.call("DEL", "{jobs}:dispatchers");
    }

    @Test
    void whatForeignClientsPushedCountsAndAPauseIsSeen() {
        sluice.client(JOBS).enqueue(Task.of("stay", 1)).block(SOON);
        redis.call("RPUSH", "jobs", "{\"id\":\"a\",\"type\":\"stay\"}");
        redis.call("HSET", "job_status", "a", "queued");
        redis.call("HSET", "{jobs}:meta", "paused", "1");

        assertThat(info("jobs").waiting()).isEqualTo(2);
        assertThat(info("jobs").paused()).isTrue();
    }

    @Test
    void whatIsCancelledWhereItWaitsIsCountedApartUntilItIsDropped() {
        sluice.client(JOBS)
                .enqueueAll(
                        Flux.just(Task.of("stay", 1).id("a"), Task.of("stay", 2).id("b")))
                .blockLast(SOON);

        sluice.client(JOBS).cancel("a").block(SOON);

        assertThat(info("jobs").waiting()).isEqualTo(1);
        assertThat(info("jobs").cancelled()).isEqualTo(1);
        assertThat(info("jobs").left()).isEqualTo(2);
        Explanation told = sluice.explain(JOBS, "a").block(SOON);
        assertThat(told.place()).isEqualTo(Explanation.Place.CANCELLED);
        assertThat(told.reasons()).extracting(Explanation.Reason::code).containsExactly("cancelled");

        sluice.client(JOBS).enqueue(Task.of("stay", 3).id("a")).block(SOON);
        assertThat(sluice.explain(JOBS, "a").block(SOON).place()).isEqualTo(Explanation.Place.WAITING);
    }

    @Test
    void ofADrainingQueueItIsSaidThatAnUnknownTaskMayHaveBeenRefused() {
        sluice.client(JOBS).drain().block(SOON);

        Explanation told = sluice.explain(JOBS, "a").block(SOON);

        assertThat(told.place()).isEqualTo(Explanation.Place.UNKNOWN);
        assertThat(told.reasons()).extracting(Explanation.Reason::code).containsExactly("ended-or-unknown", "draining");
        assertThat(info("jobs").draining()).isTrue();
    }

    @Test
    void theOldestOfAllListsIsTheOneAtAHead() {
        sluice.client(JOBS).enqueue(Task.of("stay", 1).id("a")).block(SOON);
        assertThat(oldest().orElseThrow()).isBetween(Duration.ZERO, SOON);

        redis.call("RPUSH", "jobs", "{\"id\":\"b\",\"type\":\"stay\"" + since(3_600_000) + "}");
        redis.call("RPUSH", "jobs", "{\"id\":\"c\",\"type\":\"stay\"" + since(86_400_000) + "}");

        assertThat(oldest().orElseThrow())
                .isBetween(Duration.ofHours(1), Duration.ofHours(1).plus(SOON));
    }

    @Test
    void whoeverIsAtAHeadAndDoesNotSayIsPassedOverForThreeOthers() {
        sluice.client(JOBS).status("nothing").block(SOON); // makes it known
        assertThat(oldest()).isEmpty();
        List<String> silent = List.of(
                "no JSON",
                "{\"id\":\"a\",\"payload\":{\"enqueuedAt\":1}}",
                "{\"id\":\"b\",\"enqueuedAt\":\"now\",\"payload\":\",\\\"enqueuedAt\\\":7}\"}");
        silent.forEach(element -> redis.call("RPUSH", "jobs", element));
        assertThat(oldest()).isEmpty();

        redis.call("RPUSH", "jobs", "{ \"enqueuedAt\" : 1000.5 , \"id\": \"c\" }");
        assertThat(oldest().orElseThrow()).isGreaterThan(Duration.ofDays(365));

        redis.call("LPUSH", "jobs", "{\"id\":\"d\"}");
        assertThat(oldest()).isEmpty();
    }

    @Test
    @StoredStateMayBeBroken("the frames are made up")
    void whatWasClaimedBeforeOrIsCancelledIsNotTheOldest() {
        TaskClient client = sluice.client(JOBS);
        redis.call("RPUSH", "{jobs}:ready", "\u0001c1,0,1 again\n{\"type\":\"stay\"" + since(90_000_000) + "}");
        redis.call("RPUSH", "{jobs}:ready", "\u0001c0,0,0 cancelled\n{\"type\":\"stay\"" + since(90_000_000) + "}");
        redis.call("HSET", "job_status", "cancelled", "queued");
        client.cancel("cancelled").block(SOON);
        assertThat(oldest()).isEmpty();

        client.enqueue(Task.of("stay", 1)).block(SOON);

        assertThat(oldest().orElseThrow()).isLessThan(SOON);
    }

    @Test
    void anOwnTaskOfAnySizeSaysItFromItsEnd() {
        sluice.client(JOBS).enqueue(Task.of("stay", "x".repeat(200_000))).block(SOON);

        assertThat(oldest().orElseThrow()).isLessThan(SOON);
    }

    @Test
    void aClockThatIsAheadMakesNoNegativeAge() {
        sluice.client(JOBS).status("nothing").block(SOON);
        redis.call("RPUSH", "jobs", "{\"id\":\"a\"" + since(-3_600_000) + "}");

        assertThat(oldest()).contains(Duration.ZERO);
    }

    @Test
    void ofAnAtMostOnceQueueItIsNotCountedWhatRuns() {
        Queue clicks = Queue.named("clicks").delivery(DeliveryMode.AT_MOST_ONCE);
        sluice.client(clicks).enqueue(Task.of("click", 1)).block(SOON);

        assertThat(info("clicks"))
                .isEqualTo(new QueueInfo(
                        clicks,
                        1,
                        0,
                        0,
                        OptionalLong.empty(),
                        0,
                        OptionalLong.of(0),
                        false,
                        false,
                        0,
                        Optional.empty()));
    }

    @Test
    void whoServesAnAtMostOnceQueueSaysHowManyTasksHeHas() {
        Queue clicks = Queue.named("clicks").delivery(DeliveryMode.AT_MOST_ONCE);
        Sinks.Empty<Void> end = Sinks.empty();
        Dispatcher dispatcher = sluice.dispatcher(clicks).handler("click", Integer.class, task -> end.asMono());
        dispatcher.start().block(SOON);
        sluice.client(clicks)
                .enqueueAll(Flux.range(0, 70).map(i -> Task.of("click", i)))
                .blockLast(SOON);

        eventually(() -> assertThat(
                        sluice.dispatchers(Queue.named("clicks")).collectList().block(SOON))
                .singleElement()
                .satisfies(only -> assertThat(only.running()).isEqualTo(70))
                .satisfies(only -> assertThat(only.leaseLeft()).isPositive()));
        assertThat(info("clicks").dispatchers()).hasValue(1);
        end.tryEmitEmpty();
        dispatcher.stop(SOON).block(SOON);
        assertThat(info("clicks").dispatchers()).hasValue(0);
    }

    @Test
    void lookingAtAQueueThatNobodyKnowsLeavesNoTrace() {
        StepVerifier.create(sluice.queue("nobody")).verifyComplete();
        StepVerifier.create(sluice.queues()).verifyComplete();
        StepVerifier.create(sluice.queue("{nobody}")).verifyError(InvalidTaskException.class);

        assertThat(redis.call("DBSIZE")).isEqualTo(0L);
    }

    @Test
    @StoredStateMayBeBroken("foreign keys that look like a queue's are in the way")
    void everyQueueIsFoundOnceAmongForeignKeys() {
        foreignKeys(20_000);
        redis.call("SET", "{text}:meta", "of another type");
        redis.call("HSET", "{other}:meta", "protocol", "of somebody else");
        redis.call("HSET", "{od d}:meta", "protocol", "1", "delivery", "at-least-once", "status-key", "s");
        List<String> names =
                Flux.range(1, 25).map(i -> "queue-" + i).collectList().block(SOON);
        names.forEach(name -> sluice.client(Queue.named(name)).status("nothing").block(SOON));

        StepVerifier.create(sluice.queues().map(info -> info.queue().name()).collectSortedList())
                .expectNext(names.stream().sorted().toList())
                .verifyComplete();
    }

    @Test
    @StoredStateMayBeBroken("one queue cannot be counted")
    void anObserverHearsWhatAWalkCountsWholeOrInPages() {
        List<String> heard = new ArrayList<>();
        Observer observer = new Observer() {
            @Override
            public void counted(QueueInfo info) {
                heard.add(info.queue().name());
            }

            @Override
            public void uncounted(String queue) {
                heard.add("not " + queue);
            }
        };
        Sluice observed = Sluice.builder().uri(redis.uri()).observer(observer).build();
        observed.client(JOBS).status("nothing").block(SOON);

        observed.queues().blockLast(SOON);
        observed.queues(null).block(SOON);
        redis.call("SET", "{jobs}:ready", "no list");
        observed.queues().onErrorComplete().blockLast(SOON);
        observed.queues(null).onErrorComplete().block(SOON);

        assertThat(heard).containsExactly("jobs", "jobs", "not jobs", "not jobs");
        redis.call("DEL", "{jobs}:ready");
        observed.queue("jobs").block(SOON);
        redis.call("DEL", "{jobs}:meta");
        assertThat(observed.queue("jobs").block(SOON)).isNull();
        assertThat(heard.subList(4, 6)).containsExactly("jobs", "not jobs");
        observed.close().block(SOON);
    }

    @Test
    void aWalkThatIsNotAskedForMoreStops() {
        foreignKeys(20_000);
        Flux.range(1, 25)
                .map(i -> "queue-" + i)
                .toIterable()
                .forEach(name ->
                        sluice.client(Queue.named(name)).status("nothing").block(SOON));
        redis.call("CONFIG", "RESETSTAT");

        StepVerifier.create(sluice.queues(), 1).expectNextCount(1).thenCancel().verify(SOON);

        assertThat(calls("scan")).isBetween(1, 15);
    }

    @Test
    @StoredStateMayBeBroken("that is what is examined")
    void anExaminationNamesWhatIsBroken() {
        sluice.client(JOBS).enqueue(Task.of("stay", 1).id("a")).block(SOON);
        assertThat(sluice.examine(JOBS).block(SOON).isClean()).isTrue();

        redis.call("HSET", "job_status", "a", "dead", "b", "processing");

        assertThat(sluice.examine(JOBS).block(SOON).findings())
                .containsExactlyInAnyOrder(
                        new Finding(Finding.Kind.STATUS_FALSE, "a", "'dead' and waiting", false),
                        new Finding(Finding.Kind.STATUS_GHOST, "b", "'processing' and nowhere", false));
    }

    @Test
    @StoredStateMayBeBroken("that is what is examined")
    void ofAnAtMostOnceQueueNobodyCanTellWhatStillRuns() {
        Queue clicks = Queue.named("clicks").delivery(DeliveryMode.AT_MOST_ONCE);
        sluice.client(clicks).status("nothing").block(SOON);
        redis.call("HSET", "{clicks}:status", "b", "processing");

        assertThat(sluice.examine(clicks).block(SOON).isClean()).isTrue();
        assertThat(sluice.examine(clicks).block(SOON).doubts())
                .extracting(Finding::kind, Finding::subject)
                .containsExactly(tuple(Finding.Kind.RUNNING_OR_LOST, "b"));
    }

    @Test
    void theServerSaysWhatItIs() {
        ServerInfo server = sluice.server().block(SOON);

        assertThat(server.version()).matches("(6\\.2|7\\.0)\\.\\d+");
        assertThat(server.maxmemoryPolicy()).isEqualTo("noeviction");
        assertThat(server.appendOnly()).isFalse();
        assertThat(server.appendFsync()).isEqualTo("everysec");
        assertThat(server.role()).isEqualTo("master");
        assertThat(server.replicas()).isZero();
        assertThat(server.minReplicasToWrite()).isEqualTo("0");
        assertThat(server.hints()).extracting(ServerInfo.Hint::code).contains("no-append-only-file");
    }

    /** All but the age of the oldest, which is another at each look. */
    private QueueInfo info(String name) {
        QueueInfo all = sluice.queue(name).block(SOON);
        return new QueueInfo(
                all.queue(),
                all.waiting(),
                all.cancelled(),
                all.delayed(),
                all.running(),
                all.dead(),
                all.dispatchers(),
                all.paused(),
                all.draining(),
                all.pushed(),
                Optional.empty());
    }

    private Optional<Duration> oldest() {
        return sluice.queue("jobs").block(SOON).oldest();
    }

    private static String since(long ageMs) {
        return ",\"enqueuedAt\":" + (System.currentTimeMillis() - ageMs);
    }

    private static QueueInfo counts(long waiting, long delayed, long running, long dead, long dispatchers) {
        return new QueueInfo(
                JOBS,
                waiting,
                0,
                delayed,
                OptionalLong.of(running),
                dead,
                OptionalLong.of(dispatchers),
                false,
                false,
                0,
                Optional.empty());
    }

    private void foreignKeys(int count) {
        try (RedisWire wire = redis.wire()) {
            for (int i = 0; i < count; i++) {
                wire.send("SET", "foreign:" + i, "x");
            }
            for (int i = 0; i < count; i++) {
                wire.reply();
            }
        }
    }

    private int calls(String command) {
        return redis.call("INFO", "commandstats")
                .toString()
                .lines()
                .filter(line -> line.startsWith("cmdstat_" + command + ":"))
                .mapToInt(line -> Integer.parseInt(line.replaceAll(".*:calls=(\\d+),.*", "$1")))
                .sum();
    }
}
