package dev.sluice.redis;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.redis.Pages.Page;
import dev.sluice.redis.Pages.What;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.StoredStateMayBeBroken;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** How much one step of the doctor takes, of a queue that holds much: Redis serves nobody else meanwhile. */
@OnEveryRedis
class PagesRedisTest {
    private static final int MANY = 3_000;
    private static final int OF_A_PAGE = 256;
    private static final int A_MEGABYTE = 1 << 20;
    /** A scan brings whole buckets of a hash table, so that a page may hold some more. */
    private static final int IN_ONE_BUCKET = 16;

    private final OneQueue q;
    private final Pages pages;

    PagesRedisTest(RedisServer redis) {
        q = new OneQueue(redis);
        pages = new Pages(q.links.commands(), q.keys, Duration.ofSeconds(20));
    }

    @AfterEach
    void close() {
        q.close();
    }

    @ParameterizedTest
    @EnumSource
    @StoredStateMayBeBroken("only what is read here is there")
    void aPageHoldsABoundedNumber(What what) {
        fill(what, MANY, "x");

        List<Page> all = read(what);

        assertThat(all).hasSizeGreaterThanOrEqualTo(MANY / (OF_A_PAGE + IN_ONE_BUCKET));
        assertThat(all).allSatisfy(page -> assertThat(page.rows).hasSizeLessThanOrEqualTo(OF_A_PAGE + IN_ONE_BUCKET));
        assertThat(ids(all)).hasSize(MANY);
    }

    @ParameterizedTest
    @EnumSource(names = {"PLAIN", "READY", "SUSPECTS", "BODIES", "RECORDS"})
    @StoredStateMayBeBroken("only what is read here is there")
    void aPageHoldsAboutAMegabyte(What what) {
        // A hash is read place by place, and what shares one comes together: in one place six of these were seen.
        boolean isHash = what == What.BODIES || what == What.RECORDS;
        String large = "x".repeat(isHash ? 40_000 : 300_000);
        int many = isHash ? 200 : 60;
        fill(what, many, large);

        List<Page> all = read(what);

        assertThat(all)
                .extracting(page -> page.bytes)
                .allSatisfy(bytes -> assertThat(bytes).isLessThanOrEqualTo(A_MEGABYTE + large.length() * 2L));
        assertThat(ids(all)).hasSize(many);
    }

    @Test
    @StoredStateMayBeBroken("only what is read here is there")
    void thePagesOfAListGoOnWhereTheLastEnded() {
        fill(What.READY, 1_000, "x");

        assertThat(pages.fromHead(What.READY)
                        .concatMapIterable(page -> page.rows)
                        .map(row -> String.valueOf(row.id))
                        .collectList()
                        .block())
                .containsExactlyElementsOf(
                        IntStream.range(0, 1_000).mapToObj(i -> "t" + i).toList());
    }

    private void fill(What what, int n, String body) {
        for (int from = 0; from < n; from += 50) {
            List<String> ids = IntStream.range(from, Math.min(n, from + 50))
                    .mapToObj(i -> "t" + i)
                    .toList();
            put(what, ids, body);
        }
    }

    private void put(What what, List<String> ids, String body) {
        switch (what) {
            case PLAIN -> each("RPUSH", "q", ids, id -> List.of("{\"id\":\"" + id + "\",\"b\":\"" + body + "\"}"));
            case READY, SUSPECTS -> each("RPUSH", q.key(what.word()), ids, id -> List.of(frame(id, body)));
            case CLAIMED -> each("HSET", q.key("claimed:w1"), ids, id -> List.of("1." + id.substring(1), id));
            case BODIES -> each("HSET", q.key("bodies"), ids, id -> List.of(id, frame(id, body)));
            case RECORDS -> each("HSET", q.key("dead:bodies"), ids, id -> List.of(id, "{}\n" + frame(id, body)));
            case DELAYED, DEAD, LATE -> each("ZADD", q.key(what.word()), ids, id -> List.of("1", id));
            case STATUS -> each("HSET", q.queue.statusKey(), ids, id -> List.of(id, "queued"));
            case PROGRESS, CANCELLED -> each("HSET", q.key(what.word()), ids, id -> List.of(id, "1,1"));
            case CANCELLING -> each("SADD", q.key("cancelling"), ids, List::of);
            default -> throw new IllegalArgumentException(what.word());
        }
    }

    private void each(String command, String key, List<String> ids, Function<String, List<String>> words) {
        List<String> all = new ArrayList<>(List.of(command, key));
        ids.forEach(id -> all.addAll(words.apply(id)));
        q.wire.call(all.toArray(new String[0]));
    }

    private static String frame(String id, String body) {
        return "\u0001c " + id + "\n" + body;
    }

    private List<Page> read(What what) {
        return (what == What.CLAIMED ? pages.claimed("w1") : pages.all(what))
                .collectList()
                .block(Duration.ofSeconds(20));
    }

    private static Set<String> ids(List<Page> pages) {
        Set<String> ids = new HashSet<>();
        pages.forEach(page -> page.rows.forEach(row -> ids.add(row.id)));
        return ids;
    }
}
