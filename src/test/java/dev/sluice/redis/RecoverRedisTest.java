package dev.sluice.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import dev.sluice.redis.OneQueue.Held;
import dev.sluice.redis.OneQueue.Worker;
import dev.sluice.task.Queue;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.util.function.Tuples;

@OnEveryRedis
class RecoverRedisTest {
    private final OneQueue q;

    RecoverRedisTest(RedisServer redis) {
        q = new OneQueue(redis);
    }

    @AfterEach
    void close() {
        q.close();
    }

    @Test
    void aDispatcherWithALeaseIsLeftAlone() {
        q.enqueue("x");
        Worker worker = q.worker("a");
        worker.claimOne();
        q.round();
        var before = q.everything();

        assertThat(q.recover(worker)).isEqualTo(new RecoverReply(0, 0, 0, ""));
        assertThat(q.everything()).isEqualTo(before);
    }

    @Test
    void theTasksOfALapsedDispatcherGoBackToTheHeadInTheirOldOrder() {
        q.enqueue(0, 10);
        Worker worker = q.worker("a");
        worker.claim(3);
        worker.claim(3);
        q.rings();
        q.lapse(worker);

        RecoverReply reply = q.recover(worker);

        assertThat(reply).isEqualTo(new RecoverReply(6, 0, 0, ""));
        assertThat(q.rings()).isTrue();
        assertThat(q.status("t0")).isEqualTo("queued");
        List<Held> again = q.worker("b").claim(10);
        assertThat(again.stream().map(Held::id))
                .containsExactlyElementsOf(
                        IntStream.range(0, 10).mapToObj(i -> "t" + i).toList());
        assertThat(again.get(0).frame().crashes()).isEqualTo(1);
        assertThat(again.get(0).frame().attempts()).isZero();
        assertThat(again.get(9).frame().crashes()).isZero();
    }

    /** Of a life that is over because Redis was away, or at a stop: others may meet it between two slices. */
    @Test
    void whoeverTakesBackTheRestOfOneThatLeavesCountsNoCrash() {
        q.enqueue(0, 300);
        Worker worker = q.worker("a");
        worker.claim(256);
        worker.claim(44);
        OneQueue.await(q.links
                .commands()
                .run(
                        Script.RECOVER,
                        q.keys.withClaimed("a"),
                        args -> args.add("a")
                                .add(200)
                                .add(3)
                                .add(1)
                                .add("ends")
                                .add("0")
                                .add("at-least-once"),
                        Duration.ofSeconds(20)));

        assertThat(q.round().lapsed()).containsExactly("a");
        assertThat(worker.send(worker.newCall(1)).lapsed()).isTrue();
        q.recoverAll(worker);

        Worker other = q.worker("b");
        List<Held> again = new ArrayList<>(other.claim(256));
        again.addAll(other.claim(256));
        assertThat(again).hasSize(300).allMatch(held -> held.frame().crashes() == 0);
    }

    /** Else it would be a member without tasks, for as long as no other dispatcher of this queue comes. */
    @Test
    void whoHasLeftSinceTheSearchIsNotListedAgain() {
        Worker worker = q.worker("a");
        q.enqueue("x");
        worker.claimOne();
        assertThat(OneQueue.await(q.upkeep.adoptStrays())).isZero();

        OneQueue.await(q.claims.leave("a"));
        assertThat(OneQueue.await(q.upkeep.adoptStrays()))
                .as("by the same search")
                .isZero();

        assertThat(q.wire.call("ZCARD", q.key("dispatchers"))).isEqualTo(0L);
        assertThat(q.worker("b").claimIds(1)).containsExactly("x");
    }

