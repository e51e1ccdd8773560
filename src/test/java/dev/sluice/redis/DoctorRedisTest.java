package dev.sluice.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import dev.sluice.redis.OneQueue.Held;
import dev.sluice.redis.OneQueue.Worker;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Diagnosis;
import dev.sluice.task.Finding;
import dev.sluice.task.Finding.Kind;
import dev.sluice.task.Queue;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.StoredStateMayBeBroken;
import io.lettuce.core.protocol.CommandType;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Breaks what is stored, one invariant after the other, and has it found, left alone, and repaired. */
@OnEveryRedis
class DoctorRedisTest {
    private final OneQueue q;
    private Worker worker;

    DoctorRedisTest(RedisServer redis) {
        q = new OneQueue(redis);
    }

    @BeforeEach
    void threeTasks() {
        worker = q.worker("w1");
        q.enqueue("a", "b", "c");
    }

    @AfterEach
    void close() {
        q.close();
    }

    @Test
    void aQueueInOrderIsClean() {
        worker.claim(2);
        worker.settle(it -> {
            it.retry(Tokens.of(1, 1), 60_000, "{}");
            it.dead(Tokens.of(1, 2), "{\"reason\":\"r\"}");
        });
        q.pushForeign("f");

        Diagnosis seen = q.examine();

        assertThat(seen.findings()).isEmpty();
        assertThat(seen.doubts()).isEmpty();
        assertThat(seen.isComplete()).isTrue();
        assertThat(seen.liveTasks()).isEqualTo(4);
    }

    @Test
    void aBodyThatNobodyHoldsGoesBackToTheReadyList() {
        Held held = worker.claimOne();
        q.wire.call("HDEL", q.key("claimed:w1"), "1.1");

        assertFound(Kind.BODY_WITHOUT_OWNER, held.id());
        assertRepaired(Kind.BODY_WITHOUT_OWNER, held.id());

        assertThat(worker.drain()).containsExactly("a", "b", "c");
        assertThat(q.meta("bodiless")).isNull();
    }

    @Test
    void oneLookReadsAboutAMegabyteOfBodies() {
        String large = "x".repeat(300_000);
        for (int i = 0; i < 12; i++) {
            q.wire.call("HSET", q.key("bodies"), "l" + i, "\1c l" + i + "\n\"" + large + "\"");
            q.wire.call("HSET", q.queue.statusKey(), "l" + i, "processing");
        }
        for (Kind kind : List.of(Kind.BODY_WITHOUT_OWNER, Kind.STATUS_MISSING, Kind.STATUS_FALSE, Kind.STATUS_GHOST)) {
            Reply looked = OneQueue.await(q.links
                    .commands()
                    .run(
                            Script.REPAIR,
                            q.keys.forRepair("-"),
                            args -> {
                                args.add(0).add(kind.code()).add(12);
                                for (int i = 0; i < 12; i++) {
                                    args.add("l" + i).add("sha").add("");
                                }
                            },
                            Duration.ofSeconds(20)));
            assertThat(looked.size()).as(kind.code()).isEqualTo(1 + 3);
        }

        assertThat(q.examine().findings()).extracting(Finding::kind).hasSize(12).containsOnly(Kind.BODY_WITHOUT_OWNER);
        assertThat(repairAll()).hasSize(12);
        assertThat(q.len("bodies")).isEqualTo(0L);
        assertThat(worker.drain()).hasSize(15);
    }

    /** Its dead letter is replaced where it is claimed: until then there are both. */
    @Test
    void aForeignTaskThatWaitsAgainAfterItsDeathIsInOrder() {
        q.pushForeign("f");
        for (Held held : worker.claim(4)) {
            worker.settle(it -> {
                if (held.id().equals("f")) {
                    it.dead(held.token(), "{}");
                } else {
                    it.succeeded(held.token(), false);
                }
            });
        }
        q.pushForeign("f");

        assertThat(q.examine().findings()).isEmpty();
        assertThat(repairAll()).isEmpty();
        assertThat(judge(Kind.STATUS_FALSE, true, "f", "queued", "1")).isZero();

        assertThat(q.status("f")).isEqualTo("queued");
        assertThat(q.cancel("f")).isEqualTo(CancelReply.CANCELLED);
        assertThat(q.status("f")).isEqualTo("dead");
        assertThat(worker.drain()).isEmpty();
    }

