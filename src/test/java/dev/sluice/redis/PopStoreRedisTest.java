package dev.sluice.redis;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Diagnosis;
import dev.sluice.task.Finding;
import dev.sluice.task.Queue;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

@OnEveryRedis
class PopStoreRedisTest {
    private static final Duration WAIT = Duration.ofSeconds(5);

    private final OneQueue q;
    private final PopStore pops;
    private final RedisLink blocking;

    PopStoreRedisTest(RedisServer redis) {
        q = new OneQueue(redis, Queue.named("q").delivery(DeliveryMode.AT_MOST_ONCE));
        pops = q.links.pops(q.queue);
        blocking = q.links.open("blocking");
    }

    @BeforeEach
    void introduce() {
        OneQueue.await(pops.introduce());
    }

    @AfterEach
    void close() {
        q.close();
    }

    @Test
    void anElementOfEitherListIsPoppedAsItStands() {
        q.push("{\"id\":\"f\"}");
        assertThat(one(pops.pop(blocking, WAIT))).isEqualTo("{\"id\":\"f\"}".getBytes(UTF_8));

        q.enqueue("c");
        assertThat(Frame.readPushed(one(pops.pop(blocking, WAIT))).id()).isEqualTo("c");
        OneQueue.await(pops.ended(List.of("c")));
    }

    /** Its words alone are left of what a dead dispatcher had taken; those of others stay. */
    @Test
    void theWordsOfADeadDispatcherAreTakenAwaySliceAfterSlice() {
        List<String> many = IntStream.range(0, 2_000).mapToObj(i -> "t" + i).toList();
        OneQueue.await(pops.join("dead", OneQueue.LEASE));
        OneQueue.await(pops.join("living", OneQueue.LEASE));
        OneQueue.await(pops.taken("dead", fields(many, 32)));
        OneQueue.await(pops.processing(many, List.of()));
        OneQueue.await(pops.taken("living", Map.of(0L, "last\nmine\nfew\n")));
        OneQueue.await(pops.taken("living", Map.of(0L, "last\n", 1L, "")));
        OneQueue.await(pops.taken("living", Map.of(0L, "", 1L, "last\nmine\n")));
        OneQueue.await(pops.processing(List.of("last", "mine"), List.of()));
        OneQueue.await(pops.ended(List.of("t7")));
        q.wire.call("HSET", q.queue.statusKey(), "t8", "queued", "foreign", "processing");
        assertThat(OneQueue.await(q.upkeep.recover("dead", RecoverReply.FIRST))).isEqualTo(RecoverReply.NOTHING);
        q.wire.call("ZADD", q.key("dispatchers"), "1", "dead");
        q.wire.call("HSET", q.key("meta"), "seen", String.valueOf(q.serverMs())); // somebody lives

        assertThat(recoverAll("dead")).isEqualTo(new RecoverReply(0, 0, 1_998, ""));
        assertThat(q.wire.call("HLEN", q.queue.statusKey())).isEqualTo(4L);
        assertThat(q.wire.call("EXISTS", q.key("claimed:dead"))).isEqualTo(0L);
        assertThat(q.wire.call("ZRANGE", q.key("dispatchers"), "0", "-1")).isEqualTo(List.of("living"));
        assertThat(OneQueue.await(pops.heartbeat("dead", OneQueue.LEASE))).isFalse();
        assertThat(OneQueue.await(pops.heartbeat("living", OneQueue.LEASE))).isTrue();

        Diagnosis seen = q.examine();
        assertThat(seen.doubts()).extracting(Finding::subject).containsExactly("foreign");
        assertThat(seen.findings()).extracting(Finding::subject).containsExactly("t8");

        OneQueue.await(pops.ended(List.of("last", "mine")));
        OneQueue.await(pops.leave("living"));
        q.wire.call("DEL", q.queue.statusKey());
        assertThat(q.wire.call("KEYS", "{q}:*")).isEqualTo(List.of("{q}:meta"));
    }

