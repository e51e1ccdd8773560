package dev.sluice.redis;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.redis.OneQueue.Held;
import dev.sluice.redis.OneQueue.Worker;
import dev.sluice.redis.ScheduleStore.Fate;
import dev.sluice.redis.ScheduleStore.MayReplace;
import dev.sluice.task.Misfire;
import dev.sluice.task.Overlap;
import dev.sluice.task.StoreRefusedException;
import dev.sluice.task.Timing;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.StoredStateMayBeBroken;
import io.lettuce.core.RedisURI;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a user who lacks a command costs: Redis looks at each command of a script by itself, also behind the first write. */
@OnEveryRedis
class RightsRedisTest {
    private final OneQueue q;

    RightsRedisTest(RedisServer redis) {
        this.q = new OneQueue(redis);
    }

    @AfterEach
    void close() {
        allowAll();
        q.close();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "rpush",
                "lpush",
                "ltrim",
                "zadd",
                "zrem",
                "zremrangebyrank",
                "sadd",
                "srem",
                "hincrby",
                "set",
                "hset",
                "hdel"
            })
    void aDispatcherThatLacksACommandIsRefusedAsItJoins(String command) {
        q.wire.call("ACL", "SETUSER", "app", "on", ">pw", "~*", "&*", "+@all", "-" + command);
        RedisLinks links = RedisLinks.own(RedisURI.create(q.redis.uri().replace("redis://", "redis://app:pw@")), null);
        try {
            assertThatThrownBy(() -> OneQueue.await(links.claims(q.queue, 3).join("a", OneQueue.LEASE)))
                    .isInstanceOfSatisfying(
                            StoreRefusedException.class,
                            refusal -> assertThat(refusal.reason()).isEqualTo("permission"));
            assertThat(q.wire.call("EXISTS", q.key("dispatchers"))).isEqualTo(0L);
        } finally {
            OneQueue.await(links.close());
            q.wire.call("ACL", "DELUSER", "app");
        }
    }

    @Test
    void theRefusalNamesTheCommand() {
        q.wire.call("ACL", "SETUSER", "default", "-lpush");

        assertThatThrownBy(() -> q.worker("a")).hasMessageContaining("may not run 'lpush'");
    }

    @Test
    void whatAClaimMayNotWriteIsStillInItsList() {
        Worker worker = q.worker("a");
        q.enqueue(0, 3);

        forbid("hset");
        assertThatThrownBy(() -> worker.claim(3)).isInstanceOf(StoreRefusedException.class);

        assertThat(q.len("ready")).isEqualTo(3L);
    }

    @Test
    void whatMayNotBeGivenBackIsStillHeld() {
        Worker worker = q.worker("a");
        q.enqueue("x");
        Held held = worker.claimOne();

        forbid("lpush");
        assertThatThrownBy(() -> worker.settle(call -> call.release(held.token())))
                .isInstanceOf(StoreRefusedException.class);
        allowAll();

        q.lapse(worker);
        assertThat(q.recover(worker).moved()).isOne();
        assertThat(q.worker("b").drain()).containsExactly("x");
    }

    @ParameterizedTest
    @ValueSource(strings = {"lpush", "hset"})
    void whatMayNotBeTakenBackIsStillItsOwners(String command) {
        Worker worker = q.worker("a");
        q.enqueue(0, 3);
        worker.claim(3);
        q.lapse(worker);

        forbid(command);
        assertThatThrownBy(() -> q.recover(worker)).isInstanceOf(StoreRefusedException.class);
        allowAll();

        q.recoverAll(worker);
        assertThat(q.worker("b").drain()).contains("t0", "t1", "t2");
    }

    @Test
    void whatMayNotBePromotedIsStillDue() {
        Worker worker = q.worker("a");
        q.enqueue("x");
        Held held = worker.claimOne();
        worker.settle(call -> call.snooze(held.token(), 1));
        OneQueue.pause(5);

        forbid("rpush");
        assertThatThrownBy(q::round).isInstanceOf(StoreRefusedException.class);
        allowAll();

        q.round();
        assertThat(worker.drain()).containsExactly("x");
    }

    @Test
    void whatMayNotBeRedrivenIsStillDead() {
        Worker worker = q.worker("a");
        q.enqueue("x");
        Held held = worker.claimOne();
        worker.settle(call -> call.dead(held.token(), "{}"));

        forbid("rpush");
        assertThatThrownBy(() -> OneQueue.await(q.links.dead(q.queue).redrive(List.of("x".getBytes(UTF_8)))))
                .isInstanceOf(StoreRefusedException.class);
        allowAll();

        assertThat(q.wire.call("ZRANGE", q.key("dead"), "0", "-1")).isEqualTo(List.of("x"));
        assertThat(q.examine().isClean()).isTrue();
        OneQueue.await(q.links.dead(q.queue).redrive(List.of("x".getBytes(UTF_8))));
        assertThat(worker.drain()).containsExactly("x");
    }

    @ParameterizedTest
    @ValueSource(strings = {"hincrby", "hset"})
    void whatMayNotBeMarkedAsCancelledWaitsAndSaysSo(String command) {
        Worker worker = q.worker("a");
        q.enqueue("x", "y");

        forbid(command);
        assertThatThrownBy(() -> q.cancel("x")).isInstanceOf(StoreRefusedException.class);
        assertThatThrownBy(() -> OneQueue.await(q.producer.sweep("ready", 0, "", "", "", true)))
                .isInstanceOf(StoreRefusedException.class);
        allowAll();

        assertThat(q.status("x")).isEqualTo("queued");
        assertThat(q.status("y")).isEqualTo("queued");
        assertThat(q.examine().isClean()).isTrue();
        assertThat(worker.drain()).containsExactly("x", "y");
    }

    @ParameterizedTest
    @ValueSource(strings = {"x", "\1c x\2no line", "no frame"})
    void whatMayNotBeRepairedIsStillThere(String body) {
        Worker worker = q.worker("a");
        q.enqueue("x");
        worker.claimOne();
        if (!body.equals("x")) {
            q.wire.call("HSET", q.key("bodies"), "x", body);
        }
        q.wire.call("DEL", q.key("claimed:a"));
        q.wire.call("ZREM", q.key("dispatchers"), "a");

        forbid("rpush");
        forbid("lpush");
        assertThatThrownBy(() -> OneQueue.await(q.doctor().repair())).isInstanceOf(StoreRefusedException.class);
        allowAll();

        assertThat(q.wire.call("HLEN", q.key("bodies"))).isEqualTo(1L);
        OneQueue.await(q.doctor().repair());
        assertThat(q.wire.call("HLEN", q.key("bodies"))).isEqualTo(0L);
        assertThat(q.worker("b").claimIds(2)).hasSize(1);
    }

    /** It must not be called paused while its ticks come. */
    @ParameterizedTest
    @ValueSource(strings = {"hset", "zadd"})
    void aScheduleThatMayNotBePausedIsNotCalledSoWhileItFires(String command) {
        ScheduleStore store = q.links.schedules(q.queue);
        OneQueue.await(q.producer.introduce());
        ScheduleRule rule = new ScheduleRule("t", Timing.every(Duration.ofMinutes(1)), Misfire.once(), Overlap.ALLOW);
        OneQueue.await(store.put(
                MayReplace.NOBODY, "a", "test", rule, "{\"type\":\"t\"}".getBytes(UTF_8), Instant.ofEpochMilli(1)));

        forbid(command);
        assertThatThrownBy(() -> OneQueue.await(store.pause("a"))).isInstanceOf(StoreRefusedException.class);
        allowAll();

        assertThat(OneQueue.await(store.find("a")).paused()).isFalse();
        assertThat(OneQueue.await(store.due(0)).records()).hasSize(1);
        assertThat(OneQueue.await(store.pause("a")).fate()).isEqualTo(Fate.DONE);
        assertThat(OneQueue.await(store.due(0)).records()).isEmpty();
    }

    /** Nobody else has it any more: it is kept and given back when that is allowed, and once. */
    @ParameterizedTest
    @ValueSource(strings = {"set", "hset", "zadd", "lpush"})
    void whatMayNotBeKeptIsKeptOnceItMay(String command) {
        PopStore pops = q.links.pops(q.queue);
        q.enqueue("dead", "back");
        List<Frame> popped = OneQueue.await(pops.popMany(false, 2)).elements().stream()
                .map(Frame::read)
                .toList();
        List<PopStore.Burial> burials =
                List.of(new PopStore.Burial(0, popped.get(0), "{}"), PopStore.Burial.notRun(0, popped.get(1)));

        forbid(command);
        assertThatThrownBy(() -> OneQueue.await(pops.bury("me", "nobody", 1, burials)))
                .isInstanceOf(StoreRefusedException.class);
        allowAll();
        OneQueue.await(pops.bury("me", "nobody", 1, burials));
        OneQueue.await(pops.bury("me", "nobody", 1, burials));

        assertThat(q.wire.call("ZRANGE", q.key("dead"), "0", "-1")).isEqualTo(List.of("dead"));
        assertThat(q.len("ready")).isEqualTo(1L);
        assertThat(q.status("back")).isEqualTo("queued");
        assertThat(OneQueue.await(pops.popMany(false, 2)).elements()).hasSize(1);
        q.wire.call("HDEL", q.queue.statusKey(), "back");
    }

    /** What another program wrote into a body is nobody's frame; it is run as it is, as what the doctor finds. */
    @Test
    void aBodyThatCannotBeReadTakesNoOtherWithIt() {
        Worker worker = q.worker("a");
        q.enqueue(0, 6);
        worker.claim(6);
        q.wire.call("HSET", q.key("bodies"), "t3", "garbage");
        q.lapse(worker);

        assertThat(q.recover(worker).moved()).isEqualTo(6);

        assertThat(q.len("ready")).isEqualTo(6L);
        assertThat(q.status("t3")).isNull();
        assertThat(q.worker("b").claim(6))
                .extracting(Held::id)
                .contains("t0", "t1", "t2", "t4", "t5")
                .doesNotContain("t3");
    }

    @Test
    @StoredStateMayBeBroken("a body is nobody's")
    void aBodyThatCannotBeReadKeepsNoForeignTwinInTheQueue() {
        q.wire.call("HSET", q.key("bodies"), "x", "garbage");
        q.push("{\"id\":\"x\"}");
        q.push("{\"id\":\"y\"}");

        assertThat(q.worker("a").claim(6)).extracting(Held::id).containsExactly("y");

        assertThat((List<?>) q.wire.call("HVALS", q.key("dead:bodies")))
                .singleElement()
                .asString()
                .contains("duplicate-id");
    }

    @Test
    void aBodyThatCannotBeReadIsSettledWithTheOthers() {
        Worker worker = q.worker("a");
        q.enqueue(0, 4);
        List<Held> held = worker.claim(4);
        for (Held it : held) {
            q.wire.call("HSET", q.key("bodies"), it.id(), "\1c no line");
        }

        worker.settle(call -> {
            call.retry(held.get(0).token(), Duration.ofMinutes(1).toMillis(), "{}");
            call.dead(held.get(1).token(), "{}");
            call.release(held.get(2).token());
            call.snooze(held.get(3).token(), 60_000);
        });

        assertThat(q.wire.call("EXISTS", q.key("bodies"), q.key("delayed"), q.key("dead"), q.queue.statusKey()))
                .isEqualTo(0L);
        assertThat(q.len("ready")).isEqualTo(4L);
    }

    private void forbid(String command) {
        q.wire.call("ACL", "SETUSER", "default", "-" + command);
    }

    private void allowAll() {
        q.wire.call("ACL", "SETUSER", "default", "+@all");
    }
}
