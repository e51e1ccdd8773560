package dev.sluice.redis;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.redis.NoteReply.Outcome;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Diagnosis;
import dev.sluice.task.Finding;
import dev.sluice.task.Queue;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import java.util.List;
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
        noStatusOf("c");
    }

    /** Its words alone are left of what a dead dispatcher had taken; those of others stay. */
    @Test
    void theWordsOfADeadDispatcherAreTakenAwaySliceAfterSlice() {
        OneQueue.await(pops.join("dead", OneQueue.LEASE));
        OneQueue.await(pops.join("living", OneQueue.LEASE));
        IntStream.range(0, 20)
                .forEach(i -> take(
                        "dead",
                        i + 1,
                        i,
                        IntStream.range(100 * i, 100 * i + 100)
                                .mapToObj(k -> "t" + k)
                                .toArray(String[]::new)));
        take("living", 1, 1, "last", "mine");
        end("dead", 21, Tokens.of(0, 8), "t7");
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

        OneQueue.await(pops.join("me", OneQueue.LEASE));
        NoteCall taken = new NoteCall(1, 0);
        taken.taken(Tokens.of(1, 1), foreign("early"));
        taken.taken(Tokens.of(1, 2), foreign("late"));
        taken.takenAndEnded(foreign("sooner"));
        NoteReply reply = OneQueue.await(pops.note("me", taken));
        assertThat(reply.late()).containsExactly("late");
        assertThat(q.status("late")).isEqualTo("processing");

        NoteCall ended = new NoteCall(2, 1);
        ended.ended(Tokens.of(1, 1), foreign("early"), false);
        ended.ended(Tokens.of(1, 2), foreign("late"), true);
        OneQueue.await(pops.note("me", ended));
        assertThat(q.wire.call("ZCARD", q.key("late"))).isEqualTo(2L);
        assertThat(q.wire.call("HLEN", q.queue.statusKey())).isEqualTo(0L);
        q.wire.call("ZADD", q.key("late"), "0", "late", "0", "sooner"); // a second later
        q.wire.call("HSET", q.queue.statusKey(), "sooner", "queued");
        q.wire.call("HSET", q.queue.statusKey(), "late", "queued");
        q.enqueue("other");

        assertThat(q.round().removedStatuses()).isEqualTo(2);
        assertThat(q.status("late")).isNull();
        assertThat(q.status("sooner")).isNull();
        assertThat(q.status("other")).isEqualTo("queued");
        OneQueue.await(pops.leave("me"));
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
        OneQueue.await(pops.bury("another", "nobody", 1, List.of(burial("y", new byte[0]))));

        assertThat(q.status("y")).isEqualTo("dead");
        assertThat((Long) q.wire.call("PTTL", q.key("buried:me"))).isBetween(86_000_000L, 86_400_000L);
    }

    @Test
    void aPushedCopyReplacesTheDeadLetterOfItsIdAndOthersAreLeftAlone() {
        bury(1, "x", new byte[0]);
        bury(2, "y", new byte[0]);

        OneQueue.await(pops.join("me", OneQueue.LEASE));
        NoteCall call = new NoteCall(1, 0);
        call.taken(Tokens.of(1, 1), foreign("x"));
        call.taken(Tokens.of(1, 2), foreign("new"));
        call.takenAndEnded(foreign("z"));
        assertThat(OneQueue.await(pops.note("me", call)).late()).containsExactly("new");

        assertThat(q.wire.call("ZRANGE", q.key("dead"), "0", "-1")).isEqualTo(List.of("y"));
        assertThat(q.wire.call("HKEYS", q.key("dead:bodies"))).isEqualTo(List.of("y"));
        OneQueue.await(pops.leave("me"));
    }

    /** A sending that lay about in a socket changes nothing, whatever has happened since. */
    @Test
    void aCallCountsOnceAndNoneOfWhoIsNotKnown() {
        NoteCall first = new NoteCall(1, 0);
        first.taken(Tokens.of(1, 1), foreign("a"));
        assertThat(OneQueue.await(pops.note("me", first)).outcome()).isEqualTo(Outcome.LAPSED);
        OneQueue.await(pops.join("me", OneQueue.LEASE));
        assertThat(OneQueue.await(pops.note("me", first)).outcome()).isEqualTo(Outcome.WRITTEN);
        assertThat(OneQueue.await(pops.note("me", first)).outcome()).isEqualTo(Outcome.WRITTEN_BEFORE);
        assertThat(q.status("a")).isEqualTo("processing");

        end("me", 2, Tokens.of(1, 1), "a");
        var before = q.everything();
        assertThat(OneQueue.await(pops.note("me", first)).outcome()).isEqualTo(Outcome.WRITTEN_BEFORE);
        assertThat(q.everything()).isEqualTo(before);
        assertThat(q.status("a")).isNull();

        OneQueue.await(pops.leave("me"));
        assertThat(OneQueue.await(pops.note("me", first)).outcome()).isEqualTo(Outcome.LAPSED);
        assertThat(q.wire.call("KEYS", "{q}:*")).isEqualTo(List.of("{q}:meta"));
    }

    /** Who has it next writes a word of its own, which is not to go with the one who had it before. */
    @Test
    void whatAnotherHasTakenSinceStaysWhenTheFirstIsFoundDead() {
        OneQueue.await(pops.join("dead", OneQueue.LEASE));
        OneQueue.await(pops.join("living", OneQueue.LEASE));
        q.enqueue("failed", "back", "ended", "held");
        List<Frame> popped = OneQueue.await(pops.popMany(false, 4)).elements().stream()
                .map(Frame::read)
                .toList();
        take("dead", 1, 1, "failed", "back", "ended", "held");

        OneQueue.await(pops.bury(
                "me",
                "dead",
                1,
                List.of(
                        new PopStore.Burial(Tokens.of(1, 1), popped.get(0), "{}"),
                        PopStore.Burial.notRun(Tokens.of(1, 2), popped.get(1)))));
        end("dead", 2, Tokens.of(1, 3), "ended");
        OneQueue.await(q.dead.redrive(List.of("failed".getBytes(UTF_8))));
        q.enqueue("ended");
        OneQueue.await(pops.popMany(false, 3));
        take("living", 1, 1, "failed", "back", "ended");
        q.wire.call("ZADD", q.key("dispatchers"), "1", "dead");
        q.wire.call("HSET", q.key("meta"), "seen", String.valueOf(q.serverMs()));

        assertThat(recoverAll("dead")).isEqualTo(new RecoverReply(0, 0, 1, ""));
        assertThat(q.status("failed")).isEqualTo("processing");
        assertThat(q.status("back")).isEqualTo("processing");
        assertThat(q.status("ended")).isEqualTo("processing");
        assertThat(q.status("held")).isNull();
        OneQueue.await(pops.leave("living"));
    }

    /** As after a failover to a replica that lags, or with the copy of yesterday: all is to be written anew. */
    @Test
    void whoHasWrittenMoreThanRedisKnowsIsToldSo() {
        OneQueue.await(pops.join("me", OneQueue.LEASE));
        take("me", 1, 1, "a");
        String record = (String) q.wire.call("HGET", q.key("claimed:me"), "last");
        end("me", 2, Tokens.of(1, 1), "a");
        NoteCall third = new NoteCall(3, 2);
        third.taken(Tokens.of(2, 1), OneQueue.frame("b"));

        q.wire.call("HSET", q.key("claimed:me"), "last", record);
        assertThat(OneQueue.await(pops.note("me", third)).outcome()).isEqualTo(Outcome.LAPSED);
        q.wire.call("DEL", q.key("claimed:me"));
        assertThat(OneQueue.await(pops.note("me", third)).outcome()).isEqualTo(Outcome.LAPSED);
        assertThat(q.status("b")).isNull();
        OneQueue.await(pops.leave("me"));
    }

    /** It was slow to be told: an outage long another may have enqueued that id anew, and run it. */
    @Test
    void ofWhatEndedBeforeItsFirstWordOnlyAWordThatSaysItWaitsIsRemoved() {
        OneQueue.await(pops.join("me", OneQueue.LEASE));
        q.wire.call("HSET", q.queue.statusKey(), "mine", "queued", "theirs", "processing", "copy", "dead");
        NoteCall call = new NoteCall(1, 0);
        call.takenAndEnded(OneQueue.frame("mine"));
        call.takenAndEnded(OneQueue.frame("theirs"));
        call.takenAndEnded(foreign("copy"));

        assertThat(OneQueue.await(pops.note("me", call)).outcome()).isEqualTo(Outcome.WRITTEN);

        assertThat(q.wire.call("HGETALL", q.queue.statusKey())).isEqualTo(List.of("theirs", "processing"));
        OneQueue.await(pops.leave("me"));
        noStatusOf("theirs");
    }

    /** What says how a queue is run may be lost, with the words of a dead one left. */
    @Test
    void theWordsOfADeadDispatcherAreTakenAwayThoughNothingSaysHowTheQueueIsRun() {
        OneQueue.await(pops.join("dead", OneQueue.LEASE));
        take("dead", 1, 1, "a", "b");
        q.wire.call("DEL", q.key("meta"));
        q.wire.call("ZADD", q.key("dispatchers"), "1", "dead");
        q.wire.call("HSET", q.key("meta"), "seen", String.valueOf(q.serverMs()));

        assertThat(recoverAll("dead").lost()).isEqualTo(2);
        assertThat(q.wire.call("EXISTS", q.queue.statusKey(), q.key("claimed:dead")))
                .isEqualTo(0L);
    }

    private void take(String incarnation, long number, long call, String... ids) {
        NoteCall taken = new NoteCall(number, number - 1);
        for (int i = 0; i < ids.length; i++) {
            taken.taken(Tokens.of(call, i + 1), OneQueue.frame(ids[i]));
        }
        assertThat(OneQueue.await(pops.note(incarnation, taken)).outcome()).isEqualTo(Outcome.WRITTEN);
    }

    private void end(String incarnation, long number, long token, String id) {
        NoteCall ended = new NoteCall(number, number - 1);
        ended.ended(token, OneQueue.frame(id), false);
        assertThat(OneQueue.await(pops.note(incarnation, ended)).outcome()).isEqualTo(Outcome.WRITTEN);
    }

    private void noStatusOf(String... ids) {
        for (String id : ids) {
            q.wire.call("HDEL", q.queue.statusKey(), id);
        }
    }

    private static Frame foreign(String id) {
        return Frame.read(Frame.ofForeign(id, new byte[0]));
    }

    private void bury(long number, String id, byte[] body) {
        OneQueue.await(pops.bury("me", "nobody", number, List.of(burial(id, body))));
    }

    private static PopStore.Burial burial(String id, byte[] body) {
        Frame frame = Frame.read(Frame.ofForeign(id, body));
        return new PopStore.Burial(0, frame, "{\"reason\":\"not-json\"}");
    }

    @Test
    void whatMustNotRunHereReturnsToTheHeadInItsOrderAndOnce() {
        q.enqueue("x", "y", "z");
        List<PopStore.Burial> back = OneQueue.await(pops.popMany(false, 2)).elements().stream()
                .map(Frame::read)
                .map(frame -> PopStore.Burial.notRun(0, frame))
                .toList();

        OneQueue.await(pops.bury("me", "nobody", 1, back));
        OneQueue.await(pops.bury("me", "nobody", 1, back)); // after a lost answer

        assertThat(q.status("x")).isEqualTo("queued");
        assertThat(OneQueue.await(pops.popMany(false, 9)).elements().stream()
                        .map(bytes -> Frame.read(bytes).id()))
                .containsExactly("x", "y", "z");
        noStatusOf("x", "y", "z");
    }

    /** Redis searches a hash of short values from its beginning to its end, and a scan of it brings them all. */
    @Test
    void theShortestWordsOfADeadDispatcherAreTakenAway() {
        List<String> many = IntStream.range(0, 500 * 16)
                .mapToObj(i -> Integer.toString(i + 36 * 36, 36))
                .toList();
        OneQueue.await(pops.join("dead", OneQueue.LEASE));
        IntStream.range(0, 16)
                .forEach(i -> take(
                        "dead", i + 1, i, many.subList(500 * i, 500 * i + 500).toArray(String[]::new)));
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

    @Test
    void aRunningTaskExistsAndNobodyRings() {
        q.enqueue("x");
        OneQueue.await(pops.popMany(false, 1));
        OneQueue.await(pops.join("me", OneQueue.LEASE));
        take("me", 1, 1, "x");

        assertThat(q.enqueue("x").fate(0)).isEqualTo(EnqueueReply.Fate.EXISTING);
        assertThat(q.rings()).isFalse();
        OneQueue.await(pops.leave("me"));
    }
}
