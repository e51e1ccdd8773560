package dev.sluice.redis;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.redis.OneQueue.Held;
import dev.sluice.redis.OneQueue.Worker;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import io.lettuce.core.RedisURI;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What is cancelled does not run, what comes after it under the same id does, and no mark is left behind. */
@OnEveryRedis
class CancelRedisTest {
    private final OneQueue q;

    CancelRedisTest(RedisServer redis) {
        q = new OneQueue(redis);
    }

    @AfterEach
    void close() {
        q.close();
    }

    /** Else the newest task would be taken for one that was enqueued after it was cancelled. */
    @Test
    void cancellationsGoOnWhereTheSettingsWereRemoved() {
        for (int i = 0; i < 3; i++) {
            q.enqueue("a");
            q.cancel("a");
        }
        q.enqueue("a");
        q.wire.call("DEL", q.key("meta"));

        q.cancel("a"); // before anybody joins

        assertThat(q.worker("w").drain()).isEmpty();
    }

    @Test
    void aTaskThatWaitsForItsTimeIsGoneAtOnce() {
        q.enqueue("retrying");
        Worker worker = q.worker("w");
        Held held = worker.claimOne();
        worker.settle(call -> call.retry(held.token(), 60_000, "{}"));
        q.schedule("scheduled", -60_000);

        assertThat(q.cancel("scheduled")).isEqualTo(CancelReply.CANCELLED);
        assertThat(q.cancel("retrying")).isEqualTo(CancelReply.CANCELLED);
        assertThat(q.cancel("retrying")).isEqualTo(CancelReply.UNKNOWN);

        assertNothingIsLeft();
    }

    @Test
    void whoMayNotPublishCancelsAllTheSame() {
        q.enqueue("x");
        q.worker("w").claimOne();
        q.wire.call("ACL", "SETUSER", "app", "on", ">pw", "~q", "~{q}*", "resetchannels", "+@all");
        RedisLinks links = RedisLinks.own(RedisURI.create(q.redis.uri().replace("redis://", "redis://app:pw@")), null);
        try {
            assertThat(OneQueue.await(links.producer(q.queue).cancel("x"))).isEqualTo(CancelReply.STOPPING);
        } finally {
            OneQueue.await(links.close());
            q.wire.call("ACL", "DELUSER", "app");
        }
    }

    /** Where it is claimed it is decoded up to a megabyte, too: it would have another id there, and run. */
    @Test
    void aLargeElementWhoseIdIsNotPlainToSeeIsNotToldToBeCancelled() {
        q.push("{\"type\":\"t\",\"more\":\"" + "x".repeat(2_000_000) + "\",\"id\":\"big\"}");
        q.wire.call("HSET", q.key("status"), "big", "queued");

        SweepReply swept = OneQueue.await(q.producer.sweep("plain", 0, "", "", "", true));

        assertThat(swept.examined()).isOne();
        assertThat(swept.cancelled()).isZero();
        assertThat(q.status("big")).isEqualTo("queued");
        assertThat(q.worker("w").claim(1)).hasSize(1);
        q.wire.call("HDEL", q.key("status"), "big");
    }

    /** What was pushed of an id before its cancellation and after looks alike. */
    @Test
    void whatWasPushedOnceMoreAfterItsCancellationIsCancelledWithTheRest() {
        q.pushForeign("x");
        assertThat(q.cancel("x")).isEqualTo(CancelReply.CANCELLED);
        assertThat(OneQueue.await(q.producer.sweep("plain", 0, "", "", "", false))
                        .matched())
                .isZero();
        q.pushForeign("x");

        assertThat(OneQueue.await(q.producer.sweep("plain", 0, "t", "", "", false))
                        .matched())
                .as("which copy is of this type nobody knows")
                .isZero();
        SweepReply swept = OneQueue.await(q.producer.sweep("plain", 0, "", "", "", true));
        assertThat(swept.matched()).isOne();
        assertThat(swept.cancelled()).isOne();

        assertThat(q.status("x")).isNull();
        assertThat(q.worker("w").claim(10)).isEmpty();
        q.pushForeign("x");
        assertThat(q.worker("v").claimIds(10)).containsExactly("x");
    }

