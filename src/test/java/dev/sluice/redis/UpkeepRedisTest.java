package dev.sluice.redis;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.redis.OneQueue.Held;
import dev.sluice.redis.OneQueue.Worker;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.StoredStateMayBeBroken;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

@OnEveryRedis
class UpkeepRedisTest {
    private final OneQueue q;

    UpkeepRedisTest(RedisServer redis) {
        q = new OneQueue(redis);
    }

    @AfterEach
    void close() {
        q.close();
    }

    @Test
    void theSilenceOfEveryoneRecoversNobody() {
        q.enqueue("x");
        Worker worker = q.worker("a");
        worker.claimOne();
        nobodyWasSeenFor(60_000, worker);

        assertThat(q.recover(worker).moved()).isZero();
        assertThat(q.round().lapsed()).isEmpty();
        assertThat(q.recover(worker).moved()).isZero();
        assertThat(OneQueue.await(q.claims.heartbeat("a", OneQueue.LEASE, OneQueue.LEASE))
                        .renewed())
                .isTrue();
    }

    @Test
    void theFirstHeartbeatAfterASilenceDoesNotMakeTheOthersLookDead() {
        q.enqueue("x");
        Worker slow = q.worker("slow");
        slow.claimOne();
        Worker quick = q.worker("quick");
        nobodyWasSeenFor(60_000, slow);

        assertThat(OneQueue.await(q.claims.heartbeat("quick", OneQueue.LEASE, OneQueue.LEASE))
                        .renewed())
                .isTrue();
        assertThat(q.round().lapsed()).isEmpty();
        assertThat(q.recover(slow).moved()).isZero();
        assertThat(quick.claim(1)).isEmpty();
    }

    @Test
    void aRoundTellsTheTimeAndWhetherTasksWaitOrRun() {
        Worker worker = q.worker("a");
        long before = q.serverMs();
        assertThat(q.round().nowMs()).isBetween(before, q.serverMs());

        assertThat(q.round().waiting()).as("nothing").isEqualTo(-1);
        q.schedule("later", -60_000);
        assertThat(q.round().waiting()).as("one that is not due").isEqualTo(-1);
        q.enqueue("x");
        q.pushForeign("y");
        assertThat(q.round().waiting()).as("two that wait").isEqualTo(2);
        worker.claim(2);
        assertThat(q.round().waiting()).as("two that run").isZero();
    }

    @Test
    void aRoundTellsWhenTheNextLeaseEnds() {
        assertThat(q.round().nextEndMs()).isEqualTo(-1);
        q.worker("a");
        q.worker("b");
        q.wire.call("ZADD", q.key("dispatchers"), "XX", String.valueOf(q.serverMs() + 800), "b");

        assertThat(q.round().nextEndMs()).isBetween(1L, 800L);
    }

    @Test
    void aLeaseWithASecondLeftIsLengthenedToo() {
        Worker worker = q.worker("a");
        nobodyWasSeenFor(60_000, worker);
        q.wire.call("ZADD", q.key("dispatchers"), "XX", String.valueOf(q.serverMs() + 1_000), "a");

        q.round();

        assertThat(leaseOf("a")).isGreaterThan(q.serverMs() + 10_000);
    }

    @Test
    void whoStaysSilentWhileOthersAreSeenIsRecovered() {
        q.enqueue("x");
        Worker worker = q.worker("a");
        worker.claimOne();
        q.lapse(worker);

        assertThat(q.round().lapsed()).containsExactly("a");
        assertThat(q.recover(worker).moved()).isEqualTo(1);
    }

    @Test
    void aShortLeaseIsNotForgivenForEver() {
        Duration lease = Duration.ofMillis(200);
        OneQueue.await(q.claims.join("a", lease));
        OneQueue.await(q.upkeep.round(lease, "0", 0));
        OneQueue.pause(1_000);

        assertThat(OneQueue.await(q.upkeep.round(lease, "0", 0)).lapsed()).containsExactly("a");
        OneQueue.await(q.upkeep.recover("a", RecoverReply.FIRST));
    }

