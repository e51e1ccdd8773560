package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.always;
import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.codec.JsonCodec;
import dev.sluice.redis.RedisLinks;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Task;
import dev.sluice.task.TaskId;
import dev.sluice.task.Verdict;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.Private;
import dev.sluice.testkit.RedisServer;
import io.lettuce.core.RedisURI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedTransferQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import reactor.test.StepVerifier;

/** A pump whose consumer is the test: it ends tasks at instants that a handler meets by chance. */
@OnEveryRedis
class PumpsRedisTest extends DispatchCase {
    private static final Duration A_WHILE = Duration.ofMillis(300);
    private static final Pattern BLOCKED = Pattern.compile("(?m)^id=(\\d+) .* flags=b ");

    private final EventLoop loop = new EventLoop();
    private final HandlerPool pool = new HandlerPool();
    private HeldBytes bytes = HeldBytes.ofThisHeap();
    private final RedisLinks links;

    PumpsRedisTest(RedisServer redis) {
        super(redis);
        links = RedisLinks.own(RedisURI.create(redis.uri()), null);
        loop.begin();
        TaskId.random(); // as a dispatcher does: its first random numbers may block, and not on the loop
    }

    @AfterEach
    void close() {
        pool.close();
        loop.close();
        links.close().block(PATIENCE);
    }

    @Test
    void aWaitWhoseConnectionIsLostIsFollowedByAnother() {
        ClaimPump pump = new ClaimPump(parts(), queue, settings, new Doing(attempt -> {}));
        pump.start().block(PATIENCE);
        eventually(() -> assertThat(blocked()).hasSize(2)); // the doorbell, and foreign pushes
        List<String> lost = blocked();

        lost.forEach(id -> wire.call("CLIENT", "KILL", "ID", id));

        eventually(() -> assertThat(blocked()).hasSize(2).doesNotContainAnyElementsOf(lost));
        pump.stop(GRACE).block(PATIENCE);
    }

    /** A process that stood still for longer than its lease may start what it had claimed before anything else of it turns. */
    @Test
    void nothingIsStartedOnceItsLeaseMayBeOver() throws Exception {
        enqueue(task("a"));
        BlockingQueue<Attempt> got = new LinkedTransferQueue<>();
        ClaimPump pump = new ClaimPump(parts(), queue, settings, new Doing(got::add));
        pump.start().block(PATIENCE);
        Attempt attempt = got.poll(20, TimeUnit.SECONDS);
        long now = System.nanoTime();

        assertThat(pump.refusesStart(attempt, now)).isFalse();
        assertThat(pump.refusesStart(attempt, now + parts().lease().toNanos())).isTrue();

        attempt.end(Verdict.succeeded());
        pump.stop(GRACE).block(PATIENCE);
    }

    /** Tokens are numbered in each life anew: in the next one the same token is another claim. */
    @Test
    void anEndThatComesAfterTheLossOfItsLeaseSettlesNothingInTheNextLife() throws Exception {
        enqueue(task("a"));
        BlockingQueue<Attempt> got = new LinkedTransferQueue<>();
        ClaimPump pump = new ClaimPump(parts(), queue, settings, new Doing(got::add));
        pump.start().block(PATIENCE);
        Attempt lost = got.poll(20, TimeUnit.SECONDS);
        Attempt late = new Attempt(pump, lost.holdings(), lost.frame(), lost.token()); // abandoning does not find it

        links.claims(queue, 3).leave(incarnations().get(0)).block(PATIENCE);
        Attempt again = got.poll(20, TimeUnit.SECONDS);
        assertThat(again.token()).isEqualTo(lost.token());
        late.end(Verdict.succeeded());
        again.end(Verdict.dead("its own"));

        assertThat(deadLetter("a")).contains("its own");
        pump.stop(GRACE).block(PATIENCE);
    }

