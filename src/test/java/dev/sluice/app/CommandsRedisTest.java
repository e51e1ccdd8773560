package dev.sluice.app;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.codec.JsonCodec;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.Private;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.StoredStateMayBeBroken;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The commands that look at a Redis or put tasks into it, as a person or a script types them. */
@OnEveryRedis
class CommandsRedisTest {
    private final RedisServer redis;

    CommandsRedisTest(RedisServer redis) {
        this.redis = redis;
    }

    @Test
    void aFullQueueIsAnExitCodeAndASentence() {
        run("enqueue", "jobs", "noop", "--id", "a");
        redis.call("HSET", "{jobs}:meta", "max-length", "1");

        CommandLineCase full = run("enqueue", "jobs", "noop", "--id", "b");

        assertThat(full.exit()).isEqualTo(1);
        assertThat(full.out()).isEqualTo("full b\n");
        assertThat(full.err()).contains("jobs holds as many tasks as it may").contains("not taken");
        assertThat(run("enqueue", "jobs", "noop", "--id", "a").exit()).isZero();
        CommandLineCase lines = piped("{\"id\":\"c\",\"type\":\"noop\"}", "enqueue", "jobs", "--lines", "-");
        assertThat(lines.exit()).isEqualTo(1);
        assertThat(lines.err()).contains("line 1: the queue is full");
    }

    @Test
    void aTaskIsCreatedOnceAndThenExists() {
        CommandLineCase first = run("enqueue", "task_queue", "echo", "{\"n\":1}", "--id", "a");
        CommandLineCase second = run("enqueue", "task_queue", "echo", "{\"n\":2}", "--id", "a", "-o", "json");

        assertThat(first).isEqualTo(new CommandLineCase(0, "created a\n", newQueue("task_queue", "task_status")));
        assertThat(second).isEqualTo(new CommandLineCase(0, "{\"outcome\":\"existing\",\"id\":\"a\"}\n", ""));
        assertThat(body("task_queue")).isEqualTo("{\"type\":\"echo\",\"payload\":{\"n\":1}}");
    }

    @Test
    void aTaskWithoutAnIdGetsOne() {
        assertThat(run("enqueue", "jobs", "noop").out()).matches("created [0-9A-Za-z]{14}\n");
        assertThat(body("jobs")).isEqualTo("{\"type\":\"noop\",\"payload\":null}");
        assertThat(redis.call("HLEN", "{jobs}:status")).isEqualTo(1L);
    }

    @Test
    void everyOptionOfATaskArrives() {
        CommandLineCase done = run(
                "enqueue",
                "jobs",
                "mail",
                "[]",
                "--id",
                "任务-1",
                "--header",
                "tenant=a=b",
                "--header",
                "lang=中文",
                "--max-attempts",
                "3",
                "--timeout",
                "1500ms");

        assertThat(done.out()).isEqualTo("created 任务-1\n");
        assertThat(body("jobs"))
                .contains("\"headers\":{\"tenant\":\"a=b\",\"lang\":\"中文\"}")
                .contains("\"maxAttempts\":3", "\"timeoutMs\":1500");
    }

    @Test
    void aPayloadComesFromAFileOrFromStandardInput(@TempDir Path folder) throws IOException {
        Path file = Files.writeString(folder.resolve("mail.json"), "{\"to\":\n\"安\"}\r\n\n");

        assertThat(run("enqueue", "jobs", "mail", "@" + file).exit()).isZero();
        assertThat(body("jobs")).isEqualTo("{\"type\":\"mail\",\"payload\":{\"to\":\n\"安\"}}");
        redis.call("FLUSHALL");
        assertThat(piped("-7\n", "enqueue", "jobs", "mail", "-").exit()).isZero();
        assertThat(body("jobs")).isEqualTo("{\"type\":\"mail\",\"payload\":-7}");
        redis.call("FLUSHALL");
        assertThat(run("enqueue", "--", "jobs", "mail", "-7").exit()).isZero();
        assertThat(body("jobs")).isEqualTo("{\"type\":\"mail\",\"payload\":-7}");
    }

    @Test
    void aQueueKeepsWhatItWasCreatedWith() {
        run("enqueue", "clicks", "click", "--status-key", "clicked", "--delivery", "at-most-once");

        assertThat(run("enqueue", "clicks", "click").err()).isEmpty();
        assertThat(redis.call("HLEN", "clicked")).isEqualTo(2L);
        assertRefused(
                run("enqueue", "clicks", "click", "--delivery", "at-least-once"),
                "Queue 'clicks' is run with delivery at-most-once and this side is set to at-least-once");
        assertRefused(run("enqueue", "clicks", "click", "--status-key", "other"), "keeps its statuses in 'clicked'");
    }

