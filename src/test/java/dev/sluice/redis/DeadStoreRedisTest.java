package dev.sluice.redis;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.redis.DeadStore.Fate;
import dev.sluice.redis.OneQueue.Held;
import dev.sluice.redis.OneQueue.Worker;
import dev.sluice.task.DeadLetterRetention;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Queue;
import dev.sluice.task.StoreRefusedException;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.Private;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.StoredStateMayBeBroken;
import io.lettuce.core.RedisURI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.IntToLongFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What the scripts of dead letters do to what is stored. */
@OnEveryRedis
class DeadStoreRedisTest {
    private final OneQueue q;

    DeadStoreRedisTest(RedisServer redis) {
        q = new OneQueue(redis);
    }

    @AfterEach
    void close() {
        q.close();
    }

    // ---- browse

    @Test
    void aWalkMeetsEachOnceInTheOrderOfTheirDeathsThoughSomeGoOnTheWay() {
        Random random = new Random(7);
        List<String> made = IntStream.range(0, 1_500)
                .mapToObj(i -> "é".repeat(random.nextInt(3)) + random.nextInt() + "-" + i)
                .toList();
        buryAll(made, i -> 1_000 + random.nextInt(7));
        List<String> expected = ids((List<?>) q.wire.call("ZRANGE", q.key("dead"), "0", "-1"));
        assertThat(expected).containsExactlyInAnyOrderElementsOf(made);

        assertThat(walk(false, "-inf", "+inf", false)).isEqualTo(expected);
        List<String> backwards = new ArrayList<>(expected);
        Collections.reverse(backwards);
        assertThat(walk(true, "-inf", "+inf", false)).isEqualTo(backwards);
        assertThat(walk(true, "-inf", "+inf", true)).isEqualTo(backwards);
        assertThat(walk(false, "-inf", "+inf", true)).hasSize(1_500 - 6);
    }

    @Test
    void aWalkKeepsToItsTimes() {
        for (int ms = 1_000; ms < 1_010; ms++) {
            bury("at" + ms, ms);
        }

        assertThat(walk(false, "1003", "1005", false)).containsExactly("at1003", "at1004", "at1005");
        assertThat(walk(true, "1003", "(1005", false)).containsExactly("at1004", "at1003");
        assertThat(walk(false, "2000", "+inf", false)).isEmpty();
        assertThat(walk(false, "1009", "+inf", false)).containsExactly("at1009");
    }

    @Test
    void aPageHoldsAboutAMegabyteAndAtLeastOne() {
        for (int i = 0; i < 5; i++) {
            bury("large" + i, 1_000 + i, "x".repeat(i == 3 ? 3_000_000 : 400_000));
        }

        DeadPage first = OneQueue.await(q.dead.browse("-inf", "+inf", false, true, null));
        assertThat(first.size()).isEqualTo(2);
        assertThat(first.more()).isTrue();
        assertThat(first.get(1).bytes()).hasSizeGreaterThan(400_000);
        assertThat(walk(false, "-inf", "+inf", false)).hasSize(5);
        assertThat(OneQueue.await(q.dead.browse("-inf", "+inf", false, false, null))
                        .size())
                .isEqualTo(5);
    }

    @Test
    void aDeadLetterIsFoundById() {
        bury("x", 1_234, "body");

        DeadRecord found = OneQueue.await(q.dead.find(bytes("x")));
        assertThat(found.diedMs()).isEqualTo(1_234);
        assertThat(new String(found.bytes(), UTF_8)).endsWith(" x\nbody");
        assertThat(q.dead.find(bytes("y")).blockOptional()).isEmpty();
    }

    @Test
    void whatRedisRefusesToALookIsSaid() {
        q.wire.call("ACL", "SETUSER", "app", "on", ">pw", "~*", "&*", "+@all", "-hget", "-zscore");
        String uri = "redis://app:pw@127.0.0.1:" + q.redis.port();
        RedisLinks links = RedisLinks.own(RedisURI.create(uri), null);
        try {
            assertThatThrownBy(() -> links.dead(q.queue).find(bytes("x")).block())
                    .isInstanceOf(StoreRefusedException.class)
                    .hasMessageContaining("NOPERM");
        } finally {
            OneQueue.await(links.close());
            q.wire.call("ACL", "DELUSER", "app");
        }
    }

    // ---- redrive

