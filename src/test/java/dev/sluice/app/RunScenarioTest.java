package dev.sluice.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.app.serve.ForeignWire;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.UnpackedRedis;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(180)
class RunScenarioTest {
    @Test
    void eachBuiltInTypeDoesWhatItSays() throws Exception {
        try (Program program = Program.start("run", "--no-demo")) {
            program.lineWith("Ctrl-C stops.");
            try (ForeignWire wire = program.redis()) {
                wire.call("RPUSH", "task_queue", "{\"id\":\"untyped\",\"payload\":[]}");
                wire.call("RPUSH", "task_queue", "{\"id\":\"nothing\",\"type\":\"noop\"}");
                wire.call("RPUSH", "task_queue", "{\"id\":\"late\",\"type\":\"sleep\",\"payload\":{\"ms\":250}}");
                wire.call(
                        "RPUSH",
                        "task_queue",
                        "{\"id\":\"flaky\",\"type\":\"fail\",\"payload\":{\"message\":\"not yet\",\"times\":1}}");
                wire.call("RPUSH", "task_queue", "no task at all");
            }

            assertThat(program.lineWith("  untyped  ")).contains("  echo  ").endsWith("[]");
            program.lineWith("  nothing  noop  attempt 1  succeeded");
            assertThat(program.lineWith("  late  "))
                    .containsPattern("succeeded after 2[5-9]\\d\\.|after [3-9]\\d\\d\\.");
            assertThat(program.lineWith("  flaky  fail  attempt 1  failed")).endsWith("not yet");
            program.lineWith("  flaky  fail  attempt 2  succeeded");
            program.lineWith("1 task is dead; to see why: java -jar sluice-server.jar dead ls");
        }
    }

    @Test
    void anyLocaleShowsAnyScript() throws Exception {
        try (Program program = Program.start(Map.of("LC_ALL", "C", "LANG", "C"), "run", "--no-demo")) {
            program.lineWith("Ctrl-C stops.");
            try (ForeignWire wire = program.redis()) {
                wire.call("RPUSH", "task_queue", "{\"id\":\"任务\",\"type\":\"echo\",\"payload\":\"你好\"}");
            }
            assertThat(program.lineWith("  任务  echo")).endsWith("\"你好\"");
        }
    }

    @Test
    void aSecondInstanceHasARedisOfItsOwn() throws Exception {
        try (Program first = Program.start("run", "--no-demo")) {
            first.lineWith("Ctrl-C stops.");
            try (Program second = Program.start("run", "--no-demo")) {
                second.lineWith("Ctrl-C stops.");
                assertThat(second.port()).isNotEqualTo(first.port());
                for (Program each : List.of(first, second)) { // another test may have had the usual port meanwhile
                    assertThat(each.lineWith("started on").contains("the next free port"))
                            .isEqualTo(each.port() != 6379);
                }
            }
        }
    }

    @Test
    void redisThatIsNotThereIsWaitedForAndThenGivenUp() throws Exception {
        try (Program program =
                Program.start("run", "--redis", "redis://:secret@127.0.0.1:9", "--connect-timeout", "2s")) {
            assertThat(program.exit()).isEqualTo(1);
            assertThat(program.lineWith("Waiting for Redis"))
                    .isEqualTo("Waiting for Redis at redis://:***@127.0.0.1:9 (Connection refused), at most 2 s.");
            assertThat(program.err())
                    .isEqualTo("sluice: gave up: Redis at redis://:***@127.0.0.1:9 was not there within 2 s"
                            + " (Connection refused)");
        }
    }

    @Test
    void aWrongPasswordIsOneSentence() throws Exception {
        try (RedisServer redis = UnpackedRedis.builder("7.0").password("right").start();
                Program program = Program.start("run", "--redis", "redis://:wrong@127.0.0.1:" + redis.port())) {
            assertThat(program.exit()).isEqualTo(1);
            assertThat(program.err().lines()).hasSize(1);
            assertThat(program.out()).isEmpty();
            assertThat(program.err()).contains("check user and password").doesNotContain("wrong@");
        }
    }

    @Test
    void anotherRedisGetsADemoOnlyIfAskedFor() throws Exception {
        try (RedisServer redis = UnpackedRedis.builder("7.0").password("s3cret").start();
                Program without = Program.start(Map.of("REDIS_URL", redis.uri()), "run")) {
            without.lineWith("Ctrl-C stops.");
            without.lineWith("Serving task_queue on redis://:***@127.0.0.1:" + redis.port());
            assertThat(without.out()).doesNotContain("Demo", "s3cret").contains("--askpass");
            without.signal("TERM");
            assertThat(without.exit()).isZero();

            try (Program with = Program.start("run", "--redis", redis.uri(), "--demo", "500")) {
                with.lineWith("Ctrl-C stops.");
                assertThat(with.out()).contains("500 of 500 handled", "left in task_status   none");
            }
        }
    }

    @Test
    void theFilesOfRedisAreNeverBesideItsBinary(@TempDir Path folder) throws Exception {
        Path data = folder.resolve("a \"quoted\" folder");
        try (Program without = Program.start("run", "--no-demo");
                Program with = Program.start("run", "--no-demo", "--data", data.toString())) {
            without.lineWith("Ctrl-C stops.");
            with.lineWith("Ctrl-C stops.");

            assertThat(directive(without, "dir")).contains("sluice-redis-").doesNotContain("target/redis");
            assertThat(directive(without, "appendonly")).isEqualTo("no");
            assertThat(directive(with, "dir")).isEqualTo(data.toRealPath().toString());
            assertThat(directive(with, "appendonly")).isEqualTo("yes");
            assertThat(with.out()).doesNotContain("VANISH");
        }
    }

    @Test
    void aServerThatDoesNotStartIsNamedWithTheRemedy(@TempDir Path folder) throws Exception {
        Path broken = Files.writeString(folder.resolve("redis-server"), """
                #!/bin/sh
                [ "$1" = --version ] && echo "Redis server v=7.0.15" && exit
                echo "error while loading shared libraries: libssl.so.3"
                exit 127
                """);
        assertThat(broken.toFile().setExecutable(true)).isTrue();
        try (Program program = Program.start(Map.of("SLUICE_REDIS_BINARY", broken.toString()), "run")) {
            assertThat(program.exit()).isEqualTo(1);
            assertThat(program.err())
                    .startsWith("sluice: the embedded Redis does not start")
                    .contains("libssl.so.3", "Install redis-server", "--redis URL")
                    .doesNotContain("\tat ");
            assertThat(program.out()).isEmpty();
        }
    }

    @Test
    void aDataFolderThatCannotBeWrittenIsAMistake(@TempDir Path folder) throws Exception {
        Path file = Files.createFile(folder.resolve("file"));
        try (Program program = Program.start("run", "--data", file.toString())) {
            assertThat(program.exit()).isEqualTo(2);
            assertThat(program.err())
                    .contains("cannot be written (a file has that name)")
                    .contains("--data");
        }
    }

    static String directive(Program program, String name) throws IOException {
        try (ForeignWire wire = program.redis()) {
            return String.valueOf(((List<?>) wire.call("CONFIG", "GET", name)).get(1));
        }
    }
}
