package dev.sluice.app;

import dev.sluice.Sluice;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.dispatch.QueueSettings;
import dev.sluice.observe.Observer;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Queue;
import dev.sluice.task.SluiceException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code sluice run}: dispatches tasks until it is told to stop. */
@Command(
        name = "run",
        description = {
            "Dispatches the tasks of the list task_queue until it is told to stop.",
            "Without a Redis URL it starts a Redis server of its own and shows a demo first."
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
            "",
            "Ctrl-C and SIGTERM stop it in good order, a second one at once."
        })
final class RunCommand implements Callable<Integer> {
    private static final String EMBEDDED = "embedded";
    private static final int DEMO_TASKS = 100_000;
    private static final int MOST_DEMO_TASKS = 10_000_000;
    private static final Duration QUIET_WAIT = Duration.ofSeconds(3);
    private static final Duration LOOK_AGAIN = Duration.ofMillis(250);
    private static final Duration TIME_TO_DISCONNECT = Duration.ofSeconds(2);

    private final Terminal terminal;

    @Option(
            names = "--redis",
            paramLabel = "URL",
            description = "The Redis to use; default: the variable REDIS_URL, else 'embedded', a server of its own on"
                    + " 127.0.0.1, port 6379 or the next free one.")
    private @Nullable String redis;

    @Option(
            names = "--data",
            paramLabel = "DIR",
            description = "Where the embedded Redis keeps its tasks; default: nowhere, they vanish at exit.")
    private @Nullable Path data;

    @Option(
            names = "--demo",
            paramLabel = "TASKS",
            arity = "0..1",
            fallbackValue = "" + DEMO_TASKS,
            description =
                    "Push a demo load first, 1 to 10000000 tasks; default: 100000 with the embedded Redis, none with"
                            + " another.")
    private @Nullable Integer demo;

    @Option(names = "--no-demo", description = "Push no demo load.")
    private boolean noDemo;

    @Option(
            names = "--concurrency",
            paramLabel = "TASKS",
            description = "Tasks held at once, 1 to 100000; default: ${DEFAULT-VALUE}.",
            defaultValue = "256")
    private int concurrency;

    @Option(
            names = "--connect-timeout",
            paramLabel = "TIME",
            converter = DurationConverter.class,
            description = "How long to wait for Redis at the start; default: ${DEFAULT-VALUE}.",
            defaultValue = "30s")
    private Duration connectTimeout = Duration.ofSeconds(30);

    @Option(
            names = "--shutdown-grace",
            paramLabel = "TIME",
            converter = DurationConverter.class,
            description = "How long running tasks may take to finish at a stop; default: ${DEFAULT-VALUE}.",
            defaultValue = "25s")
    private Duration grace = Duration.ofSeconds(25);

    RunCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() throws InterruptedException {
        QueueSettings settings = settings();
        RedisAddress given = given();
        int tasks = demoTasks(given);
        Signals signals = new Signals();
        signals.listen();
        try (Closing closing = new Closing()) {
            RedisAddress redisAddress = given == null ? startRedis(closing, signals) : given;
            serve(redisAddress, settings, tasks, signals, closing);
        }
        return signals.exitCode();
    }

    private void serve(RedisAddress address, QueueSettings settings, int tasks, Signals signals, Closing closing)
            throws InterruptedException {
        Queue queue = Queue.named("task_queue").statusKey("task_status");
        Demo load = tasks == 0 ? null : new Demo(address, queue, terminal, signals, tasks);
        TaskLog log = new TaskLog(terminal).start();
        BuiltInTypes types = new BuiltInTypes(log, context -> load != null && load.takesNoteOf(context));
        Sluice sluice = connect(address, new DeadLetterNotice(log, address, queue));
        closing.add(() -> Waiting.endsWithin(Waiting.begin(sluice.close()), TIME_TO_DISCONNECT));
        Dispatcher dispatcher = types.register(sluice.dispatcher()
                .queue(queue, settings.defaultType(BuiltInTypes.DEFAULT))
                .build());
        closing.add(() -> drain(dispatcher, types, signals));
        if (!isStarted(dispatcher, address, signals)) {
            return;
        }
        if (load != null) {
            load.run();
        }
        if (!signals.isStopping()) {
            invite(address, queue);
        }
        signals.await();
    }