    @Test
    void aBodyThatIsHeldAfterAllIsLeftAlone() {
        worker.claimOne();
        String sha = digestOfBody("a");
        worker.settle(it -> it.retry(Tokens.of(1, 1), 0, "{}"));
        worker.claim(3); // it was due at once: held again, with other bytes

        assertThat(judge(Kind.BODY_WITHOUT_OWNER, true, "a", sha, "")).isZero();
    }

    /** One that ended well was pushed anew, with the same bytes, and claimed since. */
    @Test
    void aBodyOfTheSameBytesThatSomebodyHoldsIsLeftAlone() {
        worker.claimOne();
        String sha = digestOfBody("a");

        assertThat(judge(Kind.BODY_WITHOUT_OWNER, true, "a", sha, "")).isZero();

        assertThat(q.wire.call("HLEN", q.key("bodies"))).isEqualTo(1L);
        assertThat(worker.drain()).containsExactly("b", "c");
    }

    @Test
    void aBodyThatIsAnotherThanWasLookedAtIsLeftAlone() {
        worker.claimOne();
        q.wire.call("HDEL", q.key("claimed:w1"), "1.1");

        assertThat(judge(Kind.BODY_WITHOUT_OWNER, true, "a", "the digest of other bytes", ""))
                .isZero();

        assertFound(Kind.BODY_WITHOUT_OWNER, "a");
        assertRepaired(Kind.BODY_WITHOUT_OWNER, "a");
    }

    @Test
    void aBodyThatNobodyHoldsAndSomebodyCancelledIsNotRunAgain() {
        Held held = worker.claimOne();
        q.wire.call("HDEL", q.key("claimed:w1"), "1.1");
        assertThat(q.cancel(held.id())).isEqualTo(CancelReply.STOPPING);

        assertRepaired(Kind.BODY_WITHOUT_OWNER, held.id());

        assertThat(worker.drain()).containsExactly("b", "c");
        assertThat(q.status(held.id())).isNull();
        assertThat(q.wire.call("SCARD", q.key("cancelling"))).isEqualTo(0L);
    }

    @Test
    void aWordThatWasWrittenSinceTheLookIsLeftAlone() {
        q.enqueue("d"); // when it was looked at, an old word said that it is to be retried

        assertThat(judge(Kind.STATUS_FALSE, true, "d", "retrying", "")).isZero();

        assertThat(q.status("d")).isEqualTo("queued");
    }

    @Test
    void aClaimWithoutABodyIsDroppedAndCounted() {
        Held held = worker.claimOne();
        q.wire.call("HDEL", q.key("bodies"), held.id());

        Diagnosis seen = q.examine();
        assertThat(seen.findings())
                .extracting(Finding::kind, Finding::subject)
                .containsExactlyInAnyOrder(tuple(Kind.CLAIMED_WITHOUT_BODY, "a"), tuple(Kind.STATUS_GHOST, "a"));
        assertThat(repairAll()).contains(Kind.CLAIMED_WITHOUT_BODY);

        assertThat(q.meta("bodiless")).isEqualTo("1");
        assertThat(q.status("a")).isNull();
        assertThat(worker.drain()).containsExactly("b", "c");
    }

    @Test
    void aClaimedHashWithoutItsMemberIsListedAsLapsed() {
        worker.claim(2);
        q.wire.call("ZREM", q.key("dispatchers"), "w1");

        assertFound(Kind.CLAIMED_BY_NOBODY, "w1");
        assertRepaired(Kind.CLAIMED_BY_NOBODY, "w1");

        assertThat(q.wire.call("ZSCORE", q.key("dispatchers"), "w1")).isEqualTo("0");
        q.recoverAll(worker);
        assertThat(q.worker("w2").drain()).containsExactly("a", "b", "c");
    }