    @Test
    void aRedrivenTaskBeginsAnewAtTheEndAndItsFencingNumberGrows() {
        q.enqueue("x");
        Worker worker = q.worker("a");
        Held first = worker.claimOne();
        worker.settle(call -> call.retry(first.token(), 0, "{}"));
        q.round();
        q.rings();
        Held second = worker.claimOne();
        worker.settle(call -> call.dead(second.token(), "{\"reason\":\"r\"}"));
        q.enqueue("waiting");
        q.rings();

        assertThat(redrive("x")).containsExactly(Fate.DONE);

        assertThat(q.status("x")).isEqualTo("queued");
        assertThat(q.rings()).isTrue();
        assertThat(q.wire.call("ZCARD", q.key("dead"))).isEqualTo(0L);
        assertThat(q.wire.call("HLEN", q.key("dead:bodies"))).isEqualTo(0L);
        List<Held> again = worker.claim(2);
        assertThat(again).extracting(Held::id).containsExactly("waiting", "x");
        Frame frame = again.get(1).frame();
        assertThat(frame.attempts()).isZero();
        assertThat(frame.crashes()).isZero();
        assertThat(frame.fencingNumber()).isEqualTo(second.frame().fencingNumber() + 1);
        assertThat(new String(again.get(1).body(), UTF_8)).isEqualTo("body of x");
        worker.settle(call -> again.forEach(it -> call.succeeded(it.token(), false)));
    }

    @Test
    void aTaskThatDiedOfCrashesWaitsWithTheOthersAgain() {
        q.enqueue("x");
        Worker before = q.worker("before");
        Held failed = before.claimOne();
        before.settle(call -> call.retry(failed.token(), 0, "{}"));
        for (int crash = 0; crash < OneQueue.CRASH_LIMIT; crash++) {
            Worker worker = q.worker("w" + crash);
            worker.claimOne();
            q.lapse(worker);
            q.recoverAll(worker);
        }
        assertThat(q.status("x")).isEqualTo("dead");

        assertThat(redrive("x")).containsExactly(Fate.DONE);

        assertThat(q.len("suspects")).isEqualTo(0L);
        Frame again = q.worker("b").claimOne().frame();
        assertThat(again.crashes()).isZero();
        assertThat(again.failure()).isNull();
    }

    @Test
    void theSecondRedriveOfTheSameIsRefusedAndChangesNothing() {
        bury("x", 1_000);
        redrive("x");
        Map<String, String> before = q.everything();

        assertThat(redrive("x", "y")).containsExactly(Fate.LIVE, Fate.UNKNOWN);

        assertThat(q.everything()).isEqualTo(before);
        bury("z", 1_000);
        assertThat(redrive("z", "z")).containsExactly(Fate.DONE, Fate.LIVE);
        assertThat(q.len("ready")).isEqualTo(2L);
    }

    @Test
    void anIdThatWaitsInTheForeignListIsRefused() {
        bury("x", 1_000);
        q.pushForeign("x");
        Map<String, String> before = q.everything();

        assertThat(redrive("x")).containsExactly(Fate.LIVE);

        assertThat(q.everything()).isEqualTo(before);
        q.worker("a").drain();
        assertThat(redrive("x")).as("its successor has replaced it").containsExactly(Fate.UNKNOWN);
    }

    @Test
    @StoredStateMayBeBroken("an id is alive and dead at once")
    void anIdThatIsHeldOrDelayedIsRefusedWhateverItsStatusSays() {
        q.enqueue("x");
        q.worker("a").claimOne();
        bury("x", 1_000);
        Map<String, String> before = q.everything();

        assertThat(redrive("x")).containsExactly(Fate.LIVE);

        assertThat(q.everything()).isEqualTo(before);
    }

    @Test
    void aStatusThatIsLeftOverDoesNotKeepADeadLetterFromBeingRedriven() {
        for (String word : List.of("processing", "retrying", "queued", "nonsense")) {
            bury("x", 1_000);
            q.wire.call("HSET", q.queue.statusKey(), "x", word);

            assertThat(redrive("x")).as(word).containsExactly(Fate.DONE);
            assertThat(q.worker("after-" + word).drain()).containsExactly("x");
        }
    }

    @Test
    void aDeadLetterUnderAMadeUpIdIsRedriven() {
        q.push("{\"id\":\"x\",\"n\":1}");
        q.wire.call("HSET", q.queue.statusKey(), "x", "queued");
        Worker worker = q.worker("a");
        Held held = worker.claimOne();
        q.push("{\"id\":\"x\",\"n\":2}");
        worker.claim(1);
        String renamed =
                ids((List<?>) q.wire.call("ZRANGE", q.key("dead"), "0", "-1")).get(0);
        assertThat(renamed).startsWith("x~");

        assertThat(redrive(renamed)).containsExactly(Fate.DONE);

        Held other = worker.claimOne();
        assertThat(other.id()).isEqualTo(renamed);
        assertThat(new String(other.body(), UTF_8)).isEqualTo("{\"id\":\"x\",\"n\":2}");
        worker.settle(call -> {
            call.succeeded(held.token(), true);
            call.succeeded(other.token(), true);
        });
    }

