package dev.sluice.redis;

import static dev.sluice.redis.OneQueue.binary;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.redis.OneQueue.Held;
import dev.sluice.redis.OneQueue.Worker;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.StoredStateMayBeBroken;
import io.lettuce.core.protocol.CommandType;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

@OnEveryRedis
class ExchangeRedisTest {
    private static final String FAILURE = "{\"reason\":\"handler\"}";

    private final OneQueue q;

    ExchangeRedisTest(RedisServer redis) {
        q = new OneQueue(redis);
    }

    @AfterEach
    void close() {
        q.close();
    }

    @Test
    void tasksAreClaimedInTheOrderInWhichTheyCame() {
        q.enqueue(0, 600);
        Worker worker = q.worker("a");

        List<String> order = worker.drain();

        assertThat(order)
                .containsExactlyElementsOf(
                        IntStream.range(0, 600).mapToObj(i -> "t" + i).toList());
    }

    @Test
    void aClaimedTaskIsProcessingAndHeldUnderItsToken() {
        q.enqueue("x");
        Worker worker = q.worker("a");

        Held held = worker.claimOne();

        assertThat(q.status("x")).isEqualTo("processing");
        assertThat(q.wire.call("HGET", q.key("claimed:a"), "1.1")).isEqualTo("x");
        assertThat(held.frame().fencingNumber()).isEqualTo(1);
        assertThat(q.len("ready")).isEqualTo(0L);
    }

    @Test
    void aSucceededTaskLeavesNoTrace() {
        q.enqueue("x");
        Worker worker = q.worker("a");
        Held held = worker.claimOne();

        ExchangeReply reply = worker.settle(call -> call.succeeded(held.token(), false));

        assertThat(reply.refused()).isEmpty();
        assertThat(q.status("x")).isNull();
        assertThat(q.wire.call("EXISTS", q.key("bodies"))).isEqualTo(0L);
        assertThat(q.wire.call("HKEYS", q.key("claimed:a"))).isEqualTo(List.of("last"));
    }

    @Test
    void aDiscardedTaskLeavesNoTraceEither() {
        q.enqueue("x");
        Worker worker = q.worker("a");
        Held held = worker.claimOne();

        worker.settle(call -> call.discard(held.token()));

        assertThat(q.status("x")).isNull();
        assertThat(q.wire.call("EXISTS", q.key("bodies"))).isEqualTo(0L);
    }

    @Test
    void aRetriedTaskWaitsForItsTimeAndHasUsedAnAttempt() {
        q.enqueue("x");
        Worker worker = q.worker("a");
        Held first = worker.claimOne();

        ExchangeReply later = worker.exchange(1, call -> call.retry(first.token(), 60_000, "{}"));
        assertThat(q.status("x")).isEqualTo("retrying");
        assertThat(later.frames()).isEmpty();
        assertThat(later.nextDueMs()).isBetween(50_000L, 60_000L);

        makeDue("x");
        Held second = worker.claimOne();
        assertThat(second.frame().attempts()).isEqualTo(1);
        assertThat(second.frame().fencingNumber()).isEqualTo(2);
        assertThat(q.status("x")).isEqualTo("processing");
    }

    @Test
    void aSnoozedTaskIsScheduledAndUsesNoAttempt() {
        q.enqueue("x");
        Worker worker = q.worker("a");
        Held first = worker.claimOne();

        worker.settle(call -> call.snooze(first.token(), 60_000));
        assertThat(q.status("x")).isEqualTo("scheduled");

        makeDue("x");
        Held second = worker.claimOne();
        assertThat(second.frame().attempts()).isZero();
        assertThat(second.frame().fencingNumber()).isEqualTo(2);
    }

    @Test
    void aDeadTaskIsKeptWithItsReasonAndItsBytes() {
        q.enqueue("x");
        Worker worker = q.worker("a");
        Held held = worker.claimOne();

        worker.settle(call -> call.dead(held.token(), FAILURE));

        assertThat(q.status("x")).isEqualTo("dead");
        assertThat(q.wire.call("HGET", q.key("dead:bodies"), "x")).isEqualTo(FAILURE + "\n\u0001c1,0,1 x\nbody of x");
        assertThat(q.wire.call("ZSCORE", q.key("dead"), "x")).isNotNull();
        assertThat(q.wire.call("EXISTS", q.key("bodies"))).isEqualTo(0L);
    }

