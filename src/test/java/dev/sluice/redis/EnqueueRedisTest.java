package dev.sluice.redis;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.redis.EnqueueReply.Fate;
import dev.sluice.redis.OneQueue.Held;
import dev.sluice.redis.OneQueue.Worker;
import dev.sluice.task.TaskState;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.StoredStateMayBeBroken;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

@OnEveryRedis
class EnqueueRedisTest {
    private final OneQueue q;

    EnqueueRedisTest(RedisServer redis) {
        q = new OneQueue(redis);
    }

    @AfterEach
    void close() {
        q.close();
    }

    @Test
    void aTaskForLaterIsPutAsideUntilItsTimeByTheServersClock() {
        long before = q.serverMs();

        assertThat(q.schedule("later", -60_000).fate(0)).isEqualTo(Fate.CREATED);
        assertThat(q.rings()).isTrue();
        assertThat(q.schedule("sooner", before + 30_000).fate(0)).isEqualTo(Fate.CREATED);
        assertThat(q.rings()).as("it is the earliest now").isTrue();
        assertThat(q.schedule("latest", before + 90_000).fate(0)).isEqualTo(Fate.CREATED);
        assertThat(q.rings()).as("nobody has to wait for less than before").isFalse();

        assertThat(q.status("later")).isEqualTo("scheduled");
        assertThat(q.len("ready")).isEqualTo(0L);
        assertThat(q.wire.call("ZRANGE", q.key("delayed"), "0", "-1")).isEqualTo(List.of("sooner", "later", "latest"));
        assertThat(Long.parseLong((String) q.wire.call("ZSCORE", q.key("delayed"), "later")))
                .isBetween(before + 60_000, q.serverMs() + 60_000);
        assertThat(q.worker("a").claimIds(10)).isEmpty();
        q.wire.call("ZADD", q.key("delayed"), "XX", "1", "later");
        assertThat(q.worker("b").claim(10)).hasSize(1).allSatisfy(held -> {
            assertThat(new String(held.body(), UTF_8)).isEqualTo("body of later");
            assertThat(held.frame().attempts()).isZero();
        });
    }

    @Test
    void aTimeThatIsOverIsNow() {
        q.schedule("past", 1);
        q.schedule("present", q.serverMs());

        assertThat(q.status("past")).isEqualTo("queued");
        assertThat(q.worker("a").claimIds(10)).containsExactly("past", "present");
    }

    @Test
    void aScheduledIdLivesAndADeadOneIsReplaced() {
        q.enqueue("a", "b");
        Worker worker = q.worker("w");
        List<Held> held = worker.claim(2);
        worker.settle(call -> {
            call.dead(held.get(0).token(), "{}");
            call.succeeded(held.get(1).token(), false);
        });

        assertThat(q.schedule("a", -60_000).fate(0)).isEqualTo(Fate.CREATED);
        assertThat(q.schedule("b", -60_000).fate(0)).isEqualTo(Fate.CREATED);
        assertThat(q.schedule("a", -1).fate(0)).isEqualTo(Fate.EXISTING);
        assertThat(q.enqueue("a", "b").fate(1)).isEqualTo(Fate.EXISTING);

        assertThat(q.wire.call("ZCARD", q.key("dead"))).isEqualTo(0L);
        assertThat(q.wire.call("ZCARD", q.key("delayed"))).isEqualTo(2L);
    }

    @Test
    void oneCallMayHoldBothAndTheLimitCountsOnlyWhatIsReady() {
        Dues dues = new Dues();
        dues.add(1, -60_000);
        dues.add(3, -60_000);
        List<String> ids = List.of("a", "b", "c", "d", "b");
        List<byte[]> frames =
                ids.stream().map(id -> Frame.ofClient(id, id.getBytes(UTF_8))).toList();

        EnqueueReply reply = OneQueue.await(q.producer.enqueue(ids, frames, dues, 1));

        assertThat(List.of(reply.fate(0), reply.fate(1), reply.fate(2), reply.fate(3), reply.fate(4)))
                .containsExactly(Fate.CREATED, Fate.CREATED, Fate.FULL, Fate.CREATED, Fate.EXISTING);
        assertThat(q.len("ready")).isEqualTo(1L);
        assertThat(q.wire.call("HLEN", q.key("bodies"))).isEqualTo(2L);
    }

