package dev.sluice.app.command;

import dev.sluice.app.console.NativeText;
import dev.sluice.app.console.RedisAddress;
import java.util.Map;
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
        String named = redis; // also if it is empty, as of a script whose variable is not set: no other Redis is meant
        String url = named == null ? ofVariables() : named;
        return RedisAddress.of(url.equals(EMBEDDED) ? NEAREST : url);
    }

    private static String ofVariables() {
        Map<String, String> variables = NativeText.variables();
        return Stream.of("SLUICE_REDIS_URL", "REDIS_URL")
                .map(name -> variables.getOrDefault(name, ""))
                .filter(url -> !url.isBlank())
                .findFirst()
                .orElse(EMBEDDED);
    }
}