    @Test
    void bytesThatNobodyCanReadAreRedrivenAsTheyAre() {
        byte[] body = OneQueue.binary(3_000, 5);
        q.bury(Frame.ofForeign("x", body), "{}", 1_000);

        assertThat(redrive("x")).containsExactly(Fate.DONE);

        Held held = q.worker("a").claimOne();
        assertThat(held.body()).isEqualTo(body);
    }

    @Test
    void aDeathThatIsMeantIsNotMistakenForALaterOne() {
        bury("x", 1_000);
        DeadRecord first = OneQueue.await(q.dead.find(bytes("x")));
        assertThat(OneQueue.await(q.dead.redriveThese(List.of(first)))).containsExactly(Fate.DONE);
        assertThat(OneQueue.await(q.dead.redriveThese(List.of(first)))).containsExactly(Fate.REVIVED);
        OneQueue.await(q.links.pops(q.queue).popMany(false, 1));
        bury("x", 2_000);

        assertThat(OneQueue.await(q.dead.redriveThese(List.of(first)))).containsExactly(Fate.UNKNOWN);
        assertThat(OneQueue.await(q.dead.purgeThese(List.of(first)))).containsExactly(Fate.UNKNOWN);
        assertThat(OneQueue.await(q.dead.find(bytes("x"))).diedMs()).isEqualTo(2_000);
    }

    @Test
    void whatIsNoRecordOfOursIsLeftAloneAndCanBePurged() {
        for (String record : List.of("", "no line", "{}\nno frame", "{}\n\1c other\nbody", "{}\n\1c1,2 x")) {
            bury("x", 1_000);
            q.wire.call("HSET", q.key("dead:bodies"), "x", record);

            assertThat(redrive("x")).as(record).containsExactly(Fate.UNREADABLE);
            assertThat(q.status("x")).isEqualTo("dead");
            assertThat(purge("x")).containsExactly(Fate.DONE);
        }
        bury("x", 1_000);
        q.wire.call("HDEL", q.key("dead:bodies"), "x");
        assertThat(redrive("x")).containsExactly(Fate.UNREADABLE);
        assertThat(purge("x")).containsExactly(Fate.DONE);
    }

    @Test
    void largeRecordsAreRedrivenInSlicesInTheirOrder() {
        List<byte[]> ids = new ArrayList<>();
        for (int i = 0; i < 7; i++) {
            ids.add(bytes(bury("large" + i, 1_000 + i, "x".repeat(i == 3 ? 3_000_000 : 400_000))));
        }

        assertThat(OneQueue.await(q.dead.redrive(ids))).hasSize(7).containsOnly(Fate.DONE);

        assertThat(q.worker("a").drain())
                .containsExactlyElementsOf(
                        ids.stream().map(id -> new String(id, UTF_8)).toList());
    }

    @Test
    void anAtMostOnceQueueRedrivesToo(RedisServer redis) {
        OneQueue clicks = new OneQueue(redis, Queue.named("clicks").delivery(DeliveryMode.AT_MOST_ONCE));
        try {
            OneQueue.await(clicks.producer.introduce());
            clicks.bury(Frame.ofClient("x", bytes("body")), "{}", 1_000);
            clicks.bury(Frame.ofClient("y", bytes("body")), "{}", 1_000);
            clicks.wire.call("HSET", clicks.queue.statusKey(), "y", "processing");

            assertThat(OneQueue.await(clicks.dead.redrive(List.of(bytes("x"), bytes("y")))))
                    .containsExactly(Fate.DONE, Fate.LIVE);

            assertThat(clicks.len("wake")).isEqualTo(0L);
            List<byte[]> popped = OneQueue.await(clicks.links.pops(clicks.queue).popMany(false, 5))
                    .elements();
            assertThat(popped).hasSize(1);
            assertThat(Frame.read(popped.get(0)).id()).isEqualTo("x");
            clicks.wire.call("HDEL", clicks.queue.statusKey(), "x", "y");
            assertThat(OneQueue.await(clicks.dead.purge(List.of(bytes("y"))))).containsExactly(Fate.DONE);
        } finally {
            clicks.close();
        }
    }

    // ---- purge and trim

    @Test
    void aPurgedDeadLetterLeavesNothing() {
        bury("x", 1_000);

        assertThat(purge("x", "y", "x")).containsExactly(Fate.DONE, Fate.UNKNOWN, Fate.UNKNOWN);

        assertThat(q.everything()).containsOnlyKeys("{q}:buried:tests"); // which goes by itself
    }

    @Test
    void theStatusOfALivingSuccessorStays() {
        bury("x", 1_000);
        q.pushForeign("x");

        assertThat(purge("x")).containsExactly(Fate.DONE);

        assertThat(q.status("x")).isEqualTo("queued");
        assertThat(q.worker("a").drain()).containsExactly("x");
    }