    @Test
    void aNewTaskIsQueuedAndRings() {
        EnqueueReply reply = q.enqueue("x");

        assertThat(reply.fate(0)).isEqualTo(Fate.CREATED);
        assertThat(OneQueue.await(q.producer.status("x"))).isEqualTo(TaskState.QUEUED);
        assertThat(q.wire.call("LRANGE", q.key("ready"), "0", "-1")).isEqualTo(List.of("\u0001c x\nbody of x"));
        assertThat(q.rings()).isTrue();
    }

    @Test
    void aTaskForLaterIsNoNewOneWhileOneOfItsIdRunsWhateverItsStatusSays() {
        q.enqueue("x");
        Worker worker = q.worker("w");
        Held held = worker.claimOne();
        q.wire.call("DEL", q.queue.statusKey());

        assertThat(q.schedule("x", -60_000).fate(0)).isEqualTo(Fate.EXISTING);

        worker.settle(call -> call.succeeded(held.token(), false));
        assertThat(q.wire.call("HLEN", q.key("bodies"))).isEqualTo(0L);
        assertThat(q.schedule("x", -60_000).fate(0)).isEqualTo(Fate.CREATED);
    }

    @Test
    void oneTokenIsEnough() {
        q.enqueue("x");
        q.enqueue("y");

        assertThat(q.len("wake")).isEqualTo(1L);
    }

    @Test
    void aDrainingQueueTakesNothingNewAndWritesNothing() {
        q.enqueue("a");
        assertThat(OneQueue.await(q.producer.drain())).isTrue();
        Map<String, String> before = q.everything();

        EnqueueReply reply = q.enqueue("a", "b");

        assertThat(reply.fate(0)).isEqualTo(EnqueueReply.Fate.EXISTING);
        assertThat(reply.fate(1)).isEqualTo(EnqueueReply.Fate.CLOSED);
        assertThat(q.schedule("c", -1000).fate(0)).isEqualTo(EnqueueReply.Fate.CLOSED);
        assertThat(q.everything()).isEqualTo(before);
    }

    @Test
    void aPausedQueueTakesTasksAndDoesNotRing() {
        q.wire.call("HSET", q.key("meta"), "paused", "1");

        assertThat(q.enqueue("x").fate(0)).isEqualTo(Fate.CREATED);
        assertThat(q.rings()).isFalse();
    }

    @Test
    void theSameCallSentAgainCreatesNothing() {
        q.enqueue("x", "y");

        EnqueueReply again = q.enqueue("x", "y");

        assertThat(again.fate(0)).isEqualTo(Fate.EXISTING);
        assertThat(again.fate(1)).isEqualTo(Fate.EXISTING);
        assertThat(q.len("ready")).isEqualTo(2L);
    }

    @Test
    void oneIdTwiceInACallIsPutInOnce() {
        EnqueueReply reply = q.enqueue("x", "y", "x");

        assertThat(List.of(reply.fate(0), reply.fate(1), reply.fate(2)))
                .containsExactly(Fate.CREATED, Fate.CREATED, Fate.EXISTING);
        assertThat(q.len("ready")).isEqualTo(2L);
    }

    @Test
    void aTaskThatRunsOrWaitsForItsRetryExists() {
        q.enqueue("x", "y");
        Worker worker = q.worker("a");
        List<Held> held = worker.claim(2);
        worker.settle(call -> call.retry(held.get(1).token(), 60_000, "{}"));

        EnqueueReply reply = q.enqueue("x", "y");

        assertThat(List.of(reply.fate(0), reply.fate(1))).containsExactly(Fate.EXISTING, Fate.EXISTING);
        assertThat(q.status("y")).isEqualTo("retrying");
    }

    @Test
    void aTaskThatEndedIsCreatedAgain() {
        q.enqueue("x");
        assertThat(q.worker("a").drain()).containsExactly("x");

        assertThat(q.enqueue("x").fate(0)).isEqualTo(Fate.CREATED);
    }