    /** Who has a longer lease would else call alive what the others call an outage, and hide it from them. */
    @Test
    void aSilenceOfAllIsToldByTheShortestLease() {
        q.enqueue("x");
        Worker worker = q.worker("a");
        worker.claimOne();
        Duration longer = OneQueue.LEASE.multipliedBy(4);
        OneQueue.await(q.claims.join("b", longer));
        q.wire.call("DEL", q.key("meta")); // the first to notice joins anew, and knows only of himself
        OneQueue.await(q.claims.join("b", longer));
        OneQueue.await(q.claims.heartbeat("a", OneQueue.LEASE, OneQueue.LEASE));

        for (Runnable back : List.<Runnable>of(
                () -> OneQueue.await(q.upkeep.round(longer, "0", 0)),
                () -> OneQueue.await(q.claims.heartbeat("b", longer, longer)))) {
            q.lapse(worker);
            q.wire.call("HSET", q.key("meta"), "seen", "" + (q.serverMs() - 20_000));

            back.run();

            assertThat(q.round().lapsed()).isEmpty();
            assertThat(q.recover(worker)).isEqualTo(new RecoverReply(0, 0, 0, ""));
        }
    }

    /** A counter that somebody wrote over is no reason to leave the tasks of the dead where they are. */
    @Test
    @StoredStateMayBeBroken("a counter is no number")
    void aRoundGoesOnWhereACounterIsNoNumber() {
        Worker worker = q.worker("a");
        q.push("{\"id\":\"ended\",\"type\":\"t\"}");
        long token = worker.claimOne().token();
        worker.settle(it -> it.succeeded(token, false));
        q.enqueue("x");
        worker.claimOne();
        q.wire.call("HSET", q.queue.statusKey(), "ended", "queued"); // late
        q.wire.call("ZADD", q.key("late"), "0", "ended");
        q.wire.call("HSET", q.key("meta"), "late-statuses", "x");
        q.lapse(worker);

        UpkeepReply round = q.round();

        assertThat(round.lapsed()).containsExactly("a");
        assertThat(q.status("ended")).isNull();
    }

    @Test
    void aLeaseInTheFarFutureIsCutBack() {
        q.worker("a");
        q.wire.call("ZADD", q.key("dispatchers"), "XX", String.valueOf(q.serverMs() + 3_600_000), "a");

        q.round();

        assertThat(leaseOf("a")).isBetween(q.serverMs(), q.serverMs() + OneQueue.LEASE.toMillis());
    }

    @Test
    void aClockThatJumpedBackRecoversNobody() {
        q.enqueue("x");
        Worker worker = q.worker("a");
        worker.claimOne();
        q.wire.call("HSET", q.key("meta"), "seen", String.valueOf(q.serverMs() + 3_600_000));
        q.wire.call("ZADD", q.key("dispatchers"), "XX", "1000", "a");

        assertThat(q.recover(worker).moved()).isZero();
        assertThat(q.round().lapsed()).isEmpty();
        assertThat(q.meta("seen")).isLessThanOrEqualTo(String.valueOf(q.serverMs()));
    }

    @Test
    void howeverManyAreSilentTheyAreAllForgivenAtOnce() {
        q.wire.call("EVAL", "for i=1,2000 do redis.call('ZADD',KEYS[1],1000,'w'..i) end", "1", q.key("dispatchers"));
        q.wire.call("HSET", q.key("meta"), "seen", String.valueOf(q.serverMs() - 60_000));

        UpkeepReply round = q.round();

        assertThat(round.lapsed()).isEmpty();
        assertThat(q.wire.call("ZCOUNT", q.key("dispatchers"), String.valueOf(q.serverMs() + 10_000), "+inf"))
                .isEqualTo(2000L);
        assertThat(Long.parseLong(q.meta("seen"))).isGreaterThan(q.serverMs() - 10_000);
    }

    @Test
    void whoWasNotHeardSinceTheLastSilenceGetsNoOtherLease() {
        q.enqueue("x");
        Worker dead = q.worker("a");
        dead.claimOne();
        nobodyWasSeenFor(60_000, dead);
        q.round();
        assertThat(leaseOf("a")).isGreaterThan(q.serverMs() + 10_000);

        silenceBegan(60_000, "a", 3_000);
        q.round();
        assertThat(leaseOf("a")).isBetween(q.serverMs(), q.serverMs() + 3_001);

        silenceBegan(60_000, "a", -1);
        assertThat(q.round().lapsed()).containsExactly("a");
        assertThat(q.recover(dead).moved()).isEqualTo(1);
    }

    @Test
    void whoWasHeardSinceTheLastSilenceGetsAWholeLeaseAgain() {
        Worker worker = q.worker("a");
        nobodyWasSeenFor(60_000, worker);
        q.round();
        OneQueue.await(q.claims.heartbeat("a", OneQueue.LEASE, OneQueue.LEASE));

        silenceBegan(60_000, "a", 3_000);
        q.round();

        assertThat(leaseOf("a")).isGreaterThan(q.serverMs() + 10_000);
    }

