package dev.sluice.redis;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.redis.OneQueue.Held;
import dev.sluice.redis.OneQueue.Worker;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import io.lettuce.core.protocol.CommandType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a claim makes of elements that no honest producer writes: each is claimed or a dead letter, with its bytes. */
@OnEveryRedis
class HostileElementsRedisTest {
    private final OneQueue q;

    HostileElementsRedisTest(RedisServer redis) {
        q = new OneQueue(redis);
    }

    @AfterEach
    void close() {
        q.close();
    }

    @Test
    void everyElementOfThePlainListIsClaimedWithItsBytes() {
        List<byte[]> corpus = corpus();
        corpus.forEach(element -> q.raw(CommandType.RPUSH, "q", element));

        assertAllAreClaimed(corpus);
    }

    @Test
    void everyElementThatWasMovedToTheReadyListIsClaimedWithItsBytes() {
        List<byte[]> corpus = corpus();
        corpus.forEach(element -> q.raw(CommandType.RPUSH, q.key("ready"), element));

        assertAllAreClaimed(corpus.stream()
                .filter(element -> element.length == 0 || element[0] != 1)
                .toList());
    }

    /** Else nobody could resume or cancel: each command of an operator asks first. */
    @Test
    void aQueueIsCountedWhateverIsFirstInItsLists() {
        q.worker("a");
        for (byte[] element : corpus()) {
            q.raw(CommandType.RPUSH, "q", element);
            q.raw(CommandType.RPUSH, q.key("ready"), element);

            assertThat(OneQueue.await(q.links.directory().one("q")).waiting()).isEqualTo(2);
            assertThat(OneQueue.await(q.producer.sweep("plain", 0, "t", "", "", false))
                            .examined())
                    .isOne();
            assertThat(OneQueue.await(q.producer.sweep("ready", 0, "t", "", "", false))
                            .examined())
                    .isOne();
            q.wire.call("DEL", "q", q.key("ready"));
        }
    }

    @Test
    void noneIsLostThroughRetryReleaseRecoveryAndDeath() {
        List<byte[]> corpus = corpus();
        corpus.forEach(element -> q.raw(CommandType.RPUSH, "q", element));
        Worker worker = q.worker("a");

        List<Held> first = worker.claim(256);
        worker.settle(call -> first.forEach(held -> call.retry(held.token(), 0, "{}")));
        List<Held> second = worker.claim(256);
        worker.settle(call -> second.forEach(held -> call.release(held.token())));
        worker.claim(256);
        q.lapse(worker);
        q.recoverAll(worker);
        Worker other = q.worker("b");
        List<Held> last = other.claim(256);
        other.settle(call -> last.forEach(held -> call.dead(held.token(), "{}")));

        assertThat(second).hasSameSizeAs(first);
        assertThat(last.stream().map(Held::id))
                .containsExactlyInAnyOrderElementsOf(
                        first.stream().map(Held::id).toList());
        assertThat(last).allSatisfy(held -> {
            assertThat(held.frame().attempts()).isEqualTo(1);
            assertThat(held.frame().crashes()).isEqualTo(1);
            assertThat(held.frame().fencingNumber()).isEqualTo(4);
        });
        assertThat((Long) q.wire.call("ZCARD", q.key("dead"))).isGreaterThanOrEqualTo(last.size());
    }

    @Test
    void aForgedFailureIsTakenForOneOnlyWithinItsBound() {
        q.raw(CommandType.RPUSH, q.key("ready"), "\u0001c a\u0002" + "e".repeat(4096) + "\nbody");
        q.raw(CommandType.RPUSH, q.key("ready"), "\u0001c b\u0002" + "e".repeat(4097) + "\nbody");
        q.raw(CommandType.RPUSH, q.key("ready"), "\u0001c c\u0002no end");

        List<Held> held = q.worker("a").claim(10);

        assertThat(held).hasSize(3);
        assertThat(held.get(0).id()).isEqualTo("a");
        assertThat(held.get(0).frame().failure()).hasSize(4096);
        assertThat(held.subList(1, 3)).allSatisfy(raw -> {
            assertThat(raw.id()).startsWith("made-");
            assertThat(raw.frame().failure()).isNull();
        });
    }