    @Test
    void aDispatcherWhoseTasksAreBeingTakenBackIsNoDoubtWhileOneLivesToDoIt() {
        worker.claimOne();
        Worker living = q.worker("w2");
        q.wire.call("ZADD", q.key("dispatchers"), "0", "w1"); // the first slice marks it

        assertThat(q.examine().doubts()).isEmpty();

        q.lapse(living);
        assertThat(q.examine().doubts())
                .extracting(Finding::kind, Finding::subject)
                .containsExactly(tuple(Kind.LAPSED_UNRECOVERED, "w1"));

        q.recoverAll(worker);
        q.recoverAll(living);
    }

    @Test
    void aMemberThatWentLongAgoIsRemovedAndOneThatHoldsTasksIsADoubt() {
        worker.claimOne();
        q.wire.call("ZADD", q.key("dispatchers"), "1000", "w1", "1000", "gone");

        Diagnosis seen = q.examine();
        assertThat(seen.findings())
                .extracting(Finding::kind, Finding::subject)
                .containsExactly(tuple(Kind.MEMBER_WITHOUT_HASH, "gone"));
        assertThat(seen.doubts())
                .extracting(Finding::kind, Finding::subject)
                .containsExactly(tuple(Kind.LAPSED_UNRECOVERED, "w1"));
        repairAll();

        assertThat(q.wire.call("ZRANGE", q.key("dispatchers"), "0", "-1")).isEqualTo(List.of("w1"));
        q.lapse(worker);
        q.recoverAll(worker);
    }

    @Test
    void aDelayWithoutABodyIsDropped() {
        worker.claimOne();
        worker.settle(it -> it.retry(Tokens.of(1, 1), 60_000, "{}"));
        q.wire.call("HDEL", q.key("bodies"), "a");

        assertFound(Kind.DELAYED_WITHOUT_BODY, "a");
        assertRepaired(Kind.DELAYED_WITHOUT_BODY, "a");

        assertThat(q.status("a")).isNull();
        assertThat(q.meta("bodiless")).isEqualTo("1");
    }

    @Test
    void whatIsStoredForATaskAndIsNoFrameIsNotLost() {
        worker.claimOne();
        worker.settle(it -> it.retry(Tokens.of(1, 1), 60_000, "{}"));
        q.wire.call("HSET", q.key("bodies"), "a", "{\"id\":\"a\",\"type\":\"t\"}");

        assertFound(Kind.BODY_UNREADABLE, "a");
        assertThat(repairAll()).contains(Kind.BODY_UNREADABLE);

        assertThat(worker.drain()).containsExactlyInAnyOrder("a", "b", "c");
    }

    @Test
    void aDeadLetterAndItsRecordGoTogether() {
        worker.claim(2);
        worker.settle(it -> {
            it.dead(Tokens.of(1, 1), "{}");
            it.dead(Tokens.of(1, 2), "{}");
        });
        q.wire.call("HDEL", q.key("dead:bodies"), "a");
        q.wire.call("ZREM", q.key("dead"), "b");

        assertThat(q.examine().findings())
                .extracting(Finding::kind, Finding::subject)
                .containsExactlyInAnyOrder(
                        tuple(Kind.DEAD_WITHOUT_RECORD, "a"),
                        tuple(Kind.RECORD_WITHOUT_TIME, "b"),
                        tuple(Kind.STATUS_GHOST, "b"));
        repairAll();

        assertThat(q.wire.call("ZRANGE", q.key("dead"), "0", "-1")).isEqualTo(List.of("b"));
        assertThat(q.status("a")).isNull();
        assertThat(q.status("b")).isEqualTo("dead");
    }

    @Test
    void everyStatusIsMadeTrue() {
        worker.claim(2);
        worker.settle(it -> it.retry(Tokens.of(1, 1), 60_000, "{}"));
        q.wire.call(
                "HSET",
                q.queue.statusKey(),
                "a",
                "processing",
                "b",
                "queued",
                "c",
                "dead",
                "ghost",
                "queued",
                "odd",
                "?");

        assertThat(q.examine().findings())
                .extracting(Finding::kind, Finding::subject)
                .containsExactlyInAnyOrder(
                        tuple(Kind.STATUS_FALSE, "a"),
                        tuple(Kind.STATUS_FALSE, "b"),
                        tuple(Kind.STATUS_FALSE, "c"),
                        tuple(Kind.STATUS_GHOST, "ghost"),
                        tuple(Kind.STATUS_GHOST, "odd"));
        repairAll();

        assertThat(List.of(q.status("a"), q.status("b"), q.status("c")))
                .containsExactly("retrying", "processing", "queued");
        assertThat(q.wire.call("HLEN", q.queue.statusKey())).isEqualTo(3L);
    }