    @Test
    void aTaskIsPutOff() {
        assertThat(run("enqueue", "jobs", "mail", "--id", "a", "--delay", "1.5d")
                        .exit())
                .isZero();
        assertThat(run("enqueue", "jobs", "mail", "--id", "b", "--at", "2099-12-24T18:00:00Z")
                        .exit())
                .isZero();
        assertThat(run("enqueue", "jobs", "mail", "--id", "c", "--at", "2020-12-24T18:00:00Z")
                        .exit())
                .isZero();

        assertThat(redis.call("HMGET", "{jobs}:status", "a", "b", "c"))
                .isEqualTo(List.of("scheduled", "scheduled", "queued"));
        assertThat(run("enqueue", "jobs", "mail", "--at", "tomorrow").exit()).isEqualTo(2);
        assertThat(run("enqueue", "jobs", "mail", "--delay", "9000h").exit()).isEqualTo(2);
        assertThat(run("enqueue", "jobs", "mail", "--delay", "1s", "--at", "2099-12-24T18:00:00Z")
                        .err())
                .contains("--delay and --at exclude each other");
        assertThat(run("enqueue", "clicks", "click", "--delivery", "at-most-once", "--delay", "1s")
                        .err())
                .contains("queue 'clicks' is at-most-once");
    }

    @Test
    void tasksAreCancelledByTheirIds() {
        assertRefused(run("cancel", "jobs", "a"), "nobody has worked on a queue 'jobs' in this Redis yet");
        run("enqueue", "jobs", "mail", "--id", "a");
        run("enqueue", "jobs", "mail", "--id", "b", "--delay", "1h");

        assertThat(run("cancel", "jobs", "a", "b")).isEqualTo(new CommandLineCase(0, "cancelled a\ncancelled b\n", ""));
        assertThat(run("cancel", "jobs", "a", "-o", "json"))
                .isEqualTo(new CommandLineCase(
                        1, "{\"queue\":\"jobs\",\"tasks\":[{\"id\":\"a\",\"cancellation\":\"unknown\"}]}\n", ""));
        assertMistaken("Which ones?", "cancel", "jobs");
        assertMistaken("exclude each other", "cancel", "jobs", "a", "--type", "mail");
        assertMistaken("add --yes", "cancel", "jobs", "--all");
        assertMistaken("queued, scheduled or retrying, was 'running'", "cancel", "jobs", "--state", "running");
        run("enqueue", "jobs", "mail", "--id", "m1");
        run("enqueue", "jobs", "mail", "--id", "m2", "--delay", "1h");
        run("enqueue", "jobs", "other", "--id", "o1");
        assertThat(run("cancel", "jobs", "--type", "mail", "--dry-run").out())
                .endsWith(" tasks that do not run would be cancelled\n")
                .startsWith("2 of ");
        assertThat(run("cancel", "jobs", "--state", "scheduled", "-o", "json").out())
                .isEqualTo("{\"queue\":\"jobs\",\"examined\":1,\"matched\":1,\"cancelled\":1}\n");
        assertThat(run("cancel", "jobs", "--all", "--yes").out()).endsWith(" 2 matched, 2 cancelled\n");
        run("enqueue", "clicks", "click", "--delivery", "at-most-once");
        assertThat(run("cancel", "clicks", "a").exit()).isEqualTo(2);
    }

    @Test
    void anIdThatIsGivenTwiceIsCancelledOnce() {
        run("enqueue", "jobs", "mail", "--id", "a");

        assertThat(run("cancel", "jobs", "a", "a")).isEqualTo(new CommandLineCase(0, "cancelled a\n", ""));
    }

    @Test
    @StoredStateMayBeBroken("so that the second task alone cannot be cancelled")
    void whatWasCancelledBeforeRedisFailedIsTold() {
        run("enqueue", "jobs", "mail", "--id", "a", "--delay", "1h");
        run("enqueue", "jobs", "mail", "--id", "b");
        redis.call("HSET", "{jobs}:meta", "cancels", "no number");

        CommandLineCase half = run("cancel", "jobs", "a", "b");

        assertThat(half.exit()).isEqualTo(1);
        assertThat(half.out()).isEqualTo("cancelled a\n");
        assertThat(half.err()).startsWith("sluice: " + redis.uri()).hasLineCount(1);
    }

