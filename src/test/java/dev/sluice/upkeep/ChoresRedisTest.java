package dev.sluice.upkeep;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.dispatch.LogTap;
import dev.sluice.observe.Observer;
import dev.sluice.redis.ClaimStore;
import dev.sluice.redis.Dues;
import dev.sluice.redis.ExchangeCall;
import dev.sluice.redis.Frame;
import dev.sluice.redis.RedisLinks;
import dev.sluice.redis.ScheduleRule;
import dev.sluice.redis.ScheduleStore.MayReplace;
import dev.sluice.task.DeadLetterRetention;
import dev.sluice.task.Misfire;
import dev.sluice.task.Overlap;
import dev.sluice.task.Queue;
import dev.sluice.task.Timing;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.Private;
import dev.sluice.testkit.RedisServer;
import io.lettuce.core.RedisURI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.scheduler.Schedulers;

/** The chores go round by themselves, whatever happens to one round. */
@OnEveryRedis
class ChoresRedisTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final Duration LEASE = Duration.ofSeconds(1);
    private static final byte[] BODY = "{\"type\":\"t\"}".getBytes(StandardCharsets.UTF_8);
    private static final DeadLetterRetention KEPT =
            DeadLetterRetention.standard().maxCount(1000);

    private final RedisServer redis;
    private final RedisLinks links;
    private final Queue queue = Queue.named("q");
    private final AtomicInteger recovered = new AtomicInteger();
    private Disposable running = () -> {};

    ChoresRedisTest(@Private RedisServer redis) {
        this.redis = redis;
        this.links = RedisLinks.own(RedisURI.create(redis.uri()), null);
    }

    @AfterEach
    void stop() {
        running.dispose();
        links.close().block(PATIENCE);
    }

    @Test
    void whatASilentDispatcherHoldsIsTakenBack() {
        claimAs("silent");

        keepUp();

        until(() -> redis.call("LLEN", "{q}:ready").equals(1L));
        until(() -> recovered.get() == 1);
        assertThat(redis.call("HGET", "{q}:status", "a")).isEqualTo("queued");
        assertThat(redis.call("EXISTS", "{q}:claimed:silent")).isEqualTo(0L);
    }

    @Test
    void whoCannotBeRecoveredKeepsNobodyElseFromIt() {
        claimAs("silent");
        redis.call("SET", "{q}:claimed:broken", "in the way");
        redis.call("ZADD", "{q}:dispatchers", "1", "broken"); // the first in line

        keepUp();

        until(() -> recovered.get() == 1);
        running.dispose();
        redis.call("DEL", "{q}:claimed:broken");
        redis.call("ZREM", "{q}:dispatchers", "broken");
    }

    @Test
    void whoCannotBeRecoveredKeepsNoDeadLetterBeyondItsBounds() {
        long now = System.currentTimeMillis();
        for (int i = 0; i < 1005; i++) {
            redis.call("HSET", "{q}:dead:bodies", "d" + i, "{}\n\1c d" + i + "\n{}");
            redis.call("ZADD", "{q}:dead", String.valueOf(now + i), "d" + i);
        }
        redis.call("SET", "{q}:claimed:broken", "in the way");
        redis.call("ZADD", "{q}:dispatchers", "0", "broken"); // as one that is being recovered

        keepUp();

        until(() -> redis.call("ZCARD", "{q}:dead").equals(1000L));
        running.dispose();
        redis.call("DEL", "{q}:claimed:broken");
        redis.call("ZREM", "{q}:dispatchers", "broken");
    }

    @Test
    void whatIsNoHashIsNoForgottenClaim() {
        redis.call("SET", "{q}:claimed:broken", "in the way");
        claimAs("forgotten");
        redis.call("ZREM", "{q}:dispatchers", "forgotten");

        keepUp();

        until(() -> redis.call("LLEN", "{q}:ready").equals(1L));
        assertThat(redis.call("ZSCORE", "{q}:dispatchers", "broken")).isNull();
        redis.call("DEL", "{q}:claimed:broken");
    }

    @Test
    void aClaimedHashWithoutItsDispatcherIsFoundAtTheStart() {
        claimAs("forgotten");
        redis.call("ZREM", "{q}:dispatchers", "forgotten");

        keepUp();

        until(() -> redis.call("LLEN", "{q}:ready").equals(1L));
    }

    @Test
    void aSearchThatFailedIsMadeUpFor() {
        claimAs("forgotten");
        redis.call("ZREM", "{q}:dispatchers", "forgotten");
        redis.pause();
        try {
            keepUp();
            LockSupport.parkNanos(Duration.ofMillis(3500).toNanos());
        } finally {
            redis.resume();
        }

        until(() -> redis.call("LLEN", "{q}:ready").equals(1L));
    }

    /** As where an administrator keeps walks through all keys from everybody. */
    @Test
    void aServerThatForbidsTheSearchHasAllElseDone() {
        claimAs("silent");
        ScheduleRule everySecond =
                new ScheduleRule("t", Timing.every(Duration.ofSeconds(1)), Misfire.once(), Overlap.ALLOW);
        links.schedules(queue)
                .put(MayReplace.NOBODY, "tick", "test", everySecond, BODY, Instant.EPOCH)
                .block(PATIENCE);
        redis.call("ACL", "SETUSER", "default", "-scan");
        try (LogTap log = new LogTap()) {
            keepUp();

            until(() -> recovered.get() == 1);
            until(() -> (Long) redis.call("LLEN", "{q}:ready") >= 2); // what was taken back, and a tick
            until(() -> !refusals(log).isEmpty());
            assertThat(refusals(log)).singleElement().asString().contains("forgotten claims", "NOPERM");
        } finally {
            redis.call("ACL", "SETUSER", "default", "+scan");
        }
    }

    @Test
    void aRoundThatIsCutIsFollowedByTheNext() {
        keepUp();
        for (int i = 0; i < 3; i++) {
            redis.call("CLIENT", "KILL", "TYPE", "normal");
            redis.call("HSET", "{q}:status", "ghost" + i, "queued");
            until(() -> redis.call("HLEN", "{q}:status").equals(0L));
        }
    }

    private void keepUp() {
        Observer counting = new Observer() {
            @Override
            public void recovered(String name, int count) {
                recovered.addAndGet(count);
            }
        };
        running = new Upkeep(
                        links.upkeep(queue, 3),
                        links.schedules(queue),
                        counting,
                        "q",
                        LEASE,
                        KEPT,
                        0,
                        Schedulers.boundedElastic())
                .run(round -> {})
                .subscribe(nothing -> {}, failure -> recovered.set(-1000));
    }

    private static List<String> refusals(LogTap log) {
        return log.warnings().stream().filter(line -> line.contains("NOPERM")).toList();
    }

    /** A dispatcher that claims one task and is never heard of again. */
    private void claimAs(String incarnation) {
        byte[] frame = Frame.ofClient("a", BODY);
        links.producer(queue)
                .enqueue(List.of("a"), List.of(frame), new Dues(), 0)
                .block(PATIENCE);
        ClaimStore store = links.claims(queue, 3);
        store.join(incarnation, LEASE).block(PATIENCE);
        store.exchange(incarnation, store.keysOf(incarnation), new ExchangeCall(1, 1, false))
                .block(PATIENCE);
        assertThat(redis.call("HLEN", "{q}:bodies")).isEqualTo(1L);
    }

    private static void until(java.util.function.BooleanSupplier condition) {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("it should have happened by now").isLessThan(end);
            LockSupport.parkNanos(5_000_000);
        }
    }
}