    private RedisAddress startRedis(Closing closing, Signals signals) {
        EmbeddedRedis embedded = EmbeddedRedis.start(data);
        closing.add(embedded::close);
        embedded.onUnexpectedEnd(() -> {
            terminal.say("The embedded Redis has ended unexpectedly; stopping.");
            signals.stop(1);
        });
        terminal.say(
                "Redis " + embedded.version() + " started on 127.0.0.1:" + embedded.port()
                        + (embedded.port() == EmbeddedRedis.FIRST_PORT ? "" : ", the next free port") + ".",
                data == null
                        ? "!! Tasks live in memory only and VANISH when this program exits. Keep them with --data DIR."
                        : "Tasks are kept in " + data.toAbsolutePath() + ".");
        return embedded.address();
    }

    private boolean isStarted(Dispatcher dispatcher, RedisAddress address, Signals signals) {
        CompletableFuture<Void> started = Waiting.begin(dispatcher.start());
        long deadline = System.nanoTime() + connectTimeout.toNanos();
        long sayAnyway = System.nanoTime() + QUIET_WAIT.toNanos();
        boolean told = false;
        try {
            while (!Waiting.endsWithin(started, shorter(LOOK_AGAIN, Duration.ofNanos(deadline - System.nanoTime())))) {
                if (signals.isStopping()) {
                    return false;
                }
                if (System.nanoTime() - deadline >= 0) {
                    throw Refusal.failed("gave up: Redis at " + address + " was not there within "
                            + text(connectTimeout) + because(address));
                }
                if (!told && (!address.obstacle().isEmpty() || System.nanoTime() - sayAnyway >= 0)) {
                    told = true;
                    terminal.say("Waiting for Redis at " + address + because(address) + ", at most "
                            + text(connectTimeout) + ".");
                }
            }
            return true;
        } catch (SluiceException refused) {
            throw Refusal.failed(address + ": " + refused.getMessage());
        }
    }

    private void invite(RedisAddress address, Queue queue) {
        String cli = address.cli();
        terminal.say(
                "",
                "Serving " + queue.name() + " on " + address + ". Send it a task from a second terminal:",
                "",
                "  " + cli + " RPUSH " + queue.name() + " '{\"id\":\"a\",\"type\":\"echo\",\"payload\":1}'",
                "  " + cli + " RPUSH " + queue.name() + " '{\"id\":\"b\",\"type\":\"sleep\",\"payload\":{\"ms\":250}}'",
                "",
                "Ctrl-C stops.");
    }

    private void drain(Dispatcher dispatcher, BuiltInTypes types, Signals signals) {
        boolean inVain = signals.exitCode() != 0;
        terminal.say("Stopping: running tasks have " + text(inVain ? Duration.ZERO : grace)
                + " to finish; a second signal stops at once.");
        Waiting.endsWithin(
                Waiting.begin(dispatcher.stop(inVain ? Duration.ZERO : grace)), grace.plus(TIME_TO_DISCONNECT));
        terminal.say(
                types.interrupted() == 0
                        ? "Stopped."
                        : "Stopped; " + counted(types.interrupted(), "unfinished task was", "unfinished tasks were")
                                + " handed back.");
    }

    private static Sluice connect(RedisAddress address, Observer observer) {
        try {
            return Sluice.builder().uri(address.url()).observer(observer).build();
        } catch (IllegalArgumentException e) {
            throw Refusal.mistaken("'" + address + "' is no Redis URL: " + e.getMessage());
        }
    }

    private QueueSettings settings() {
        try {
            return QueueSettings.standard().concurrency(concurrency);
        } catch (InvalidTaskException e) {
            throw Refusal.mistaken("--concurrency: " + e.getMessage());
        }
    }

    private @Nullable RedisAddress given() {
        String url = redis == null ? System.getenv("REDIS_URL") : redis;
        if (url == null || url.isBlank() || url.equals(EMBEDDED)) {
            return null;
        }
        RedisAddress address = RedisAddress.of(url);
        if (data != null) {
            throw Refusal.mistaken("--data belongs to the embedded Redis, but this run uses " + address);
        }
        return address;
    }

    private int demoTasks(@Nullable RedisAddress given) {
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
        return given == null && !noDemo ? DEMO_TASKS : 0;
    }

    private static String because(RedisAddress address) {
        String obstacle = address.obstacle();
        return obstacle.isEmpty() ? "" : " (" + obstacle + ")";
    }

    private static Duration shorter(Duration one, Duration other) {
        return one.compareTo(other) < 0 ? one : other;
    }

    private static String counted(int number, String one, String many) {
        return number + " " + (number == 1 ? one : many);
    }

    private static String text(Duration time) {
        return time.toMillis() % 1_000 == 0 ? time.toSeconds() + " s" : time.toMillis() + " ms";
    }
}
