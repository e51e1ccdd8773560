package dev.sluice.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.UnpackedRedis;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A drain over several processes: two dispatchers, of which one dies, a foreign producer, and the command that waits. */
@Timeout(180)
class DrainScenarioTest {
    private static final Path BINARY = UnpackedRedis.binary("7.0");

    @Test
    void theCommandEndsWhenTheLastOfTwoDispatchersHasRunWhatTheOtherLeft(@TempDir Path folder) throws Exception {
        Path tasks = Files.writeString(
                folder.resolve("tasks.ndjson"),
                IntStream.range(0, 100)
                        .mapToObj(i -> "{\"id\":\"t" + i + "\",\"type\":\"sleep\",\"payload\":{\"ms\":1000}}\n")
                        .collect(Collectors.joining()));
        Path config = Files.writeString(folder.resolve("sluice.yaml"), """
                lease: 2s
                queues:
                  jobs:
                    concurrency: 20
                """);
        try (RedisServer redis = RedisServer.builder().binary(BINARY).start()) {
            at(redis, "enqueue", "jobs", "--lines", tasks.toString());
            at(
                    redis, "enqueue", "jobs", "noop", "--id", "last", "--delay",
                    "24h"); // until it is cancelled none is drained
            try (Program drain = Program.start("drain", "jobs", "--redis", redis.uri())) {
                drain.errorWith("101 left: ");
                assertThat(at(redis, "enqueue", "jobs", "noop").err())
                        .contains("queue jobs is draining and takes no new tasks");
                redis.call("RPUSH", "jobs", "{\"id\":\"foreign\",\"type\":\"noop\"}");
                try (Program one = Program.start("run", "--redis", redis.uri(), "--config", config.toString());
                        Program two = Program.start("run", "--redis", redis.uri(), "--config", config.toString())) {
                    one.lineWith("attempt 1  succeeded");
                    one.signal("KILL"); // in the middle of its tasks: the other one takes them over
                    drain.errorWith("1 left: 0 waiting, 0 running, 1 delayed, 1 pushed by foreign clients");
                    at(redis, "cancel", "jobs", "last");

                    assertThat(drain.exit()).isZero();
                    two.signal("TERM");
                    assertThat(two.exit()).isZero();
                }
                assertThat(drain.out())
                        .isEqualTo("drained jobs, 1 pushed by foreign clients since the drain began; it takes no new"
                                + " tasks until 'resume'");
                assertThat(redis.call("HLEN", "{jobs}:status")).isEqualTo(0L);
                assertThat(redis.call("ZCARD", "{jobs}:dead")).isEqualTo(0L);
            }
        }
    }

    @Test
    void itsTimeIsOverAlsoWhileRedisIsAway() throws Exception {
        try (RedisServer redis = RedisServer.builder().binary(BINARY).start()) {
            at(redis, "enqueue", "jobs", "noop");
            long began = System.nanoTime();
            try (Program drain = Program.start("drain", "jobs", "--timeout", "5s", "--redis", redis.uri())) {
                drain.errorWith("1 left: ");
                redis.kill();

                assertThat(drain.exit()).isEqualTo(1);
                assertThat(drain.out()).isEqualTo("still draining jobs: 1 left: 1 waiting, 0 running, 0 delayed");
                assertThat(System.nanoTime() - began)
                        .isLessThan(TimeUnit.SECONDS.toNanos(60)); // an outage may last 2 min
            }
        }
    }

    private static CommandLineCase at(RedisServer redis, String... words) {
        return CommandLineCase.at(redis.uri(), "", words);
    }
}
