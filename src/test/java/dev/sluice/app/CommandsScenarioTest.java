package dev.sluice.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.UnpackedRedis;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What only a process of its own can show: the locale, standard streams, exit codes. */
@Timeout(120)
class CommandsScenarioTest {
    private static RedisServer redis;

    @BeforeAll
    static void start() {
        redis = UnpackedRedis.builder("7.0").start();
    }

    @AfterAll
    static void stop() {
        redis.close();
    }

    @Test
    void argumentsOfAnyScriptArriveInAnyLocale() throws Exception {
        Map<String, String> poor = Map.of("LC_ALL", "C", "LANG", "C", "REDIS_URL", redis.uri());
        try (Program enqueue = Program.start(poor, "enqueue", "jobs", "招呼", "\"你好 😀\"", "--id", "任务-é")) {
            assertThat(enqueue.exit()).isZero();
            assertThat(enqueue.out()).isEqualTo("created 任务-é");
        }

        assertThat((String) redis.call("LINDEX", "{jobs}:ready", "0"))
                .contains(" 任务-é\n", "\"type\":\"招呼\"", "\"payload\":\"你好 😀\"");
        try (Program status = Program.start(poor, "status", "jobs", "任务-é")) {
            assertThat(status.exit()).isZero();
            assertThat(status.out()).contains("任务-é  queued");
            assertThat(status.err()).isEmpty();
        }
    }

    @Test
    void variablesOfAnyScriptArriveInAnyLocale(@TempDir Path folder) throws Exception {
        Path config = Files.writeString(folder.resolve("sluice.yaml"), """
                queues:
                  mails:
                    default-type: "${CITY}"
                """);
        Map<String, String> poor = Map.of("LC_ALL", "C", "LANG", "C", "CITY", "München", "SLUICE_CONFIG", "" + config);

        try (Program program = Program.start(poor, "config", "--effective", "-o", "json")) {
            assertThat(program.exit()).isZero();
            assertThat(program.out()).contains("\"München\"");
        }
        try (Program program =
                Program.start(Map.of("LC_ALL", "C", "SLUICE_CONFIG", "Köln.yaml"), "config", "--effective")) {
            assertThat(program.exit()).isEqualTo(2);
            assertThat(program.err())
                    .contains("env SLUICE_CONFIG: 'Köln.yaml' can name no file here", "LC_ALL=C.UTF-8");
        }
    }

    @Test
    void aSecondDispatcherOfAnotherDeliveryModeIsRefusedInOneSentence(@TempDir Path folder) throws Exception {
        CommandLineCase.at(redis.uri(), "", "enqueue", "mails", "noop");
        Path config = Files.writeString(folder.resolve("sluice.yaml"), """
                queues:
                  mails:
                    delivery: at-most-once
                """);

        try (Program second = Program.start("run", "--redis", redis.uri(), "--config", config.toString())) {
            assertThat(second.exit()).isEqualTo(1);
            assertThat(second.err())
                    .isEqualTo("sluice: " + redis.uri() + ": Queue 'mails' is run with delivery at-least-once and this"
                            + " side is set to at-most-once: set the same on both.");
        }
    }
}
