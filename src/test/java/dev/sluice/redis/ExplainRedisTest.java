package dev.sluice.redis;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.redis.OneQueue.Held;
import dev.sluice.redis.OneQueue.Worker;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Explanation;
import dev.sluice.task.Explanation.Place;
import dev.sluice.task.Explanation.Reason;
import dev.sluice.task.Queue;
import dev.sluice.task.TaskInfo;
import dev.sluice.task.TaskState;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.StoredStateMayBeBroken;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Puts a task into every place there is, and asks why it does not run. */
@OnEveryRedis
class ExplainRedisTest {
    private final OneQueue q;

    ExplainRedisTest(RedisServer redis) {
        q = new OneQueue(redis);
    }

    @BeforeEach
    void threeTasks() {
        q.enqueue("a", "b", "c");
    }

    @AfterEach
    void close() {
        q.close();
    }

    @Test
    void aTaskInTheListsWaitsBehindOthers() {
        q.pushForeign("f");

        assertThat(explain("c").facts()).containsEntry("list", "ready").containsEntry("ahead", 2);
        assertThat(explain("f").facts()).containsEntry("list", "plain").containsEntry("ahead", 0);
        assertTold("c", Place.WAITING, "no-dispatcher", "behind-others");
        Worker worker = q.worker("w");
        assertTold("c", Place.WAITING, "behind-others");
        assertTold("a", Place.WAITING, "next");
        assertTold("f", Place.WAITING, "not-consumed", "next");
        q.wire.call("HSET", q.key("meta"), "paused", "1");
        assertTold("a", Place.WAITING, "paused", "next");
        q.lapse(worker);
        assertTold("a", Place.WAITING, "paused", "leases-lapsed", "next");
        q.recoverAll(worker);
    }

    @Test
    void whoHoldsATaskIsSaidAndWhetherItIsAlive() {
        Worker worker = q.worker("w");
        worker.claim(1);

        Explanation told = explain("a");
        assertThat(told.facts()).containsEntry("dispatcher", "w").containsEntry("status", "processing");
        assertThat((long) told.facts().get("leaseMs")).isBetween(1L, 15_000L);
        assertTold("a", Place.CLAIMED, "running");
        q.wire.call("HSET", q.key("meta"), "seen", "1000");
        q.round();
        assertTold("a", Place.CLAIMED, "owner-unheard");
        q.lapse(worker);
        assertTold("a", Place.CLAIMED, "owner-lapsed", "no-dispatcher");
        q.wire.call("ZREM", q.key("dispatchers"), "w");
        assertTold("a", Place.CLAIMED, "owner-gone");
        OneQueue.await(q.upkeep.adoptStrays());
        q.recoverAll(worker);
    }

    @Test
    void whatWaitsForItsTimeSaysWhen() {
        Worker worker = q.worker("w");
        worker.claim(2);
        worker.settle(it -> {
            it.retry(Tokens.of(1, 1), 60_000, "{}");
            it.snooze(Tokens.of(1, 2), 60_000);
        });

        assertTold("a", Place.DELAYED, "retry-due");
        assertTold("b", Place.DELAYED, "not-due");
        assertThat((long) explain("a").facts().get("dueInMs")).isBetween(30_000L, 60_000L);
        assertThat(explain("a").facts()).containsEntry("attempts", 1L);
    }

    @Test
    void aDeadLetterSaysWhy() {
        Worker worker = q.worker("w");
        worker.claim(1);
        worker.settle(it -> it.dead(Tokens.of(1, 1), "{\"reason\":\"attempts\",\"message\":\"no such host\"}"));

        Explanation told = explain("a");
        assertTold("a", Place.DEAD, "dead");
        assertThat(told.facts()).containsEntry("failure", "{\"reason\":\"attempts\",\"message\":\"no such host\"}");
        assertThat(told.sentences().get(1)).contains("no such host");
    }

    /** Its dead letter is replaced only when it is claimed. */
    @Test
    void aDeadForeignTaskThatWasPushedAgainWaits() {
        Worker worker = q.worker("w");
        pushedAndDied(worker);
        assertTold("f", Place.DEAD, "dead");

        q.wire.call("HSET", q.queue.statusKey(), "f", "queued"); // late: it was pushed once
        assertTold("f", Place.DEAD, "dead");
        q.pushForeign("f");

        assertTold("f", Place.WAITING, "next");
        TaskInfo again = OneQueue.await(q.links.explainer(q.queue).find("f"));
        assertThat(again.state()).isEqualTo(TaskState.QUEUED);
        assertThat(again.attempts()).isZero();
        assertThat(again.deadFor()).isNull();
        worker.settle(it -> it.succeeded(worker.claimOne().token(), false));
    }