    @Test
    void releasedTasksReturnToTheHeadInTheirOldOrder() {
        q.enqueue(0, 10);
        Worker worker = q.worker("a");
        List<Held> held = worker.claim(4);

        worker.settle(call -> held.forEach(it -> call.release(it.token())));

        assertThat(q.status("t0")).isEqualTo("queued");
        List<Held> again = worker.claim(10);
        assertThat(again.stream().map(Held::id))
                .containsExactly("t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8", "t9");
        assertThat(again.get(0).frame().attempts()).isZero();
    }

    @Test
    void theLastFailureStaysInTheHeaderAndANewOneTakesItsPlace() {
        q.enqueue("x");
        Worker worker = q.worker("a");
        Held first = worker.claimOne();
        assertThat(first.frame().failure()).isNull();

        worker.settle(call -> call.retry(first.token(), 60_000, "{\"n\":1}"));
        assertThat(q.wire.call("HGET", q.key("bodies"), "x")).isEqualTo("\u0001c1,0,1 x\u0002{\"n\":1}\nbody of x");
        makeDue("x");
        Held second = worker.claimOne();
        assertThat(second.id()).isEqualTo("x");
        assertThat(second.frame().failure()).isEqualTo("{\"n\":1}");

        worker.settle(call -> call.retry(second.token(), 0, FAILURE));
        Held third = worker.claimOne();
        assertThat(third.frame().failure()).isEqualTo(FAILURE);
        assertThat(third.frame().attempts()).isEqualTo(2);
        assertThat(third.body()).isEqualTo(first.body());
    }

    @Test
    void theLastFailureOutlivesSnoozeReleaseAndCrashAndEndsWithTheTask() {
        q.enqueue("x");
        Worker worker = q.worker("a");
        Held first = worker.claimOne();
        worker.settle(call -> call.retry(first.token(), 0, FAILURE));

        Held second = worker.claimOne();
        worker.settle(call -> call.snooze(second.token(), 0));
        Held third = worker.claimOne();
        worker.settle(call -> call.release(third.token()));
        worker.claimOne();
        q.lapse(worker);
        q.recoverAll(worker);
        Worker other = q.worker("b");
        Held last = other.claimOne();
        assertThat(last.frame().failure()).isEqualTo(FAILURE);
        assertThat(last.frame().fencingNumber()).isEqualTo(5);

        other.settle(call -> call.dead(last.token(), "{\"reason\":\"worse\"}"));
        assertThat(q.wire.call("HGET", q.key("dead:bodies"), "x"))
                .isEqualTo("{\"reason\":\"worse\"}\n\u0001c2,1,5 x\nbody of x");
    }

    @Test
    void aCounterThatIsFullStaysFullAndItsHeaderIsReadOn() {
        q.raw(CommandType.RPUSH, q.key("ready"), "\u0001c999999999,0,999999999 x\nbody of x");
        Worker worker = q.worker("a");
        Held first = worker.claimOne();
        worker.settle(call -> call.retry(first.token(), 0, "{}"));

        Held second = worker.claimOne();

        assertThat(second.id()).isEqualTo("x");
        assertThat(second.frame().attempts()).isEqualTo(999_999_999);
        assertThat(second.body()).isEqualTo("body of x".getBytes(UTF_8));
    }

    @Test
    void theBytesOfABodyAreNeverChanged() {
        byte[] body = binary(5_000, 42);
        OneQueue.await(q.producer.enqueue(List.of("x"), List.of(Frame.ofClient("x", body)), new Dues(), 0));
        Worker worker = q.worker("a");

        Held first = worker.claimOne();
        worker.settle(call -> call.retry(first.token(), 0, "{}"));
        Held second = worker.claimOne();
        worker.settle(call -> call.release(second.token()));
        Held third = worker.claimOne();
        worker.settle(call -> call.dead(third.token(), FAILURE));

        assertThat(first.body()).isEqualTo(body);
        assertThat(second.body()).isEqualTo(body);
        assertThat(third.body()).isEqualTo(body);
        byte[] record = q.raw(CommandType.HGET, q.key("dead:bodies"), "x").bytes(0);
        assertThat(record).endsWith(body);
    }