    /** The copy is dropped where it is claimed: the request is for the task that runs elsewhere. */
    @Test
    void aCopyOfARunningTaskDoesNotWithdrawItsCancellation() {
        q.pushForeign("x");
        Worker runs = q.worker("a");
        Held held = runs.claimOne();
        assertThat(q.cancel("x")).isEqualTo(CancelReply.STOPPING);
        q.push("{\"id\":\"x\",\"type\":\"t\"}");
        q.pushForeign("y");

        assertThat(q.worker("b").claimIds(10)).containsExactly("y");

        runs.settle(call -> call.retry(held.token(), 0, "{}"));
        assertThat(runs.claim(10)).isEmpty();
        assertThat(q.status("x")).isNull();
    }

    @Test
    void whatNobodyKnowsIsUnknownAndADeadLetterStays() {
        q.enqueue("dead", "done");
        Worker worker = q.worker("w");
        List<Held> held = worker.claim(2);
        worker.settle(call -> {
            call.dead(held.get(0).token(), "{}");
            call.succeeded(held.get(1).token(), false);
        });

        assertThat(q.cancel("never")).isEqualTo(CancelReply.UNKNOWN);
        assertThat(q.cancel("done")).isEqualTo(CancelReply.UNKNOWN);
        assertThat(q.cancel("dead")).isEqualTo(CancelReply.DEAD);
        assertThat(q.status("dead")).isEqualTo("dead");
    }

    @Test
    void enqueuedCancelledAndEnqueuedAgainRunsExactlyTheSecond() {
        q.enqueue("before", "x");
        assertThat(q.cancel("x")).isEqualTo(CancelReply.CANCELLED);
        assertThat(q.status("x")).isNull();
        assertThat(q.cancel("x")).isEqualTo(CancelReply.UNKNOWN);
        put("x", "second");
        q.enqueue("after");

        assertThat(bodies(q.worker("w").claim(10))).containsExactly("body of before", "second", "body of after");
        assertNoMark();
    }

    @Test
    void cancelledTwiceRunsExactlyTheThird() {
        q.enqueue("x");
        q.cancel("x");
        put("x", "second");
        q.cancel("x");
        put("x", "third");
        assertThat(q.enqueue("x").fate(0)).isEqualTo(EnqueueReply.Fate.EXISTING);

        assertThat(bodies(q.worker("w").claim(10))).containsExactly("third");
        assertNoMark();
    }

    @Test
    void aSecondThatIsScheduledWaitsForItsTimeWhateverBecomesOfTheFirst() {
        q.enqueue("x");
        q.cancel("x");
        q.schedule("x", -60_000);
        assertThat(q.status("x")).isEqualTo("scheduled");
        q.wire.call("ZADD", q.key("delayed"), "XX", "1", "x");

        // It becomes due while the first still lies in the list, and comes behind it.
        assertThat(q.worker("w").claimIds(10)).containsExactly("x");
        assertNoMark();
    }

    @Test
    void aSecondThatIsCrashedRetriedAndReleasedKeepsItsEpoch() {
        put("x", "first");
        q.cancel("x");
        put("x", "second");
        // The second is claimed while the first is not met yet.
        q.wire.call("LMOVE", q.key("ready"), q.key("ready"), "LEFT", "RIGHT");
        Worker worker = q.worker("w");
        Held held = worker.claimOne();
        assertThat(new String(held.body(), UTF_8)).isEqualTo("second");
        worker.settle(call -> call.release(held.token()));
        q.wire.call("LMOVE", q.key("ready"), q.key("ready"), "LEFT", "RIGHT");

        assertThat(bodies(worker.claim(1))).as("the first is dropped").isEmpty();
        assertNoMark();
        assertThat(bodies(worker.claim(1))).containsExactly("second");
        q.lapse(worker);
        q.recoverAll(worker);
        assertThat(q.cancel("x")).isEqualTo(CancelReply.CANCELLED);
        assertThat(q.worker("v").claim(5))
                .as("an epoch of an old mark is older than that of a new one")
                .isEmpty();
        assertNothingIsLeft();
    }

    @Test
    void aForeignTaskIsDroppedOnceAndRunsWhenItIsPushedAgain() {
        q.pushForeign("x");
        q.pushForeign("y");
        assertThat(q.cancel("x")).isEqualTo(CancelReply.CANCELLED);
        q.pushForeign("x");

        assertThat(q.worker("w").claimIds(10)).containsExactly("y", "x");
        assertNoMark();
    }

