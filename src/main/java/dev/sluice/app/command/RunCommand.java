package dev.sluice.app.command;

import dev.sluice.app.config.Configuration;
import dev.sluice.app.config.Settings;
import dev.sluice.app.console.RedisAddress;
import dev.sluice.app.console.Refusal;
import dev.sluice.app.console.Terminal;
import dev.sluice.app.serve.HeadStart;
import dev.sluice.app.serve.Standalone;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code sluice run}: dispatches tasks until it is told to stop. */
@Command(
        name = "run",
        description = {
            "Dispatches the tasks of the queues in the configuration until it is told to stop;"
                    + " without one those of the list task_queue.",
            "Without a Redis URL it starts a Redis server of its own, and without a configuration shows a demo first."
        },
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        footer = {
            "",
            "Task types: echo (the default), noop, sleep {\"ms\":250}, fail {\"message\":\"...\",\"times\":2}.",
            "",
            "Examples:",
            "  java -jar sluice-server.jar run",
            "  java -jar sluice-server.jar run --data ./sluice-data --no-demo",
            "  java -jar sluice-server.jar run --redis redis://:secret@redis.example:6379/0",
            "  java -jar sluice-server.jar run --config config/sluice.yaml --log json",
            "  java -jar sluice-server.jar run --handlers ./handlers",
            "  java -jar sluice-server.jar run --http 127.0.0.1:8080",
            "",
            "Ctrl-C and SIGTERM stop it in good order, a second one at once.",
            "",
            "Exit codes: 0 stopped, 1 Redis refused, was not there in time or did not answer at the stop, 2 the command line"
                    + " or a setting is wrong, 130 or 143 a second Ctrl-C or SIGTERM."
        })
final class RunCommand implements Callable<Integer> {
    private static final int DEMO_TASKS = 100_000;
    private static final int MOST_DEMO_TASKS = 10_000_000;

    private final Terminal terminal;
    private final HeadStart headStart;

    @Mixin
    private final SettingOptions options = new SettingOptions();

    @Option(
            names = "--handlers",
            paramLabel = "DIR",
            description =
                    "Load the handlers in every jar of this folder, see src/docs/handlers.md; default: none but the"
                            + " built-in types.")
    private @Nullable Path handlers;

    @Option(
            names = "--demo",
            paramLabel = "TASKS",
            arity = "0..1",
            fallbackValue = "" + DEMO_TASKS,
            description = "Push a demo load first, 1 to 10000000 tasks; default: 100000 with the embedded Redis and no"
                    + " configuration file, else none.")
    private @Nullable Integer demo;

    @Option(names = "--no-demo", description = "Push no demo load.")
    private boolean noDemo;

    RunCommand(Terminal terminal, HeadStart headStart) {
        this.terminal = terminal;
        this.headStart = headStart;
    }

    @Override
    public Integer call() throws InterruptedException {
        Configuration configuration = options.load();
        Settings settings = configuration.settings();
        RedisAddress given = settings.redis() == null
                ? null
                : RedisAddress.of(settings.redis().text());
        int tasks = demoTasks(given, configuration.file() != null);
        return new Standalone(settings, configuration.file(), terminal, headStart).run(given, handlers, tasks);
    }

    private int demoTasks(@Nullable RedisAddress given, boolean configured) {
        if (demo != null && noDemo) {
            throw Refusal.mistaken("--demo and --no-demo exclude each other");
        }
        if (demo != null && (demo < 1 || demo > MOST_DEMO_TASKS)) {
            throw Refusal.mistaken("--demo takes 1 to " + MOST_DEMO_TASKS + " tasks, was " + demo);
        }
        if (demo != null && given != null && !given.isDirect()) {
            throw Refusal.mistaken("--demo pushes over a plain socket and needs a redis:// or rediss:// URL");
        }
        if (demo != null) {
            return demo;
        }
        return given == null && !configured && !noDemo ? DEMO_TASKS : 0;
    }
}