    @Test
    void theSameCallSentAgainReturnsTheSameTasksAndTakesNoOthers() {
        q.enqueue(0, 10);
        Worker worker = q.worker("a");
        ExchangeCall call = worker.newCall(4);

        ExchangeReply first = worker.send(call);
        ExchangeReply again = worker.send(call);

        assertThat(again.frames()).hasSize(4).containsExactlyElementsOf(first.frames());
        assertThat(q.len("ready")).isEqualTo(6L);
    }

    @Test
    void theSameCallSentAgainSettlesOnceAndRefusesNothing() {
        q.enqueue("x", "y");
        Worker worker = q.worker("a");
        List<Held> held = worker.claim(2);
        ExchangeCall call = worker.newCall(0);
        call.succeeded(held.get(0).token(), false);
        call.retry(held.get(1).token(), 60_000, "{}");

        ExchangeReply first = worker.send(call);
        ExchangeReply again = worker.send(call);

        assertThat(first.refused()).isEmpty();
        assertThat(again.refused()).isEmpty();
        assertThat((String) q.wire.call("HGET", q.key("bodies"), "y")).startsWith("\u0001c1,0,1 y\u0002{}\n");
    }

    @Test
    void aRepetitionAfterALaterCallSettledSomeOfItsTasksKeepsEachAtItsPlace() {
        q.enqueue("x", "y", "z");
        Worker worker = q.worker("a");
        ExchangeCall call = worker.newCall(3);
        List<Held> held = Worker.held(call.number(), worker.send(call));
        worker.settle(later -> later.succeeded(held.get(1).token(), false));

        List<Held> again = Worker.held(call.number(), worker.send(call));

        assertThat(again.stream().map(Held::id)).containsExactly("x", "z");
        assertThat(again.get(1).token()).isEqualTo(held.get(2).token());
    }

    @Test
    void aCallThatComesAfterALaterOneClaimsNothing() {
        q.enqueue(0, 10);
        Worker worker = q.worker("a");
        ExchangeCall early = worker.newCall(3);
        ExchangeCall late = worker.newCall(3);

        ExchangeReply second = worker.send(late);
        ExchangeReply first = worker.send(early);

        assertThat(second.frames()).hasSize(3);
        assertThat(first.frames()).isEmpty();
        assertThat(q.len("ready")).isEqualTo(7L);
    }

    @Test
    void aCopyOfACallThatWasAnsweredPausedClaimsNothingAfterTheResume() {
        q.enqueue("x");
        Worker worker = q.worker("a");
        q.wire.call("HSET", q.key("meta"), "paused", "1");
        ExchangeCall call = worker.newCall(1);
        assertThat(worker.send(call).paused()).isTrue();
        q.wire.call("HDEL", q.key("meta"), "paused");

        assertThat(worker.send(call).frames()).isEmpty();
        assertThat(q.status("x")).isEqualTo("queued");
    }

    @Test
    void aTokenOfAnotherOwnerIsRefusedAndTold() {
        q.enqueue("x");
        Worker zombie = q.worker("zombie");
        Held held = zombie.claimOne();
        q.lapse(zombie);
        q.recoverAll(zombie);
        Worker owner = q.worker("owner");
        Held own = owner.claimOne();

        ExchangeReply of = zombie.settle(call -> call.succeeded(held.token(), false));
        ExchangeReply never = owner.settle(call -> {
            call.succeeded(Tokens.of(99, 1), false);
            call.retry(Tokens.of(99, 2), 1, "{}");
        });

        assertThat(of.lapsed()).isTrue();
        assertThat(never.refused()).containsExactlyInAnyOrder(Tokens.of(99, 1), Tokens.of(99, 2));
        assertThat(q.status("x")).isEqualTo("processing");
        assertThat(own.frame().crashes()).isEqualTo(1);
    }