    @Test
    void everyLiveTaskGetsItsWord() {
        worker.claim(2);
        worker.settle(it -> it.retry(Tokens.of(1, 1), 60_000, "{}"));
        q.enqueue(0, 600);
        q.wire.call("DEL", q.queue.statusKey());

        assertThat(q.examine().findings()).hasSize(603).allMatch(it -> it.kind() == Kind.STATUS_MISSING);
        repairAll();

        assertThat(List.of(q.status("a"), q.status("b"), q.status("c"), q.status("t599")))
                .containsExactly("retrying", "processing", "queued", "queued");
        assertThat(q.wire.call("HLEN", q.queue.statusKey())).isEqualTo(603L);
    }

    @Test
    @StoredStateMayBeBroken("what only people can put in order is left")
    void oneIdInTwoPlacesIsToldAndLeft() {
        worker.claim(1);
        byte[] copy = q.raw(CommandType.HGET, q.key("bodies"), "a").bytes(0);
        q.raw(CommandType.RPUSH, q.key("ready"), copy);
        q.raw(
                CommandType.RPUSH,
                q.key("ready"),
                q.raw(CommandType.LINDEX, q.key("ready"), "0").bytes(0));
        q.wire.call("HSET", q.key("claimed:w2"), "1.1", "a", "last", "0");
        q.wire.call("ZADD", q.key("dispatchers"), "99999999999999", "w2");
        Map<String, String> before = q.everything();

        Diagnosis seen = OneQueue.await(q.doctor().repair());

        assertThat(seen.findings())
                .extracting(Finding::kind, Finding::subject, Finding::repaired)
                .containsExactlyInAnyOrder(
                        tuple(Kind.TWO_PLACES, "a", false),
                        tuple(Kind.TWO_PLACES, "b", false),
                        tuple(Kind.CLAIMED_TWICE, "a", false));
        assertThat(q.everything()).isEqualTo(before);
    }

    @Test
    void marksAndFieldsThatCannotBeReadAreSetRight() {
        q.wire.call("ZADD", q.key("late"), "9e18", "x");
        q.wire.call("HSET", q.key("meta"), "lease", "long", "duplicates", "many");

        assertThat(q.examine().findings())
                .extracting(Finding::kind, Finding::subject)
                .containsExactlyInAnyOrder(
                        tuple(Kind.LATE_MARK, "x"),
                        tuple(Kind.META_FIELD, "lease"),
                        tuple(Kind.META_FIELD, "duplicates"));
        repairAll();

        assertThat(q.meta("lease")).isNull();
        assertThat(Double.parseDouble((String) q.wire.call("ZSCORE", q.key("late"), "x")))
                .isLessThanOrEqualTo(q.serverMs() * 8.0);
    }

    @Test
    void aNumberThatMustNotGoBackIsSetToOneThatIsHigherThanAnyBefore() {
        q.cancel("c");
        q.enqueue("c"); // as one that came after that
        q.wire.call("HSET", q.key("meta"), "cancels", "7.5", "told", "x", "results", "soon", "draining", "yes");
        long before = q.serverMs();

        assertThat(q.examine().findings())
                .extracting(Finding::subject)
                .containsExactlyInAnyOrder("cancels", "told", "results", "draining");
        repairAll();

        assertThat(Long.parseLong(q.meta("told"))).isGreaterThanOrEqualTo(before);
        assertThat(Long.parseLong(q.meta("results")) - before).isGreaterThanOrEqualTo(365L * 86_400_000);
        assertThat(q.meta("draining")).as("it is still drained").isEqualTo("0");
        assertThat(q.enqueue("d").fate(0)).isEqualTo(EnqueueReply.Fate.CLOSED);
        assertThat(q.cancel("c")).isEqualTo(CancelReply.CANCELLED);
        assertThat(worker.drain()).containsExactly("a", "b");
    }

