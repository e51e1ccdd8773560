package dev.sluice.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import org.junit.jupiter.api.Test;

/** {@code sluice schedules} as a person or a script types it. */
@OnEveryRedis
class SchedulesCommandRedisTest {
    private final RedisServer redis;

    SchedulesCommandRedisTest(RedisServer redis) {
        this.redis = redis;
    }

    @Test
    void whatIsDeclaredIsListedChangedAndRemoved() {
        assertThat(run("schedules", "add", "jobs", "daily", "report", "--cron", "@daily", "--zone", "Europe/Berlin")
                        .out())
                .isEqualTo("created daily, next at TIME\n");
        assertThat(run(
                                "schedules",
                                "add",
                                "jobs",
                                "far",
                                "mail",
                                "[1]",
                                "--every",
                                "8760h",
                                "--overlap",
                                "skip",
                                "-o",
                                "json")
                        .out())
                .isEqualTo("{\"queue\":\"jobs\",\"schedule\":\"far\",\"outcome\":\"created\",\"next\":\"TIME\"}\n");

        assertThat(run("schedules", "ls", "jobs")).isEqualTo(new CommandLineCase(0, """
                NAME   WHEN         ZONE           TYPE    NEXT                  LAST  MISFIRE  OVERLAP  ORIGIN
                daily  @daily       Europe/Berlin  report  TIME     -  once     allow    cli
                far    every 8760h  -              mail    TIME     -  once     skip     cli
                """, ""));
        assertThat(run("schedules", "ls", "jobs", "-o", "json").out())
                .contains("{\"name\":\"far\",\"type\":\"mail\",\"cron\":null,\"zone\":null,\"everyMs\":31536000000,"
                        + "\"misfire\":\"once\",\"overlap\":\"skip\",\"origin\":\"cli\",\"paused\":false,"
                        + "\"next\":\"TIME\",\"last\":null}");

        assertThat(run("schedules", "pause", "jobs", "far").out()).isEqualTo("paused far\n");
        assertThat(run("schedules", "pause", "jobs", "far").out()).isEqualTo("unchanged far\n");
        assertThat(run("schedules", "ls", "jobs").out()).contains("mail    paused");
        assertThat(run("schedules", "pause", "jobs", "far", "-o", "json").out())
                .isEqualTo("{\"queue\":\"jobs\",\"schedule\":\"far\",\"changed\":false}\n");
        assertThat(run("schedules", "resume", "jobs", "far").out()).isEqualTo("resumed far\n");
        assertThat(run("schedules", "trigger", "jobs", "daily", "-o", "json").out())
                .matches(
                        "\\{\"queue\":\"jobs\",\"schedule\":\"daily\",\"id\":\"daily@[^\"]+\",\"outcome\":\"created\"}\n");
        assertThat(run("schedules", "trigger", "jobs", "far").out()).startsWith("created task far@triggered-");
        assertThat(redis.call("LLEN", "{jobs}:ready")).isEqualTo(2L);
        assertThat(run("schedules", "rm", "jobs", "far").out()).isEqualTo("removed far\n");
        assertThat(run("schedules", "rm", "jobs", "far"))
                .isEqualTo(new CommandLineCase(1, "", "sluice: Queue 'jobs' has no schedule 'far'\n"));
    }

    @Test
    void anotherOfTheSameNameIsAnErrorThatSaysHowToReplaceIt() {
        run("schedules", "add", "jobs", "poll", "t", "--every", "10m");

        CommandLineCase other = run("schedules", "add", "jobs", "poll", "t", "--every", "5m");

        assertThat(other.exit()).isOne();
        assertThat(other.err())
                .contains("queue jobs has another schedule 'poll' already: every 10m, type t", "--replace replaces it");
        assertThat(run("schedules", "add", "jobs", "poll", "t", "--every", "10m")
                        .out())
                .startsWith("unchanged poll, ");
        assertThat(run("schedules", "add", "jobs", "poll", "t", "--every", "5m", "--replace")
                        .out())
                .startsWith("updated poll, next at ");
    }

    @Test
    void whatIsWrongIsNamed() {
        assertThat(run("schedules", "add", "jobs", "x", "t", "--cron", "0 25 * * *")
                        .err())
                .startsWith(
                        "sluice: cron expression '0 25 * * *' cannot be read: hour '25' at position 3: value 25 not in"
                                + " range [0, 23]");
        assertThat(run("schedules", "add", "jobs", "x", "t", "--cron", "0 2 * * *", "--zone", "Europe/Berln")
                        .err())
                .contains("'Europe/Berln' is no time zone", "did you mean Europe/Berlin?");
        assertThat(run("schedules", "add", "jobs", "x", "t", "--cron", "0 2 * * *", "--zone", "europe/berlin")
                        .err())
                .contains("did you mean Europe/Berlin?");
        assertThat(run("schedules", "add", "jobs", "x", "t").err()).contains("Say either --cron or --every");
        assertThat(run("schedules", "add", "jobs", "x", "t", "--every", "10m", "--misfire", "catchup")
                        .err())
                .contains("must be once, skip or catch-up 1 to 100, was 'catchup'");
        assertThat(run("schedules", "add", "jobs", "x", "t", "--every", "10m", "--misfire", "catch-up 101")
                        .err())
                .isEqualTo("sluice: --misfire can catch up with 1 to 100 missed ticks, was 101\n");
        assertThat(run("schedules", "add", "jobs", "x", "t", "--every", "10m", "--overlap", "x"))
                .isEqualTo(new CommandLineCase(2, "", "sluice: --overlap must be allow or skip, was 'x'\n"));
        assertThat(run("schedules", "add", "jobs", "a b", "t", "--every", "10m").exit())
                .isEqualTo(2);
        assertThat(run("schedules", "paus", "jobs", "x").err()).contains("Did you mean: pause?");
        assertThat(run("schedules").exit()).isEqualTo(2);
        assertThat(run("schedules", "add", "jobs", "x", "t", "--cron", "0 25 * * *")
                        .exit())
                .isEqualTo(2);
        assertThat(run("schedules", "ls", "nobody").exit()).isOne();
    }

    /** With every point in time made one word, for it differs from day to day. */
    private CommandLineCase run(String... arguments) {
        CommandLineCase told = CommandLineCase.at(redis.uri(), "", arguments);
        return new CommandLineCase(told.exit(), told.out().replaceAll("20[0-9-]+T[0-9:]+Z", "TIME"), told.err());
    }
}