    @Test
    void onceWhoHadALongerLeaseIsGoneTheLongestIsThatOfTheLiving() {
        OneQueue.await(q.claims.join("long", Duration.ofMinutes(10)));
        q.worker("a");
        q.wire.call("HSET", q.key("meta"), "seen", String.valueOf(q.serverMs()));
        q.round();
        assertThat(q.meta("lease")).isEqualTo("600000");

        q.wire.call("ZREM", q.key("dispatchers"), "long");
        q.round();

        assertThat(q.meta("lease")).isEqualTo("15000");
    }

    @Test
    void whatIsDueIsQueuedAndRings() {
        q.enqueue("x");
        Worker worker = q.worker("a");
        Held held = worker.claimOne();
        worker.settle(call -> call.retry(held.token(), 0, "{}"));
        q.rings();

        q.round();

        assertThat(q.status("x")).isEqualTo("queued");
        assertThat(q.rings()).isTrue();
    }

    @Test
    void whatIsDueIsPromotedInSlices() {
        q.enqueue(0, 300);
        Worker worker = q.worker("a");
        for (int i = 0; i < 2; i++) {
            List<Held> held = worker.claim(150);
            worker.settle(call -> held.forEach(it -> call.snooze(it.token(), 60_000)));
        }
        for (int i = 0; i < 300; i++) {
            q.wire.call("ZADD", q.key("delayed"), "XX", String.valueOf(i + 1), "t" + i);
        }

        assertThat(q.round().more()).isTrue();
        assertThat(q.len("ready")).isEqualTo(256L);
        assertThat(q.round().more()).isFalse();
        assertThat(worker.drain()).hasSize(300).startsWith("t0", "t1").endsWith("t298", "t299");
    }

    @Test
    void forgottenWorkRings() {
        q.enqueue("x");
        q.rings();

        q.round();

        assertThat(q.rings()).isTrue();
    }

    @Test
    void aStatusThatCameAfterTheEndIsRemovedWhileTheQueueIsAtWork() {
        q.push("{\"id\":\"x\"}");
        q.worker("a").drain();
        q.wire.call("HSET", q.queue.statusKey(), "x", "queued");
        q.enqueue("other");
        lookNow("x");

        assertThat(q.round().removedStatuses()).isEqualTo(1);
        assertThat(q.status("x")).isNull();
        assertThat(q.status("other")).isEqualTo("queued");
        assertThat(q.meta("late-statuses")).isEqualTo("1");
    }

    @Test
    void aStatusThatComesVeryLateIsLookedForSeveralTimes() {
        q.push("{\"id\":\"x\"}");
        q.worker("a").drain();
        q.enqueue("other");
        for (int look = 0; look < 3; look++) {
            lookNow("x");
            q.round();
            assertThat(q.wire.call("ZCARD", q.key("late"))).isEqualTo(1L);
        }
        q.wire.call("HSET", q.queue.statusKey(), "x", "queued");
        lookNow("x");

        assertThat(q.round().removedStatuses()).isEqualTo(1);
        assertThat(q.wire.call("ZCARD", q.key("late"))).isEqualTo(0L);
    }

    @Test
    void aStatusThatNeverComesIsNotLookedForForEver() {
        q.push("{\"id\":\"x\"}");
        q.worker("a").drain();

        for (int look = 0; look < 4; look++) {
            lookNow("x");
            q.round();
        }

        assertThat(q.wire.call("ZCARD", q.key("late"))).isEqualTo(0L);
    }

    @Test
    void aStatusThatCameAfterItsTaskWasCancelledIsRemovedToo() {
        q.push("{\"id\":\"x\"}");
        Worker worker = q.worker("a");
        Held held = worker.claimOne();
        worker.settle(call -> call.retry(held.token(), 60_000, "{}"));
        assertThat(q.cancel("x")).isEqualTo(CancelReply.CANCELLED);
        q.wire.call("HSET", q.queue.statusKey(), "x", "queued");
        q.enqueue("other");
        lookNow("x");

        assertThat(q.round().removedStatuses()).isEqualTo(1);
    }

    @Test
    void aStatusThatCameAfterItsTaskWasDiscardedIsRemovedToo() {
        q.push("{\"id\":\"x\"}");
        Worker worker = q.worker("a");
        Held held = worker.claimOne();
        worker.settle(call -> call.discard(held.token()));
        q.wire.call("HSET", q.queue.statusKey(), "x", "queued");
        q.enqueue("other");
        lookNow("x");

        assertThat(q.round().removedStatuses()).isEqualTo(1);
    }

    @Test
    void aStatusThatCameAfterItsTaskDiedIsSetRight() {
        q.push("{\"id\":\"x\"}");
        Worker worker = q.worker("a");
        Held held = worker.claimOne();
        worker.settle(call -> call.dead(held.token(), "{}"));
        q.wire.call("HSET", q.queue.statusKey(), "x", "queued");
        lookNow("x");

        q.round();

        assertThat(q.status("x")).isEqualTo("dead");
    }