    @Test
    void aRequestThatOutlivedItsTaskIsRemovedAndThatOfARunningOneIsNot() {
        worker.claim(2);
        q.cancel("a");
        worker.settle(it -> it.retry(Tokens.of(1, 2), 60_000, "{}"));
        q.wire.call("SADD", q.key("cancelling"), "b", "nobody");

        assertThat(q.examine().findings())
                .extracting(Finding::kind, Finding::subject)
                .containsExactlyInAnyOrder(tuple(Kind.CANCEL_OF_NOBODY, "b"), tuple(Kind.CANCEL_OF_NOBODY, "nobody"));
        repairAll();

        assertThat(q.wire.call("SMEMBERS", q.key("cancelling"))).isEqualTo(List.of("a"));
    }

    @Test
    void aMarkOfWhatIsInNoListIsRemovedAndThoseOfWhatWasCancelledAreNot() {
        q.pushForeign("f");
        q.wire.call("HSET", q.queue.statusKey(), "f", "queued");
        q.cancel("b");
        q.cancel("f");
        q.wire.call("HSET", q.key("cancelled"), "nobody", "9,1", "odd", "?");

        assertThat(q.examine().findings())
                .extracting(Finding::kind, Finding::subject)
                .containsExactlyInAnyOrder(tuple(Kind.MARK_OF_NOBODY, "nobody"), tuple(Kind.MARK_OF_NOBODY, "odd"));
        repairAll();

        assertThat(q.wire.call("HLEN", q.key("cancelled"))).isEqualTo(2L);
        assertThat(worker.drain()).containsExactly("a", "c");
        assertThat(q.wire.call("EXISTS", q.key("cancelled"))).isEqualTo(0L);
    }

    @Test
    void aMarkThatWasSetAnewSinceTheLookIsLeftAlone() {
        q.cancel("b");

        assertThat(judge(Kind.MARK_OF_NOBODY, true, "b", "0,1", "")).isZero();

        assertThat(worker.drain()).containsExactly("a", "c");
    }

    @Test
    void ofManyTokensAtTheDoorbellOneIsLeft() {
        q.wire.call("RPUSH", q.key("wake"), "1", "1", "junk");

        assertFound(Kind.BELL_TOKENS, "{q}:wake");
        assertRepaired(Kind.BELL_TOKENS, "{q}:wake");

        assertThat(q.len("wake")).isEqualTo(1L);
    }

    @Test
    void whatIsNotToExpireIsKept() {
        worker.claim(1);
        List<String> keys = List.of(q.queue.statusKey(), q.key("ready"), q.key("bodies"), q.key("claimed:w1"));
        keys.forEach(key -> q.wire.call("EXPIRE", key, "1000"));

        assertThat(q.examine().findings())
                .extracting(Finding::kind, Finding::subject)
                .containsExactlyInAnyOrderElementsOf(
                        keys.stream().map(key -> tuple(Kind.KEY_EXPIRES, key)).toList());
        repairAll();

        assertThat(keys).allSatisfy(key -> assertThat(q.wire.call("TTL", key)).isEqualTo(-1L));
    }

    @Test
    @StoredStateMayBeBroken("what only people can put in order is left")
    void whatIsToExpireAndNeverWillIsTold() {
        q.wire.call("SET", q.key("result:kept"), "{}", "EX", "1000");
        q.wire.call("SET", q.key("result:forever"), "{}");
        q.wire.call("SET", q.key("buried:d1"), "7");
        Map<String, String> before = q.everything();

        assertThat(OneQueue.await(q.doctor().repair()).findings())
                .extracting(Finding::kind, Finding::subject, Finding::repaired)
                .containsExactlyInAnyOrder(
                        tuple(Kind.NEVER_EXPIRES, "{q}:result:forever", false),
                        tuple(Kind.NEVER_EXPIRES, "{q}:buried:d1", false));
        assertThat(q.everything()).isEqualTo(before);
    }