    @Test
    void anUnknownIncarnationDoesNothing() {
        q.enqueue("x");
        q.worker("a");
        var before = q.everything();
        Worker stranger = q.new Worker("stranger");

        ExchangeReply reply = stranger.exchange(5, call -> call.succeeded(Tokens.of(1, 1), false));

        assertThat(reply.lapsed()).isTrue();
        assertThat(q.everything()).isEqualTo(before);
    }

    @Test
    void aLeaseThatRanOutSettlesButClaimsNothingAndWakesNobody() {
        q.enqueue("x", "y");
        Worker worker = q.worker("a");
        Held held = worker.claimOne();
        q.rings();
        q.wire.call("ZADD", q.key("dispatchers"), "XX", String.valueOf(q.serverMs() - 1), "a");

        ExchangeReply reply = worker.exchange(1, call -> call.succeeded(held.token(), false));

        assertThat(reply.lapsed()).isFalse();
        assertThat(reply.frames()).isEmpty();
        assertThat(reply.workRemains()).isFalse();
        assertThat(q.status("x")).isNull();
        assertThat(q.rings()).isFalse();
    }

    @Test
    void whilePausedItSettlesClaimsNothingAndDoesNotRing() {
        q.enqueue("x", "y");
        Worker worker = q.worker("a");
        Held held = worker.claimOne();
        q.rings();
        q.wire.call("HSET", q.key("meta"), "paused", "1");

        ExchangeReply reply = worker.exchange(1, call -> call.release(held.token()));

        assertThat(reply.paused()).isTrue();
        assertThat(reply.frames()).isEmpty();
        assertThat(q.len("ready")).isEqualTo(2L);
        assertThat(q.rings()).isFalse();
    }

    @Test
    void aClaimThatLeavesWorkBehindRings() {
        q.enqueue("x", "y");
        q.rings();
        Worker worker = q.worker("a");

        ExchangeReply reply = worker.exchange(1, call -> {});
        assertThat(reply.workRemains()).isTrue();
        assertThat(q.rings()).isTrue();

        worker.exchange(1, call -> {});
        assertThat(q.rings()).isFalse();
    }

    @Test
    void anEarlierDueTimeRingsAndALaterOneDoesNot() {
        q.enqueue("x", "y");
        Worker worker = q.worker("a");
        List<Held> held = worker.claim(2);
        q.rings();

        worker.settle(call -> call.retry(held.get(0).token(), 60_000, "{}"));
        assertThat(q.rings()).isTrue();
        worker.settle(call -> call.retry(held.get(1).token(), 90_000, "{}"));
        assertThat(q.rings()).isFalse();
    }

    @Test
    void aSuspectTakesOneOfThePlacesThatWereAskedFor() {
        suspects("x");
        q.enqueue(0, 5);

        assertThat(q.worker("a").claimIds(3)).containsExactly("x", "t0", "t1");
    }

    @Test
    void ofTwoSuspectsTheSecondWakesAnotherDispatcherOnce() {
        suspects("x", "y");
        Worker one = q.worker("one");
        q.rings();

        assertThat(one.claimIds(10)).containsExactly("x");
        assertThat(q.rings()).isTrue();
        one.send(one.newCall(10, false));
        assertThat(q.rings()).isFalse();
    }

    @Test
    void theEndOfASuspectRingsForTheNext() {
        suspects("x", "y");
        Worker one = q.worker("one");
        Held held = one.claimOne();
        q.rings();

        ExchangeCall last = one.newCall(10, false); // composed while x was still held
        last.succeeded(held.token(), false);
        one.send(last);

        assertThat(q.rings()).isTrue();
        assertThat(one.claimIds(10)).containsExactly("y");
        assertThat(q.rings()).isFalse();
    }

    @Test
    void aReleasedSuspectRings() {
        suspects("x");
        Worker one = q.worker("one");
        Held held = one.claimOne();
        q.rings();

        one.send(releasing(one.newCall(0, false), held));

        assertThat(q.len("suspects")).isEqualTo(1L);
        assertThat(q.rings()).isTrue();
    }