    @Test
    void aNewTaskReplacesTheDeadLetterWithItsId() {
        die("x");

        assertThat(q.enqueue("x").fate(0)).isEqualTo(Fate.CREATED);
        assertThat(q.status("x")).isEqualTo("queued");
        assertThat(q.wire.call("ZCARD", q.key("dead"))).isEqualTo(0L);
        assertThat(q.wire.call("HLEN", q.key("dead:bodies"))).isEqualTo(0L);
    }

    @Test
    void aDeadLetterWhoseStatusSomebodyRemovedIsReplacedToo() {
        die("x");
        q.wire.call("HDEL", q.queue.statusKey(), "x");

        assertThat(q.enqueue("x").fate(0)).isEqualTo(Fate.CREATED);
        assertThat(q.wire.call("ZCARD", q.key("dead"))).isEqualTo(0L);
    }

    @Test
    void aForeignWordDeadOverARunningTaskGivesNoSecondCopy() {
        q.enqueue("x");
        Worker worker = q.worker("a");
        Held held = worker.claimOne();
        q.wire.call("HSET", q.queue.statusKey(), "x", "dead");

        assertThat(q.enqueue("x").fate(0)).isEqualTo(Fate.EXISTING);
        worker.settle(call -> call.succeeded(held.token(), false));
    }

    @Test
    void theGhostOfAStatusDoesNotKeepATaskOutOfAnEmptyQueue() {
        q.wire.call("HSET", q.queue.statusKey(), "x", "queued");
        q.wire.call("HSET", q.queue.statusKey(), "y", "processing");
        assertThat(OneQueue.await(q.producer.look(List.of("x"))).fate(0)).isEqualTo(LookReply.Fate.UNKNOWN);

        EnqueueReply reply = q.enqueue("x", "y");

        assertThat(List.of(reply.fate(0), reply.fate(1))).containsExactly(Fate.CREATED, Fate.CREATED);
    }

    @Test
    void aStatusThatCameAfterTheEndDoesNotKeepATaskOutOfAQueueAtWork() {
        q.push("{\"id\":\"x\"}");
        assertThat(q.worker("a").drain()).containsExactly("x");
        q.wire.call("HSET", q.queue.statusKey(), "x", "queued");
        q.enqueue("other");

        assertThat(q.enqueue("x").fate(0)).isEqualTo(Fate.CREATED);
        assertThat(q.wire.call("ZCARD", q.key("late"))).isEqualTo(0L);
    }

    @Test
    void whatDoesNotFitIsToldAndChangesNothing() {
        q.enqueue("a", "b");
        List<byte[]> frames = List.of(
                Frame.ofClient("a", "1".getBytes(UTF_8)),
                Frame.ofClient("c", "2".getBytes(UTF_8)),
                Frame.ofClient("d", "3".getBytes(UTF_8)));

        EnqueueReply reply = OneQueue.await(q.producer.enqueue(List.of("a", "c", "d"), frames, new Dues(), 3));

        assertThat(List.of(reply.fate(0), reply.fate(1), reply.fate(2)))
                .containsExactly(Fate.EXISTING, Fate.CREATED, Fate.FULL);
        assertThat(q.status("d")).isNull();
        assertThat(q.len("ready")).isEqualTo(3L);
    }

    @Test
    void aFullBatchFitsIntoOneCall() {
        q.enqueue(0, 256);

        assertThat(q.len("ready")).isEqualTo(256L);
    }

    private void die(String id) {
        q.enqueue(id);
        Worker worker = q.worker("a");
        Held held = worker.claimOne();
        worker.settle(call -> call.dead(held.token(), "{\"reason\":\"handler\"}"));
        assertThat(q.status(id)).isEqualTo("dead");
    }

    @Test
    @StoredStateMayBeBroken("it was damaged on purpose")
    void aMarkThatCannotBeReadHoldsUpNoOther() {
        q.enqueue("a");
        q.cancel("a");
        q.wire.call("HSET", q.key("cancelled"), "a", "x");

        assertThat(q.enqueue("b", "a").fate(0)).isEqualTo(EnqueueReply.Fate.CREATED);
    }
}