    /** As an error of the machine would: the tasks in between were nobody's for as long as the lease is renewed. */
    @Test
    void aStepThatIsCutOffInTheMiddleEndsThisLifeAndGivesBackAllThatItHeld() throws Exception {
        enqueue(task("a"), task("b"), task("c"));
        BlockingQueue<Attempt> got = new LinkedTransferQueue<>();
        AtomicInteger claims = new AtomicInteger();
        ClaimPump pump = new ClaimPump(parts(), queue, settings, new Doing(attempt -> {
            if (claims.getAndIncrement() == 0) {
                throw new OutOfMemoryError("on purpose, as its claim is answered");
            }
            got.add(attempt);
        }));
        pump.start().block(PATIENCE);

        List<Attempt> second = inOneLife(got, 3);
        loop.execute(() -> {
            second.get(0).end(Verdict.succeeded());
            second.get(1).end(null); // to settle that throws
        });
        List<Attempt> third = inOneLife(got, 3);
        assertThat(told.recovered).hasValue(0);
        assertThat(third).extracting(it -> it.frame().id()).containsExactlyInAnyOrder("a", "b", "c");
        assertThat(third).allMatch(it -> it.frame().crashes() == 0 && it.number() == 1);
        assertThat(incarnations()).hasSize(1);

        third.forEach(attempt -> attempt.end(Verdict.succeeded()));
        eventually(this::assertEmpty);
        pump.stop(GRACE).block(PATIENCE);
    }

    /** As where a machine has too many: what a subscriber has asked for and not got it has still asked for. */
    @ParameterizedTest
    @EnumSource
    void whoseThreadCannotBeStartedAtOnceIsServedLater(DeliveryMode mode) {
        deliver(mode);
        AtomicInteger starts = new AtomicInteger();
        long until = System.nanoTime() + 2_000_000_000L;
        ExecutorService thread = Executors.newSingleThreadScheduledExecutor(work -> {
            if (starts.getAndIncrement() == 0 || System.nanoTime() - until < 0) {
                throw new OutOfMemoryError("on purpose: unable to create native thread");
            }
            return new Thread(work, "late");
        });
        Receiver<Object> receiver = new Receiver<>(() -> thread, new Opening(JsonCodec.standard()), Object.class);
        Pump pump = mode == DeliveryMode.AT_LEAST_ONCE
                ? new ClaimPump(parts(), queue, settings, receiver)
                : new PopPump(parts(), queue, settings, receiver);
        receiver.attach(pump);
        pump.start().block(PATIENCE);
        enqueue(task("a"));

        StepVerifier.create(receiver.concatMap(Delivery::ack, 1).take(1))
                .expectNext(true)
                .expectComplete()
                .verify(PATIENCE);

        assertThat(starts).hasValueBetween(2, 12);
        pump.stop(GRACE).block(PATIENCE);
        thread.shutdown();
        eventually(this::assertEmpty);
    }

    /** Their number is bounded, and they may be large: nothing is taken while what is held has much already. */
    @ParameterizedTest
    @EnumSource
    void noMoreIsHeldThanHasRoom(DeliveryMode mode) throws Exception {
        deliver(mode);
        bytes = new HeldBytes(1_000_000);
        String large = "x".repeat(200_000);
        enqueue(IntStream.range(0, 40)
                .mapToObj(i -> Task.of("t", large).id("t" + i))
                .toArray(Task<?>[]::new));
        BlockingQueue<Attempt> got = new LinkedTransferQueue<>();
        Pump pump = mode == DeliveryMode.AT_LEAST_ONCE
                ? new ClaimPump(parts(), queue, settings, new Doing(got::add))
                : new PopPump(parts(), queue, settings, new Doing(got::add));
        pump.start().block(PATIENCE);

        eventually(() -> assertThat(got).hasSizeGreaterThanOrEqualTo(5));
        always(A_WHILE, () -> assertThat(got).hasSizeLessThanOrEqualTo(5 + 4 * 6)); // four calls may be under way
        int held = got.size();
        for (int i = 0; i < 40; i++) {
            got.poll(20, TimeUnit.SECONDS).end(Verdict.succeeded());
        }

        assertThat(held).isLessThan(40);
        eventually(this::assertEmpty);
        enqueue(IntStream.range(0, 5)
                .mapToObj(i -> Task.of("t", large).id("again" + i))
                .toArray(Task<?>[]::new));
        eventually(() -> assertThat(got).as("there is room again").hasSize(5));
        got.forEach(attempt -> attempt.end(Verdict.succeeded()));
        pump.stop(GRACE).block(PATIENCE);
    }