    @Test
    void aQueueIsPausedAndResumedOnce() {
        assertRefused(run("pause", "jobs"), "nobody has worked on a queue 'jobs' in this Redis yet");
        run("enqueue", "jobs", "mail");

        assertThat(run("pause", "jobs").out()).isEqualTo("paused jobs\n");
        assertThat(run("pause", "jobs").out()).isEqualTo("jobs was paused already\n");
        assertThat(run("queues", "jobs", "-o", "json").out()).contains("\"paused\":true");
        assertThat(run("resume", "jobs").out()).isEqualTo("resumed jobs\n");
        assertThat(run("resume", "jobs").out()).isEqualTo("jobs was neither paused nor draining\n");
        assertThat(run("resume", "a b").exit()).isEqualTo(2);
    }

    @Test
    void aTaskThatIsNotAsDurableAsAskedIsSaidSo() {
        assertThat(run("enqueue", "jobs", "mail", "--durability", "memory").exit())
                .isZero();
        CommandLineCase few = run("enqueue", "jobs", "mail", "--id", "a", "--durability", "replicated:1");
        assertThat(few.exit()).isEqualTo(1);
        assertThat(few.out()).isEmpty();
        assertThat(few.err()).contains("replica");
        assertThat(run("enqueue", "jobs", "mail", "--durability", "fsync").exit())
                .isEqualTo(1); // before Redis 7.2
        assertThat(piped("{\"type\":\"mail\"}", "enqueue", "jobs", "--lines", "-", "--durability", "replicated:1")
                        .exit())
                .isEqualTo(1);
        for (String wrong : new String[] {"disk", "replicated:0", "replicated:x", "replicated:101", "fsnc"}) {
            assertThat(run("enqueue", "jobs", "mail", "--durability", wrong).exit())
                    .as(wrong)
                    .isEqualTo(2);
        }
    }

    @Test
    void aTaskThatMayBeInTheQueueIsToldWithItsIdSoThatItCanBeGivenAgain() {
        run("enqueue", "jobs", "mail", "--id", "first");

        CommandLineCase few = run("enqueue", "jobs", "mail", "--durability", "replicated:1", "-o", "json");
        String id = few.err().strip().replaceFirst("(?s).*; the task's id is ", "");
        CommandLineCase line =
                piped("{\"type\":\"mail\"}", "enqueue", "jobs", "--lines", "-", "--durability", "replicated:1");

        assertRefused(few, "replica");
        assertThat(id).matches("[0-9A-Za-z]{14}");
        assertThat(redis.call("HGET", "{jobs}:status", id)).isEqualTo("queued");
        assertThat(run("enqueue", "jobs", "mail", "--id", id).out()).isEqualTo("existing " + id + "\n");
        assertThat(line.err()).containsPattern("line 1: .*; the task's id is [0-9A-Za-z]{14}\n");
        assertThat(run("enqueue", "jobs", "mail", "--id", "任务", "--durability", "replicated:1")
                        .err())
                .endsWith("; the task's id is 任务\n");
    }

    @Test
    void aDrainingQueueRefusesWhatIsEnqueuedUntilTheResume() {
        assertRefused(run("drain", "jobs"), "nobody has worked on a queue 'jobs' in this Redis yet");
        run("enqueue", "jobs", "mail");

        assertThat(run("drain", "jobs", "--no-wait").out()).isEqualTo("draining jobs\n");
        assertThat(run("drain", "jobs", "--no-wait").out()).isEqualTo("jobs was draining already\n");
        assertThat(run("drain", "jobs", "--timeout", "10ms"))
                .isEqualTo(
                        new CommandLineCase(1, "still draining jobs: 1 left: 1 waiting, 0 running, 0 delayed\n", ""));
        assertRefused(
                run("enqueue", "jobs", "mail"),
                redis.uri() + ": queue jobs is draining and takes no new tasks until it is resumed ('resume jobs')");
        assertThat(piped("{\"type\":\"mail\",\"id\":\"a\"}", "enqueue", "jobs", "--lines", "-")
                        .err())
                .contains("line 1: queue jobs is draining");
        assertThat(run("queues", "jobs", "-o", "json").out()).contains("\"draining\":true,\"pushed\":0");
        redis.call("RPUSH", "jobs", "{}");
        assertThat(run("queues", "jobs").out()).contains("yes, 1 pushed");

        redis.call("DEL", "jobs", "{jobs}:ready", "{jobs}:status");
        CommandLineCase done = run("drain", "jobs", "-o", "json");
        assertThat(done.exit()).isZero();
        assertThat(done.out()).contains("\"changed\":false,\"drained\":true,\"left\":0");
        assertThat(run("drain", "jobs").out()).isEqualTo("drained jobs; it takes no new tasks until 'resume'\n");
        assertThat(run("resume", "jobs").out()).isEqualTo("resumed jobs\n");
        assertThat(run("enqueue", "jobs", "mail").exit()).isZero();
    }

