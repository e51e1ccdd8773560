package dev.sluice.app;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which Redis a command asks. */
final class RedisOption {
    private static final String EMBEDDED = "embedded";
    private static final String NEAREST = "redis://localhost:6379";

    @Option(
            names = "--redis",
            paramLabel = "URL",
            description = "The Redis to ask; default: the variable REDIS_URL, else " + NEAREST + ".")
    private @Nullable String redis;

    /** The one that was named; refuses what is no Redis URL. */
    RedisAddress address() {
        String url = redis == null ? System.getenv("REDIS_URL") : redis;
        return RedisAddress.of(url == null || url.isBlank() || url.equals(EMBEDDED) ? NEAREST : url);
    }
}