    /** Found by the model: the second life was our client's, and nobody looked after what came to it from the first. */
    @Test
    void aStatusThatComesInTheNextLifeOfItsIdIsSetRightWhenThatHasDied() {
        q.push("{\"id\":\"x\"}");
        Worker worker = q.worker("a");
        worker.drain();
        q.enqueue("x");
        Held second = worker.claimOne();
        assertThat(new String(second.body(), UTF_8)).isEqualTo("body of x");
        worker.settle(call -> call.dead(second.token(), "{}"));
        q.wire.call("HSET", q.queue.statusKey(), "x", "queued");
        q.enqueue("other");
        q.wire.call("ZADD", q.key("late"), "XX", "0", "x");

        q.round();

        assertThat(q.status("x")).isEqualTo("dead");
        assertThat(q.enqueue("x").fate(0)).isEqualTo(EnqueueReply.Fate.CREATED);
    }

    @Test
    void theStatusOfADroppedDuplicateIsRemovedToo() {
        q.pushForeign("x");
        q.push("{\"id\":\"x\",\"type\":\"t\"}");
        assertThat(q.worker("a").drain()).containsExactly("x");
        q.wire.call("HSET", q.queue.statusKey(), "x", "queued");
        q.enqueue("other");
        lookNow("x");

        assertThat(q.round().removedStatuses()).isEqualTo(1);
    }

    @Test
    void theStatusOfATaskThatWaitsAgainIsNotTakenForALateOne() {
        q.pushForeign("released");
        q.pushForeign("retried");
        q.pushForeign("recovered");
        Worker worker = q.worker("a");
        List<Held> held = worker.claim(3);
        for (String id : List.of("released", "retried", "recovered")) {
            q.push("{\"id\":\"" + id + "\",\"type\":\"t\"}"); // dropped, but its status may yet come
        }
        assertThat(worker.claim(10)).isEmpty();
        assertThat(q.wire.call("ZCARD", q.key("late"))).isEqualTo(3L);

        worker.settle(call -> {
            call.release(held.get(0).token());
            call.retry(held.get(1).token(), 0, "{}");
        });
        q.lapse(worker);
        q.recoverAll(worker);
        q.round();

        assertThat(q.wire.call("ZCARD", q.key("late"))).isEqualTo(0L);
        assertThat(List.of(q.status("released"), q.status("retried"), q.status("recovered")))
                .containsOnly("queued");
    }

    @Test
    void theStatusOfARedrivenTaskIsNotTakenForALateOne() {
        q.push("{\"id\":\"x\"}");
        Worker worker = q.worker("a");
        Held held = worker.claimOne();
        worker.settle(call -> call.dead(held.token(), "{}"));

        OneQueue.await(q.dead.redrive(List.of("x".getBytes(UTF_8))));
        q.wire.call("ZADD", q.key("late"), "XX", "0", "x");
        q.round();

        assertThat(q.status("x")).isEqualTo("queued");
    }

    @Test
    void theStatusOfATaskThatRunsIsNotTakenForALateOne() {
        q.pushForeign("x");
        Worker worker = q.worker("a");
        Held held = worker.claimOne();
        q.push("{\"id\":\"x\",\"type\":\"t\"}"); // dropped, but its status may yet come
        assertThat(worker.claim(10)).isEmpty();
        q.wire.call("HSET", q.queue.statusKey(), "x", "queued");
        lookNow("x");

        assertThat(q.round().removedStatuses()).isZero();

        assertThat(q.enqueue("x").fate(0)).isEqualTo(EnqueueReply.Fate.EXISTING);
        worker.settle(call -> call.succeeded(held.token(), false));
    }

    @Test
    void thePlacesForLateStatusesAreBoundedAndGoToTheFreshest() {
        q.wire.call(
                "EVAL",
                "for i=1,20000 do redis.call('ZADD',KEYS[1],ARGV[1]+i,'old'..i) end",
                "1",
                q.key("late"),
                String.valueOf((q.serverMs() + 300_000) * 8));
        q.push("{\"id\":\"x\"}");

        q.worker("a").drain();

        assertThat(q.wire.call("ZCARD", q.key("late"))).isEqualTo(20_000L);
        assertThat(q.wire.call("ZRANK", q.key("late"), "x")).isEqualTo(0L);
    }