    @Test
    void theWordOfATaskThatDiedBeforeItCouldBeWrittenIsNotWrittenOverItsDeath() {
        deliver(DeliveryMode.AT_MOST_ONCE);
        enqueue(task("a"));
        PopPump pump = new PopPump(parts(), queue, settings, new Doing(attempt -> attempt.end(Verdict.dead("no"))));

        pump.start().block(PATIENCE);
        deadLetter("a");
        String record = key("claimed:" + incarnations().get(0));
        always(A_WHILE, () -> assertThat(wire.call("EXISTS", record)).isEqualTo(0L)); // there was nothing to write
        pump.stop(GRACE).block(PATIENCE);

        assertThat(status("a")).isEqualTo("dead");
    }

    /** However long its first word takes: that is sent until it is written, and must not come after the last one. */
    @Test
    void theDeathOfATaskWaitsForTheWordThatIsBeingWritten(@Private RedisServer own) throws Exception {
        deliver(DeliveryMode.AT_MOST_ONCE);
        RedisLinks as = asApp(own);
        BlockingQueue<Attempt> got = new LinkedTransferQueue<>();
        PopPump pump = popping(as, got);

        own.call("ACL", "SETUSER", "app", "-hget"); // of all that is run here only that word needs it
        own.call("RPUSH", "q", "{\"id\":\"a\",\"type\":\"t\"}");
        Attempt attempt = got.poll(20, TimeUnit.SECONDS);
        LockSupport.parkNanos(A_WHILE.toNanos()); // it is tried
        attempt.end(Verdict.dead("no"));
        always(
                A_WHILE,
                () -> assertThat(own.call("EXISTS", queue.statusKey(), key("dead")))
                        .isEqualTo(0L));

        own.call("ACL", "SETUSER", "app", "+hget");
        pump.stop(GRACE).block(PATIENCE); // when all is kept
        assertThat(own.call("HGET", queue.statusKey(), "a")).isEqualTo("dead");
        assertThat(own.call("ZCARD", key("dead"))).isEqualTo(1L);
        assertThat(own.call("ZCARD", key("dispatchers"))).isEqualTo(0L);
        as.close().block(PATIENCE);
    }

    /** What is written under the old name is there until another is known; and what is taken could be written under neither. */
    @Test
    void betweenTwoNamesNothingIsTakenAndWhatDiesLeavesTheRecordOfTheOldOne() throws Exception {
        deliver(DeliveryMode.AT_MOST_ONCE);
        BlockingQueue<Attempt> got = new LinkedTransferQueue<>();
        PopPump pump = popping(links, got);
        enqueue(task("a"));
        Attempt a = got.poll(20, TimeUnit.SECONDS);
        eventually(() -> assertThat(status("a")).isEqualTo("processing"));
        String old = incarnations().get(0);

        Attempt b;
        try (LogTap log = new LogTap()) {
            wire.call("HSET", key("meta"), "status-key", "another"); // no name can be had
            wire.call("ZADD", key("dispatchers"), "0", old);
            wire.call("RPUSH", "q", "{\"id\":\"b\",\"type\":\"t\"}");
            b = got.poll(20, TimeUnit.SECONDS); // whose word cannot be written, upon which it is known
            eventually(() -> assertThat(log.warnings()).anyMatch(it -> it.contains("Redis refuses")));
        }
        wire.call("RPUSH", "q", "{\"id\":\"c\",\"type\":\"t\"}");
        a.end(Verdict.dead("no"));
        deadLetter("a");
        b.end(Verdict.dead("no")); // whose word will never come
        deadLetter("b");
        wire.call("HSET", queue.statusKey(), "a", "processing"); // redriven, and another's
        always(Duration.ofSeconds(1), () -> assertThat(wire.call("LLEN", "q")).isEqualTo(1L));

        wire.call("HSET", key("meta"), "status-key", queue.statusKey());
        Attempt c = got.poll(20, TimeUnit.SECONDS);
        eventually(() -> assertThat(status("c")).isEqualTo("processing"));
        assertThat(incarnations()).hasSize(1).doesNotContain(old);
        assertThat(status("a")).isEqualTo("processing");
        assertThat(status("b")).isEqualTo("dead");
        c.end(Verdict.succeeded());
        pump.stop(GRACE).block(PATIENCE);
        assertThat(wire.call("HLEN", queue.statusKey())).isEqualTo(2L);
        wire.call("HSET", queue.statusKey(), "a", "dead");
    }