    @Test
    void idsAreReadWhereTheyCanBeAndMadeWhereTheyCannot() {
        assertThat(idOf("{\"id\":\"plain\"}")).isEqualTo("plain");
        assertThat(idOf("  { \"id\" : \"spaced\" , \"x\":1}")).isEqualTo("spaced");
        assertThat(idOf("{\"type\":\"t\",\"id\":\"second\"}")).isEqualTo("second");
        assertThat(idOf("{\"id\":\"esc\\u0061ped\"}")).isEqualTo("escaped");
        assertThat(idOf("{\"id\":42}")).isEqualTo("42");
        assertThat(idOf("{\"type\":1,\"id\":43}")).isEqualTo("43");
        assertThat(idOf("{\"id\":\"Ünïcödé-日本-🚰\"}")).isEqualTo("Ünïcödé-日本-🚰");
        assertThat(idOf("{\"id\":\"" + "x".repeat(512) + "\"}")).isEqualTo("x".repeat(512));

        assertThat(idOf("{\"id\":\"" + "x".repeat(513) + "\"}")).startsWith("made-");
        assertThat(idOf("{\"id\":\"\"}")).startsWith("made-");
        assertThat(idOf("{\"id\":1.5}")).startsWith("made-");
        assertThat(idOf("{\"id\":1e300}")).startsWith("made-");
        assertThat(idOf("{\"id\":null}")).startsWith("made-");
        assertThat(idOf("{\"id\":[1]}")).startsWith("made-");
        assertThat(idOf("{\"id\":\"a\\nb\"}")).startsWith("made-");
        assertThat(idOf("{\"id\":\"a\\u0000b\"}")).startsWith("made-");
        assertThat(idOf("[]")).startsWith("made-");
        assertThat(q.meta("made-ids")).isEqualTo("9");
    }

    @Test
    void anIdThatIsNoUtf8IsNoId() {
        for (String bytes :
                List.of("a\u00ff", "\u00c0\u0080", "\u00ed\u00a0\u0080", "\u00e1\u00c2\u0080\u0080\u0080", "\u00c3")) {
            q.raw(CommandType.RPUSH, "q", ("{\"id\":\"" + bytes + "\"}").getBytes(ISO_8859_1));
        }

        assertThat(q.worker("a").claimIds(10)).hasSize(5).allMatch(id -> id.startsWith("made-"));
    }

    @Test
    void aHeaderWithAnIdThatIsNoUtf8IsNone() {
        q.raw(CommandType.RPUSH, q.key("ready"), "\u0001c \u00ff\u00fe\nbody".getBytes(ISO_8859_1));

        assertThat(q.worker("a").claimIds(1)).singleElement().asString().startsWith("made-");
    }

    private String idOf(String element) {
        q.push(element);
        Worker worker = q.worker("w" + element.hashCode());
        Held held = worker.claimOne();
        worker.settle(call -> call.succeeded(held.token(), false));
        return held.id();
    }

    private void assertAllAreClaimed(List<byte[]> expected) {
        long before = (Long) q.len("ready") + (Long) q.wire.call("LLEN", "q");
        Worker worker = q.worker("a");
        List<Held> held = worker.claim(256);
        long dead = (Long) q.wire.call("ZCARD", q.key("dead"));
        String dropped = q.meta("duplicates");

        assertThat(held.size() + dead + (dropped == null ? 0 : Long.parseLong(dropped)))
                .isEqualTo(before);
        assertThat(held).allSatisfy(it -> {
            assertThat(it.id().getBytes(UTF_8).length).isBetween(1, 512);
            assertThat(it.id().chars()).noneMatch(c -> c < 32 || c == 127);
        });
        Set<String> seen = new HashSet<>();
        held.forEach(it -> seen.add(Arrays.toString(it.body())));
        List<String> missing = expected.stream()
                .map(Arrays::toString)
                .filter(element -> !seen.contains(element))
                .toList();
        assertThat(missing).hasSize((int) dead); // another task with a living id keeps its bytes as a dead letter
        assertThat(q.worker("b").claim(10)).isEmpty();
    }

