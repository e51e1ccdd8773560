package dev.sluice.app;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.Private;
import dev.sluice.testkit.RedisServer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** {@code sluice dead} as a person or a script types it. */
@OnEveryRedis
class DeadCommandRedisTest {
    private final RedisServer redis;

    DeadCommandRedisTest(RedisServer redis) {
        this.redis = redis;
    }

    @BeforeEach
    void aQueueWithThreeDeadLetters() {
        run("enqueue", "jobs", "noop", "--id", "alive");
        bury(
                "a",
                1_000,
                "timeout",
                "java.util.concurrent.TimeoutException",
                "slow\u001b[31m",
                "{\"type\":\"mail\",\"payload\":12345678901234567890}");
        bury(
                "b",
                2_000,
                "handler-error",
                "java.lang.IllegalStateException",
                "broken",
                "{\"type\":\"mail\",\"headers\":{\"k\":\"v\"},\"payload\":[ 1.0 ]}");
        bury("安", 3_000, "not-json", null, "no JSON", "not json");
    }

    @Test
    void aListingIsATableOrADocumentThatSaysHowToGoOn() {
        CommandLineCase table = run("dead", "ls", "jobs");
        assertThat(table).isEqualTo(new CommandLineCase(0, """
                DIED AT               ID  TYPE  ATTEMPTS  REASON         ERROR
                1970-01-01T00:00:03Z  安  -            0  not-json       no JSON
                1970-01-01T00:00:02Z  b   mail         2  handler-error  IllegalStateException: broken
                1970-01-01T00:00:01Z  a   mail         2  timeout        TimeoutException: slow [31m
                """, ""));

        CommandLineCase page = run("dead", "ls", "jobs", "--oldest", "--limit", "1", "-o", "json");
        String next = page.out().replaceAll("(?s).*\"cursor\":\"([^\"]+)\".*", "$1");
        assertThat(page.out())
                .startsWith(
                        "{\"queue\":\"jobs\",\"deadLetters\":[{\"id\":\"a\",\"type\":\"mail\",\"reason\":\"timeout\","
                                + "\"error\":\"java.util.concurrent.TimeoutException\",\"message\":\"slow")
                .contains("\"attempts\":2,\"crashes\":0,\"diedAt\":\"1970-01-01T00:00:01Z\",\"foreign\":false}]")
                .doesNotContain("12345678901234567890");
        CommandLineCase rest = run("dead", "ls", "jobs", "--oldest", "--after", next, "-o", "json");
        assertThat(rest.out())
                .contains("\"id\":\"b\"", "\"id\":\"安\"", "\"cursor\":null")
                .doesNotContain("\"id\":\"a\"");
        assertThat(run("dead", "ls", "jobs", "--limit", "2").err()).startsWith("There are more: --after ");
        assertThat(run("dead", "ls", "jobs", "--after", "odd").exit()).isEqualTo(2);
        assertThat(run("dead", "ls", "jobs", "--error", "BROKEN").out())
                .contains(" b ")
                .hasLineCount(2);
    }

    @Test
    void oneIsShownWhole() {
        CommandLineCase shown = run("dead", "show", "jobs", "b");
        assertThat(shown).isEqualTo(new CommandLineCase(0, """
                id        b
                type      mail
                died at   1970-01-01T00:00:02Z
                reason    handler-error
                error     java.lang.IllegalStateException
                message   broken
                          at X
                attempts  2
                crashes   0
                origin    client
                header    k=v
                payload   [ 1.0 ]
                """, ""));
        assertThat(run("dead", "show", "jobs", "a", "-o", "json").out())
                .endsWith(",\"payload\":12345678901234567890}\n");
        assertThat(run("dead", "show", "jobs", "安", "-o", "json").out())
                .contains("\"type\":null")
                .endsWith(",\"raw\":\"not json\"}\n");
        assertThat(run("dead", "show", "jobs", "安").out()).endsWith("raw       not json\n");

        CommandLineCase unknown = run("dead", "show", "jobs", "alive");
        assertThat(unknown.exit()).isEqualTo(1);
        assertThat(unknown.err()).isEqualTo("sluice: Queue 'jobs' has no dead letter 'alive'\n");
    }

    @Test
    void singleOnesAreRedriven() {
        CommandLineCase done = run("dead", "redrive", "jobs", "b", "安", "b");
        assertThat(done).isEqualTo(new CommandLineCase(0, "ID  OUTCOME\nb   redriven\n安  redriven\n", ""));
        assertThat(run("status", "jobs", "b").out()).contains("b   queued");

        CommandLineCase some = run("dead", "redrive", "jobs", "a", "b", "nobody", "-o", "json");
        assertThat(some.exit()).isEqualTo(1);
        assertThat(some.out())
                .isEqualTo("{\"queue\":\"jobs\",\"tasks\":[{\"id\":\"a\",\"outcome\":\"redriven\"},"
                        + "{\"id\":\"b\",\"outcome\":\"live\"},{\"id\":\"nobody\",\"outcome\":\"unknown\"}]}\n");
    }