    @Test
    void aWaitForNothingBringsNothingAndTheNextOneGetsTheElement() {
        assertThat(OneQueue.await(pops.pop(blocking, Duration.ofMillis(20))).elements())
                .isEmpty();

        q.push("x");
        assertThat(one(pops.pop(blocking, WAIT))).isEqualTo("x".getBytes(UTF_8));
    }

    @Test
    void manyArePoppedInTheirOrderAndNoneIsNoError() {
        for (int i = 0; i < 5; i++) {
            q.push("e" + i);
        }

        assertThat(OneQueue.await(pops.popMany(true, 3)).elements().stream().map(bytes -> new String(bytes, UTF_8)))
                .containsExactly("e0", "e1", "e2");
        assertThat(OneQueue.await(pops.popMany(true, 10)).elements()).hasSize(2);
        assertThat(OneQueue.await(pops.popMany(true, 10)).elements()).isEmpty();
        assertThat(OneQueue.await(pops.popMany(false, 10)).elements()).isEmpty();
    }

    private static byte[] one(Mono<PopStore.Popped> pop) {
        return OneQueue.await(pop).elements().get(0);
    }

    @Test
    void whoseStatusHadNotArrivedIsToldAndLookedAfter() {
        q.wire.call("HSET", q.queue.statusKey(), "early", "queued");

        assertThat(OneQueue.await(pops.processing(List.of("early", "late"), List.of())))
                .containsExactly("late");
        assertThat(q.status("late")).isEqualTo("processing");
        OneQueue.await(pops.ended(List.of("early", "late")));
        OneQueue.await(pops.lookAfter(List.of("late")));
        q.wire.call("HSET", q.queue.statusKey(), "late", "queued");
        q.enqueue("other");

        assertThat(q.round().removedStatuses()).isEqualTo(1);
        assertThat(q.status("late")).isNull();
        assertThat(q.status("other")).isEqualTo("queued");
    }

    @Test
    void whatCannotBeReadIsADeadLetterWithItsBytes() {
        byte[] body = OneQueue.binary(300, 5);

        bury(1, "x", body);

        assertThat(q.status("x")).isEqualTo("dead");
        assertThat(q.raw(io.lettuce.core.protocol.CommandType.HGET, q.key("dead:bodies"), "x")
                        .bytes(0))
                .startsWith("{\"reason\":\"not-json\"}\n\u0001f x\n".getBytes(UTF_8))
                .endsWith(body);
    }

    @Test
    void aDeadLetterDiesByTheClockOfRedisAsItsAgeIsMeasuredThere() {
        long before = q.serverMs();

        bury(1, "x", new byte[0]);

        assertThat(Double.parseDouble((String) q.wire.call("ZSCORE", q.key("dead"), "x")))
                .isBetween((double) before, (double) q.serverMs());
    }

    @Test
    void aRepeatedBurialDoesNotBuryWhatWasRedrivenOrPurgedSinceTheFirst() {
        byte[] body = "body".getBytes(UTF_8);
        bury(1, "again", body);
        bury(2, "gone", body);
        OneQueue.await(q.dead.redrive(List.of("again".getBytes(UTF_8))));
        OneQueue.await(q.dead.purge(List.of("gone".getBytes(UTF_8))));
        var before = q.everything();

        bury(1, "again", body);
        bury(2, "gone", body);

        assertThat(q.everything()).isEqualTo(before);
        assertThat(q.status("again")).isEqualTo("queued");
        bury(3, "again", body);
        assertThat(q.status("again")).isEqualTo("dead");
        OneQueue.await(pops.popMany(false, 1));
    }

    @Test
    void eachDispatcherNumbersItsOwnBurialsAndTheNumberIsNotKeptForEver() {
        bury(7, "x", new byte[0]);
        OneQueue.await(pops.bury("another", 1, List.of(burial("y", new byte[0]))));

        assertThat(q.status("y")).isEqualTo("dead");
        assertThat((Long) q.wire.call("PTTL", q.key("buried:me"))).isBetween(86_000_000L, 86_400_000L);
    }

