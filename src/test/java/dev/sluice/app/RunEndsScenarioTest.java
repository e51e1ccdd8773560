package dev.sluice.app;

import static dev.sluice.app.RunScenarioTest.directive;
import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.app.serve.ForeignWire;
import dev.sluice.testkit.UnpackedRedis;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What becomes of the program's own Redis, and of what was not finished, however it ends. */
@Tag("alone")
@Timeout(180)
class RunEndsScenarioTest {
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final Duration AT_ONCE = Duration.ofSeconds(2);

    @Test
    void aSecondSignalEndsItAtOnce() throws Exception {
        try (Program program = Program.start("run", "--no-demo")) {
            program.lineWith("Ctrl-C stops.");
            long redis = redisProcess(program);
            Path folder = Path.of(directive(program, "dir"));
            try (ForeignWire wire = program.redis()) {
                wire.call("RPUSH", "task_queue", "{\"id\":\"long\",\"type\":\"sleep\",\"payload\":{\"ms\":60000}}");
                awaitRunning(program, wire, "long");
            }
            program.signal("TERM");
            assertThat(program.lineWith("Stopping")).contains("running tasks have 25 s to finish");

            long signalled = System.nanoTime();
            program.signal("TERM");

            assertThat(program.exit()).isEqualTo(143);
            assertThat(Duration.ofNanos(System.nanoTime() - signalled)).isLessThan(AT_ONCE);
            assertThat(hasEnded(redis)).isTrue();
            awaitGone(folder);
        }
    }

    @Test
    void aStopIsObeyedWhileItsRedisStillLoads(@TempDir Path folder) throws Exception {
        Path pid = folder.resolve("pid");
        Path late = Files.writeString(folder.resolve("redis-server"), """
                #!/bin/sh
                [ "$1" = --version ] && exec %1$s --version
                echo $$ > %2$s.part && mv %2$s.part %2$s
                exec sleep 600
                """.formatted(
                        UnpackedRedis.binary("7.0").toAbsolutePath(), pid));
        assertThat(late.toFile().setExecutable(true)).isTrue();
        String[] run = {"run", "--no-demo", "--data", folder.resolve("data").toString()};
        try (Program program = Program.start(Map.of("SLUICE_REDIS_BINARY", late.toString()), run)) {
            assertThat(program.lineWith("Waiting"))
                    .isEqualTo("Waiting for the embedded Redis to load " + folder.resolve("data") + ", at most 30 s.");
            long signalled = System.nanoTime();
            program.signal("TERM");

            assertThat(program.exit()).isZero();
            assertThat(Duration.ofNanos(System.nanoTime() - signalled)).isLessThan(AT_ONCE);
            assertThat(hasEnded(Long.parseLong(Files.readString(pid).strip()))).isTrue();
            assertThat(program.err()).isEmpty();
        }
    }

    @Test
    void killedItTakesItsRedisAlongAndLeavesNoFolder() throws Exception {
        try (Program program = Program.start("run", "--no-demo")) {
            program.lineWith("Ctrl-C stops.");
            long redis = redisProcess(program);
            Path folder = Path.of(directive(program, "dir"));
            assertThat(folder).isDirectory();

            program.signal("KILL");

            program.exit();
            assertThat(hasEnded(redis)).isTrue();
            awaitGone(folder);
        }
    }

    @Test
    void whatWasNotFinishedVanishesWithARedisThatKeepsNothingAndItSaysSo() throws Exception {
        try (Program program = Program.start("run", "--no-demo", "--shutdown-grace", "100ms")) {
            beginLong(program, "lost");
            program.signal("TERM");
            assertThat(program.exit()).isZero();
            assertThat(program.lineWith("Stopped"))
                    .isEqualTo("Stopped; 1 unfinished task vanishes with the embedded Redis: --data DIR would have kept"
                            + " it.");
        }
    }

    @Test
    void alsoWhatOnlyWaitedVanishesAndIsCounted() throws Exception {
        String[] run = {"run", "--no-demo", "--shutdown-grace", "100ms", "--concurrency", "1"};
        try (Program program = Program.start(run)) {
            beginLong(program, "runs");
            try (ForeignWire wire = program.redis()) {
                wire.call("RPUSH", "task_queue", "{\"id\":\"waits\"}", "{\"id\":\"too\"}");
            }
            program.signal("TERM");
            assertThat(program.exit()).isZero();
            assertThat(program.lineWith("Stopped")).startsWith("Stopped; 3 unfinished tasks vanish");
        }
    }

