package dev.sluice.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the README's first command does, with the jar that the build has just made. */
@Tag("packaged")
@Timeout(180)
class ServerJarScenarioTest {

    @Test
    void theJarAloneShowsTheDemoServesAndStops() throws Exception {
        try (Program program = Program.startJar("run")) {
            program.lineWith("Ctrl-C stops.");
            assertThat(program.out()).contains("100,000 of 100,000 handled", "left in task_status   none");

            program.signal("TERM");

            assertThat(program.exit()).isZero();
            assertThat(program.err()).isEmpty();
        }
    }

    @Test
    void everyJavaBesideThisOneStartsItQuietly() throws Exception {
        for (Path home : javaHomes()) {
            Path java = home.resolve("bin").resolve("java");
            try (Program program = Program.startJar(java.toString(), Map.of(), "run", "--demo", "500")) {
                program.lineWith("Ctrl-C stops.");
                program.signal("TERM");
                assertThat(program.exit()).as(home.toString()).isZero();
                assertThat(program.err()).as(home.toString()).isEmpty();
            }
        }
    }

    @Test
    void theReadmesFileIsCheckedAndServed(@TempDir Path folder) throws Exception {
        String readme = Files.readString(Path.of("README.md"));
        Path file = Files.writeString(
                folder.resolve("my.yaml"), readme.split("```yaml\n", 2)[1].split("```", 2)[0]);
        List<String> commands = readme.replace("\\\n", "")
                .lines()
                .filter(line -> line.startsWith("java ") && line.contains(" my.yaml"))
                .map(line -> line.replace("my.yaml", file.toString()))
                .toList();
        assertThat(commands).hasSize(2);

        try (Program config = Program.startLine(commands.get(0))) {
            assertThat(config.exit()).isZero();
            assertThat(config.out()).contains("queues.emails.concurrency", file + ":4");
        }
        try (Program run = Program.startLine(commands.get(1))) {
            run.errorWith("\"queues\":\"emails,clicks\"");
            run.signal("TERM");
            assertThat(run.exit()).isZero();
            assertThat(run.out()).as("what the JVM says about a flag").isEmpty();
        }
    }

    @Test
    void aServerOnThePathThatIsTooOldGivesWayToItsOwn(@TempDir Path folder) throws Exception {
        Path old = Files.writeString(folder.resolve("redis-server"), "#!/bin/sh\necho Redis server v=6.0.16\n");
        assertThat(old.toFile().setExecutable(true)).isTrue();
        Map<String, String> environment = Map.of("PATH", folder.toString(), "SLUICE_REDIS_BINARY", "");
        try (Program program = Program.startJar(Program.java(), environment, "run", "--no-demo")) {
            assertThat(program.lineWith("started on")).startsWith("Redis 7.0.15");
            assertThat(program.lineWith("bundled")).contains("slower", "install redis-server", "--redis URL");
        }
    }

    // A link such as default-java names one that is there already.
    private static List<Path> javaHomes() throws IOException {
        Path beside = Path.of(System.getProperty("java.home")).toRealPath().getParent();
        try (Stream<Path> homes = Files.list(beside)) {
            return homes.filter(home -> Files.isExecutable(home.resolve("bin").resolve("java")))
                    .filter(home -> !Files.isSymbolicLink(home))
                    .toList();
        }
    }

    @Test
    void itKnowsWhatItWasBuiltFrom() throws Exception {
        try (Program program = Program.startJar("--version")) {
            assertThat(program.exit()).isZero();
            assertThat(program.out()).matches("sluice \\d+\\.\\d+\\.\\d+ \\(revision \\S+, Java \\d+\\)");
        }
    }
}