    @Test
    void aSuspectThatWaitsIsDropped() {
        q.enqueue("x");
        for (int i = 0; i < 2; i++) {
            Worker crashing = q.worker("crashing" + i);
            crashing.claimOne();
            q.lapse(crashing);
            q.recoverAll(crashing);
        }
        assertThat(q.len("suspects")).isEqualTo(1L);

        assertThat(q.cancel("x")).isEqualTo(CancelReply.CANCELLED);

        assertThat(q.worker("w").claim(5)).isEmpty();
        assertNothingIsLeft();
    }

    @Test
    void manyCancelledTasksInARowAreDroppedAndThoseBehindThemRun() {
        q.enqueue(0, 600);
        IntStream.range(0, 590).forEach(i -> q.cancel("t" + i));

        Worker worker = q.worker("w");
        assertThat(worker.exchange(256, call -> {}).dropped()).isTrue();
        assertThat(worker.drain())
                .containsExactlyElementsOf(
                        IntStream.range(590, 600).mapToObj(i -> "t" + i).toList());
        assertNothingIsLeft();
    }

    @Test
    void aRunningTaskIsToldToStopAndItsOwnerEndsIt() {
        q.enqueue("x");
        Worker worker = q.worker("w");
        Held held = worker.claimOne();
        assertThat(OneQueue.await(q.claims.heartbeat("w", OneQueue.LEASE, OneQueue.LEASE))
                        .cancelling())
                .isEmpty();

        assertThat(q.cancel("x")).isEqualTo(CancelReply.STOPPING);
        assertThat(q.cancel("x")).isEqualTo(CancelReply.STOPPING);
        assertThat(OneQueue.await(q.claims.heartbeat("w", OneQueue.LEASE, OneQueue.LEASE))
                        .cancelling())
                .containsExactly("x");
        assertThat(worker.settle(call -> call.cancelled(held.token())).refused())
                .isEmpty();

        assertNothingIsLeft();
    }

    @Test
    void aTaskThatEndsWellBeforeItIsStoppedHasEndedWellAndTheNextOfItsIdRuns() {
        q.enqueue("x");
        Worker worker = q.worker("w");
        Held first = worker.claimOne();
        q.cancel("x");
        worker.settle(call -> call.succeeded(first.token(), false));
        assertNothingIsLeft();

        q.enqueue("x");
        Held second = worker.claimOne();
        assertThat(OneQueue.await(q.claims.heartbeat("w", OneQueue.LEASE, OneQueue.LEASE))
                        .cancelling())
                .isEmpty();
        worker.settle(call -> call.retry(second.token(), 60_000, "{}"));
        assertThat(q.status("x")).isEqualTo("retrying");
    }

    @Test
    void aTaskThatIsStoppedForTheOneBeforeItRunsAgain() {
        q.enqueue("x");
        Worker worker = q.worker("w");
        Held held = worker.claimOne();

        worker.settle(call -> call.cancelled(held.token()));

        assertThat(q.status("x")).isEqualTo("queued");
        assertThat(worker.claimOne().frame().attempts()).isZero();
    }

    @Test
    void aRequestThatOutlivedItsTaskStopsNotTheNextOfItsId() {
        q.wire.call("SADD", q.key("cancelling"), "x");
        q.enqueue("x");
        Worker worker = q.worker("w");

        Held held = worker.claimOne();

        assertThat(OneQueue.await(q.claims.heartbeat("w", OneQueue.LEASE, OneQueue.LEASE))
                        .cancelling())
                .isEmpty();
        worker.settle(call -> call.retry(held.token(), 60_000, "{}"));
        assertThat(q.status("x")).isEqualTo("retrying");
    }

    @Test
    void aRequestForATaskThatWaitsForItsTimeIsForgotten() {
        q.schedule("x", -60_000);
        q.wire.call("SADD", q.key("cancelling"), "x");

        q.round();

        assertNoMark();
    }

    @Test
    void aCancelledTaskThatWouldRunAgainDoesNot() {
        q.enqueue("retry", "snooze", "release", "crash", "leave", "dead");
        Worker worker = q.worker("w");
        List<Held> held = worker.claim(3);
        Worker crashing = q.worker("crashing");
        crashing.claim(1);
        Worker leaving = q.worker("leaving");
        leaving.claim(1);
        Held dying = worker.claimOne();
        List.of("retry", "snooze", "release", "crash", "leave", "dead").forEach(q::cancel);

        worker.settle(call -> {
            call.retry(held.get(0).token(), 0, "{}");
            call.snooze(held.get(1).token(), 0);
            call.release(held.get(2).token());
            call.dead(dying.token(), "{}");
        });
        q.lapse(crashing);
        q.recoverAll(crashing);
        OneQueue.await(q.claims.leave("leaving"));

        assertThat(q.status("dead")).isEqualTo("dead");
        q.wire.call("DEL", q.key("dead"), q.key("dead:bodies"));
        q.wire.call("HDEL", q.queue.statusKey(), "dead");
        assertNothingIsLeft();
    }