    @Test
    void whatADrainIsNotToldIsSaidSo() {
        assertThat(run("drain", "a b").exit()).isEqualTo(2);
        assertThat(run("drain", "jobs", "--no-wait", "--timeout", "1s").err())
                .contains("--no-wait and --timeout exclude each other");
        assertThat(run("drain", "jobs", "--timeout", "soon").exit()).isEqualTo(2);
        assertThat(run("drain", "jobs", "--timeout", "8761h").err()).contains("--timeout must be at most 8760h");
    }

    @Test
    void linesAreTasksAndTheirOrderStays() {
        String lines = """
                {"id":"a","type":"mail","payload":{"to":"安"},"maxAttempts":2}

                {"id":7,"payload":[1, 2],"headers":{"k":"v"},"timeoutMs":10,"deadline":4102444800000,"keepResultMs":9000,"backoff":[5,70]}\r
                {"id":"a","type":"mail"}""";

        CommandLineCase done = piped(lines, "enqueue", "jobs", "noop", "--lines", "-", "-o", "json");

        assertThat(done.exit()).isZero();
        assertThat(done.out()).isEqualTo("{\"created\":2,\"existing\":1,\"failed\":0,\"failures\":[]}\n");
        List<?> frames = (List<?>) redis.call("LRANGE", "{jobs}:ready", "0", "-1");
        assertThat((String) frames.get(0)).contains(" a\n", "\"payload\":{\"to\":\"安\"}", "\"maxAttempts\":2");
        assertThat((String) frames.get(1))
                .contains(" 7\n", "\"type\":\"noop\"", "[1, 2]", "\"k\":\"v\"", "\"timeoutMs\":10", "4102444800000")
                .contains("\"keepResultMs\":9000", "[5,70]");
    }

    @Test
    void aLineIsWhatABatchOverHttpTakes() {
        String lines = """
                {"id":"a","type":"mail","delay":"1h","timeout":"1.5s","keepResult":"9s"}
                {"id":"b","type":"mail","at":"2099-12-24T18:00:00Z","deadline":"2100-01-01T00:00:00Z"}
                {"id":"c","type":"mail","timeout":null,"timeoutMs":10,"enqueuedAt":5}
                """;

        CommandLineCase done = piped(lines, "enqueue", "jobs", "--lines", "-");

        assertThat(done.out()).isEqualTo("3 created, 0 existing, 0 failed\n");
        assertThat(redis.call("HMGET", "{jobs}:status", "a", "b", "c"))
                .isEqualTo(List.of("scheduled", "scheduled", "queued"));
        assertThat((String) redis.call("HGET", "{jobs}:bodies", "a"))
                .contains("\"timeoutMs\":1500", "\"keepResultMs\":9000");
        assertThat((String) redis.call("HGET", "{jobs}:bodies", "b")).contains("\"deadline\":4102444800000");
        assertThat(body("jobs")).isEqualTo("{\"type\":\"mail\",\"payload\":null,\"timeoutMs\":10}");
    }

    @Test
    void tenThousandLinesOfAFileArrive(@TempDir Path folder) throws IOException {
        String lines = IntStream.range(0, 10_000)
                .mapToObj(i -> "{\"id\":\"n" + i + "\",\"type\":\"noop\"}\n")
                .collect(Collectors.joining());
        Path file = Files.writeString(folder.resolve("tasks.ndjson"), lines);

        assertThat(run("enqueue", "jobs", "--lines", file.toString()).out())
                .isEqualTo("10,000 created, 0 existing, 0 failed\n");
        assertThat(run("enqueue", "jobs", "--lines", file.toString()).out())
                .isEqualTo("0 created, 10,000 existing, 0 failed\n");
    }

    @Test
    @Timeout(60)
    void anOutageCostsNoLine(@Private RedisServer own, @TempDir Path folder) throws Exception {
        Path lines = Files.writeString(
                folder.resolve("tasks.ndjson"),
                IntStream.range(0, 100_000)
                        .mapToObj(i -> "{\"type\":\"noop\",\"payload\":" + i + "}\n")
                        .collect(Collectors.joining("", "", "no task")));
        CompletableFuture<CommandLineCase> enqueued = CompletableFuture.supplyAsync(
                () -> CommandLineCase.at(own.uri(), "", "enqueue", "jobs", "--lines", lines.toString()));
        eventually(() -> assertThat((Long) own.call("LLEN", "{jobs}:ready")).isPositive());

        own.pause();
        LockSupport.parkNanos(5_000_000_000L);
        own.resume();

        CommandLineCase done = enqueued.get(50, TimeUnit.SECONDS);
        assertThat(done.err()).contains("tasks.ndjson, line 100001: ").doesNotContain("more failures");
        assertThat(done.exit()).isEqualTo(2);
        assertThat(done.out()).matches("[0-9,]+ created, [0-9,]+ existing, 0 failed\n");
        assertThat(own.call("LLEN", "{jobs}:ready")).isEqualTo(100_000L);
    }

