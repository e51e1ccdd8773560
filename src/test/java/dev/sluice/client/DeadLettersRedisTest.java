package dev.sluice.client;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.codec.JsonCodec;
import dev.sluice.redis.Frame;
import dev.sluice.redis.PopStore;
import dev.sluice.redis.RedisLinks;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Failure;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Queue;
import dev.sluice.task.StoreRefusedException;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.RedisWire;
import io.lettuce.core.RedisURI;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Flux;
import reactor.core.scheduler.Schedulers;
import reactor.test.StepVerifier;

@OnEveryRedis
class DeadLettersRedisTest {
    private static final Duration SOON = Duration.ofSeconds(20);
    private static final Queue MAILS = Queue.named("mails");
    private static final DeadLetterFilter ALL = DeadLetterFilter.all();

    private static final String SEED = """
            for i = 0, ARGV[1] - 1 do
              local id, type = 't' .. string.format('%d', i), i % 2 == 0 and 'mail' or 'sms'
              redis.call('HSET', KEYS[1], id, '{"reason":"r","message":"m"}\\n\\1c ' .. id .. '\\n{"type":"' .. type .. '"}')
              redis.call('ZADD', KEYS[2], ARGV[2] + i, id)
              redis.call('HSET', KEYS[3], id, 'dead')
            end""";

    private final RedisLinks links;
    private final RedisWire wire;
    private final DeadLetters dead;
    private final PopStore pops;
    private long burials;

    DeadLettersRedisTest(RedisServer redis) {
        links = RedisLinks.own(RedisURI.create(redis.uri()), null);
        wire = redis.wire();
        dead = of(MAILS);
        pops = links.pops(MAILS);
    }

    @AfterEach
    void close() {
        wire.close();
        links.close().block(SOON);
    }

    @Test
    void aDeadLetterTellsWhatItWasAndWhy() {
        Failure failure = Failure.of("handler-error", new IllegalStateException("no such mailbox: secret"));
        bury("x", 1_234, failure, "{\"type\":\"mail\",\"headers\":{\"k\":\"v\"},\"payload\": {\"to\":\"ann\"} }");

        DeadLetter letter = dead.find("x").block(SOON);

        assertThat(letter.id()).isEqualTo("x");
        assertThat(letter.type()).isEqualTo("mail");
        assertThat(letter.failure()).isEqualTo(failure);
        assertThat(letter.diedAt()).isEqualTo(Instant.ofEpochMilli(1_234));
        assertThat(letter.headers()).containsEntry("k", "v");
        assertThat(letter.payloadText()).isEqualTo("{\"to\":\"ann\"}");
        assertThat(letter.isForeign()).isFalse();
        assertThat(letter.isReadable()).isTrue();
        assertThat(letter.toString()).contains("x", "mail", "handler-error").doesNotContain("ann", "secret");
        StepVerifier.create(dead.find("y")).verifyComplete();
        StepVerifier.create(dead.find("\n")).verifyError(InvalidTaskException.class);
    }

    @Test
    void countersOfTheFrameAreTold() {
        byte[] frame = "\1F3,2,7 x\nbody".getBytes(UTF_8);
        bury(frame, "{\"reason\":\"crash-limit\",\"message\":\"m\"}", 1_000);

        DeadLetter letter = dead.find("x").block(SOON);

        assertThat(letter.attempts()).isEqualTo(3);
        assertThat(letter.crashes()).isEqualTo(2);
        assertThat(letter.isForeign()).isTrue();
        assertThat(letter.failure()).isEqualTo(Failure.of("crash-limit", "m"));
    }

    @Test
    void whatCannotBeReadIsShownAsItIs() {
        bury("raw", 1_000, Failure.of("not-json", "no"), "\0 not json");
        wire.call("HSET", "{mails}:dead:bodies", "odd", "not even a failure");
        wire.call("ZADD", "{mails}:dead", "1001", "odd");
        wire.call("HSET", "{mails}:status", "odd", "dead");

        List<DeadLetter> letters = dead.oldest(ALL).collectList().block(SOON);

        assertThat(letters).extracting(DeadLetter::id).containsExactly("raw", "odd");
        assertThat(letters).extracting(DeadLetter::type).containsOnlyNulls();
        assertThat(letters).extracting(DeadLetter::isReadable).containsOnly(false);
        assertThat(letters.get(0).payload()).isEqualTo("\0 not json".getBytes(UTF_8));
        assertThat(letters.get(1).failure()).isEqualTo(Failure.of("unknown", "not even a failure"));
        StepVerifier.create(dead.redrive("raw"))
                .expectNext(DeadLetters.Redrive.REDRIVEN)
                .verifyComplete();
        StepVerifier.create(dead.redrive("odd"))
                .expectNext(DeadLetters.Redrive.UNREADABLE)
                .verifyComplete();
        StepVerifier.create(dead.purge("odd")).expectNext(true).verifyComplete();
    }