    @Test
    void aPushedCopyReplacesTheDeadLetterOfItsIdAndOthersAreLeftAlone() {
        bury(1, "x", new byte[0]);
        bury(2, "y", new byte[0]);

        assertThat(OneQueue.await(pops.processing(List.of("x", "new"), List.of("x", "new"))))
                .containsExactly("new");

        assertThat(q.wire.call("ZRANGE", q.key("dead"), "0", "-1")).isEqualTo(List.of("y"));
        assertThat(q.wire.call("HKEYS", q.key("dead:bodies"))).isEqualTo(List.of("y"));
        OneQueue.await(pops.ended(List.of("x", "new")));
    }

    private void bury(long number, String id, byte[] body) {
        OneQueue.await(pops.bury("me", number, List.of(burial(id, body))));
    }

    private static PopStore.Burial burial(String id, byte[] body) {
        Frame frame = Frame.read(Frame.ofForeign(id, body));
        return new PopStore.Burial(frame, "{\"reason\":\"not-json\"}");
    }

    @Test
    void whatMustNotRunHereReturnsToTheHeadInItsOrderAndOnce() {
        q.enqueue("x", "y", "z");
        List<PopStore.Burial> back = OneQueue.await(pops.popMany(false, 2)).elements().stream()
                .map(Frame::read)
                .map(PopStore.Burial::notRun)
                .toList();

        OneQueue.await(pops.bury("me", 1, back));
        OneQueue.await(pops.bury("me", 1, back)); // after a lost answer

        assertThat(q.status("x")).isEqualTo("queued");
        assertThat(OneQueue.await(pops.popMany(false, 9)).elements().stream()
                        .map(bytes -> Frame.read(bytes).id()))
                .containsExactly("x", "y", "z");
        OneQueue.await(pops.ended(List.of("x", "y", "z")));
    }

    /** Redis searches a hash of short values from its beginning to its end, and a scan of it brings them all. */
    @Test
    void theShortestWordsOfADeadDispatcherAreTakenAway() {
        List<String> many = IntStream.range(0, 500 * 16)
                .mapToObj(i -> Integer.toString(i + 36 * 36, 36))
                .toList();
        OneQueue.await(pops.join("dead", OneQueue.LEASE));
        OneQueue.await(pops.taken("dead", fields(many, 16)));
        OneQueue.await(pops.processing(many, List.of()));
        q.wire.call("ZADD", q.key("dispatchers"), "1", "dead");
        q.wire.call("HSET", q.key("meta"), "seen", String.valueOf(q.serverMs()));

        assertThat(recoverAll("dead")).isEqualTo(new RecoverReply(0, 0, 8_000, ""));
        assertThat(q.wire.call("EXISTS", q.queue.statusKey(), q.key("claimed:dead")))
                .isEqualTo(0L);
    }

    private RecoverReply recoverAll(String incarnation) {
        return OneQueue.await(q.upkeep
                .recover(incarnation, RecoverReply.FIRST)
                .expand(slice -> slice.more() ? q.upkeep.recover(incarnation, slice.next()) : Mono.empty())
                .reduce(RecoverReply.NOTHING, RecoverReply::plus));
    }

    private static Map<Long, String> fields(List<String> ids, int each) {
        return IntStream.range(0, ids.size())
                .boxed()
                .collect(Collectors.groupingBy(
                        i -> (long) i / each, Collectors.mapping(i -> ids.get(i) + "\n", Collectors.joining())));
    }

    @Test
    void aRunningTaskExistsAndNobodyRings() {
        q.enqueue("x");
        OneQueue.await(pops.popMany(false, 1));
        OneQueue.await(pops.processing(List.of("x"), List.of()));

        assertThat(q.enqueue("x").fate(0)).isEqualTo(EnqueueReply.Fate.EXISTING);
        assertThat(q.rings()).isFalse();
        OneQueue.await(pops.ended(List.of("x")));
    }
}