    @Test
    @StoredStateMayBeBroken("the record of the queue is another's")
    void whatWasAgreedOnIsNotChangedByARepair() {
        q.wire.call("HSET", q.key("meta"), "protocol", "one", "delivery", "sometimes");

        Diagnosis seen = OneQueue.await(q.doctor().repair());

        assertThat(seen.findings())
                .extracting(Finding::kind, Finding::subject, Finding::repaired)
                .containsExactlyInAnyOrder(
                        tuple(Kind.META_FIELD, "protocol", false), tuple(Kind.META_FIELD, "delivery", false));
    }

    /** As at-least-once a word of what runs at most once is wrong. */
    @Test
    void whereItIsNotSureWhatIsMeantNothingIsRepaired() {
        q.enqueue("x");
        q.wire.call("HSET", q.key("status"), "ghost", "queued");
        q.wire.call("HDEL", q.key("meta"), "delivery");

        assertThat(OneQueue.await(q.doctor().repair()).findings())
                .extracting(Finding::kind, Finding::subject, Finding::repaired)
                .containsExactlyInAnyOrder(
                        tuple(Kind.META_FIELD, "delivery", false), tuple(Kind.STATUS_GHOST, "ghost", false));

        q.wire.call("HSET", q.key("meta"), "delivery", "at-least-once");
        assertThat(OneQueue.await(q.doctor().repair()).findings())
                .extracting(Finding::repaired)
                .containsExactly(true);
    }

    /** A page of a list ends with one of them, and the next begins with another. */
    @Test
    void elementsThatAreTheSameHideNoneBetweenThem() {
        for (int i = 0; i < 300; i++) {
            q.push("{\"id\":\"t" + i + "\",\"type\":\"t\"}");
            q.wire.call("HSET", q.key("status"), "t" + i, "queued");
            q.push("{\"type\":\"refresh\"}");
        }
        q.push("{\"type\":\"refresh\"}");

        assertThat(q.examine().findings()).isEmpty();
        q.wire.call("DEL", q.queue.name());
        IntStream.range(0, 300).forEach(i -> q.wire.call("HDEL", q.key("status"), "t" + i));
    }

    /** Where it is claimed its id is found all the same, and there it becomes a dead letter. */
    @Test
    void whatIsNoTaskButHasAnIdIsSeenToWait() {
        q.push("{\"id\":\"a1\",\"deadline\":\"tomorrow\"}");
        q.push("{\"id\": 17, \"deadline\":\"tomorrow\"}");
        q.wire.call("HSET", q.key("status"), "a1", "queued", "17", "queued");

        assertThat(q.examine().findings()).isEmpty();
        q.wire.call("DEL", q.queue.name());
        q.wire.call("HDEL", q.key("status"), "a1", "17");
    }

    @Test
    void aScoreThatIsInfiniteIsNoFailureOfTheDoctor() {
        q.enqueue("x");
        q.wire.call("ZADD", q.key("dispatchers"), "+inf", "somebodys");

        assertThat(q.examine().findings()).isEmpty();
        q.wire.call("ZREM", q.key("dispatchers"), "somebodys");
    }

    /** Each script reads it, so that nothing is claimed or settled then. */
    @Test
    @StoredStateMayBeBroken("a key of the queue holds a value of another type")
    void reportsOfAnotherTypeAreNamed() {
        q.wire.call("SET", q.key("progress"), "in the way");

        assertThat(q.examine().findings())
                .extracting(Finding::kind, Finding::subject)
                .containsExactly(tuple(Kind.WRONG_TYPE, "{q}:progress"));
    }

    @Test
    void idsOfAnyBytesAreFoundAndRemoved() {
        byte[] odd = {(byte) 0xff, ' ', (byte) 0xc3};
        q.raw(CommandType.HSET, q.queue.statusKey(), odd, "queued");
        q.raw(CommandType.HSET, q.queue.statusKey(), "任务".getBytes(StandardCharsets.UTF_8), "queued");

        assertThat(q.examine().findings()).hasSize(2).allMatch(it -> it.kind() == Kind.STATUS_GHOST);
        repairAll();

        assertThat(q.wire.call("HLEN", q.queue.statusKey())).isEqualTo(3L);
    }