    /** It takes a second for each few million keys, and a program may have a hundred queues. */
    @Test
    void theQueuesOfOneProgramShareTheSearchForForgottenClaims() {
        for (String queue : List.of("q", "other")) {
            q.wire.call("HSET", "{" + queue + "}:claimed:gone-" + queue, "last", "1");
        }
        UpkeepStore other = q.links.upkeep(Queue.named("other"), OneQueue.CRASH_LIMIT);
        q.wire.call("CONFIG", "RESETSTAT");

        assertThat(OneQueue.await(Mono.zip(q.upkeep.adoptStrays(), other.adoptStrays())))
                .isEqualTo(Tuples.of(1, 1));

        assertThat(OneQueue.await(q.upkeep.adoptStrays())).isZero();
        assertThat((String) q.wire.call("INFO", "commandstats")).contains("cmdstat_scan:calls=1,");
        assertThat(q.round().lapsed()).containsExactly("gone-q");
        OneQueue.await(q.upkeep.recover("gone-q", RecoverReply.FIRST));
        OneQueue.await(other.recover("gone-other", RecoverReply.FIRST));
    }

    @Test
    void aThousandTasksAreRecoveredInTheirOldOrder() {
        q.enqueue(0, 1000);
        Worker worker = q.worker("a");
        for (int i = 0; i < 4; i++) {
            worker.claim(256);
        }
        q.lapse(worker);

        assertThat(q.recover(worker)).isEqualTo(new RecoverReply(1000, 0, 0, ""));
        assertThat(q.worker("b").drain())
                .containsExactlyElementsOf(
                        IntStream.range(0, 1000).mapToObj(i -> "t" + i).toList());
    }

    @Test
    void manyTasksAreRecoveredInSlicesAndTheOwnerIsRefusedFromTheFirst() {
        q.enqueue(0, 2500);
        Worker worker = q.worker("a");
        List<Held> first = worker.claim(256);
        for (int i = 0; i < 9; i++) {
            worker.claim(256);
        }
        q.lapse(worker);

        RecoverReply slice = q.recover(worker);
        assertThat(slice.more()).isTrue();
        assertThat(slice.moved()).isBetween(1000, 1024);
        assertThat(OneQueue.await(q.claims.heartbeat("a", OneQueue.LEASE, OneQueue.LEASE))
                        .renewed())
                .isFalse();
        assertThat(worker.settle(call -> call.succeeded(first.get(0).token(), false))
                        .lapsed())
                .isTrue();
        OneQueue.await(q.claims.join("a", OneQueue.LEASE)); // the repetition of a join that was answered late
        assertThat(worker.claim(1)).isEmpty();

        assertThat(q.recover(worker).more()).isTrue();
        q.recoverAll(worker);
        assertThat(q.wire.call("ZCARD", q.key("dispatchers"))).isEqualTo(0L);
        assertThat(q.worker("b").drain())
                .containsExactlyInAnyOrderElementsOf(
                        IntStream.range(0, 2500).mapToObj(i -> "t" + i).toList());
    }

    @Test
    void leavingGivesAllBackAndCountsNoCrash() {
        q.enqueue(0, 300);
        Worker worker = q.worker("a");
        worker.claim(256);
        worker.claim(44);

        OneQueue.await(q.claims.leave("a"));

        assertThat(q.wire.call("EXISTS", q.key("claimed:a"), q.key("dispatchers")))
                .isEqualTo(0L);
        List<Held> again = q.worker("b").claim(256);
        assertThat(again)
                .hasSize(256)
                .allSatisfy(held -> assertThat(held.frame().crashes()).isZero());
        assertThat(again.get(0).id()).isEqualTo("t0");
    }

    @Test
    void bigTasksAreRecoveredInSlicesOfAboutAMegabyte() {
        byte[] body = OneQueue.binary(200_000, 7);
        Worker worker = q.worker("a");
        for (int i = 0; i < 20; i++) {
            OneQueue.await(q.producer.enqueue(List.of("t" + i), List.of(Frame.ofClient("t" + i, body)), new Dues(), 0));
            worker.claimOne();
        }
        q.lapse(worker);

        RecoverReply slice = q.recover(worker);

        assertThat(slice.more()).isTrue();
        assertThat(slice.moved()).isBetween(5, 16);
        q.recoverAll(worker);
        assertThat(q.worker("b").drain()).hasSize(20);
    }

