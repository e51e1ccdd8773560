package dev.sluice.app.command;

import dev.sluice.app.config.Configuration;
import dev.sluice.app.config.ConfigurationException;
import dev.sluice.app.console.NativeText;
import dev.sluice.app.console.Refusal;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that set what a file and the environment can set, too. Each is empty if it was not given. */
final class SettingOptions {
    @Option(
            names = "--config",
            paramLabel = "FILE",
            description =
                    "The YAML file with the settings; config/sluice.yaml shows them all. Default: the one that the"
                            + " variable SLUICE_CONFIG names, else none.")
    private @Nullable Path config;

    @Option(
            names = "--redis",
            paramLabel = "URL",
            description =
                    "The Redis to use; default: the variable SLUICE_REDIS_URL, else REDIS_URL, else the file's redis.url,"
                            + " else 'embedded', a server of its own on 127.0.0.1, port 6379 or the next free one.")
    private @Nullable String redis;

    @Option(
            names = "--data",
            paramLabel = "DIR",
            description = "Where the embedded Redis keeps its tasks; default: nowhere, they vanish at exit.")
    private @Nullable String data;

    @Option(
            names = "--concurrency",
            paramLabel = "TASKS",
            description = "Tasks of each queue held at once, 1 to 100000; default: 256.")
    private @Nullable String concurrency;

    @Option(
            names = "--connect-timeout",
            paramLabel = "TIME",
            description = "How long to wait for Redis at the start; default: 30s.")
    private @Nullable String connectTimeout;

    @Option(
            names = "--shutdown-grace",
            paramLabel = "TIME",
            description = "How long running tasks may take to finish at a stop; default: 25s.")
    private @Nullable String grace;

    @Option(
            names = "--log",
            paramLabel = "FORMAT",
            description = "How events are written: text for a person, json for a log collector; default: text.")
    private @Nullable String log;

    @Option(
            names = "--http",
            paramLabel = "HOST:PORT",
            description = "Answer HTTP there, see src/docs/http.md; default: not at all.")
    private @Nullable String http;

    /** All settings; refuses mistakes with exit code 2. */
    Configuration load() {
        Map<String, String> flags = new LinkedHashMap<>();
        put(flags, "--redis", redis);
        put(flags, "--data", data);
        put(flags, "--concurrency", concurrency);
        put(flags, "--connect-timeout", connectTimeout);
        put(flags, "--shutdown-grace", grace);
        put(flags, "--log", log);
        put(flags, "--http", http);
        try {
            return Configuration.load(config, NativeText.variables(), flags);
        } catch (ConfigurationException e) {
            throw Refusal.mistaken(String.valueOf(e.getMessage()));
        }
    }

    private static void put(Map<String, String> flags, String name, @Nullable String value) {
        if (value != null) {
            flags.put(name, value);
        }
    }
}