    @Test
    void whatIsRedrivenWhileAMarkIsThereKeepsItsFencingNumber() {
        q.pushForeign("x");
        assertThat(q.cancel("x")).isEqualTo(CancelReply.CANCELLED);
        put("x", "second");
        Worker worker = q.worker("w");
        Held first = worker.claimOne(); // the ready list has the first turn
        worker.settle(call -> call.dead(first.token(), "{}"));
        assertThat(OneQueue.await(q.dead.redrive(List.of("x".getBytes(UTF_8))))).containsExactly(DeadStore.Fate.DONE);

        List<Held> again = worker.claim(10);

        assertThat(bodies(again)).containsExactly("second");
        assertThat(again.get(0).frame().fencingNumber())
                .isGreaterThan(first.frame().fencingNumber());
        assertNoMark();
    }

    @Test
    void aCancelledCopyThatIsDroppedLeavesTheDeadLetterOfItsId() {
        q.pushForeign("x");
        q.cancel("x");
        put("x", "second");
        Worker worker = q.worker("w");
        Held second = worker.claimOne(); // the ready list has the first turn
        worker.settle(call -> call.dead(second.token(), "{}"));

        assertThat(worker.claim(10)).isEmpty();

        assertNoMark();
        assertThat(q.status("x")).isEqualTo("dead");
        assertThat(q.wire.call("ZSCORE", q.key("dead"), "x")).isNotNull();
    }

    @Test
    void whatIsRedrivenIsNotTakenForWhatWasCancelled() {
        q.bury(Frame.ofClient("x", "old".getBytes(UTF_8)), "{}", 1_000);
        q.pushForeign("x");
        assertThat(q.cancel("x")).isEqualTo(CancelReply.CANCELLED);
        assertThat(OneQueue.await(q.dead.redrive(List.of("x".getBytes(UTF_8))))).containsExactly(DeadStore.Fate.DONE);

        assertThat(bodies(q.worker("w").claim(10))).containsExactly("old");
        assertNoMark();
    }

    @Test
    void aStatusThatCameAfterTheEndIsNoTaskToCancel() {
        q.push("{\"id\":\"x\"}");
        q.worker("w").drain();
        q.wire.call("HSET", q.queue.statusKey(), "x", "queued");
        q.enqueue("other");

        assertThat(q.cancel("x")).isEqualTo(CancelReply.UNKNOWN);
        assertNoMark();
    }

    @Test
    void marksThatMeetNothingAreRemovedWhenEveryListIsEmpty() {
        q.enqueue("x", "y");
        q.cancel("x");
        q.wire.call("LPOP", q.key("ready")); // by a worker that knows no marks
        q.round();
        assertThat(q.wire.call("HLEN", q.key("cancelled"))).as("y still waits").isEqualTo(1L);
        q.worker("w").drain();
        q.wire.call("SADD", q.key("cancelling"), "stray");

        q.round();

        assertNothingIsLeft();
    }

    private void put(String id, String body) {
        assertThat(OneQueue.await(q.producer.enqueue(
                                List.of(id), List.of(Frame.ofClient(id, body.getBytes(UTF_8))), new Dues(), 0))
                        .fate(0))
                .isEqualTo(EnqueueReply.Fate.CREATED);
    }

    private static List<String> bodies(List<Held> held) {
        return held.stream().map(it -> new String(it.body(), UTF_8)).toList();
    }

    private void assertNoMark() {
        assertThat(q.wire.call("EXISTS", q.key("cancelled"), q.key("cancelling")))
                .isEqualTo(0L);
    }

    private void assertNothingIsLeft() {
        assertNoMark();
        assertThat(q.wire.call(
                        "EXISTS",
                        "q",
                        q.key("ready"),
                        q.key("suspects"),
                        q.key("bodies"),
                        q.key("delayed"),
                        q.key("status")))
                .isEqualTo(0L);
    }
}