    /** Though what asks whether Redis answers is answered: without a name it takes nothing, and that is not to look well. */
    @Test
    void whoIsRefusedAnotherNameSaysSoOnceUntilHeHasOne(@Private RedisServer own) throws Exception {
        deliver(DeliveryMode.AT_MOST_ONCE);
        RedisLinks as = asApp(own);
        BlockingQueue<Attempt> got = new LinkedTransferQueue<>();
        PopPump pump = popping(as, got);
        try (LogTap log = new LogTap()) {
            own.call("ACL", "SETUSER", "app", "-lpush"); // which a join asks for
            List<?> names = (List<?>) own.call("ZRANGE", key("dispatchers"), "0", "-1");
            own.call("ZADD", key("dispatchers"), "0", (String) names.get(0));
            own.call("RPUSH", "q", "{\"id\":\"a\",\"type\":\"t\"}");

            eventually(() -> assertThat(log.warnings()).anyMatch(it -> it.contains("Redis refuses")));
            LockSupport.parkNanos(Duration.ofMillis(1500).toNanos());
            assertThat(log.lines())
                    .filteredOn(it -> it.contains("Redis refuses"))
                    .hasSize(1);
            assertThat(log.lines()).noneMatch(it -> it.contains("serves this queue again"));

            own.call("ACL", "SETUSER", "app", "+lpush");
            eventually(() -> assertThat(log.lines()).anyMatch(it -> it.contains("serves this queue again")));
        }
        Attempt a = got.poll(20, TimeUnit.SECONDS);
        own.call("RPUSH", "q", "{\"id\":\"b\",\"type\":\"t\"}");
        Attempt b = got.poll(20, TimeUnit.SECONDS);
        a.end(Verdict.succeeded());
        b.end(Verdict.succeeded());
        pump.stop(GRACE).block(PATIENCE);
        as.close().block(PATIENCE);
    }

    /** More than one script can take: each goes in its turn. */
    @Test
    void allThatEndedWhileNothingCouldBeWrittenIsWrittenUnderAnotherName(@Private RedisServer own) throws Exception {
        deliver(DeliveryMode.AT_MOST_ONCE);
        int tasks = 4_200;
        settings = settings.concurrency(5_000);
        RedisLinks as = asApp(own);
        BlockingQueue<Attempt> got = new LinkedTransferQueue<>();
        PopPump pump = popping(as, got);
        own.call("ACL", "SETUSER", "app", "-hget");
        String task = "{\"type\":\"t\",\"id\":\"%d\"}";
        String[] push = Stream.concat(
                        Stream.of("RPUSH", "q"), IntStream.range(0, tasks).mapToObj(task::formatted))
                .toArray(String[]::new);
        own.call(push); // no status of theirs has come yet

        eventually(() -> assertThat(got).hasSizeGreaterThan(4_000));
        got.forEach(attempt -> attempt.end(Verdict.succeeded()));
        List<?> names = (List<?>) own.call("ZRANGE", key("dispatchers"), "0", "-1");
        own.call("ZADD", key("dispatchers"), "0", (String) names.get(0));
        own.call("ACL", "SETUSER", "app", "+hget");

        eventually(() -> {
            got.forEach(attempt -> attempt.end(Verdict.succeeded())); // also what is popped only now
            assertThat(own.call("ZCARD", key("late"))).isEqualTo((long) tasks);
        });
        assertThat(own.call("HLEN", queue.statusKey())).isEqualTo(0L);
        pump.stop(GRACE).block(PATIENCE);
        as.close().block(PATIENCE);
    }