    /** What the small ones before it say of the size of a task says nothing of the next. */
    @Test
    void bigTasksBehindSmallOnesAreNoLargerSlices() {
        Worker worker = q.worker("a");
        byte[] body = OneQueue.binary(200_000, 7);
        for (int i = 0; i < 100; i++) {
            OneQueue.await(q.producer.enqueue(List.of("t" + i), List.of(Frame.ofClient("t" + i, body)), new Dues(), 0));
            worker.claimOne();
        }
        q.enqueue(100, 140);
        worker.claim(40);
        q.lapse(worker);

        RecoverReply slice = q.recover(worker);

        assertThat(slice.moved()).isBetween(41, 46);
        q.recoverAll(worker);
        assertThat(q.worker("b").drain()).hasSize(140);
    }

    @Test
    void aSliceGoesOnWhereTheOneBeforeItEnded() {
        q.enqueue(0, 6000);
        Worker worker = q.worker("a");
        for (int i = 0; i < 6000; i += 250) {
            worker.claim(250);
        }
        q.lapse(worker);

        assertThat(q.recoverAll(worker)).isBetween(6, 8);
        assertThat(q.worker("b").drain())
                .containsExactlyInAnyOrderElementsOf(
                        IntStream.range(0, 6000).mapToObj(i -> "t" + i).toList());
    }

    @Test
    void whatASliceReadAndHadNoRoomForIsMetAgain() {
        byte[] body = OneQueue.binary(3_000, 7);
        List<String> ids = IntStream.range(0, 2000).mapToObj(i -> "t" + i).toList();
        Worker worker = q.worker("a");
        for (int i = 0; i < 2000; i += 250) {
            List<String> some = ids.subList(i, i + 250);
            OneQueue.await(q.producer.enqueue(
                    some, some.stream().map(id -> Frame.ofClient(id, body)).toList(), new Dues(), 0));
            assertThat(worker.claim(250)).hasSize(250);
        }
        q.lapse(worker);

        q.recoverAll(worker);

        assertThat(q.wire.call("EXISTS", q.key("claimed:a"), q.key("dispatchers")))
                .isEqualTo(0L);
        assertThat(q.worker("b").drain()).containsExactlyInAnyOrderElementsOf(ids);
    }

    @Test
    void onePoisonAmongFiveHundredDiesAloneAndTheOthersLive() {
        q.enqueue(0, 500);
        String poison = "t250";
        Set<String> done = new HashSet<>();

        for (int round = 0; done.size() < 499 && round < 2_000; round++) {
            Worker worker = q.worker("w" + round);
            boolean crashed = false;
            while (!crashed) {
                List<Held> held = worker.claim(256);
                if (held.isEmpty()) {
                    break;
                }
                crashed = held.stream().anyMatch(it -> it.id().equals(poison));
                if (!crashed) {
                    worker.settle(call -> held.forEach(it -> {
                        call.succeeded(it.token(), false);
                        done.add(it.id());
                    }));
                }
            }
            q.lapse(worker);
            q.recoverAll(worker);
        }

        assertThat(done).hasSize(499).doesNotContain(poison);
        assertThat(q.wire.call("ZRANGE", q.key("dead"), "0", "-1")).isEqualTo(List.of(poison));
        assertThat((String) q.wire.call("HGET", q.key("dead:bodies"), poison))
                .startsWith("{\"reason\":\"crash-limit\"")
                .contains("\u0001c0,3,3 t250\n");
    }

    @Test
    void withALimitOfOneTheLastCrashIsStillOneAlone() {
        UpkeepStore strict = q.links.upkeep(q.queue, 1);
        q.enqueue("poison", "neighbour");
        Worker worker = q.worker("a");
        worker.claim(2);
        q.lapse(worker);

        assertThat(OneQueue.await(strict.recover("a", RecoverReply.FIRST))).isEqualTo(new RecoverReply(2, 0, 0, ""));
        assertThat(q.len("suspects")).isEqualTo(2L);

        Worker next = q.worker("b");
        assertThat(next.claimIds(2)).containsExactly("poison");
        q.lapse(next);
        assertThat(OneQueue.await(strict.recover("b", RecoverReply.FIRST))).isEqualTo(new RecoverReply(0, 1, 0, ""));
        assertThat(q.status("neighbour")).isEqualTo("queued");
    }

