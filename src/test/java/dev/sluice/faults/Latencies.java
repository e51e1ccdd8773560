package dev.sluice.faults;

import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * When a Redis answered nobody since it waited for something, as it says itself (<a
 * href="https://redis.io/docs/latest/operate/oss_and_stack/management/optimization/latency-monitor/">LATENCY HISTORY</a>); a
 * restart makes it forget that. A disk that is slow for one file need not be so for the next: other servers know nothing of it.
 */
final class Latencies {
    /** It writes its append-only file, which takes long when the kernel lets nobody write before the disk has caught up. */
    static final String APPENDING = "aof-write";

    /** Shorter ones are not told: no lease is lost for these alone. */
    private static final Duration TOLD = Duration.ofMillis(250);

    /** It tells in which second one ended. */
    private static final long SECOND_MS = 1000;

    private Latencies() {}

    /** A server that tells them. */
    static RedisServer.Builder telling(RedisServer.Builder server) {
        return server.with("latency-monitor-threshold", String.valueOf(TOLD.toMillis()));
    }

    /**
     * Those of this kind, by the monotonic clock, which is {@code clockMs} behind the one on the wall. One that was too short to
     * be noticed as an outage stays so, though its end is known to a second only.
     */
    static Stream<Fault> of(RedisServer redis, String kind, long clockMs) {
        List<?> samples = (List<?>) Objects.requireNonNull(redis.call("LATENCY", "HISTORY", kind));
        return samples.stream().map(sample -> {
            long endMs = (Long) ((List<?>) sample).get(0) * 1000 - clockMs;
            long tookMs = (Long) ((List<?>) sample).get(1);
            long longestMs = History.NOTICED.toMillis() - 1 - tookMs;
            return new Fault(
                    Fault.Kind.REDIS,
                    "*",
                    kind + " of " + tookMs + " ms",
                    (endMs - tookMs) * 1_000_000,
                    (endMs + (longestMs < 0 ? SECOND_MS : Math.min(SECOND_MS, longestMs))) * 1_000_000);
        });
    }
}
