package dev.sluice.faults;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.faults.Books.Life;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.RedisWire;
import dev.sluice.testkit.UnpackedRedis;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The checker is checked: what it must find is written by hand. */
class BooksRedisTest {
    private static final String FRAME = "\u0001c a\n{\"type\":\"t\",\"payload\":\"5@1\"}";

    @ParameterizedTest
    @ValueSource(strings = {"6.2", "7.0"})
    void aSoundHistoryIsReadAsItHappened(String version) {
        Books books = after(version, redis -> {
            born(redis);
            claimed(redis, FRAME);
            step(
                    redis,
                    "HDEL {q}:claimed:x 1.1",
                    "HSET {q}:bodies a " + counted(1),
                    "ZADD {q}:delayed 5 a",
                    "HSET {q}:status a retrying");
            step(
                    redis,
                    "ZREM {q}:delayed a",
                    "HDEL {q}:bodies a",
                    "RPUSH {q}:ready " + counted(1),
                    "HSET {q}:status a queued");
            redis.call("LMOVE", "{q}:ready", "{q}:suspects", "LEFT", "RIGHT");
            step(
                    redis,
                    "LTRIM {q}:suspects 1 -1",
                    "HSET {q}:claimed:x 2.1 a last 2",
                    "HSET {q}:bodies a " + counted(1),
                    "HSET {q}:status a processing");
            ended(redis, "2.1");
        });

        assertThat(books.wrong()).isEmpty();
        Life life = books.lives().iterator().next();
        assertThat(life.name()).isEqualTo("a@1");
        assertThat(life.moves())
                .hasToString("[>queued#0, queued>processing#1, processing>retrying#1, retrying>queued#1,"
                        + " queued>processing#2, processing>null#2]");
        assertThat(life.due(2)).isEqualTo(5);
    }

    /** Redis takes nothing of it, but what it leaves of it in the file would happen when it is started a second time. */
    @ParameterizedTest
    @CsvSource({"6.2, 4", "7.0, 4", "6.2, 12", "7.0, 12"})
    void aStepThatAKillCutDidNotHappen(String version, int left) throws IOException {
        try (RedisServer redis = UnpackedRedis.builder(version).appendOnly().start()) {
            try (RedisWire wire = redis.wire()) {
                born(wire);
                claimed(wire, FRAME);
            }
            redis.kill();
            Path file = Books.file(redis.dataDir());
            String written = Files.readString(file);
            Files.writeString(file, written.substring(0, written.lastIndexOf("processing") + left));
            Books.repair(redis.dataDir());
            redis.restart();
            try (RedisWire wire = redis.wire()) {
                assertThat(wire.call("HGET", "{q}:status", "a")).isEqualTo("queued");
                assertThat(wire.call("LLEN", "{q}:ready")).isEqualTo(1L);
                step(wire, "LTRIM {q}:ready 1 -1", "HDEL {q}:status a");
            }
            redis.kill();
            Books.repair(redis.dataDir());
            redis.restart();

            assertThat(redis.call("DBSIZE")).isEqualTo(0L);
            Books books = Books.read(redis.dataDir());
            assertThat(books.wrong()).isEmpty();
            assertThat(books.lives().iterator().next().moves()).hasToString("[>queued#0, queued>null#0]");
        }
    }

    @Test
    void whatMustNotHappenIsFound() {
        assertThat(found(redis -> {
                    redis.call("HSET", "{q}:meta", "paused", "1");
                    born(redis);
                    claimed(redis, FRAME);
                }))
                .containsExactly("a was claimed while the queue was paused");
        assertThat(found(redis -> {
                    born(redis);
                    step(redis, "RPUSH {q}:ready " + FRAME);
                }))
                .containsExactly("a is 'queued', but: 2 waiting, 0 claimed");
        assertThat(found(redis -> {
                    born(redis);
                    step(redis, "HDEL {q}:status a", "HSET {q}:cancelled a 1,1");
                    claimed(redis, FRAME);
                }))
                .containsExactly("a went from null to processing");
        assertThat(found(redis -> {
                    born(redis);
                    claimed(redis, FRAME);
                    step(
                            redis,
                            "HDEL {q}:claimed:x 1.1",
                            "HDEL {q}:bodies a",
                            "LPUSH {q}:ready " + FRAME,
                            "HSET {q}:status a queued");
                    claimed(redis, FRAME);
                }))
                .singleElement()
                .asString()
                .startsWith("the fencing number of a@1")
                .endsWith("did not grow: 1");
        assertThat(found(redis -> {
                    born(redis);
                    claimed(redis, FRAME);
                    ended(redis, "1.1");
                    born(redis);
                }))
                .singleElement()
                .asString()
                .startsWith("one offer made two tasks: a@1");
        assertThat(found(redis -> {
                    born(redis);
                    step(redis, "SADD {q}:cancelling a");
                }))
                .containsExactly("a is 'queued' and to be stopped");
        assertThat(found(redis -> {
                    born(redis);
                    claimed(redis, FRAME);
                    step(redis, "HSET {q}:progress a 1700000000000");
                    ended(redis, "1.1");
                }))
                .containsExactly("a is 'null' and somebody says how far it is");
        assertThat(found(redis -> {
                    born(redis);
                    claimed(redis, FRAME);
                    step(redis, "HDEL {q}:claimed:x 1.1", "HSET {q}:claimed:y 1.1 a", "HSET {q}:claimed:z 1.1 a");
                }))
                .containsExactly("a is 'processing', but: 0 waiting, 2 claimed, body");
    }