    @Test
    void whileBothListsHoldWorkEachGivesAtLeastAQuarter() {
        q.enqueue(0, 200);
        for (int i = 0; i < 200; i++) {
            q.pushForeign("f" + i);
        }
        Worker worker = q.worker("a");

        List<String> ids = worker.claimIds(100);

        assertThat(ids).hasSize(100);
        assertThat(ids.stream().filter(id -> id.startsWith("f")).count()).isBetween(25L, 75L);
    }

    @Test
    void whatOneListCannotGiveTheOtherDoes() {
        q.enqueue(0, 3);
        for (int i = 0; i < 20; i++) {
            q.pushForeign("f" + i);
        }

        assertThat(q.worker("a").claimIds(16)).hasSize(16).contains("t0", "t1", "t2", "f0", "f12");
    }

    @Test
    void claimsOfOneAlternateWhateverTheNumbersOfTheirCalls() {
        q.enqueue(0, 10);
        for (int i = 0; i < 10; i++) {
            q.pushForeign("f" + i);
        }
        Worker worker = q.worker("a");

        List<String> ids = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            ids.add(worker.claimOne().id());
            worker.settle(call -> {}); // every claim has an odd number
        }

        assertThat(ids.stream().filter(id -> id.startsWith("f")).count()).isEqualTo(5);
    }

    @Test
    void neitherListStarvesWhenTheByteBudgetEndsAClaim() {
        byte[] big = binary(400_000, 1);
        for (int i = 0; i < 8; i++) {
            OneQueue.await(q.producer.enqueue(List.of("t" + i), List.of(Frame.ofClient("t" + i, big)), new Dues(), 0));
            q.push("{\"id\":\"f" + i + "\",\"payload\":\"" + "x".repeat(400_000) + "\"}");
        }
        Worker worker = q.worker("a");

        List<List<Held>> claims = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            claims.add(worker.claim(64));
            worker.settle(call -> {});
        }

        assertThat(claims).allSatisfy(claim -> assertThat(claim).hasSizeBetween(1, 3));
        assertThat(claims.stream().flatMap(List::stream).map(Held::id))
                .anyMatch(id -> id.startsWith("t"))
                .anyMatch(id -> id.startsWith("f"));
    }

    @Test
    void oneTaskIsClaimedHoweverBigItIs() {
        byte[] body = binary(3_000_000, 1);
        OneQueue.await(q.producer.enqueue(List.of("x"), List.of(Frame.ofClient("x", body)), new Dues(), 0));
        q.enqueue("y");

        List<Held> held = q.worker("a").claim(10);

        assertThat(held.stream().map(Held::id)).containsExactly("x");
        assertThat(held.get(0).body()).isEqualTo(body);
    }

    @Test
    void dueTasksOfManyBytesArePromotedInSlicesAndNoneIsLost() {
        byte[] body = binary(200_000, 1);
        Worker worker = q.worker("a");
        for (int i = 0; i < 20; i++) {
            OneQueue.await(q.producer.enqueue(List.of("t" + i), List.of(Frame.ofClient("t" + i, body)), new Dues(), 0));
            Held held = worker.claimOne();
            worker.settle(call -> call.retry(held.token(), 60_000, "{}"));
        }
        for (int i = 0; i < 20; i++) {
            q.wire.call("ZADD", q.key("delayed"), "XX", String.valueOf(i + 1), "t" + i);
        }

        UpkeepReply round = q.round();

        assertThat(round.more()).isTrue();
        assertThat((Long) q.len("ready")).isBetween(5L, 16L);
        assertThat(worker.drain()).hasSize(20);
    }

    @Test
    void theSameBytesUnderALivingIdAreDroppedAndCounted() {
        q.pushForeign("x");
        q.pushForeign("x");
        Worker worker = q.worker("a");

        List<Held> held = worker.claim(10);

        assertThat(held.stream().map(Held::id)).containsExactly("x");
        assertThat(q.meta("duplicates")).isEqualTo("1");
    }

    @Test
    void aTaskThatWasEnqueuedAgainLaterIsTheSameTask() {
        for (String time : List.of("1764200000000", "1764200000999")) {
            byte[] body = ("{\"type\":\"t\",\"payload\":1,\"enqueuedAt\":" + time + "}").getBytes(UTF_8);
            OneQueue.await(q.producer.enqueue(List.of("x"), List.of(Frame.ofClient("x", body)), new Dues(), 0));
            q.wire.call("HDEL", q.queue.statusKey(), "x"); // by somebody, so that it is taken anew
        }
        Worker worker = q.worker("a");

        assertThat(worker.claim(10)).hasSize(1);
        assertThat(q.meta("duplicates")).isEqualTo("1");
        assertThat(q.wire.call("ZCARD", q.key("dead"))).isEqualTo(0L);
    }

    @Test
    void aLateStatusOverAProcessingTaskNeverGivesASecondCopy() {
        q.push("{\"id\":\"x\"}");
        Worker worker = q.worker("a");
        Held held = worker.claimOne();
        q.wire.call("HSET", q.queue.statusKey(), "x", "queued");

        q.push("{\"id\":\"x\"}");
        assertThat(worker.claim(10)).isEmpty();
        assertThat(q.meta("duplicates")).isEqualTo("1");

        worker.settle(call -> call.succeeded(held.token(), held.frame().awaitsStatus()));
        assertThat(q.status("x")).isNull();
    }

    @Test
    void otherBytesUnderALivingIdBecomeADeadLetterOfTheirOwn() {
        q.pushForeign("x");
        q.push("{\"id\":\"x\",\"n\":2}");
        Worker worker = q.worker("a");

        List<Held> first = worker.claim(10);
        q.push("{\"id\":\"x\",\"n\":3}");
        List<Held> second = worker.claim(10);

        assertThat(first).hasSize(1);
        assertThat(second).isEmpty();
        List<?> dead = (List<?>) q.wire.call("HVALS", q.key("dead:bodies"));
        assertThat(dead)
                .hasSize(2)
                .allSatisfy(record ->
                        assertThat((String) record).contains("duplicate-id").contains("{\"id\":\"x\",\"n\":"));
    }

    @Test
    void aSecondCopyOfARetryingTaskIsDroppedOrBuriedToo() {
        q.pushForeign("x");
        Worker worker = q.worker("a");
        Held held = worker.claimOne();
        worker.settle(call -> call.retry(held.token(), 60_000, "{}"));

        q.push("{\"id\":\"x\",\"type\":\"t\"}");
        q.push("{\"id\":\"x\",\"type\":\"other\"}");

        assertThat(worker.claim(10)).isEmpty();
        assertThat(q.status("x")).isEqualTo("retrying");
        assertThat(q.meta("duplicates")).isEqualTo("1");
        assertThat(q.wire.call("ZCARD", q.key("dead"))).isEqualTo(1L);
    }

    @Test
    void aStrangerWithTheLongestIdGetsOneThatCanStillBeRedriven() {
        String id = "é".repeat(256);
        q.pushForeign(id);
        q.push("{\"id\":\"" + id + "\",\"n\":2}");

        assertThat(q.worker("a").claim(10)).hasSize(1);

        String dead = (String) ((List<?>) q.wire.call("ZRANGE", q.key("dead"), "0", "0")).get(0);
        assertThat(dead.getBytes(UTF_8).length).isLessThanOrEqualTo(512);
        assertThat(dead).startsWith("éé").doesNotContain("\uFFFD");
    }

    @Test
    void aForeignTaskWithTheIdOfADeadOneReplacesTheDeadLetter() {
        q.pushForeign("x");
        Worker worker = q.worker("a");
        Held held = worker.claimOne();
        worker.settle(call -> call.dead(held.token(), FAILURE));

        q.push("{\"id\":\"x\",\"n\":2}");
        Held again = worker.claimOne();

        assertThat(again.id()).isEqualTo("x");
        assertThat(again.frame().awaitsStatus()).isTrue();
        assertThat(q.wire.call("ZCARD", q.key("dead"))).isEqualTo(0L);
    }

    @Test
    void aCopyThatIsClaimedByTheCallThatBuriesTheFirstReplacesTheDeadLetter() {
        q.pushForeign("x");
        Worker worker = q.worker("a");
        Held held = worker.claimOne();
        q.push("{\"id\":\"x\",\"type\":\"t\"}");

        ExchangeReply reply = worker.exchange(1, call -> call.dead(held.token(), FAILURE));

        assertThat(reply.frames()).hasSize(1);
        assertThat(q.wire.call("ZCARD", q.key("dead"))).isEqualTo(0L);
        assertThat(q.status("x")).isEqualTo("processing");
    }

    @Test
    void ofTwoReleasedCopiesTheSecondReplacesTheDeadLetterOfTheFirst() {
        Worker worker = q.worker("a");
        for (int i = 0; i < 2; i++) {
            q.pushForeign("x");
            Held held = worker.claimOne();
            worker.settle(call -> call.release(held.token()));
            q.wire.call("RPOPLPUSH", q.key("ready"), "aside"); // so that the copies do not meet
        }
        q.wire.call("RENAME", "aside", q.key("ready"));
        Held first = worker.claimOne();

        worker.settle(call -> call.dead(first.token(), FAILURE));
        Held second = worker.claimOne();

        assertThat(second.id()).isEqualTo("x");
        assertThat(q.wire.call("ZCARD", q.key("dead"))).isEqualTo(0L);
    }

    @Test
    void aTaskWhoseBodySomebodyRemovedIsCountedAndLeavesNoStatus() {
        q.enqueue("x", "y");
        Worker worker = q.worker("a");
        List<Held> held = worker.claim(2);
        q.wire.call("DEL", q.key("bodies"));

        worker.settle(call -> held.forEach(it -> call.retry(it.token(), 1, "{}")));

        assertThat(q.meta("bodiless")).isEqualTo("2");
        assertThat(q.wire.call("EXISTS", q.queue.statusKey())).isEqualTo(0L);
    }

    private void makeDue(String id) {
        q.wire.call("ZADD", q.key("delayed"), "XX", "1", id);
    }

    private void suspects(String... ids) {
        q.enqueue(ids);
        for (int crash = 1; crash < OneQueue.CRASH_LIMIT; crash++) {
            Worker victim = q.worker("victim" + crash);
            assertThat(victim.claim(10)).hasSize(ids.length);
            q.lapse(victim);
            q.recoverAll(victim);
        }
        assertThat(q.len("suspects")).isEqualTo((long) ids.length);
    }

    private static ExchangeCall releasing(ExchangeCall call, Held held) {
        call.release(held.token());
        return call;
    }

    /** By then the task is claimed: a script that ended here would leave it in its list, to be claimed again and again. */
    @Test
    @StoredStateMayBeBroken("it was damaged on purpose")
    void countersThatAreNoNumbersEndNoClaim() {
        q.wire.call("HSET", q.key("meta"), "made-ids", "x", "duplicates", "x", "drained-foreign", "x", "draining", "1");
        Worker worker = q.worker("w");
        q.push("{\"type\":\"t\"}");
        q.pushForeign("a");
        q.pushForeign("a");

        assertThat(worker.drain()).hasSize(2).contains("a");
        assertThat(worker.claim(10)).isEmpty();
    }

    @Test
    @StoredStateMayBeBroken("it was damaged on purpose")
    void aDelayedIdWithoutABodyIsGoneThoughItCannotBeCounted() {
        q.wire.call("HSET", q.key("meta"), "bodiless", "x");
        q.schedule("a", q.serverMs());
        q.wire.call("ZADD", q.key("delayed"), "1", "lost");

        q.round();

        assertThat(q.wire.call("ZCARD", q.key("delayed"))).isEqualTo(0L);
        assertThat(q.worker("w").drain()).containsExactly("a");
    }

    @Test
    void aTurnThatIsNobodysTakesTheOnlyPlaceOnce() {
        for (String turn : List.of("nan", "5", "1000", "x")) {
            q.wire.call("HSET", q.key("meta"), "turn", turn);
            Worker worker = q.worker("w" + turn);
            q.enqueue("own" + turn);
            q.pushForeign("foreign" + turn);

            assertThat(worker.claim(1)).hasSize(1);
            assertThat(worker.drain()).hasSize(1);
        }
    }
}