    @Test
    void aFullRedisIsRepaired(RedisServer.Builder builder) {
        try (RedisServer own = builder.start();
                OneQueue full = new OneQueue(own)) {
            Worker some = full.worker("w1");
            full.enqueue("a");
            some.claim(1);
            full.wire.call("HDEL", full.key("claimed:w1"), "1.1");
            full.wire.call("HSET", full.queue.statusKey(), "ghost", "queued");
            full.wire.call("CONFIG", "SET", "maxmemory", "1");

            Diagnosis seen = OneQueue.await(full.doctor().repair());

            assertThat(seen.findings()).hasSize(2).allMatch(Finding::repaired);
            assertThat(full.len("ready")).isEqualTo(1L);
            full.wire.call("CONFIG", "SET", "maxmemory", "0");
        }
    }

    @Test
    void ofAnAtMostOnceQueueAGhostIsFoundAndWhatMayRunIsNot(RedisServer redis) {
        try (OneQueue once = new OneQueue(redis, Queue.named("once").delivery(DeliveryMode.AT_MOST_ONCE))) {
            OneQueue.await(once.links.pops(once.queue).introduce());
            once.enqueue("x");
            once.wire.call("HSET", once.queue.statusKey(), "gone", "queued", "running", "processing");

            Diagnosis seen = OneQueue.await(once.doctor().repair());

            assertThat(seen.findings())
                    .extracting(Finding::kind, Finding::subject)
                    .containsExactly(tuple(Kind.STATUS_GHOST, "gone"));
            assertThat(seen.doubts()).extracting(Finding::subject).containsExactly("running");
            assertThat(once.status("running")).isEqualTo("processing");
            once.wire.call("HDEL", once.queue.statusKey(), "running");
        }
    }

    @Test
    void manyIdsAreKeptByTheirFingerprints() {
        Fingerprints ids = new Fingerprints();

        assertThat(IntStream.range(0, 100_000).allMatch(i -> ids.add(Fingerprints.of("t" + i))))
                .isTrue();
        assertThat(IntStream.range(0, 100_000).allMatch(i -> ids.contains(Fingerprints.of("t" + i))))
                .isTrue();
        assertThat(ids.add(Fingerprints.of("t5"))).isFalse();
        assertThat(ids.contains(Fingerprints.of("other"))).isFalse();
    }

    private void assertFound(Kind kind, String subject) {
        Map<String, String> before = q.everything();

        assertThat(q.examine().findings())
                .as("found first")
                .extracting(Finding::kind, Finding::subject)
                .contains(tuple(kind, subject));
        assertThat(q.everything()).as("an examination changes nothing").isEqualTo(before);
    }

    private void assertRepaired(Kind kind, String subject) {
        Diagnosis done = OneQueue.await(q.doctor().repair());
        assertThat(done.findings())
                .extracting(Finding::kind, Finding::subject, Finding::repaired)
                .contains(tuple(kind, subject, true));
        assertThat(done.isClean()).isTrue();
        repairAll();
    }

    /** Until nothing is repaired any more; what kinds were. Then all is in order. */
    private List<Kind> repairAll() {
        List<Kind> kinds = new java.util.ArrayList<>();
        for (Diagnosis seen = OneQueue.await(q.doctor().repair());
                !seen.findings().isEmpty();
                seen = OneQueue.await(q.doctor().repair())) {
            assertThat(seen.findings())
                    .allMatch(it -> it.repaired() && it.kind().isRepairable());
            seen.findings().forEach(it -> kinds.add(it.kind()));
        }
        assertThat(q.examine().isClean()).isTrue();
        return kinds;
    }

    private String digestOfBody(String id) {
        byte[] frame = q.raw(CommandType.HGET, q.key("bodies"), id).bytes(0);
        return q.raw(CommandType.EVAL, "return redis.sha1hex(ARGV[1])", "0", frame)
                .text(0);
    }

    private long judge(Kind kind, boolean repairs, String... words) {
        return OneQueue.await(q.links
                        .commands()
                        .run(
                                Script.REPAIR,
                                q.keys.withClaimed("-"),
                                args -> {
                                    args.add(repairs ? 1 : 0).add(kind.code()).add(1);
                                    for (String word : words) {
                                        args.add(word);
                                    }
                                },
                                OneQueue.LEASE))
                .number(1);
    }
}
