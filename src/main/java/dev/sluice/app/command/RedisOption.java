package dev.sluice.app.command;

import dev.sluice.app.console.RedisAddress;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which Redis a command asks. */
final class RedisOption {
    private static final String EMBEDDED = "embedded";
    private static final String NEAREST = "redis://localhost:6379";

    @Option(
            names = "--redis",
            paramLabel = "URL",
            description =
                    "The Redis to ask; default: " + NEAREST + ", unless SLUICE_REDIS_URL or REDIS_URL names another.")
    private @Nullable String redis;

    /** The one that was named; refuses what is no Redis URL. */
    RedisAddress address() {
        String url = Stream.of(redis, System.getenv("SLUICE_REDIS_URL"), System.getenv("REDIS_URL"))
                .filter(named -> named != null && !named.isBlank())
                .findFirst()
                .orElse(EMBEDDED);
        return RedisAddress.of(url.equals(EMBEDDED) ? NEAREST : url);
    }
}