    @Test
    void theFirstBadLineEndsItAndIsNamed() {
        String good = "{\"type\":\"noop\"}\n";

        assertBadLine(good + "\n" + "{\"type\":\"noop\",}\n" + good, "line 3: ", "(column 16)");
        assertBadLine(good + "[1]\n", "line 2: ", "not a JSON object");
        assertBadLine(good + "{\"payload\":1}\n", "line 2: the field type must be there, or a TYPE for all lines");
        assertBadLine(
                good + "{\"type\":\"noop\",\"maxAttempt\":1}",
                "line 2: a task has no field 'maxAttempt'; known are id,");
        assertBadLine(good + "{\"type\":\"noop\",\"delay\":90}", "line 2: the field delay must be a text of a number");
        assertBadLine(good + "{\"type\":\"noop\",\"timeoutMs\":0}", "line 2: the field timeoutMs must be an integer");
        assertBadLine(
                good + "{\"type\":\"noop\",\"timeoutMs\":5,\"timeout\":\"5s\"}",
                "line 2: the fields timeout and timeoutMs exclude each other");
        assertBadLine(good + "{\"type\":\"noop\",\"id\":\"\"}", "line 2: the field id must be");
        assertBadLine(good + "{\"type\":\"noop\",\"payload\":{\"a\":1,\"a\":2}}", "line 2: ", "payload column");
        assertBadLine(good + "\"" + "x".repeat(1024 * 1024) + "\"", "line 2: it is longer than 1 MiB");
    }

    @Test
    void aKeyOfAnotherTypeInTheWayIsOneSentence() {
        run("enqueue", "jobs", "noop");
        redis.call("SET", "{jobs}:suspects", "in the way");
        try {
            CommandLineCase done = piped("\n{\"type\":\"noop\"}\n", "enqueue", "jobs", "--lines", "-");
            assertThat(done.exit()).isEqualTo(1);
            assertThat(done.err()).contains("WRONGTYPE").doesNotContain("\tat ");
        } finally {
            redis.call("DEL", "{jobs}:suspects");
        }
    }

    @Test
    void statusSaysWhatIsKnown() {
        run("enqueue", "jobs", "noop", "--id", "任务");

        CommandLineCase known = run("status", "jobs", "任务");
        CommandLineCase one = run("status", "jobs", "任务", "b", "-o", "json");
        CommandLineCase none = run("status", "nobodys", "b");

        assertThat(known).isEqualTo(new CommandLineCase(0, "ID    STATE\n任务  queued\n", ""));
        assertThat(one.exit()).isEqualTo(1);
        assertThat(one.out())
                .isEqualTo("{\"queue\":\"jobs\",\"tasks\":[{\"id\":\"任务\",\"state\":\"queued\"},"
                        + "{\"id\":\"b\",\"state\":null}]}\n");
        assertThat(none.exit()).isEqualTo(1);
        assertThat(none.out()).isEqualTo("ID  STATE\nb   unknown\n");
        assertThat(none.err()).contains("Nobody has worked on a queue 'nobodys'");
        assertThat(redis.call("EXISTS", "{nobodys}:meta")).isEqualTo(0L);
    }

    @Test
    void statusTellsHowATaskThatIsKeptHasEndedAndWhenALaterOneIsDue() {
        run("enqueue", "jobs", "noop", "--id", "later", "--delay", "90s");
        redis.call(
                "SET",
                "{jobs}:result:done",
                "{\"state\":\"succeeded\",\"endedAt\":1764165600000,\"attempts\":2,\"ranMs\":12}\n{\"total\":5}",
                "EX",
                "100");

        CommandLineCase both = run("status", "jobs", "done", "later");
        CommandLineCase json = run("status", "jobs", "done", "done", "-o", "json");

        assertThat(both.exit()).isZero();
        assertThat(both.out()).startsWith("""
                ID     STATE      MORE
                done   succeeded  at 2025-11-26T14:00:00Z, attempts 2, ran 12 ms, result of 11 bytes
                later  scheduled  due in\s""");
        assertThat(json.out())
                .isEqualTo(
                        "{\"queue\":\"jobs\",\"tasks\":[{\"id\":\"done\",\"state\":\"succeeded\","
                                + "\"endedAt\":\"2025-11-26T14:00:00Z\",\"attempts\":2,\"ranMs\":12,\"value\":{\"total\":5}}]}\n");
    }