    @Test
    void aListingGoesOnAfterACursorInBothOrders() {
        bury(600);

        for (boolean newest : new boolean[] {true, false}) {
            List<DeadLetter> all =
                    (newest ? dead.newest(ALL) : dead.oldest(ALL)).collectList().block(SOON);
            String cursor = all.get(299).cursor();
            Flux<DeadLetter> rest = newest ? dead.newest(ALL, cursor) : dead.oldest(ALL, cursor);

            assertThat(all).extracting(DeadLetter::id).doesNotHaveDuplicates().hasSize(600);
            assertThat(all.get(0).id()).isEqualTo(newest ? "t599" : "t0");
            assertThat(rest.map(DeadLetter::id).collectList().block(SOON))
                    .isEqualTo(
                            all.subList(300, 600).stream().map(DeadLetter::id).toList());
        }
        for (String odd : List.of("", "?", "AAAA", "MTIz", "x".repeat(2_000))) {
            assertThatThrownBy(() -> dead.newest(ALL, odd).blockLast(SOON)).isInstanceOf(InvalidTaskException.class);
        }
    }

    @Test
    void aListingReadsNoPageAhead() {
        bury(1_000);
        dead.count(ALL.reason("r")).blockLast(SOON);
        wire.call("CONFIG", "RESETSTAT");

        StepVerifier.create(dead.newest(ALL), 255)
                .expectNextCount(255)
                .then(() -> dead.find("t0").block(SOON)) // behind whatever was sent on this connection
                .then(() -> assertThat(calls("evalsha")).isEqualTo(1))
                .thenRequest(10)
                .expectNextCount(10)
                .then(() -> assertThat(calls("evalsha")).isEqualTo(2))
                .thenCancel()
                .verify(SOON);
    }

    @Test
    void aFilterMeansTypeReasonErrorAndTime() {
        bury("a", 1_000, Failure.of("timeout", "took too long"), "{\"type\":\"mail\"}");
        bury("b", 2_000, Failure.of("handler-error", new IllegalStateException("No Mailbox")), "{\"type\":\"mail\"}");
        bury("c", 3_000, Failure.of("handler-error", new IllegalArgumentException("x")), "{\"type\":\"sms\"}");

        assertThat(ids(ALL.type("mail"))).containsExactly("a", "b");
        assertThat(ids(ALL.reason("handler-error"))).containsExactly("b", "c");
        assertThat(ids(ALL.error("mailbox"))).containsExactly("b");
        assertThat(ids(ALL.error("illegalargument"))).containsExactly("c");
        assertThat(ids(ALL.type("mail").reason("timeout"))).containsExactly("a");
        assertThat(ids(ALL.diedFrom(Instant.ofEpochMilli(2_000)))).containsExactly("b", "c");
        assertThat(ids(ALL.diedBefore(Instant.ofEpochMilli(2_000)))).containsExactly("a");
        assertThat(ids(ALL.diedFrom(Instant.ofEpochMilli(2_000)).diedBefore(Instant.ofEpochMilli(2_001))))
                .containsExactly("b");
        assertThat(ids(ALL.olderThan(Duration.ofDays(1)))).containsExactly("a", "b", "c");
        bury("young", System.currentTimeMillis(), Failure.of("r", ""), "{}");
        assertThat(ids(ALL.olderThan(Duration.ofDays(1)))).containsExactly("a", "b", "c");
        assertThat(ids(ALL.type("nobody"))).isEmpty();
        assertThat(ids(ALL.diedFrom(Instant.MIN).diedBefore(Instant.MAX))).hasSize(4);
        assertThat(ids(ALL.diedFrom(Instant.MAX))).isEmpty();
        assertThat(ids(ALL.diedBefore(Instant.MIN))).isEmpty();
        assertThat(ids(ALL.olderThan(Duration.ofSeconds(Long.MAX_VALUE)))).isEmpty();
        assertThatThrownBy(() -> ALL.type("")).isInstanceOf(InvalidTaskException.class);
        assertThatThrownBy(() -> ALL.olderThan(Duration.ofMillis(-1))).isInstanceOf(InvalidTaskException.class);
    }