    @Test
    void theOldestBeyondTheCountGoInSlicesAndAreCounted() {
        long now = q.serverMs();
        buryAll(IntStream.range(0, 700).mapToObj(i -> "t" + i).toList(), i -> now - 1_000 + i);

        DeadLetterRetention kept = DeadLetterRetention.standard().maxCount(100);
        List<Integer> removed = new ArrayList<>();
        TrimReply reply;
        do {
            reply = OneQueue.await(q.upkeep.trim(kept));
            removed.add(reply.removed());
        } while (reply.more());

        assertThat(removed).containsExactly(256, 256, 88);
        assertThat(walk(false, "-inf", "+inf", false))
                .hasSize(100)
                .startsWith("t600")
                .endsWith("t699");
        assertThat(q.wire.call("HLEN", q.key("dead:bodies"))).isEqualTo(100L);
        assertThat(q.wire.call("HLEN", q.queue.statusKey())).isEqualTo(100L);
        assertThat(q.meta("trimmed")).isEqualTo("600");
        assertThat(OneQueue.await(q.upkeep.trim(kept))).isEqualTo(new TrimReply(0, false));
    }

    @Test
    void whatIsTooOldGoesHoweverFew() {
        long now = q.serverMs();
        bury("old", now - 3_600_001);
        bury("young", now - 3_500_000);

        assertThat(OneQueue.await(q.upkeep.trim(DeadLetterRetention.standard().maxAge(Duration.ofHours(1)))))
                .isEqualTo(new TrimReply(1, false));

        assertThat(walk(false, "-inf", "+inf", false)).containsExactly("young");
    }

    @Test
    void trimmingLeavesTheStatusOfALivingSuccessor() {
        bury("x", 1_000);
        q.pushForeign("x");

        OneQueue.await(q.upkeep.trim(DeadLetterRetention.standard()));

        assertThat(q.status("x")).isEqualTo("queued");
        assertThat(q.worker("a").drain()).containsExactly("x");
    }

    @Test
    void aFullRedisCanBeTrimmedPurgedAndRedriven(@Private RedisServer redis) {
        OneQueue full = new OneQueue(redis);
        try {
            for (String id : List.of("old", "unwanted", "wanted")) {
                full.bury(Frame.ofClient(id, bytes("body")), "{}", id.equals("old") ? 1_000 : full.serverMs());
            }
            redis.call("CONFIG", "SET", "maxmemory", "1");

            assertThat(OneQueue.await(full.upkeep.trim(DeadLetterRetention.standard()))
                            .removed())
                    .isEqualTo(1);
            assertThat(OneQueue.await(full.dead.purge(List.of(bytes("unwanted")))))
                    .containsExactly(Fate.DONE);
            assertThat(OneQueue.await(full.dead.redrive(List.of(bytes("wanted")))))
                    .containsExactly(Fate.DONE);
            assertThat(full.status("wanted")).isEqualTo("queued");
        } finally {
            full.close();
        }
    }

    // ---- plumbing

    private void buryAll(List<String> ids, IntToLongFunction atMs) {
        for (int i = 0; i < ids.size(); i++) {
            bury(ids.get(i), atMs.applyAsLong(i));
        }
    }

    private String bury(String id, long atMs) {
        return bury(id, atMs, "body");
    }

    private String bury(String id, long atMs, String body) {
        q.bury(Frame.ofClient(id, bytes(body)), "{\"reason\":\"r\"}", atMs);
        return id;
    }

    /** The ids of a whole walk; if wanted, the last one of each page is purged before the next page is read. */
    private List<String> walk(boolean newestFirst, String from, String till, boolean purging) {
        List<String> met = new ArrayList<>();
        byte[] after = null;
        DeadPage page;
        do {
            page = OneQueue.await(q.dead.browse(from, till, newestFirst, true, after));
            for (int i = 0; i < page.size(); i++) {
                DeadRecord record = page.get(i);
                met.add(new String(record.id(), UTF_8));
                after = record.position();
            }
            if (purging && page.size() > 0) {
                purge(met.get(met.size() - 1));
            }
        } while (page.more());
        return met;
    }

    private List<Fate> redrive(String... ids) {
        return OneQueue.await(q.dead.redrive(
                List.of(ids).stream().map(DeadStoreRedisTest::bytes).toList()));
    }

    private List<Fate> purge(String... ids) {
        return OneQueue.await(q.dead.purge(
                List.of(ids).stream().map(DeadStoreRedisTest::bytes).toList()));
    }

    private static List<String> ids(List<?> members) {
        return members.stream().map(String.class::cast).toList();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(UTF_8);
    }
}