    @Test
    void suspectsAreClaimedOneAtATime() {
        q.enqueue("x", "y");
        for (int crash = 0; crash < 2; crash++) {
            Worker victim = q.worker("v" + crash);
            assertThat(victim.claim(10)).hasSize(2);
            q.lapse(victim);
            q.recoverAll(victim);
        }
        q.enqueue("z");
        Worker worker = q.worker("a");

        assertThat(worker.claimIds(10)).containsExactly("x", "z");
        assertThat(worker.send(worker.newCall(10, false)).frames()).isEmpty();
    }

    @Test
    void aRetriedSuspectStaysApart() {
        q.enqueue("x");
        for (int crash = 0; crash < 2; crash++) {
            Worker victim = q.worker("v" + crash);
            victim.claimOne();
            q.lapse(victim);
            q.recoverAll(victim);
        }
        Worker worker = q.worker("a");
        Held held = worker.claimOne();

        worker.settle(call -> call.retry(held.token(), 0, "{}"));
        q.round();

        assertThat(q.len("suspects")).isEqualTo(1L);
        assertThat(q.rings()).isTrue();
    }

    /** Counters, origin and failure differ, and each task keeps its own. */
    @Test
    void tasksOfEveryKindComeBackAsWhatTheyWere() {
        q.enqueue("failed");
        q.enqueue("failed-too");
        Worker before = q.worker("a");
        before.claim(2)
                .forEach(held -> before.settle(call -> call.retry(held.token(), 0, "{\"of\":\"" + held.id() + "\"}")));
        q.round();
        q.enqueue("fresh");
        q.pushForeign("foreign");
        q.enqueue("fresh-too");
        Worker victim = q.worker("b");
        assertThat(victim.claim(10)).hasSize(5);
        q.lapse(victim);

        assertThat(q.recover(victim)).isEqualTo(new RecoverReply(5, 0, 0, ""));

        assertThat(q.worker("c").claim(10))
                .extracting(
                        Held::id,
                        it -> it.frame().attempts(),
                        it -> it.frame().crashes(),
                        it -> it.frame().isForeign(),
                        it -> it.frame().failure())
                .containsExactlyInAnyOrder(
                        tuple("failed", 1, 1, false, "{\"of\":\"failed\"}"),
                        tuple("failed-too", 1, 1, false, "{\"of\":\"failed-too\"}"),
                        tuple("fresh", 0, 1, false, null),
                        tuple("fresh-too", 0, 1, false, null),
                        tuple("foreign", 0, 1, true, null));
    }

    @Test
    void aForeignTaskThatDiesOfCrashesIsDeadHoweverLateItsStatusComes() {
        q.push("{\"id\":\"x\"}");
        for (int crash = 0; crash < 3; crash++) {
            Worker victim = q.worker("v" + crash);
            victim.claimOne();
            q.lapse(victim);
            q.recoverAll(victim);
        }
        assertThat(q.status("x")).isEqualTo("dead");

        q.wire.call("HSET", q.queue.statusKey(), "x", "queued");
        q.wire.call("ZADD", q.key("late"), "XX", "0", "x"); // its next look is due
        q.round();

        assertThat(q.status("x")).isEqualTo("dead");
    }

    @Test
    void aClaimedHashWithoutAMemberIsAdoptedAndRecovered() {
        q.enqueue("x");
        Worker worker = q.worker("a");
        worker.claimOne();
        q.wire.call("ZREM", q.key("dispatchers"), "a");
        q.enqueue("y");
        Worker living = q.worker("b");
        Held held = living.claimOne();

        assertThat(OneQueue.await(q.upkeep.adoptStrays())).isEqualTo(1);
        assertThat(q.round().lapsed()).containsExactly("a");
        assertThat(q.recover(worker).moved()).isEqualTo(1);
        assertThat(living.settle(call -> call.succeeded(held.token(), false)).lapsed())
                .isFalse();
    }

    @Test
    void aRecoveryThatIsSentAgainMovesNothingTwice() {
        q.enqueue("x");
        Worker worker = q.worker("a");
        worker.claimOne();
        q.lapse(worker);

        assertThat(q.recover(worker).moved()).isEqualTo(1);
        assertThat(q.recover(worker).moved()).isZero();
        assertThat(q.len("ready")).isEqualTo(1L);
    }
}