    /** Of a push that died the producer says once more that it waits, long after anybody looks for such words. */
    @Test
    @StoredStateMayBeBroken("the word is of no task")
    void aDeadForeignTaskIsDeadThoughItsProducerSaysQueued() {
        pushedAndDied(q.worker("w"));
        q.wire.call("DEL", q.key("late"));

        q.wire.call("HSET", q.queue.statusKey(), "f", "queued");

        TaskInfo info = OneQueue.await(q.links.explainer(q.queue).find("f"));
        assertThat(info.state()).isEqualTo(TaskState.DEAD);
        assertThat(info.deadFor()).isNotNull();
        assertTold("f", Place.DEAD, "dead");
    }

    @Test
    void aSuspectWaitsForItsTurn() {
        for (String name : new String[] {"w1", "w2"}) {
            Worker worker = q.worker(name);
            worker.claim(1);
            q.lapse(worker);
            q.recoverAll(worker);
        }

        q.worker("w3");
        assertTold("a", Place.SUSPECT, "suspects-apart");
        assertThat(explain("a").where()).contains("suspects");
    }

    @Test
    @StoredStateMayBeBroken("ghosts are what is explained")
    void whatIsNowhereIsSaidSo() {
        Worker worker = q.worker("w");
        worker.claim(1);
        q.wire.call("HDEL", q.key("claimed:w"), "1.1");
        q.wire.call("HSET", q.queue.statusKey(), "ghost", "queued");

        assertTold("a", Place.GHOST, "stuck");
        assertTold("ghost", Place.GHOST, "ghost");
        assertTold("nobody", Place.UNKNOWN, "ended-or-unknown");
    }

    @Test
    void ofAnAtMostOnceQueueOnlyWhatADispatcherTookIsKnownToRun(RedisServer redis) {
        try (OneQueue once = new OneQueue(redis, Queue.named("once").delivery(DeliveryMode.AT_MOST_ONCE))) {
            PopStore pops = once.links.pops(once.queue);
            OneQueue.await(pops.join("me", OneQueue.LEASE));
            NoteCall taken = new NoteCall(1, 0);
            taken.taken(Tokens.of(7, 1), OneQueue.frame("a"));
            taken.taken(Tokens.of(7, 2), OneQueue.frame("b"));
            OneQueue.await(pops.note("me", taken));
            once.wire.call("HSET", once.queue.statusKey(), "of another worker", "processing");
            once.enqueue("x");

            assertThat(told(once, "b").place()).isEqualTo(Place.CLAIMED);
            assertThat(told(once, "b").facts()).containsEntry("dispatcher", "me");
            assertThat(told(once, "b").reasons()).extracting(Reason::code).containsExactly("running");
            assertThat(told(once, "of another worker").place()).isEqualTo(Place.RUNNING_OR_LOST);
            assertThat(told(once, "of another worker").reasons())
                    .extracting(Reason::code)
                    .containsExactly("at-most-once");
            assertThat(told(once, "x").reasons()).extracting(Reason::code).containsExactly("next");

            once.wire.call("ZADD", once.key("dispatchers"), "1", "me");
            assertThat(told(once, "b").place()).isEqualTo(Place.RUNNING_OR_LOST);
            assertThat(told(once, "b").reasons()).extracting(Reason::code).containsExactly("owner-lapsed");

            OneQueue.await(pops.leave("me"));
            once.wire.call("HDEL", once.queue.statusKey(), "of another worker");
        }
    }

    private static Explanation told(OneQueue q, String id) {
        return OneQueue.await(q.links.explainer(q.queue).explain(id));
    }

    @Test
    void aLongListIsLookedAtUpToALimitAndThatIsSaid() {
        q.enqueue(0, 11_000);

        Explanation near = explain("t9000");
        Explanation far = explain("t10999");

        assertThat(near.place()).isEqualTo(Place.WAITING);
        assertThat(near.facts()).containsEntry("ahead", 9003);
        assertThat(far.place()).isEqualTo(Place.NOT_FOUND_YET);
        assertThat(far.isComplete()).isFalse();
        assertThat(far.reasons()).extracting(Reason::code).contains("too-far");
        q.wire.call("FLUSHALL");
    }

    /** Has the foreign task {@code f} die; all else has ended. */
    private void pushedAndDied(Worker worker) {
        worker.claim(3);
        q.pushForeign("f");
        Held held = worker.claimOne();
        worker.settle(it -> {
            it.dead(held.token(), "{\"reason\":\"attempts\"}");
            for (int i = 1; i <= 3; i++) {
                it.succeeded(Tokens.of(1, i), false);
            }
        });
    }

    private Explanation explain(String id) {
        Map<String, String> before = q.everything();
        Explanation told = OneQueue.await(q.links.explainer(q.queue).explain(id));
        assertThat(q.everything()).as("an explanation changes nothing").isEqualTo(before);
        return told;
    }

    private void assertTold(String id, Place place, String... codes) {
        Explanation told = explain(id);
        assertThat(told.place()).isEqualTo(place);
        assertThat(told.reasons()).as(told.toString()).extracting(Reason::code).containsExactly(codes);
        assertThat(told.sentences()).hasSize(codes.length + 1).allMatch(it -> it.endsWith(".") || it.endsWith("}"));
    }
}