    @Test
    void theOnesThatAreMeantAreRedrivenInTheirOrderAndCounted() {
        bury(1_000);

        List<DeadLetterProgress> counts =
                dead.redriveAll(ALL.type("mail")).collectList().block(SOON);

        assertThat(counts).hasSize(4).isSortedAccordingTo((a, b) -> Long.compare(a.done(), b.done()));
        assertThat(counts.get(3)).isEqualTo(new DeadLetterProgress(1_000, 500, 500, 0));
        assertThat(wire.call("LLEN", "{mails}:ready")).isEqualTo(500L);
        assertThat((String) wire.call("LINDEX", "{mails}:ready", "1")).contains(" t2\n");
        assertThat(wire.call("ZCARD", "{mails}:dead")).isEqualTo(500L);
    }

    @Test
    void whatDiesAgainOnTheWayIsNotRedrivenTwice() {
        bury(600);

        List<DeadLetterProgress> counts = dead.redriveAll(ALL)
                .publishOn(Schedulers.boundedElastic(), 1)
                .doOnNext(
                        step -> { // at once they fail again
                            wire.call("DEL", "{mails}:ready");
                            bury((int) step.done(), System.currentTimeMillis());
                        })
                .take(20)
                .collectList()
                .block(SOON);

        assertThat(counts).hasSize(3);
        assertThat(counts.get(2).done()).isEqualTo(600);
    }

    /** As where the clock was put back since, or a hand wrote it: those are redriven once, too, and what dies meanwhile is not. */
    @ParameterizedTest
    @ValueSource(strings = {"inf", "9e15", "in an hour"})
    void aLetterWhoseTimeIsYetToComeIsRedrivenOnceLikeAllOthers(String time) {
        bury(600);
        String score = time.equals("in an hour") ? "" + (System.currentTimeMillis() + 3_600_000) : time;
        wire.call("ZADD", "{mails}:dead", "XX", score, "t598", score, "t599");

        assertThat(dead.newest(ALL).collectList().block(SOON)).hasSize(600);
        List<DeadLetterProgress> counts = dead.redriveAll(ALL)
                .publishOn(Schedulers.boundedElastic(), 1)
                .doOnNext(
                        step -> { // at once they fail again
                            wire.call("DEL", "{mails}:ready");
                            bury((int) step.done());
                            wire.call(
                                    "EVAL",
                                    "for i = 0, ARGV[1] - 1 do redis.call('ZADD', KEYS[1], ARGV[2], 't' .. i) end",
                                    "1",
                                    "{mails}:dead",
                                    "" + step.done(),
                                    "" + System.currentTimeMillis());
                        })
                .take(20)
                .collectList()
                .block(SOON);

        assertThat(counts).hasSize(4);
        assertThat(counts.get(counts.size() - 1).done()).isEqualTo(600);
        assertThat(dead.purgeAll(ALL).blockLast(SOON).done()).isEqualTo(600);
        assertThat(wire.call("ZCARD", "{mails}:dead")).isEqualTo(0L);
    }

    /** Nobody dies by being counted or purged. */
    @Test
    void aLetterWhoseTimeComesOnTheWayIsMetByAWalkThatRevivesNone() {
        bury(600);
        wire.call("ZADD", "{mails}:dead", "XX", "" + (System.currentTimeMillis() + 300), "t599");

        assertThat(dead.count(ALL).delayElements(Duration.ofMillis(400)).blockLast(SOON))
                .isEqualTo(new DeadLetterProgress(600, 600, 0, 0));
    }

    @Test
    void whoDiesWhileAllArePurgedIsKept() {
        bury(600);
        wire.call("ZADD", "{mails}:dead", "XX", "inf", "t0");
        AtomicInteger steps = new AtomicInteger();

        DeadLetterProgress all = dead.purgeAll(ALL)
                .publishOn(Schedulers.boundedElastic(), 1)
                .doOnNext(step -> {
                    if (steps.incrementAndGet() == 1) {
                        wire.call("ZADD", "{mails}:dead", "" + System.currentTimeMillis(), "later");
                        wire.call("HSET", "{mails}:dead-bodies", "later", "{}");
                    }
                })
                .blockLast(SOON);

        assertThat(all.done()).isEqualTo(600);
        assertThat(wire.call("ZRANGE", "{mails}:dead", "0", "-1")).isEqualTo(List.of("later"));
        wire.call("DEL", "{mails}:dead", "{mails}:dead-bodies");
    }

