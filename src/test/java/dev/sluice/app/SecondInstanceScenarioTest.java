package dev.sluice.app;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.UnpackedRedis;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What happens beside an instance that runs already. */
@Timeout(180)
class SecondInstanceScenarioTest {
    private static final Pattern SUCCEEDED = Pattern.compile("(?m)^\\S+Z  (\\S+)  sleep  attempt 1  succeeded");

    @TempDir
    private Path folder;

    private RedisServer redis;

    @BeforeEach
    void startRedis() {
        redis = UnpackedRedis.builder("7.0").start();
    }

    @AfterEach
    void stopRedis() {
        redis.close();
    }

    @Test
    void onOneRedisBothShareTheWorkAndNothingIsDoneTwice() throws Exception {
        try (Program one = Program.start("run", "--redis", redis.uri(), "--concurrency", "5");
                Program other = Program.start("run", "--redis", redis.uri(), "--concurrency", "5")) {
            one.lineWith("Ctrl-C stops.");
            other.lineWith("Ctrl-C stops.");
            List<String> ids = IntStream.range(0, 40)
                    .mapToObj(number -> "shared-" + number)
                    .toList();
            ids.forEach(id -> redis.call(
                    "RPUSH", "task_queue", "{\"id\":\"" + id + "\",\"type\":\"sleep\",\"payload\":{\"ms\":300}}"));

            awaitSuccesses(ids.size(), one, other);

            assertThat(succeeded(one)).isNotEmpty();
            assertThat(succeeded(other)).isNotEmpty();
            assertThat(Stream.of(one, other).flatMap(program -> succeeded(program).stream()))
                    .containsExactlyInAnyOrderElementsOf(ids);
        }
    }

    @Test
    void withAnotherDeliveryModeItIsRefusedAndTheFirstGoesOn() throws Exception {
        Path file = Files.writeString(
                folder.resolve("sluice.yaml"),
                "queues: { task_queue: { delivery: at-most-once, status-key: task_status } }");
        try (Program first = Program.start("run", "--redis", redis.uri())) {
            first.lineWith("Ctrl-C stops.");

            try (Program second = Program.start("run", "--redis", redis.uri(), "--config", file.toString())) {
                assertThat(second.exit()).isEqualTo(1);
                assertThat(second.out()).isEmpty();
                assertThat(second.err())
                        .isEqualTo("sluice: " + redis.uri() + ": Queue 'task_queue' is run with delivery at-least-once"
                                + " and this side is set to at-most-once: set the same on both.");
            }

            redis.call("RPUSH", "task_queue", "{\"id\":\"after\",\"type\":\"echo\"}");
            first.lineWith("  after  echo  attempt 1  succeeded");
        }
    }

    @Test
    void theDataFolderOfTheFirstIsRefusedUnderAnyOfItsNames() throws Exception {
        Path data = folder.resolve("data");
        Path link = Files.createSymbolicLink(folder.resolve("link"), data);
        try (Program first = Program.start("run", "--no-demo", "--data", data.toString())) {
            first.lineWith("Ctrl-C stops.");

            try (Program second = Program.start("run", "--data", link.toString())) {
                assertThat(second.exit()).isEqualTo(1);
                assertThat(second.out()).isEmpty();
                assertThat(second.err())
                        .isEqualTo("sluice: the data folder " + link + " is in use by another instance:"
                                + " choose another one for --data, or share its Redis with --redis URL");
            }
        }
    }

    private static void awaitSuccesses(int count, Program one, Program other) {
        eventually(
                Duration.ofSeconds(60),
                () -> assertThat(succeeded(one).size() + succeeded(other).size())
                        .as("%s%n%s", one.out(), other.out())
                        .isGreaterThanOrEqualTo(count));
    }

    private static List<String> succeeded(Program program) {
        return SUCCEEDED
                .matcher(program.out())
                .results()
                .map(result -> result.group(1))
                .toList();
    }
}