    /** In one round of the loop: first the stop, then the answer that it may not start. */
    @Test
    void aStopThatMeetsTheRefusalOfItsStartEnds() throws Exception {
        wire.call("HSET", key("meta"), "delivery", "at-least-once");
        deliver(DeliveryMode.AT_MOST_ONCE);
        PopPump pump = new PopPump(parts(), queue, settings, new Doing(attempt -> {}));
        AtomicBoolean letGo = new AtomicBoolean();

        CompletableFuture<Void> started = pump.start().toFuture();
        loop.execute(() -> Blocking.until(letGo));
        CompletableFuture<Void> stopped = pump.stop(GRACE).toFuture();
        LockSupport.parkNanos(A_WHILE.toNanos()); // the refusal arrives
        letGo.set(true);

        stopped.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        started.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    }

    @Test
    void noMoreTasksAreTakenThanMayDieBeforeRedisKeepsOne() {
        deliver(DeliveryMode.AT_MOST_ONCE);
        settings = settings.concurrency(64);
        AtomicInteger taken = new AtomicInteger();
        PopPump pump = new PopPump(parts(), queue, settings, new Doing(attempt -> {
            taken.incrementAndGet();
            attempt.end(Verdict.dead("no"));
        }));
        pump.start().block(PATIENCE);
        int tasks = 2 * PopPump.MOST_UNKEPT;

        wire.call("SET", key("dead"), "no sorted set");
        wire.call(Stream.concat(
                        Stream.of("RPUSH", key("ready")),
                        IntStream.range(0, tasks).mapToObj(i -> "\u0001c t" + i + "\n{\"type\":\"t\"}"))
                .toArray(String[]::new));

        eventually(() -> assertThat(taken).hasValueGreaterThan(PopPump.MOST_UNKEPT));
        always(A_WHILE, () -> assertThat(taken).hasValueLessThanOrEqualTo(PopPump.MOST_UNKEPT + 64));
        wire.call("DEL", key("dead"));
        eventually(() -> assertThat(dead()).isEqualTo(tasks));
        pump.stop(GRACE).block(PATIENCE);
    }

    /** A user whose rights the test takes away and gives back. */
    private static RedisLinks asApp(RedisServer own) {
        own.call("ACL", "SETUSER", "app", "on", ">pw", "~*", "&*", "+@all");
        return RedisLinks.own(RedisURI.create("redis://app:pw@127.0.0.1:" + own.port()), null);
    }

    /** One that has started, and gives what it pops to the test. */
    private PopPump popping(RedisLinks its, BlockingQueue<Attempt> got) {
        PopPump pump = new PopPump(parts(its), queue, settings, new Doing(got::add));
        pump.start().block(PATIENCE);
        return pump;
    }

    /** The next so many that are held at the same time. */
    private static List<Attempt> inOneLife(BlockingQueue<Attempt> got, int count) throws InterruptedException {
        List<Attempt> held = new ArrayList<>();
        while (held.size() < count) {
            Attempt next = got.poll(20, TimeUnit.SECONDS);
            assertThat(next).isNotNull();
            held.removeIf(before -> before.holdings() != next.holdings());
            held.add(next);
        }
        return held;
    }

    private DispatcherParts parts() {
        return parts(links);
    }

    private DispatcherParts parts(RedisLinks its) {
        return new DispatcherParts(its, loop, pool, bytes, told, new Outages(told), Duration.ofSeconds(15), 3);
    }

    /** The connections that wait in a blocking command. */
    private List<String> blocked() {
        return BLOCKED.matcher((String) wire.call("CLIENT", "LIST"))
                .results()
                .map(found -> found.group(1))
                .toList();
    }

    /** Does this with each task, on the loop thread. */
    private record Doing(java.util.function.Consumer<Attempt> each) implements Consumer {
        @Override
        public long demand() {
            return Long.MAX_VALUE;
        }

        @Override
        public void accept(Batch batch) {
            batch.forEach(each);
        }

        @Override
        public boolean handles(String type) {
            return true;
        }

        @Override
        public void stuck(Batch batch) {
            // Nobody starts them here.
        }
    }
}