    @Test
    void aFewLettersWhoseTimeIsYetToComeAreMetOnce() {
        bury(3);
        wire.call("ZADD", "{mails}:dead", "XX", "inf", "t1");

        assertThat(dead.count(ALL).blockLast(SOON)).isEqualTo(new DeadLetterProgress(3, 3, 0, 0));
        assertThat(dead.count(ALL.diedBefore(Instant.now())).blockLast(SOON))
                .isEqualTo(new DeadLetterProgress(2, 2, 0, 0));
        assertThat(dead.redriveAll(ALL).blockLast(SOON).done()).isEqualTo(3);
        assertThat(wire.call("ZCARD", "{mails}:dead")).isEqualTo(0L);
    }

    @Test
    void whatLivesIsCountedAsRefused() {
        bury(3);
        wire.call("RPUSH", "mails", "{\"id\":\"t1\"}");
        wire.call("HSET", "{mails}:status", "t1", "queued");

        assertThat(dead.redriveAll(ALL).blockLast(SOON)).isEqualTo(new DeadLetterProgress(3, 3, 2, 1));
        wire.call("DEL", "mails");
        wire.call("HSET", "{mails}:status", "t1", "dead");
    }

    @Test
    void aPurgeOfAllLeavesNothingAndACountChangesNothing() {
        bury(700);

        assertThat(dead.count(ALL).blockLast(SOON)).isEqualTo(new DeadLetterProgress(700, 700, 0, 0));
        assertThat(dead.count(ALL.reason("x")).blockLast(SOON)).isEqualTo(new DeadLetterProgress(700, 0, 0, 0));
        assertThat(wire.call("ZCARD", "{mails}:dead")).isEqualTo(700L);
        assertThat(dead.purgeAll(ALL).blockLast(SOON)).isEqualTo(new DeadLetterProgress(700, 700, 700, 0));
        assertThat(wire.call("KEYS", "*")).isEqualTo(List.of("{mails}:meta"));
        StepVerifier.create(dead.purgeAll(ALL))
                .expectNext(new DeadLetterProgress(0, 0, 0, 0))
                .verifyComplete();
    }

    @Test
    void aWalkThatIsCancelledStops() {
        bury(1_000);

        assertThat(dead.purgeAll(ALL).take(1).collectList().block(SOON))
                .containsExactly(new DeadLetterProgress(256, 256, 256, 0));

        assertThat(wire.call("ZCARD", "{mails}:dead")).isEqualTo(744L);
    }

    @Test
    void anotherDeliveryModeIsRefusedBeforeAnythingIsDone() {
        bury(1);
        dead.count(ALL).blockLast(SOON);

        StepVerifier.create(of(MAILS.delivery(DeliveryMode.AT_MOST_ONCE)).purgeAll(ALL))
                .verifyError(StoreRefusedException.class);

        assertThat(wire.call("ZCARD", "{mails}:dead")).isEqualTo(1L);
    }

    private DeadLetters of(Queue queue) {
        return DeadLetters.over(links.producer(queue), links.dead(queue));
    }

    private List<String> ids(DeadLetterFilter filter) {
        return dead.oldest(filter).map(DeadLetter::id).collectList().block(SOON);
    }

    private void bury(int count) {
        bury(count, 1_000_000);
    }

    /** Letters t0, t1 …, of type mail and sms by turns, a millisecond apart. */
    private void bury(int count, long firstMs) {
        wire.call("EVAL", SEED, "3", "{mails}:dead:bodies", "{mails}:dead", "{mails}:status", "" + count, "" + firstMs);
    }

    private void bury(String id, long atMs, Failure failure, String element) {
        bury(frame(id, element), line(failure), atMs);
    }

    private void bury(byte[] frame, String failure, long atMs) {
        PopStore.Burial burial = new PopStore.Burial(0, Frame.read(frame), failure);
        pops.bury("me", "nobody", ++burials, List.of(burial)).block(SOON);
        wire.call(
                "ZADD",
                "{mails}:dead",
                "XX",
                Long.toString(atMs),
                burial.frame().id());
    }

    private static byte[] frame(String id, String element) {
        return Frame.ofClient(id, element.getBytes(UTF_8));
    }

    private static String line(Failure failure) {
        return new String(JsonCodec.standard().encode(failure), UTF_8);
    }

    private long calls(String command) {
        String stats = (String) wire.call("INFO", "commandstats");
        return stats.lines()
                .filter(line -> line.startsWith("cmdstat_" + command + ":"))
                .mapToLong(line -> Long.parseLong(line.replaceFirst(".*:calls=(\\d+),.*", "$1")))
                .sum();
    }
}
