package dev.sluice.app;

import dev.sluice.Sluice;
import dev.sluice.app.config.Configuration;
import dev.sluice.app.config.LogFormat;
import dev.sluice.app.config.Settings;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.observe.Observer;
import dev.sluice.task.Queue;
import dev.sluice.task.SluiceException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
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
            "",
            "Ctrl-C and SIGTERM stop it in good order, a second one at once.",
            "",
            "Exit codes: 0 stopped, 1 Redis refused, was not there in time or did not answer at the stop, 2 the command line"
                    + " or a setting is wrong, 130 or 143 a second Ctrl-C or SIGTERM."
        })
final class RunCommand implements Callable<Integer> {
    private static final int DEMO_TASKS = 100_000;
    private static final int MOST_DEMO_TASKS = 10_000_000;
    private static final Duration QUIET_WAIT = Duration.ofSeconds(3);
    private static final Duration LOOK_AGAIN = Duration.ofMillis(250);

    // After the grace. Together they leave a moment of the 2 s that a stop may take on top of it.
    private static final Duration TIME_TO_HAND_BACK = Duration.ofMillis(1_400);
    private static final Duration TIME_TO_DISCONNECT = Duration.ofMillis(300);
    private static final Duration TIME_TO_END = Duration.ofMillis(1_900);

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
        if (settings.logFormat() == LogFormat.JSON) {
            headStart.await();
            LogConfigurator.use(LogFormat.JSON);
        }
        HandlerJars jars = handlers == null ? HandlerJars.none() : handlerJars(handlers);
        settings.queues().forEach(served -> checkTypes(served, jars));
        Narrator narrator = Narrator.of(settings.logFormat(), terminal);
        jars.forEachJar(narrator::loaded);
        Signals signals = new Signals(settings.shutdownGrace().plus(TIME_TO_END), narrator::cutShort);
        signals.listen();
        try (Closing closing = new Closing()) {
            RedisAddress address = given == null ? startRedis(settings, narrator, closing, signals) : given;
            serve(address, settings, jars, tasks, narrator, signals, closing);
        } catch (Refusal refusal) {
            return narrator.refused(refusal);
        }
        return signals.exitCode();
    }

    private void serve(
            RedisAddress address,
            Settings settings,
            HandlerJars jars,
            int tasks,
            Narrator narrator,
            Signals signals,
            Closing closing)
            throws InterruptedException {
        headStart.await();
        List<Queue> queues =
                settings.queues().stream().map(Settings.Served::queue).toList();
        Demo load = tasks == 0 ? null : new Demo(address, queues.get(0), terminal, signals, tasks);
        TaskLog log = new TaskLog(narrator).start();
        BuiltInTypes types = new BuiltInTypes(log, context -> load != null && load.takesNoteOf(context));
        Results results = new Results(log, address);
        Sluice sluice = connect(address, results);
        closing.add(() -> Waiting.endsWithin(Waiting.begin(sluice.close()), TIME_TO_DISCONNECT));
        Dispatcher dispatcher = types.register(dispatcher(sluice, settings));
        jars.register(dispatcher, types::observed);
        closing.add(() -> Waiting.endsWithin(Waiting.begin(dispatcher.stop(Duration.ZERO)), TIME_TO_HAND_BACK));
        if (!isStarted(dispatcher, address, settings.connectTimeout(), narrator, signals)) {
            return;
        }
        closing.add(() -> drain(dispatcher, settings.shutdownGrace(), results, narrator, signals));
        if (load != null) {
            load.run(sluice.client(queues.get(0)));
        }
        if (!signals.isStopping()) {
            narrator.serving(address, queues);
        }
        signals.await();
    }

    private HandlerJars handlerJars(Path folder) throws InterruptedException {
        headStart.await();
        return HandlerJars.in(folder, BuiltInTypes.NAMES);
    }

    // Else every task that it is meant for would become a dead letter.
    private static void checkTypes(Settings.Served served, HandlerJars jars) {
        Set<String> known = new TreeSet<>(BuiltInTypes.NAMES);
        jars.forEachJar((jar, types) -> known.addAll(types));
        Stream.of(served.settings().defaultType(), served.settings().plainType())
                .filter(type -> type != null && !known.contains(type))
                .findFirst()
                .ifPresent(type -> {
                    throw Refusal.mistaken("queue " + served.queue().name() + " has '" + type
                            + "' as its default-type or plain-type, but no handler: there are "
                            + String.join(", ", known));
                });
    }

    private static Dispatcher dispatcher(Sluice sluice, Settings settings) {
        Dispatcher.Builder builder = sluice.dispatcher().lease(settings.lease()).crashLimit(settings.crashLimit());
        settings.queues().forEach(served -> builder.queue(served.queue(), served.settings()));
        return builder.build();
    }

    private static RedisAddress startRedis(Settings settings, Narrator narrator, Closing closing, Signals signals) {
        EmbeddedRedis embedded = EmbeddedRedis.start(settings.data());
        closing.add(embedded::close);
        embedded.onUnexpectedEnd(() -> {
            narrator.redisEnded();
            signals.stop(1);
        });
        narrator.redisStarted(embedded.version(), embedded.port(), settings.data());
        return embedded.address();
    }

    private static boolean isStarted(
            Dispatcher dispatcher, RedisAddress address, Duration limit, Narrator narrator, Signals signals) {
        CompletableFuture<Void> started = Waiting.begin(dispatcher.start());
        long deadline = System.nanoTime() + limit.toNanos();
        long sayAnyway = System.nanoTime() + QUIET_WAIT.toNanos();
        boolean told = false;
        try {
            while (!Waiting.endsWithin(started, shorter(LOOK_AGAIN, Duration.ofNanos(deadline - System.nanoTime())))) {
                if (signals.isStopping()) {
                    return false;
                }
                if (System.nanoTime() - deadline >= 0) {
                    throw Refusal.failed("gave up: Redis at " + address + " was not there within "
                            + TerminalNarrator.text(limit) + because(address));
                }
                if (!told && (!address.obstacle().isEmpty() || System.nanoTime() - sayAnyway >= 0)) {
                    told = true;
                    narrator.waiting(address, because(address), limit);
                }
            }
            return true;
        } catch (SluiceException refused) {
            throw Refusal.failed(address + ": " + refused.getMessage());
        }
    }

    private static void drain(
            Dispatcher dispatcher, Duration patience, Results results, Narrator narrator, Signals signals) {
        boolean inVain = signals.exitCode() != 0; // its Redis is gone
        Duration grace = inVain ? Duration.ZERO : patience;
        narrator.stopping(grace);
        int before = results.handedBack();
        boolean inTime = Waiting.endsWithin(Waiting.begin(dispatcher.stop(grace)), grace.plus(TIME_TO_HAND_BACK));
        if (inTime || inVain) {
            narrator.stopped(results.handedBack() - before);
        } else {
            narrator.stoppedWithoutRedis();
            signals.stop(1);
        }
    }

    private static Sluice connect(RedisAddress address, Observer observer) {
        try {
            return Sluice.builder().uri(address.url()).observer(observer).build();
        } catch (IllegalArgumentException e) {
            throw Refusal.mistaken("'" + address + "' is no Redis URL: " + e.getMessage());
        }
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

    private static String because(RedisAddress address) {
        String obstacle = address.obstacle();
        return obstacle.isEmpty() ? "" : " (" + obstacle + ")";
    }

    private static Duration shorter(Duration one, Duration other) {
        return one.compareTo(other) < 0 ? one : other;
    }
}