    @Test
    void queuesAreListedByNameWithTheirCounts() {
        run("enqueue", "jobs", "noop");
        run("enqueue", "clicks", "noop", "--delivery", "at-most-once");
        run("enqueue", "clicks", "noop");
        long longAgo = System.currentTimeMillis() - 12 * 86_400_000L - 5_000;
        pushToKnown("foreign", "{\"enqueuedAt\":" + longAgo + "}");
        pushToKnown("silent", "{}");

        CommandLineCase table = run("queues");
        assertThat(table.exit()).isZero();
        assertThat(table.out().replaceAll(" [0-9]s ", " 0s ")).isEqualTo("""
                        QUEUE    WAITING  OLDEST  DELAYED  RUNNING  DEAD  DISPATCHERS  PAUSED  DRAINING  DELIVERY       STATUS KEY
                        clicks         2  0s            0        -     0            0  no      no        at-most-once   {clicks}:status
                        foreign        1  12d           0        0     0            0  no      no        at-least-once  {foreign}:status
                        jobs           1  0s            0        0     0            0  no      no        at-least-once  {jobs}:status
                        silent         1  -             0        0     0            0  no      no        at-least-once  {silent}:status
                        """);
        Map<?, ?> json = json(run("queues", "jobs", "-o", "json").out());
        assertThat(json.get("complete")).isEqualTo(true);
        assertThat(((Map<?, ?>) ((List<?>) json.get("queues")).get(0)).get("waiting"))
                .isEqualTo(1);
    }

    @Test
    @StoredStateMayBeBroken("the dispatchers are made up")
    void aQueueThatIsNamedShowsWhoServesIt() {
        run("enqueue", "jobs", "noop");
        redis.call("ZADD", "{jobs}:dispatchers", "0", "gone");
        redis.call("ZADD", "{jobs}:dispatchers", "99999999999999", "there");
        redis.call("HSET", "{jobs}:claimed:gone", "t1", "a", "last", "1");

        assertThat(run("queues", "jobs").out())
                .matches(
                        "(?s).*\n\nQUEUE  DISPATCHER  LEASE +RUNNING\njobs +there +[0-9]+ms +0\njobs +gone +over +1\n");
        assertThat(run("queues", "jobs", "-o", "json").out())
                .containsPattern("\"leases\":\\[\\{\"id\":\"there\",\"leaseMs\":[0-9]+,\"running\":0},")
                .contains("{\"id\":\"gone\",\"leaseMs\":0,\"running\":1}]");
        assertThat(run("queues", "-o", "json").out()).doesNotContain("leases");
    }

    @Test
    void aBoundedSearchSaysThatThereMayBeMore() {
        run("enqueue", "jobs", "noop");
        run("enqueue", "clicks", "noop");

        CommandLineCase one = run("queues", "--limit", "1");

        assertThat(one.exit()).isZero();
        assertThat(one.err()).contains("There may be more queues: the search ended at the limit of 1");
        assertThat(run("queues", "--limit", "2").err()).isEmpty();
        assertThat(json(run("queues", "--limit", "1", "-o", "json").out()).get("complete"))
                .isEqualTo(false);
    }

    @Test
    void aQueueThatNobodyKnowsIsSaidSo() {
        assertThat(run("queues"))
                .isEqualTo(new CommandLineCase(
                        0, "", "No queue in " + redis.uri() + ": no client or dispatcher has worked there yet.\n"));
        assertThat(run("queues", "-o", "json").out()).isEqualTo("{\"queues\":[],\"complete\":true}\n");
        assertThat(run("queues", "nobodys").exit()).isEqualTo(1);
        assertRefused(run("doctor", "nobodys"), "nobody has worked on a queue 'nobodys' in this Redis yet");
    }