    @Test
    void aCrashIsThatOfWhoHeldTheTaskAndLiesBetweenTwoSignsOfLife() {
        Books books = after("7.0", redis -> {
            redis.call("HSET", "{q}:meta", "seen", "100");
            born(redis);
            claimed(redis, FRAME);
            redis.call("HSET", "{q}:meta", "seen", "200");
            takenBack(redis, 1, 1);
            redis.call("HSET", "{q}:meta", "seen", "300");
        });

        assertThat(books.wrong()).isEmpty();
        Life life = books.lives().iterator().next();
        assertThat(life.claims()).hasToString("{1=Claim[incarnation=x, crashes=0]}");
        assertThat(life.crashes()).hasToString("[crash 1 of claim 1 by x between 200 and 300]");
        assertThat(life.crashedAt(1)).isTrue();
    }

    @Test
    void twoCrashesByOneClaimAreFound() {
        assertThat(found(redis -> {
                    born(redis);
                    claimed(redis, FRAME);
                    takenBack(redis, 1, 2);
                }))
                .singleElement()
                .asString()
                .endsWith("had crashed 0 dispatchers, and then 2");
    }

    @Test
    void aResultWithoutAnEndAndATaskThatIsMadeInSpiteOfOneAreFound() {
        assertThat(found(redis -> {
                    born(redis);
                    claimed(redis, FRAME);
                    step(redis, "SET {q}:result:a {}");
                    ended(redis, "1.1");
                }))
                .containsExactly("a result was kept of a, which did not end");
        assertThat(found(redis -> {
                    born(redis);
                    claimed(redis, FRAME);
                    step(
                            redis,
                            "HDEL {q}:claimed:x 1.1",
                            "HDEL {q}:bodies a",
                            "HDEL {q}:status a",
                            "SET {q}:result:a {} PX 9000");
                    step(redis, "RPUSH {q}:ready " + FRAME.replace("@1", "@2"), "HSET {q}:status a queued");
                }))
                .singleElement()
                .asString()
                .startsWith("a@2 was made though the result of a@1")
                .endsWith("is kept");
    }

    private static void born(RedisWire redis) {
        step(redis, "RPUSH {q}:ready " + FRAME, "HSET {q}:status a queued");
    }

    private static void claimed(RedisWire redis, String frame) {
        step(
                redis,
                "LTRIM {q}:ready 1 -1",
                "HSET {q}:claimed:x 1.1 a last 1",
                "HSET {q}:bodies a " + frame,
                "HSET {q}:status a processing");
    }

    private static void ended(RedisWire redis, String token) {
        step(redis, "HDEL {q}:claimed:x " + token, "HDEL {q}:bodies a", "HDEL {q}:status a");
    }

    private static void takenBack(RedisWire redis, int claims, int crashes) {
        step(
                redis,
                "HDEL {q}:claimed:x 1.1",
                "HDEL {q}:bodies a",
                "LPUSH {q}:ready " + FRAME.replace("\u0001c a", "\u0001c0," + crashes + "," + claims + " a"),
                "HSET {q}:status a queued");
    }

    private static String counted(int claims) {
        return FRAME.replace("\u0001c a", "\u0001c1,0," + claims + " a");
    }

    /** All of these at once, as a script does it. */
    private static void step(RedisWire redis, String... commands) {
        redis.call("MULTI");
        for (String command : commands) {
            redis.call(words(command));
        }
        redis.call("EXEC");
    }

    /** The frame has blanks of its own. */
    private static String[] words(String command) {
        int frame = command.indexOf('\u0001');
        String[] words = (frame < 0 ? command : command.substring(0, frame)).split(" ", 0);
        List<String> all = new ArrayList<>(Arrays.asList(words));
        if (frame >= 0) {
            all.add(command.substring(frame));
        }
        return all.toArray(String[]::new);
    }

    private static List<String> found(Writing writing) {
        return after("7.0", writing).wrong().stream()
                .map(line -> line.substring(line.indexOf(": ") + 2))
                .toList();
    }

    private static Books after(String version, Writing writing) {
        try (RedisServer redis = UnpackedRedis.builder(version).appendOnly().start()) {
            try (RedisWire wire = redis.wire()) {
                writing.on(wire);
            }
            return Books.read(redis.dataDir());
        }
    }

    /** Writes to Redis as nobody should. */
    private interface Writing {
        void on(RedisWire redis);
    }
}