    @Test
    void anEmptyQueueIsSweptOfGhostsSliceBySlice() {
        q.enqueue("alive", "dead");
        Worker worker = q.worker("a");
        List<Held> held = worker.claim(2);
        worker.settle(call -> call.dead(held.get(1).token(), "{}"));
        for (int i = 0; i < 2_000; i++) {
            q.wire.send("HSET", q.queue.statusKey(), "ghost" + i, "queued");
        }
        for (int i = 0; i < 2_000; i++) {
            q.wire.reply();
        }

        int removed = 0;
        String cursor = "0";
        for (int i = 0; i < 100; i++) {
            UpkeepReply round = OneQueue.await(q.upkeep.round(OneQueue.LEASE, cursor, 0));
            removed += round.removedStatuses();
            cursor = round.cursor();
            if (!round.more()) {
                break;
            }
            assertThat(round.removedStatuses()).isLessThan(1_000);
        }

        assertThat(removed).isEqualTo(2_000);
        assertThat(q.wire.call("HGETALL", q.queue.statusKey()))
                .asInstanceOf(org.assertj.core.api.InstanceOfAssertFactories.LIST)
                .containsExactlyInAnyOrder("alive", "processing", "dead", "dead");
    }

    /** They stay, and a queue at rest is to cost next to nothing. */
    @Test
    void amongWordsThatAreNoGhostsASliceIsLookedAtInEachRound() {
        q.wire.call(
                "EVAL",
                "for i=1,2000 do redis.call('HSET',KEYS[1],'other' .. i,'processing') end",
                "1",
                q.queue.statusKey());
        q.wire.call("HSET", q.queue.statusKey(), "ghost", "queued");

        String cursor = "0";
        int removed = 0;
        int rounds = 0;
        do {
            UpkeepReply round = OneQueue.await(q.upkeep.round(OneQueue.LEASE, cursor, 0));
            cursor = round.cursor();
            removed += round.removedStatuses();
            assertThat(round.more()).isEqualTo(round.removedStatuses() > 0 && !cursor.equals("0"));
            rounds++;
            q.enqueue("x"); // that it has work meanwhile does not begin it anew
            assertThat(OneQueue.await(q.upkeep.round(OneQueue.LEASE, cursor, 0)).cursor())
                    .isEqualTo(cursor);
            q.worker("w" + rounds).drain();
        } while (!cursor.equals("0"));

        assertThat(removed).isOne();
        assertThat(rounds).isBetween(5, 20);
        q.wire.call("DEL", q.queue.statusKey());
    }

    @Test
    void aQueueWithWorkIsNotSwept() {
        q.enqueue("x");
        q.push("{\"id\":\"y\"}");
        q.wire.call("HSET", q.queue.statusKey(), "y", "queued");

        assertThat(q.round().removedStatuses()).isZero();
        assertThat(q.status("y")).isEqualTo("queued");
    }

    /** A scan from the beginning sees 5,120 buckets at most, and there are more of them than that. */
    @Test
    void ofManyMarksOfCancelledTasksNoneStaysInAnEmptyQueue() {
        q.wire.call("EVAL", "for i=1,20000 do redis.call('HSET',KEYS[1],i,'1,1') end", "1", q.key("cancelled"));

        int rounds = 0;
        while (q.round().more()) {
            assertThat(++rounds).isLessThan(100);
        }

        assertThat(q.wire.call("HLEN", q.key("cancelled"))).isEqualTo(0L);
    }

    private void lookNow(String id) {
        double score = Double.parseDouble((String) q.wire.call("ZSCORE", q.key("late"), id));
        long looks = (long) score % 8;
        q.wire.call("ZADD", q.key("late"), "XX", String.valueOf(looks), id);
    }

    private void nobodyWasSeenFor(long ms, Worker silent) {
        q.wire.call("HSET", q.key("meta"), "seen", String.valueOf(q.serverMs() - ms));
        q.wire.call("ZADD", q.key("dispatchers"), "XX", String.valueOf(q.serverMs() - 1_000), silent.name);
    }

    /** A silence begins as so much of its lease is left, and so long ago; whether it was heard since the last stays as it is. */
    private void silenceBegan(long ago, String silent, long left) {
        double score = Double.parseDouble((String) q.wire.call("ZSCORE", q.key("dispatchers"), silent));
        long seen = q.serverMs() - ago;
        q.wire.call("HSET", q.key("meta"), "seen", String.valueOf(seen));
        q.wire.call("ZADD", q.key("dispatchers"), "XX", String.valueOf(seen + left + score % 1), silent);
    }

    private long leaseOf(String incarnation) {
        return (long) Double.parseDouble((String) q.wire.call("ZSCORE", q.key("dispatchers"), incarnation));
    }
}