    @Test
    @StoredStateMayBeBroken("that is what the doctor is for")
    void theDoctorNamesWhatIsBroken() {
        run("enqueue", "jobs", "noop", "--id", "a");
        assertThat(run("doctor", "jobs").exit()).isZero();
        assertThat(run("doctor").out())
                .contains("Redis ", "maxmemory-policy noeviction", "hint: There is no append-only file")
                .contains("jobs: in order, 1 task\n");

        redis.call("DEL", "{jobs}:status");

        CommandLineCase broken = run("doctor");
        assertThat(broken.exit()).isEqualTo(1);
        assertThat(broken.out())
                .contains(
                        "jobs: BROKEN, 1 task\n  broken: a live task without a status (status-missing, 1)\n    a: in ready\n");
        Map<?, ?> json = json(run("doctor", "jobs", "-o", "json").out());
        Map<?, ?> jobs = (Map<?, ?>) ((List<?>) json.get("queues")).get(0);
        assertThat(jobs.get("clean")).isEqualTo(false);
        Map<?, ?> finding = (Map<?, ?>) ((List<?>) jobs.get("findings")).get(0);
        assertThat(finding.get("code")).isEqualTo("status-missing");
        assertThat(finding.get("which")).isEqualTo(List.of(Map.of("subject", "a", "detail", "in ready")));

        CommandLineCase repaired = run("doctor", "jobs", "--repair");

        assertThat(repaired.exit()).isZero();
        assertThat(repaired.out()).contains("jobs: in order again, 1 task\n  repaired: a live task without a status");
        assertThat(redis.call("HGET", "{jobs}:status", "a")).isEqualTo("queued");
        assertThat(run("doctor").exit()).isZero();
    }

    @Test
    @StoredStateMayBeBroken("that is what the doctor is for")
    void theDoctorLooksAtQueuesThatNobodyElseCanRead() {
        run("enqueue", "jobs", "noop", "--id", "a");
        run("enqueue", "mails", "noop", "--id", "a");
        run("enqueue", "reports", "noop", "--id", "a");
        redis.call("SET", "{jobs}:delayed", "of another program");
        redis.call("HSET", "{mails}:meta", "delivery", "sometimes");
        redis.call("HDEL", "{reports}:meta", "status-key");

        CommandLineCase all = run("doctor");

        assertThat(all.exit()).isEqualTo(1);
        assertThat(all.out())
                .contains("jobs: BROKEN", "{jobs}:delayed: a string and no zset")
                .contains("mails: BROKEN", "(meta-field, 1)\n    delivery")
                .contains("reports: in order, 1 task"); // whoever joins it next writes that anew
        assertThat(run("doctor", "jobs").out()).contains("{jobs}:delayed: a string and no zset");
        assertThat(run("doctor", "mails").out()).contains("meta-field");
        redis.call("HSET", "{mails}:meta", "delivery", "at-least-once", "protocol", "one");
        assertThat(run("doctor").out()).contains("mails: BROKEN", "protocol");
        redis.call("HSET", "{mails}:meta", "protocol", "99");
        assertRefused(run("doctor", "mails"), "nobody has worked on a queue 'mails' in this Redis yet");

        redis.call("DEL", "{mails}:meta");
        redis.call("SET", "{mails}:meta", "of another program");
        assertThat(run("doctor", "mails").out()).contains("{mails}:meta: a string and no hash");
        redis.call("FLUSHDB");
    }

    @Test
    void whatTheDoctorRepairedBeforeRedisFailedIsTold(@Private RedisServer own) {
        for (String queue : List.of("jobs", "mails")) {
            CommandLineCase.at(own.uri(), "", "enqueue", queue, "noop", "--id", "a");
        }
        own.call("DEL", "{jobs}:status");
        own.call("ACL", "SETUSER", "ann", "on", ">ann", "+@all", "~*");
        own.call("ACL", "SETUSER", "ann", "resetkeys", "~{jobs}:*", "~jobs", "~{mails}:meta", "~sluice:*");
        String asAnn = own.uri().replace("redis://", "redis://ann:ann@");

        CommandLineCase half = CommandLineCase.at(asAnn, "", "doctor", "--repair");
        CommandLineCase again = CommandLineCase.at(own.uri(), "", "doctor");

        assertThat(half.exit()).isEqualTo(1);
        assertThat(half.out()).contains("jobs: in order again, 1 task\n  repaired: a live task without a status");
        assertThat(half.err()).startsWith("sluice: redis://ann:***@").hasLineCount(1);
        assertThat(again.out()).contains("jobs: in order, 1 task");
    }

    @Test
    @StoredStateMayBeBroken("what cannot be repaired is left as it is")
    void whatIsLeftBrokenByARepairCounts() {
        run("enqueue", "jobs", "noop", "--id", "a");
        redis.call("SET", "{jobs}:late", "of another program");

        CommandLineCase left = run("doctor", "jobs", "--repair");

        assertThat(left.exit()).isEqualTo(1);
        assertThat(left.out())
                .contains("broken: a key of another type is in the way (wrong-type, 1)")
                .contains("{jobs}:late: a string and no zset");
        assertThat(redis.call("GET", "{jobs}:late")).isEqualTo("of another program");
    }

