package dev.sluice.app;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Sluice;
import dev.sluice.task.Queue;
import dev.sluice.task.Schedule;
import dev.sluice.task.Task;
import dev.sluice.testkit.RedisServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Schedules that a file declares, from one start of {@code run} to the next. */
@Timeout(120)
class DeclaredSchedulesScenarioTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    @TempDir
    private Path folder;

    @Test
    void aFileSaysWhichSchedulesThereAreAndAnotherFileDoesNotFightIt() throws Exception {
        try (RedisServer redis = RedisServer.start()) {
            Path file = write("sluice.yaml", """
                    queues:
                      jobs:
                        default-type: echo
                        schedules:
                          beat: { every: 1s, type: echo, payload: '"tick"' }
                          nightly: { cron: "0 2 * * *", zone: Europe/Berlin, type: noop, misfire: catch-up 3 }
                    """);
            try (Program program = run(file, redis)) {
                program.lineWith("Schedule beat of jobs: created.");
                program.lineWith("Schedule nightly of jobs: created.");
                program.lineWith("  echo  attempt 1  succeeded");
            }
            declaredElsewhere(redis);
            write("sluice.yaml", """
                    queues: { jobs: { schedules: { nightly: { cron: "0 3 * * *", type: noop } } } }
                    """);
            try (Program program = run(file, redis)) {
                program.lineWith("Schedule nightly of jobs: updated; it was cron Europe/Berlin 0 2 * * *, type noop");
                program.lineWith("Schedule beat of jobs: removed; it was every 1s, type echo");
                program.lineWith("Schedule other of jobs is not from this file but from /elsewhere.yaml.");
            }
            Path other =
                    write("other.yaml", "queues: { jobs: { schedules: { nightly: { every: 24h, type: noop } } } }");
            try (Program program = run(other, redis)) {
                assertThat(program.exit()).isOne();
                assertThat(program.err())
                        .contains(
                                "queue jobs has another schedule 'nightly' already: cron UTC 0 3 * * *",
                                "sluice.yaml; to have the one of this file, run 'schedules rm jobs nightly' first");
            }
        }
    }

    @Test
    void aChangeByHandOutlivesTheNextStartAndIsTold() throws Exception {
        try (RedisServer redis = RedisServer.start()) {
            Path file = write("sluice.yaml", """
                    queues: { jobs: { schedules: { poll: { every: 10m, type: noop }, old: { every: 1h, type: noop } } } }
                    """);
            try (Program program = run(file, redis)) {
                program.lineWith("Schedule poll of jobs: created.");
                program.lineWith("Serving");
            }
            declaredAs("cli", Schedule.every("poll", Duration.ofMinutes(5), Task.of("noop", null)), redis);
            write("sluice.yaml", """
                    queues: { jobs: { schedules: { poll: { every: 10m, type: noop } } } }
                    """);
            try (Program program = run(file, redis)) {
                program.lineWith(
                        "Schedule poll of jobs is left as somebody has changed it, though the file says otherwise:"
                                + " every 5m, type noop, misfire once, overlap allow, declared by cli."
                                + " To have the file's, run 'schedules rm jobs poll' and start again; to keep it, write it into the"
                                + " file.");
                program.lineWith("Schedule old of jobs: removed; it was every 1h, type noop");
                program.lineWith("Serving");
            }
        }
    }

    @Test
    void aRedisThatComesBackEmptyIsToldAgainWhatTheFileSays() throws Exception {
        try (RedisServer redis = RedisServer.start()) {
            Path file = write("sluice.yaml", """
                    queues: { jobs: { schedules: { beat: { every: 1s, type: noop } } }, mail: {} }
                    """);
            try (Program program = run(file, redis)) {
                program.lineWith("Serving");
                redis.kill();
                redis.restart();
                eventually(() -> assertThat(redis.call("HEXISTS", "{jobs}:schedules", "beat"))
                        .isEqualTo(1L));
                int before = program.out().split("  noop  attempt 1  succeeded", -1).length;
                eventually(() -> assertThat(program.out().split("  noop  attempt 1  succeeded", -1))
                        .hasSizeGreaterThan(before));
                assertThat(program.out().split("Schedule beat of jobs: created.", -1))
                        .hasSize(3);
            }
        }
    }

    @Test
    void aRedisThatTakesNoScheduleEndsTheStartAndTheOneIsNamed() throws Exception {
        try (RedisServer redis = RedisServer.start()) {
            Path file = write("sluice.yaml", """
                    queues: { jobs: { schedules: { poll: { every: 10m, type: noop }, old: { every: 1h, type: noop } } } }
                    """);
            redis.call("CLIENT", "PAUSE", "60000", "WRITE");
            try (Program program = run(file, redis)) {
                assertThat(program.exit()).isOne();
                assertThat(program.err())
                        .contains("did not take schedule 'poll' of queue jobs within 10 s, after 0 of 2");
            }
        }
    }

    private static void declaredElsewhere(RedisServer redis) {
        declaredAs("yaml /elsewhere.yaml", Schedule.every("other", Duration.ofHours(24), Task.of("noop", null)), redis);
    }

    private static void declaredAs(String origin, Schedule schedule, RedisServer redis) {
        Sluice sluice = Sluice.connect(redis.uri());
        sluice.schedules(Queue.named("jobs"))
                .origin(origin)
                .put(schedule)
                .retry(5)
                .block(PATIENCE);
        sluice.close().block(PATIENCE);
    }

    private static Program run(Path file, RedisServer redis) throws Exception {
        return Program.start("run", "--config", file.toString(), "--redis", redis.uri());
    }

    private Path write(String name, String yaml) throws IOException {
        return Files.writeString(folder.resolve(name), yaml);
    }
}
