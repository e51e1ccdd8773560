package dev.sluice.app.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.dispatch.QueueSettings;
import dev.sluice.redis.RedisUrl;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Misfire;
import dev.sluice.task.Overlap;
import dev.sluice.task.Queue;
import dev.sluice.task.RetryPolicy;
import dev.sluice.task.Schedule;
import dev.sluice.task.TaskTimeoutException;
import dev.sluice.task.Timing;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.ZoneId;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConfigurationTest {
    @TempDir
    private Path folder;

    @Test
    void withoutAnythingTheQuickStartsQueueIsServed() {
        Settings settings = load("", Map.of(), Map.of()).settings();

        assertThat(settings.redis()).isNull();
        assertThat(settings.data()).isNull();
        assertThat(settings.queues())
                .containsExactly(new Settings.Served(
                        Queue.named("task_queue").statusKey("task_status"),
                        QueueSettings.standard().defaultType("echo")));
    }

    @Test
    void eachQueueHasItsOwnSettings() {
        Settings settings = load("""
                redis: { url: "redis://ann:s3cret@redis.example:6380/2", connect-timeout: 5s }
                lease: 2s
                crash-limit: 7
                shutdown-grace: 500ms
                log: { format: json }
                queues:
                  emails:
                    status-key: email_status
                    concurrency: 16
                    timeout: 2h
                    retry: { max-attempts: 8, backoff: { first: 250ms, factor: 1.5, max: 5m, jitter: 0 } }
                    default-type: email.send
                  clicks: { delivery: at-most-once, plain-type: click, foreign: false }
                  plain:
                """).settings();

        assertThat(settings.redis()).extracting(RedisUrl::text).isEqualTo("redis://ann:s3cret@redis.example:6380/2");
        assertThat(settings.connectTimeout()).isEqualTo(Duration.ofSeconds(5));
        assertThat(settings.lease()).isEqualTo(Duration.ofSeconds(2));
        assertThat(settings.crashLimit()).isEqualTo(7);
        assertThat(settings.shutdownGrace()).isEqualTo(Duration.ofMillis(500));
        assertThat(settings.logFormat()).isEqualTo(LogFormat.JSON);
        assertThat(settings.queues())
                .containsExactly(
                        new Settings.Served(
                                Queue.named("emails").statusKey("email_status"),
                                QueueSettings.standard()
                                        .concurrency(16)
                                        .timeout(Duration.ofHours(2))
                                        .retry(new RetryPolicy(
                                                8, Duration.ofMillis(250), 1.5, Duration.ofMinutes(5), 0))
                                        .defaultType("email.send")),
                        new Settings.Served(
                                Queue.named("clicks").delivery(DeliveryMode.AT_MOST_ONCE),
                                QueueSettings.standard().plainType("click").foreign(false)),
                        new Settings.Served(Queue.named("plain"), QueueSettings.standard()));
        assertThat(settings.toString())
                .contains("redis://ann:***@redis.example")
                .doesNotContain("s3cret");
    }

    @Test
    void aTypeMayBeDeliveredToAUrl() {
        Configuration configuration = load(
                """
                handlers:
                  report.build:
                    push:
                      url: "http://127.0.0.1:9000/report?token=t0ken"
                      secrets: ["whsec_${SECRET}", whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD]
                      allow-private: [127.0.0.1, 10.1.0.0/16]
                      dead-on: [400, 422]
                  mail: { push: { url: https://hooks.example.org/mail, connections: 8 } }
                """,
                Map.of(
                        "SECRET", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                        "SLUICE_HANDLERS_MAIL_PUSH_CONNECT_TIMEOUT", "3s"),
                Map.of());

        assertThat(configuration.settings().pushes().entrySet())
                .extracting(it -> it.getKey() + " " + it.getValue())
                .containsExactly("report.build http://127.0.0.1:9000", "mail https://hooks.example.org");
        assertThat(configuration.settings().queues()).hasSize(1);
        assertThat(configuration.effective())
                .extracting(it -> it.key() + "=" + it.value())
                .contains(
                        "handlers.report.build.push.url=http://127.0.0.1:9000/report?token=***",
                        "handlers.report.build.push.secrets=***",
                        "handlers.report.build.push.allow-private=127.0.0.1, 10.1.0.0/16",
                        "handlers.report.build.push.dead-on=400, 422",
                        "handlers.mail.push.secrets=none",
                        "handlers.mail.push.connections=8",
                        "handlers.mail.push.connect-timeout=3s")
                .noneMatch(it -> it.contains("t0ken") || it.contains("MfKQ") || it.contains("C2FV"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{} | handlers.a.push.url has no value; a handler delivers to it",
                "{ url: 'ftp://example.org' } | handlers.a.push.url must be an http:// or https:// URL",
                "{ url: 'https://ann:s3cret@example.org' } | handlers.a.push.url must have no user and no password",
                "{ url: 'http://10.0.0.1/' } | handlers.a.push.url: 10.0.0.1 is no address of the public internet",
                "{ url: 'http://a/', secrets: s3cret } | handlers.a.push.secrets a secret must be whsec_ and 24 to 64",
                "{ url: 'http://a/', allow-private: 10.0.0.0/33 } | handlers.a.push.allow-private a network must be",
                "{ url: 'http://a/', allow-private: [[]] } | handlers.a.push.allow-private must be a list of single values",
                "{ url: 'http://a/', dead-on: soon } | handlers.a.push.dead-on must be status codes of 300 to 599",
                "{ url: 'http://a/', dead-on: 200 } | handlers.a.push.dead-on a status must be 300 to 599, was 200",
                "{ url: 'http://a/', connections: 0 } | handlers.a.push.connections must be a whole number",
                "{ ulr: 'http://a/' } | handlers.a.push.ulr is an unknown key; did you mean url?",
            })
    void aMistakeInAPushNamesItsPlaceAndNoSecret(String push, String sentence) {
        assertThatThrownBy(() -> load("handlers: { a: { push: " + push + " } }", Map.of(), Map.of()))
                .isInstanceOf(ConfigurationException.class)
                .hasMessageContaining(sentence)
                .message()
                .doesNotContain("s3cret");
    }

    @Test
    void aTypeHasWhatItSaysAndElseWhatItsQueueHas() {
        Configuration configuration = load(
                """
                queues:
                  jobs:
                    timeout: 1m
                    retry: { max-attempts: 7, rules: { java.io.IOException: retry 5s } }
                    types:
                      email.send:
                        timeout: 30s
                      report:
                        retry:
                          backoff: { first: 2s }
                          rules:
                            com.acme.Gone: discard
                            dev.sluice.task.TaskTimeoutException: dead
                            java.io.IOException: retry
                      plain:
                """, Map.of("SLUICE_QUEUES_JOBS_TYPES_PLAIN_RETRY_MAX_ATTEMPTS", "3"), Map.of("--concurrency", "3"));

        QueueSettings jobs = configuration.settings().queues().get(0).settings();

        assertThat(jobs.timeouts())
                .isEqualTo(Map.of(
                        "email.send", Duration.ofSeconds(30),
                        "report", Duration.ofMinutes(1),
                        "plain", Duration.ofMinutes(1)));
        RetryPolicy ofQueue =
                RetryPolicy.standard().maxAttempts(7).retryOn("java.io.IOException", Duration.ofSeconds(5));
        assertThat(jobs.retry()).isEqualTo(ofQueue);
        assertThat(jobs.retries().get("email.send")).isEqualTo(ofQueue);
        assertThat(jobs.retries().get("plain")).isEqualTo(ofQueue.maxAttempts(3));
        assertThat(jobs.retries().get("report"))
                .isEqualTo(RetryPolicy.standard()
                        .maxAttempts(7)
                        .backoff(Duration.ofSeconds(2), 2, Duration.ofMinutes(10))
                        .discardOn("com.acme.Gone")
                        .deadOn(TaskTimeoutException.class.getName())
                        .retryOn(IOException.class.getName()));
        assertThat(configuration.effective())
                .contains(
                        new Configuration.Effective("queues.jobs.types.email.send.timeout", "30s", file() + ":7"),
                        new Configuration.Effective("queues.jobs.types.report.timeout", "1m", file() + ":3"),
                        new Configuration.Effective(
                                "queues.jobs.types.plain.retry.max-attempts",
                                "3",
                                "env SLUICE_QUEUES_JOBS_TYPES_PLAIN_RETRY_MAX_ATTEMPTS"),
                        new Configuration.Effective(
                                "queues.jobs.types.report.retry.rules",
                                "com.acme.Gone: discard, dev.sluice.task.TaskTimeoutException: dead, java.io.IOException:"
                                        + " retry",
                                file() + ":12"));
    }

    @Test
    void schedulesOfAQueueAreRead() throws Exception {
        Configuration configuration = load("""
                queues:
                  jobs:
                    schedules:
                      nightly: { cron: 0 2 * * MON-FRI, zone: Europe/Berlin, type: report, payload: '{"n":1}' }
                      poll:
                        every: 10m
                        type: echo
                        misfire: catch-up 3
                        overlap: skip
                """, Map.of("SLUICE_QUEUES_JOBS_SCHEDULES_POLL_EVERY", "5m"), Map.of());

        List<Schedule> schedules = configuration.settings().queues().get(0).schedules();

        assertThat(schedules).extracting(Schedule::name).containsExactly("nightly", "poll");
        assertThat(schedules.get(0).timing()).isEqualTo(Timing.cron("0 2 * * MON-FRI", ZoneId.of("Europe/Berlin")));
        assertThat((byte[]) schedules.get(0).task().payload()).asString().isEqualTo("{\"n\":1}");
        assertThat(schedules.get(1).timing()).isEqualTo(Timing.every(Duration.ofMinutes(5)));
        assertThat(schedules.get(1).misfire()).isEqualTo(Misfire.catchUp(3));
        assertThat(schedules.get(1).overlap()).isEqualTo(Overlap.SKIP);
    }

    @Test
    void whatIsWrongWithAScheduleIsNamedWithItsPlace() {
        assertThatThrownBy(() -> load("""
                        queues:
                          jobs:
                            schedules:
                              a: { cron: 61 2 * * *, type: t }
                              b: { cron: 0 2 * * *, zone: Europe/Berln, type: t }
                              c: { type: t }
                              d: { every: 10m, zone: UTC }
                              e: { every: 10m, type: t, payload: "{" }
                              f: { evry: 10m, type: t }
                              g h: { every: 10m, type: t }
                              i: { every: 1ms, cron: 0 2 * * *, type: t }
                              a: { every: 10m, type: t }
                        """, Map.of(), Map.of()))
                .isInstanceOf(ConfigurationException.class)
                .hasMessageContaining(":4:18: queues.jobs.schedules.a.cron: '61 2 * * *' cannot be read: minute '61' at"
                        + " position 1: value 61 not in range [0, 59]")
                .hasMessageContaining(":5:35: queues.jobs.schedules.b.zone: 'Europe/Berln' is no time zone")
                .hasMessageContaining("did you mean Europe/Berlin?")
                .hasMessageContaining(":6:7: queues.jobs.schedules.c must have either cron or every")
                .hasMessageContaining(":7:7: queues.jobs.schedules.d must have the type of its tasks")
                .hasMessageContaining("queues.jobs.schedules.d.zone has no meaning with every")
                .hasMessageContaining(":8:42: queues.jobs.schedules.e.payload")
                .hasMessageContaining("queues.jobs.schedules.f.evry is an unknown key; did you mean every?")
                .hasMessageContaining(":10:7: queues.jobs.schedules the name of a schedule must be")
                .hasMessageContaining("queues.jobs.schedules.i.every must be a duration, 1s to 8760h")
                .hasMessageContaining(":12:7: a is there twice");
    }

    @Test
    void rulesStandAsTheyAreWritten() {
        assertThat(FailureRule.all("com.acme.Gone: retry 5s, a.B:dead"))
                .hasToString("[com.acme.Gone: retry 5s, a.B: dead]");
    }

    @Test
    void aFlagWinsOverAVariableOverTheFileOverTheDefault() {
        Configuration configuration = load(
                """
                lease: 2s
                shutdown-grace: 3s
                redis:
                  connect-timeout: 4s
                """,
                Map.of("SLUICE_LEASE", "5s", "SLUICE_SHUTDOWN_GRACE", "6s", "SLUICE_CRASH_LIMIT", ""),
                Map.of("--shutdown-grace", "7s"));

        assertThat(configuration.settings().lease()).isEqualTo(Duration.ofSeconds(5));
        assertThat(configuration.settings().shutdownGrace()).isEqualTo(Duration.ofSeconds(7));
        assertThat(configuration.effective())
                .contains(
                        new Configuration.Effective("lease", "5s", "env SLUICE_LEASE"),
                        new Configuration.Effective("shutdown-grace", "7s", "flag --shutdown-grace"),
                        new Configuration.Effective("redis.connect-timeout", "4s", file() + ":4"),
                        new Configuration.Effective("crash-limit", "3", "default"));
    }

    @Test
    void aVariableReachesTheSettingOfAQueue() {
        Configuration configuration = load(
                "queues: { e-mails.eu: {}, other: {} }",
                Map.of("SLUICE_QUEUES_E_MAILS_EU_RETRY_MAX_ATTEMPTS", "9", "SLUICE_QUEUES_OTHER_TIMEOUT", "1s"),
                Map.of("--concurrency", "3"));

        assertThat(configuration.settings().queues())
                .extracting(Settings.Served::settings)
                .containsExactly(
                        QueueSettings.standard()
                                .concurrency(3)
                                .retry(RetryPolicy.standard().maxAttempts(9)),
                        QueueSettings.standard().concurrency(3).timeout(Duration.ofSeconds(1)));
        assertThat(load("", Map.of("SLUICE_QUEUES_TASK_QUEUE_CONCURRENCY", "17"), Map.of())
                        .settings()
                        .queues()
                        .get(0)
                        .settings()
                        .concurrency())
                .isEqualTo(17);
    }

    @Test
    void aFileMentionsVariables() {
        String yaml = """
                redis:
                  url: ${REDIS_HOST_URL:embedded}
                lease: "${SECONDS}s"
                queues: { a: { status-key: "$${x}${EMPTY:}", default-type: '${TYPE:none}' } }
                """;

        Settings settings = load(yaml, Map.of("SECONDS", "9", "REDIS_HOST_URL", "redis://h", "EMPTY", ""), Map.of())
                .settings();

        assertThat(settings.redis()).hasToString("redis://h");
        assertThat(settings.lease()).isEqualTo(Duration.ofSeconds(9));
        assertThat(settings.queues().get(0).queue().statusKey()).isEqualTo("${x}");
        assertThat(settings.queues().get(0).settings().defaultType()).isNull();
    }

    @Test
    void redisIsFoundWhereverItIsNamed() {
        Map<String, String> platform = Map.of("REDIS_URL", "redis://platform");
        Map<String, String> both = Map.of("REDIS_URL", "redis://platform", "SLUICE_REDIS_URL", "redis://ours");

        assertThat(load("redis: { url: 'redis://file' }").settings().redis()).hasToString("redis://file");
        assertThat(load("redis: { url: 'redis://file' }", platform, Map.of())
                        .settings()
                        .redis())
                .hasToString("redis://platform");
        assertThat(load("", both, Map.of()).settings().redis()).hasToString("redis://ours");
        assertThat(load("", both, Map.of("--redis", "embedded")).settings().redis())
                .isNull();
    }

    @Test
    void theFileIsNamedByAVariableToo() throws IOException {
        Files.writeString(file(), "lease: 3s");

        assertThat(Configuration.load(null, Map.of("SLUICE_CONFIG", file().toString()), Map.of())
                        .settings()
                        .lease())
                .isEqualTo(Duration.ofSeconds(3));
    }

    @Test
    void passwordsAreMasked() {
        assertThat(load("redis: { url: 'redis://:p%40ss@host' }")
                        .effective()
                        .get(0)
                        .value())
                .isEqualTo("redis://:***@host");
        assertThat(RedisUrl.masked("redis://secret@host/1")).isEqualTo("redis://***@host/1");
        assertThat(RedisUrl.masked("ann:secret@host")).isEqualTo("ann:***@host");
        assertThat(RedisUrl.masked("redis-sentinel://:secret@a:1,b:2/0#main"))
                .isEqualTo("redis-sentinel://:***@a:1,b:2/0#main");
        assertThat(RedisUrl.masked("rediss://host:1")).isEqualTo("rediss://host:1");
        assertThat(RedisUrl.masked("redis://:p@host/1?timeout=3s&Password=s&x=y#z"))
                .isEqualTo("redis://:***@host/1?timeout=3s&Password=***&x=***#z");
        assertThat(RedisUrl.of("redis://host?family=6").text()).isEqualTo("redis://host?family=6");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "leese: 15s | 1:1: leese is an unknown key; did you mean lease?",
                "queues: { a: { max-attempts: 3 } } | 1:16: queues.a.max-attempts is an unknown key; did you mean queues.a.retry.max-attempts?",
                "concurrency: 3 | 1:1: concurrency is an unknown key; did you mean queues.NAME.concurrency?",
                "redis: { port: 1 } | 1:10: redis.port is an unknown key; known here: url, data, connect-timeout",
                "lease: 15 | 1:8: lease: '15' is no duration: the unit is missing, a number and ms, s, m, h or d, such as 15s",
                "lease: 15 sec | 1:8: lease: '15 sec' is no duration: a number and ms, s, m, h or d, such as 15s",
                "lease: 1h | 1:8: lease must be a duration, 500ms to 10m, was '1h'",
                "lease: [1s] | 1:8: lease must be a duration, 500ms to 10m, was a list",
                "lease: | 1:7: lease has no value; remove it, or write a duration, 500ms to 10m",
                "crash-limit: many | 1:14: crash-limit must be a whole number, 1 to 100, was 'many'",
                "crash-limit: 2.5 | 1:14: crash-limit must be a whole number, 1 to 100, was '2.5'",
                "log: { format: xml } | 1:16: log.format must be text or json, was 'xml'",
                "redis: { url: 'redis://h:99999' } | 1:15: redis.url: 'redis://h:99999' has no valid port: 1 to 65535, or none for 6379",
                "redis: { url: 'redis://h:1/abc' } | 1:15: redis.url: 'redis://h:1/abc' has no valid database: a number, as in redis://host:6379/0",
                "redis: { url: 'redis-sentinel://h:1,i:2/0' } | 1:15: redis.url: 'redis-sentinel://h:1,i:2/0' names no master: redis-sentinel://[:password@]host[:port][,host[:port]...][/database]#master",
                "redis: { data: '' } | 1:16: redis.data must be a folder, or none, was ''",
                "redis: 7 | 1:8: redis must be a mapping of url, data, connect-timeout, was a single value",
                "redis: { url: localhost } | 1:15: redis.url: 'localhost' is no Redis URL: redis://",
                "queues: { a: { delivery: once } } | 1:26: queues.a.delivery must be at-least-once or at-most-once, was 'once'",
                "queues: { a: { foreign: yes } } | 1:25: queues.a.foreign must be true or false, was 'yes'",
                "queues: { a: { retry: { backoff: { jitter: NaN } } } } | queues.a.retry.backoff.jitter must be a number, 0 to 1, was 'NaN'",
                "queues: { a: { retry: { backoff: { first: 1h } } } } | 1:43: queues.a.retry.backoff.max must not be shorter than backoff.first",
                "queues: { a: { delivery: at-most-once, retry: { max-attempts: 2 } } } | queues.a.retry.max-attempts has no meaning with delivery at-most-once",
                "queues: { a: { delivery: at-most-once, results: { max-age: 1h } } } | queues.a.results.max-age has no meaning with delivery at-most-once, which keeps no results",
                "queues: { '{a}': {} } | 1:11: queues.{a}: a queue name must be 1 to 128 characters",
                "queues: { a: { status-key: a } } | 1:28: queues.a.status-key: a status key must not be another key",
                "queues: { a: { status-key: s }, b: { status-key: s } } | 1:50: queues.b.status-key is a key of queue a already: 's'",
                "queues: { a: { status-key: b }, b: {} } | 1:28: queues.a.status-key is a key of queue b already: 'b'",
                "queues: | 1:1: queues must be a mapping of queue names",
                "queues: { a: 5 } | 1:14: queues.a must be a mapping of settings, was a single value",
                "queues: { '': { concurrency: 1 } } | 1:11: queues must name queues, one has an empty name",
                "queues: { a: { types: 5 } } | 1:23: queues.a.types must be a mapping of task types to their settings, was a single value",
                "queues: { a: { types: { '': {} } } } | 1:25: queues.a.types must name types of 1 to 256 bytes without control characters, was ''",
                "queues: { a: { tpyes: {} } } | 1:16: queues.a.tpyes is an unknown key; did you mean types?",
                "queues: { a: { types: { m: { timeuot: 1s } } } } | 1:30: queues.a.types.m.timeuot is an unknown key; did you mean timeout?",
                "queues: { a: { types: { m: { concurrency: 1 } } } } | queues.a.types.m.concurrency is an unknown key; did you mean queues.a.concurrency?",
                "queues: { a: { types: { m: { timeout: 0s } } } } | 1:39: queues.a.types.m.timeout must be a duration, 1ms to 8760h, was '0s'",
                "queues: { a: { types: { m: { retry: { backoff: { first: 1h } } } } } } | 1:57: queues.a.types.m.retry.backoff.max must not be shorter than backoff.first",
                "queues: { a: { schedules: { s: { every: 1m, type: m, overlap: x } } } } | queues.a.schedules.s.overlap must be allow or skip, was 'x'",
                "queues: { a: { schedules: { s: { every: 1m, type: m, misfire: catch-up 101 } } } } | queues.a.schedules.s.misfire must be once, skip or catch-up 1 to 100, was 'catch-up 101'",
                "queues: { a: { delivery: at-most-once, schedules: { s: { every: 1m, type: m, overlap: skip } } } } | queues.a.schedules.s.overlap cannot be skip with delivery at-most-once, where nobody knows whether a task still runs",
                "queues: { a: { types: { m: { callback: '' } } } } | 1:40: queues.a.types.m.callback must be a task type of 1 to 256 bytes",
                "queues: { a: { types: { m: { callback: n }, n: { callback: o } } } } | 1:40: queues.a.types.m.callback must have no callback of its own, was 'n'",
                "queues: { a: { types: { m: { callback: m } } } } | 1:40: queues.a.types.m.callback must have no callback of its own, was 'm'",
                "handlers: { noop: { push: { url: 'https://example.org/' } } } | 1:13: handlers.noop: the type has a handler already, which is built in",
                "handlers: { m: { push: { url: 'http://a/', dead-on: 200 } } } | 1:53: handlers.m.push.dead-on a status must be 300 to 599, was 200",
                "queues: { a: { callback: m } } | 1:16: queues.a.callback is an unknown key",
                "queues: { a: { delivery: at-most-once, types: { m: { callback: n } } } } | queues.a.types.m.callback has no meaning with delivery at-most-once, which calls nobody back; remove it",
                "queues: { a: { delivery: at-most-once, types: { m: { retry: { max-attempts: 2 } } } } } | queues.a.types.m.retry.max-attempts has no meaning with delivery at-most-once",
                "queues: { a: { retry: { rules: [x] } } } | 1:32: queues.a.retry.rules must be a mapping of exception classes to retry, retry DURATION, dead or discard, or none, was a list",
                "queues: { a: { retry: { rules: { java.io.IOException: daed } } } } | 1:55: queues.a.retry.rules.java.io.IOException must be retry, retry DURATION, dead or discard, was 'daed'; did you mean dead?",
                "queues: { a: { retry: { rules: { java.io.IOExeption: dead } } } } | 1:54: queues.a.retry.rules.java.io.IOExeption: 'java.io.IOExeption' is no exception that is known here; write the whole name",
                "queues: { a: { retry: { rules: { IOException: dead } } } } | 'IOException' is no exception that is known here",
                "queues: { a: { retry: { rules: { com.acme.Gone: dead 5s } } } } | only retry takes a duration, was 'dead 5s'",
                "queues: { a: { retry: { rules: { com.acme.Gone: retry soon } } } } | 'soon' is no duration",
                "queues: { a: { retry: { rules: none of it } } } | 1:32: queues.a.retry.rules must be a mapping of exception classes",
                "lease: ${NOT_SET} | 1:8: lease needs the environment variable NOT_SET, which is not set; ${NOT_SET:value} gives a default",
                "lease: ${1X} | 1:8: lease has a '${' that is no ${NAME} or ${NAME:default}",
                "lease: '${A:${B}}s' | 1:8: lease has a default for A with a '{' in it",
                "redis: { url: ${X:embedded} } | is no YAML: expected ',' or '}', but got {; put quotes around a value with ${…}",
                "- lease | 1:1: must be a mapping of settings, was a list",
                "lease: 'x | is no YAML: found unexpected end of stream",
                "redis:↵→data: x | 2:1: is no YAML: a tab is there; indent with spaces",
                "? [a] : b | 1:3: a key must be a word, was a mapping"
            })
    void aMistakeInTheFileIsNamedWithItsPlace(String yaml, String sentence) {
        assertThatThrownBy(() -> load(yaml.replace('↵', '\n').replace('→', '\t')))
                .isInstanceOf(ConfigurationException.class)
                .message()
                .startsWith(file() + ":")
                .contains(sentence);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "SLUICE_LEASE | 15 | env SLUICE_LEASE: lease: '15' is no duration",
                "SLUICE_LAESE | 15s | env SLUICE_LAESE: is no setting of a known queue or handler; did you mean SLUICE_LEASE?",
                "SLUICE_CONFG | x.yaml | env SLUICE_CONFG: is no setting of a known queue or handler; did you mean SLUICE_CONFIG?",
                "SLUICE_QUEUES_MAILS_TIMEOUT | 1s | env SLUICE_QUEUES_MAILS_TIMEOUT: is no setting of a known queue or handler",
                "SLUICE_QUEUES_A_B_TIMEOUT | 1s | could mean queues.a-b.timeout or queues.a.b.timeout"
            })
    void aMistakeInTheEnvironmentNamesTheVariable(String name, String value, String sentence) {
        assertThatThrownBy(() -> load("queues: { a-b: {}, a.b: {} }", Map.of(name, value), Map.of()))
                .isInstanceOf(ConfigurationException.class)
                .hasMessageContaining(sentence);
    }

    @Test
    void othersVariablesAreLeftAlone() {
        Map<String, String> others = Map.of(
                "SLUICE_SERVICE_HOST", "10.0.0.1",
                "SLUICE_PORT_6379_TCP", "tcp://10.0.0.1:6379",
                "SLUICE_QUEUES_SERVICE_PORT", "80",
                "SLUICE_REDIS_BINARY", "/usr/bin/redis-server",
                "SLUICE_VERSION", "1",
                "SLUICE_RELEASE", "sluice");

        assertThat(load("", others, Map.of()).effective())
                .allMatch(it -> it.source().equals("default"));
    }

    @Test
    void whatTheFileItselfMentionsIsNoSlip() {
        Map<String, String> named = Map.of("SLUICE_LAESE", "3s");

        assertThat(load("lease: \"${SLUICE_LAESE}\"", named, Map.of())
                        .settings()
                        .lease())
                .isEqualTo(Duration.ofSeconds(3));
        assertThatThrownBy(() -> load("lease: 3s", named, Map.of())).hasMessageContaining("did you mean SLUICE_LEASE?");
    }

    @Test
    void aTildeIsNothingAndNoFolder() {
        assertThat(load("redis: { data: ~ }").settings().data()).isNull();
        assertThatThrownBy(() -> load("queues: { a: &a { timeout: 1s }, b: { <<: *a } }"))
                .hasMessageContaining("<< is an unknown key");
        assertThatThrownBy(() -> load("redis: { data: ~/sluice }"))
                .hasMessageContaining("redis.data")
                .hasMessageContaining("without '~'");
        assertThatThrownBy(() -> load("", Map.of(), Map.of("--data", "~/sluice")))
                .hasMessageContaining("without '~'");
    }

    @Test
    void allMistakesAreToldAtOnceInTheOrderOfTheFile() {
        assertThatThrownBy(() -> load("""
                        lease: 15
                        lease: 16s
                        queues:
                          a: { timeout: never, concurrency: 0 }
                        """, Map.of("SLUICE_CRASH_LIMIT", "x"), Map.of("--shutdown-grace", "1w")))
                .message()
                .startsWith("6 mistakes in the configuration:\n")
                .containsSubsequence(
                        ":1:8: lease: '15' is no duration",
                        ":2:1: lease is there twice",
                        ":4:17: queues.a.timeout: 'never' is no duration",
                        ":4:37: queues.a.concurrency must be a whole number, 1 to 100000, was '0'",
                        "env SLUICE_CRASH_LIMIT: crash-limit must be",
                        "flag --shutdown-grace: shutdown-grace: '1w' is no duration");
    }

    @Test
    void aFileThatCannotBeReadIsNamed() throws IOException {
        Path binary = Files.write(folder.resolve("binary"), new byte[] {(byte) 0xff, 0, 1});

        assertThatThrownBy(() -> Configuration.load(file(), Map.of(), Map.of())).hasMessage(file() + ": no such file");
        assertThatThrownBy(() -> Configuration.load(folder, Map.of(), Map.of())).hasMessage(folder + ": is a folder");
        assertThatThrownBy(() -> Configuration.load(binary, Map.of(), Map.of()))
                .hasMessage(binary + ": is no UTF-8 text");
        assertThatThrownBy(() -> load("[".repeat(100_000))).hasMessageContaining("brackets 64 deep");
        assertThatThrownBy(() -> load("- ".repeat(100_000))).hasMessageContaining("nested too deep");
        assertThatThrownBy(() -> load("http.bind: localhost:1\nhttp: { bind: 'localhost:2' }"))
                .hasMessageContaining(":1:1: http.bind is an unknown key; write a mapping for each part");
        assertThatThrownBy(() -> load("lease: \u0000")).hasMessageContaining("is no YAML");
        assertThatThrownBy(() -> load("---\nlease: 5s\n---\nlease: 6s\n"))
                .hasMessageEndingWith(":3:1: is no YAML: a second document begins here");
        assertThatThrownBy(() -> load("#".repeat(2 << 20))).hasMessageContaining("more than 1048576 bytes");
    }

    @Test
    void aByteOrderMarkAndAnEmptyFileAreNoMistakes() {
        assertThat(load("\ufefflease: 3s").settings().lease()).isEqualTo(Duration.ofSeconds(3));
        assertThat(load("# nothing\n").settings())
                .isEqualTo(load("", Map.of(), Map.of()).settings());
    }

    private Configuration load(String yaml) {
        return load(yaml, Map.of(), Map.of());
    }

    private Configuration load(String yaml, Map<String, String> environment, Map<String, String> flags) {
        try {
            Files.write(file(), yaml.getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        return Configuration.load(file(), environment, flags);
    }

    private Path file() {
        return folder.resolve("sluice.yaml");
    }
}