    @Test
    void aTaskIsExplained() {
        run("enqueue", "jobs", "noop", "--id", "a");
        run("enqueue", "jobs", "noop", "--id", "b");

        CommandLineCase told = run("explain", "jobs", "b");
        CommandLineCase json = run("explain", "jobs", "b", "-o", "json");
        CommandLineCase unknown = run("explain", "jobs", "c");

        assertThat(told).isEqualTo(new CommandLineCase(0, """
                        It waits in the ready list.
                        No dispatcher of this queue is known: start one.
                        It waits behind about 1 others of 2.
                        """, ""));
        assertThat(json(json.out()).get("place")).isEqualTo("waiting");
        assertThat(((Map<?, ?>) json(json.out()).get("facts")).get("ahead")).isEqualTo(1);
        assertThat(unknown.exit()).isEqualTo(1);
        assertThat(unknown.out()).contains("Nothing is known of it.");
        assertRefused(run("explain", "nobodys", "a"), "nobody has worked on a queue 'nobodys' in this Redis yet");
        assertThat(run("explain", "jobs", "").exit()).isEqualTo(2);
    }

    @Test
    void theDoctorKnowsAServerThatMayDeleteTasks(@Private RedisServer own) {
        own.call("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");

        CommandLineCase warned = CommandLineCase.at(own.uri(), "", "doctor");

        assertThat(warned.exit()).isZero();
        assertThat(warned.out())
                .contains("hint: maxmemory-policy is allkeys-lru")
                .contains("No queue");
    }

    @Test
    void aWrongPasswordIsOneSentence(@Private RedisServer own) {
        own.call("ACL", "SETUSER", "ann", "on", ">right", "~*", "+@all");
        String wrong = own.uri().replace("redis://", "redis://ann:wrong@");

        for (String[] command : new String[][] {
            {"enqueue", "jobs", "noop"}, {"status", "jobs", "a"}, {"queues"}, {"queues", "jobs"}, {"doctor"}
        }) {
            CommandLineCase refused = CommandLineCase.at(wrong, "", command);
            assertThat(refused.exit()).as(command[0]).isEqualTo(1);
            assertThat(refused.err())
                    .as(command[0])
                    .startsWith("sluice: redis://ann:***@")
                    .contains("(check user and password in the Redis URL)")
                    .doesNotContain("ann:wrong", "\tat ")
                    .hasLineCount(1);
        }
    }

    private static String newQueue(String name, String statusKey) {
        return "Queue '" + name + "' is new in this Redis: its statuses will be in '" + statusKey
                + "', its delivery is at-least-once.\n";
    }

    private void assertBadLine(String lines, String... told) {
        redis.call("FLUSHALL");
        CommandLineCase done = piped(lines, "enqueue", "jobs", "--lines", "-");
        assertThat(done.exit()).isEqualTo(2);
        assertThat(done.err())
                .contains("sluice: standard input, ")
                .contains(told)
                .doesNotContain("\tat ");
        assertThat(done.out()).isEqualTo("1 created, 0 existing, 0 failed\n");
        assertThat(redis.call("LLEN", "{jobs}:ready")).isEqualTo(1L);
    }

    private void assertMistaken(String why, String... arguments) {
        CommandLineCase answer = run(arguments);
        assertThat(answer.exit()).isEqualTo(2);
        assertThat(answer.err()).contains(why);
    }

    private static void assertRefused(CommandLineCase refused, String sentence) {
        assertThat(refused.exit()).isEqualTo(1);
        assertThat(refused.out()).isEmpty();
        assertThat(refused.err()).startsWith("sluice: ").contains(sentence).hasLineCount(1);
    }

    private void pushToKnown(String queue, String element) {
        run("enqueue", queue, "noop", "--id", "a");
        run("cancel", queue, "a");
        redis.call("DEL", "{" + queue + "}:ready", "{" + queue + "}:cancelled");
        redis.call("RPUSH", queue, element);
    }

    /** What the command wrote, but for the time at which it did. */
    private String body(String queue) {
        String frame = (String) redis.call("LINDEX", "{" + queue + "}:ready", "0");
        return frame.substring(frame.indexOf('\n') + 1).replaceFirst(",\"enqueuedAt\":[0-9]{13}}$", "}");
    }

    private static Map<?, ?> json(String document) {
        byte[] bytes = document.strip().getBytes(StandardCharsets.UTF_8);
        return JsonCodec.standard().decode(bytes, 0, bytes.length, Map.class);
    }

    private CommandLineCase run(String... arguments) {
        return piped("", arguments);
    }

    private CommandLineCase piped(String in, String... arguments) {
        return CommandLineCase.at(redis.uri(), in, arguments);
    }
}
