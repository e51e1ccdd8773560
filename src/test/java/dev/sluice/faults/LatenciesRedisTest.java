package dev.sluice.faults;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.UnpackedRedis;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LatenciesRedisTest {
    private static final long CLOCK_MS = System.currentTimeMillis() - System.nanoTime() / 1_000_000;
    private static final Duration LEASE = Duration.ofSeconds(1);

    @ParameterizedTest
    @ValueSource(strings = {"6.2", "7.0"})
    void aLongCommandIsToldWithItsTime(String version) {
        try (RedisServer redis =
                Latencies.telling(UnpackedRedis.builder(version)).start()) {
            long began = System.nanoTime();
            redis.call("DEBUG", "SLEEP", "0.6");
            long ended = System.nanoTime();

            List<Fault> told = Latencies.of(redis, "command", CLOCK_MS).toList();
            assertThat(told).singleElement().satisfies(fault -> {
                assertThat(fault.fromNanos()).isBetween(began - 1_000_000_000, ended - 500_000_000);
                assertThat(fault.explainsLapse(ended, LEASE)).isTrue();
            });
        }
    }
}