    @Test
    void whatWasRedrivenBeforeRedisFailedIsTold(@Private RedisServer own) {
        String[] ids = IntStream.range(0, 2_000).mapToObj(i -> "t" + i).toArray(String[]::new);
        CommandLineCase.at(own.uri(), "", "enqueue", "jobs", "noop", "--id", "alive");
        for (String id : ids) {
            bury(own, id, 1_000, "timeout", null, "slow", "{\"type\":\"mail\"}");
        }
        List<String> typed = new ArrayList<>(List.of("dead", "redrive", "jobs"));
        typed.addAll(List.of(ids));

        CompletableFuture<CommandLineCase> redrive =
                CompletableFuture.supplyAsync(() -> CommandLineCase.at(own.uri(), "", typed.toArray(String[]::new)));
        // One lives there anyway; that the second was redriven says that the first was answered.
        eventually(() -> assertThat((Long) own.call("LLEN", "{jobs}:ready")).isGreaterThan(2));
        own.kill();

        CommandLineCase half = redrive.join();
        assertThat(half.exit()).isEqualTo(1);
        assertThat(half.out()).startsWith("ID").contains("t0 ").doesNotContain("t1999");
        assertThat(half.err()).startsWith("sluice: " + own.uri()).hasLineCount(1);
    }

    @Test
    void thoseOfAFilterAreCountedAndRedriven() {
        assertThat(run("dead", "redrive", "jobs", "--type", "mail", "--dry-run"))
                .isEqualTo(new CommandLineCase(0, "2 of 3 dead letters would be redriven\n", ""));
        assertThat(run("dead", "redrive", "jobs", "--type", "mail", "--error", "nothing like it"))
                .isEqualTo(new CommandLineCase(
                        0, "3 examined, 0 matched, 0 redriven, 0 refused\n", "No dead letter matches.\n"));
        assertThat(redis.call("ZCARD", "{jobs}:dead")).isEqualTo(3L);

        assertThat(run("dead", "redrive", "jobs", "--type", "mail", "--since", "1970-01-01T00:00:02Z", "-o", "json"))
                .isEqualTo(new CommandLineCase(
                        0, "{\"queue\":\"jobs\",\"examined\":2,\"matched\":1,\"done\":1,\"refused\":0}\n", ""));
        assertThat(run("dead", "redrive", "jobs", "--all").out())
                .isEqualTo("2 examined, 2 matched, 2 redriven, 0 refused\n");
        assertThat(redis.call("LLEN", "{jobs}:ready")).isEqualTo(4L);
    }

    @Test
    void theyAreThrownAway() {
        assertThat(run("dead", "purge", "jobs", "a").out()).isEqualTo("ID  OUTCOME\na   purged\n");
        assertThat(run("dead", "purge", "jobs", "a").exit()).isEqualTo(1);
        assertThat(run("dead", "purge", "jobs", "--all", "--dry-run").out())
                .isEqualTo("2 of 2 dead letters would be purged\n");
        assertThat(run("dead", "purge", "jobs", "--older-than", "24h", "--reason", "not-json")
                        .out())
                .isEqualTo("2 examined, 1 matched, 1 purged, 0 refused\n");
        assertThat(run("dead", "purge", "jobs", "--all", "--yes").exit()).isZero();
        assertThat(redis.call("EXISTS", "{jobs}:dead", "{jobs}:dead:bodies")).isEqualTo(0L);
        assertThat(run("dead", "ls", "jobs")).isEqualTo(new CommandLineCase(0, "", "No dead letter matches.\n"));
    }

    @Test
    void aQueueThatNobodyKnowsIsRefusedAndNotMade() {
        for (List<String> typed : List.of(
                List.of("dead", "ls", "none"),
                List.of("dead", "show", "none", "a"),
                List.of("dead", "redrive", "none", "a"),
                List.of("dead", "purge", "none", "--all", "--yes"))) {
            CommandLineCase refused = run(typed.toArray(String[]::new));
            assertThat(refused.exit()).isEqualTo(1);
            assertThat(refused.err())
                    .startsWith("sluice: nobody has worked on a queue 'none'")
                    .hasLineCount(1);
        }
        assertThat(redis.call("EXISTS", "{none}:meta")).isEqualTo(0L);
    }

    private void bury(String id, long atMs, String reason, String error, String message, String element) {
        bury(redis, id, atMs, reason, error, message, element);
    }

    private static void bury(
            RedisServer server, String id, long atMs, String reason, String error, String message, String element) {
        String failure = "{\"reason\":\"" + reason + "\",\"type\":" + (error == null ? null : "\"" + error + "\"")
                + ",\"message\":\"" + message.replace("\u001b", "\\u001b") + "\",\"trace\":\""
                + (error == null ? "" : "at X") + "\"}";
        String counters = error == null ? "" : "2,0,2";
        String record = failure + "\n\1c" + counters + " " + id + "\n" + element;
        server.call("HSET", "{jobs}:dead:bodies", id, record);
        server.call("ZADD", "{jobs}:dead", Long.toString(atMs), id);
        server.call("HSET", "{jobs}:status", id, "dead");
    }

    private CommandLineCase run(String... arguments) {
        return CommandLineCase.at(redis.uri(), "", arguments);
    }
}
