package dev.sluice.redis;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.redis.EnqueueReply.Fate;
import dev.sluice.redis.OneQueue.Held;
import dev.sluice.redis.OneQueue.Worker;
import dev.sluice.task.TaskState;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.util.List;
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
    void aNewTaskIsQueuedAndRings() {
        EnqueueReply reply = q.enqueue("x");

        assertThat(reply.fate(0)).isEqualTo(Fate.CREATED);
        assertThat(OneQueue.await(q.producer.status("x"))).isEqualTo(TaskState.QUEUED);
        assertThat(q.wire.call("LRANGE", q.key("ready"), "0", "-1")).isEqualTo(List.of("\u0001c x\nbody of x"));
        assertThat(q.rings()).isTrue();
    }

    @Test
    void oneTokenIsEnough() {
        q.enqueue("x");
        q.enqueue("y");

        assertThat(q.len("wake")).isEqualTo(1L);
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

        EnqueueReply reply = OneQueue.await(q.producer.enqueue(List.of("a", "c", "d"), frames, 3));

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
}