    private static List<byte[]> corpus() {
        List<byte[]> corpus = new ArrayList<>();
        for (String text : List.of(
                "",
                " ",
                "\u0000",
                "\r\n",
                "*1\r\n$4\r\nPING\r\n",
                ">3\r\n",
                "\uFEFF{\"id\":\"bom\"}",
                "null",
                "true",
                "42",
                "\"text\"",
                "[]",
                "{}",
                "{",
                "{\"id\"",
                "{\"id\":",
                "{\"id\":\"",
                "{\"id\":\"cut",
                "{\"id\":\"trailing\"}}}",
                "{\"id\":\"nul\u0000inside\"}",
                "{\"id\":\"twice\",\"id\":\"again\"}",
                "{\"id\":\"again\",\"n\":1}",
                "{\"id\":12}",
                "{\"id\":12,\"other\":true}",
                "{\"id\":-7}",
                "{\"id\":1e3}",
                "{\"id\":1e400}",
                "{\"id\":" + "9".repeat(1_000) + "}",
                "{\"id\":NaN}",
                "{\"id\":true}",
                "{\"id\":{\"id\":\"deep\"}}",
                "{\"id\":\"" + "k".repeat(513) + "\"}",
                "{\"id\":\"" + "k".repeat(100_000) + "\"}",
                "{\"id\":\"tab\\t\"}",
                "{\"id\":\"del\u007F\"}",
                "{\"id\":\"__proto__\"}",
                "{\"id\":\"last\"}",
                "{\"id\":\"{a}:b c/d\"}",
                "{\"id\":\"\\ud800\"}",
                "{\"a\":" + "[".repeat(64) + "]".repeat(64) + ",\"id\":\"shallow\"}",
                "{\"a\":" + "[".repeat(100_000) + "]".repeat(100_000) + ",\"id\":\"abyss\"}",
                "{\"a\":" + "{\"a\":".repeat(2_000) + "1" + "}".repeat(2_000) + "}",
                "{\"n\":" + "9".repeat(100_000) + ",\"id\":\"huge\"}",
                " ".repeat(50_000) + "x",
                "{" + " ".repeat(50_000) + "\"id\"" + " ".repeat(50_000) + "x",
                "\u0001",
                "\u0001c",
                "\u0001c \n",
                "\u0001c x",
                "\u0001c forged\nbody",
                "\u0001c1,2 half\nbody",
                "\u0001c99999999999999999999,1,1 many\nbody",
                "\u0001c1,1,99999999999999999999 claims\nbody",
                "\u0001c1,1,1,1 four\nbody",
                "\u0001c1,1," + "9".repeat(100_000) + ",, slow\nbody",
                "\u0001c, comma\nbody",
                "\u0001x strange\nbody",
                "\u0001f nul\u0000id\nbody",
                "\u0001F " + "k".repeat(513) + "\nbody",
                "\u0001c stx\u0002{}",
                "\u0001c stx\u0002",
                "\u0001c \u0002{}\nbody",
                "\u0001c told\u0002\nbody",
                "\u0001c1,0,1 told\u0002no json \u0000\u0001\u0002\nbody",
                "\u0001c told\u0003{}\nbody",
                "\u0001c much\u0002" + "e".repeat(4096) + "\nbody",
                "\u0001c toomuch\u0002" + "e".repeat(4097) + "\nbody",
                "\u0001c " + "k".repeat(100_000),
                "\u0001c endless\u0002" + "e".repeat(100_000))) {
            corpus.add(text.getBytes(UTF_8));
        }
        corpus.add(new byte[] {(byte) 0xFF, (byte) 0xFE, 0, 1});
        corpus.add("{\"id\":\"\u00ff\u00fe\"}".getBytes(ISO_8859_1));
        corpus.add("\u0001c \u00ff\u00fe\nbody".getBytes(ISO_8859_1));
        corpus.add(OneQueue.binary(1_000, 3));
        return corpus;
    }
}