    @Test
    void whatWasNotFinishedIsFinishedByTheNextRunOnTheSameData(@TempDir Path folder) throws Exception {
        String data = folder.resolve("kept").toString();
        try (Program program = Program.start("run", "--no-demo", "--data", data, "--shutdown-grace", "100ms")) {
            program.lineWith("Ctrl-C stops.");
            try (Program other = Program.start("run", "--data", data)) {
                assertThat(other.exit()).isEqualTo(1);
                assertThat(other.err()).contains("in use by another instance");
            }
            try (ForeignWire wire = program.redis()) {
                wire.call("RPUSH", "task_queue", "{\"id\":\"kept\",\"type\":\"sleep\",\"payload\":{\"ms\":3000}}");
                awaitStatus(wire, "kept", "processing");
            }
            program.signal("TERM");
            assertThat(program.exit()).isZero();
            assertThat(program.out()).contains("1 unfinished task was handed back");
        }

        try (Program program = Program.start("run", "--no-demo", "--data", data)) {
            program.lineWith("  kept  sleep  attempt 1  succeeded");
        }
    }

    @Test
    void aSignalToTheWholeGroupLeavesRedisToTheDrain() throws Exception {
        try (Program program = Program.startAsGroup("run", "--no-demo")) {
            program.lineWith("Ctrl-C stops.");
            long redis = redisProcess(program);
            try (ForeignWire wire = program.redis()) {
                wire.call("RPUSH", "task_queue", "{\"id\":\"last\",\"type\":\"sleep\",\"payload\":{\"ms\":1000}}");
                awaitRunning(program, wire, "last");
            }

            program.signalGroup("TERM");

            assertThat(program.exit()).isZero();
            program.lineWith("  last  sleep  attempt 1  succeeded");
            assertThat(program.lineWith("Stopped")).isEqualTo("Stopped.");
            assertThat(hasEnded(redis)).isTrue();
        }
    }

    @Test
    void withoutItsRedisItEnds() throws Exception {
        try (Program program = Program.start("run", "--no-demo")) {
            program.lineWith("Ctrl-C stops.");

            ProcessHandle.of(redisProcess(program)).orElseThrow().destroyForcibly();

            assertThat(program.exit()).isEqualTo(1);
            assertThat(program.out())
                    .contains("The embedded Redis has ended unexpectedly; stopping.")
                    .endsWith("Stopped.");
        }
    }

    /** Has a program that starts claim a task that runs for a minute. */
    private static void beginLong(Program program, String id) throws IOException {
        program.lineWith("Ctrl-C stops.");
        try (ForeignWire wire = program.redis()) {
            wire.call("RPUSH", "task_queue", "{\"id\":\"" + id + "\",\"type\":\"sleep\",\"payload\":{\"ms\":60000}}");
            awaitStatus(wire, id, "processing");
        }
    }

    static long redisProcess(Program program) throws IOException {
        try (ForeignWire wire = program.redis()) {
            String info = String.valueOf(wire.call("INFO", "server"));
            return info.lines()
                    .filter(line -> line.startsWith("process_id:"))
                    .mapToLong(line -> Long.parseLong(line.substring("process_id:".length())))
                    .findFirst()
                    .orElseThrow();
        }
    }

    static boolean hasEnded(long pid) throws Exception {
        var process = ProcessHandle.of(pid);
        if (process.isPresent()) {
            process.get().onExit().get(20, TimeUnit.SECONDS);
        }
        return ProcessHandle.of(pid).isEmpty();
    }

    // Whoever ends Redis removes it, a moment later.
    private static void awaitGone(Path file) {
        eventually(PATIENCE, () -> assertThat(file).doesNotExist());
    }

    /**
     * Until the handler has the task. Its status says that Redis has given it away; what comes behind it on the same link
     * and is done says that it has also arrived: a stop before that hands it back unbegun.
     */
    static void awaitRunning(Program program, ForeignWire wire, String id) throws Exception {
        awaitStatus(wire, id, "processing");
        wire.call("RPUSH", "task_queue", "{\"id\":\"behind\",\"type\":\"echo\"}");
        program.lineWith("  behind  echo  attempt 1  succeeded");
    }

    static void awaitStatus(ForeignWire wire, String id, String status) {
        eventually(
                PATIENCE, () -> assertThat(wire.call("HGET", "task_status", id)).isEqualTo(status));
    }
}
