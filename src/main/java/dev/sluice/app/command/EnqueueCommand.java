package dev.sluice.app.command;

import dev.sluice.app.console.Refusal;
import dev.sluice.app.console.Table;
import dev.sluice.app.console.Terminal;
import dev.sluice.client.EnqueueResult;
import dev.sluice.client.TaskClient;
import dev.sluice.codec.JsonDocument;
import dev.sluice.task.Durability;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Queue;
import dev.sluice.task.Task;
import dev.sluice.task.TaskId;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code sluice enqueue}: puts one task or many into a queue. */
@Command(
        name = "enqueue",
        description = {
            "Puts a task into a queue; or with --lines many, one JSON object a line.",
            "Answers 'created' and the id; 'existing' while a task of that id lives or its result is kept, or 'full' if no more"
                    + " may wait: then nothing was changed."
        },
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        footer = {
            "",
            "A line of --lines is {\"id\":..., \"type\":..., \"payload\":..., \"headers\":{...}, \"maxAttempts\":...,"
                    + " \"timeout\":\"30s\", \"delay\":\"90s\"} and so on, as over HTTP; only the type must be there, or TYPE. The"
                    + " first bad line ends it. An outage of up to 40 s is waited out; given again, tasks with an id are not doubled while they"
                    + " live.",
            "",
            "Examples:",
            "  java -jar sluice-server.jar enqueue task_queue echo '{\"to\":\"ann@example.org\"}'",
            "  java -jar sluice-server.jar enqueue task_queue echo @mail.json --id mail-1 --header tenant=acme",
            "  echo '[1,2]' | java -jar sluice-server.jar enqueue task_queue echo - --max-attempts 3 --timeout 30s",
            "  java -jar sluice-server.jar enqueue task_queue --lines tasks.ndjson",
            "",
            "Exit codes: 0 done, 1 Redis did not take it, 2 the command line, the payload or a line is wrong."
        })
final class EnqueueCommand implements Callable<Integer> {

    private final Terminal terminal;

    @Spec
    @SuppressWarnings("NullAway.Init") // set by picocli before call()
    private CommandSpec spec;

    @Mixin
    private RedisOption redis = new RedisOption();

    @Mixin
    private QueueOptions queues = new QueueOptions();

    @Mixin
    private OutputOption output = new OutputOption();

    @Parameters(index = "0", paramLabel = "QUEUE", description = "The queue.")
    private String queue = "";

    @Parameters(index = "1", arity = "0..1", paramLabel = "TYPE", description = "The word that picks the handler.")
    private @Nullable String type;

    @Parameters(index = "2", arity = "0..1", paramLabel = "PAYLOAD", description = Payload.DESCRIPTION)
    private @Nullable String payload;

    @Option(names = "--id", paramLabel = "ID", description = "The task's id; default: a new one.")
    private @Nullable String id;

    @Mixin
    private TaskOptions options = new TaskOptions();

    @Option(
            names = "--delay",
            paramLabel = "TIME",
            converter = DurationConverter.class,
            description = "Put it off for that long, such as 90s; default: not.")
    private @Nullable Duration delay;

    @Option(
            names = "--at",
            paramLabel = "INSTANT",
            converter = InstantConverter.class,
            description = "Put it off until then, such as 2026-12-24T18:00:00Z; a time that is over means at once.")
    private @Nullable Instant at;

    @Option(
            names = "--durability",
            paramLabel = "LEVEL",
            converter = DurabilityConverter.class,
            description =
                    "Answer when each task is in memory (the default), or on replicated:N replicas too, or with fsync on the"
                            + " disk of the master (Redis 7.2).")
    private Durability durability = Durability.memory();

    @Option(
            names = "--lines",
            paramLabel = "FILE",
            description = "Many tasks from a file, one JSON object a line, or - for standard input; TYPE is for lines"
                    + " that name none.")
    private @Nullable String lines;

    EnqueueCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() throws InterruptedException {
        Queue wanted = queues.check(queue);
        if (lines != null) {
            return many(wanted, lines);
        }
        return one(wanted, task());
    }

    private int one(Queue wanted, Task<byte[]> task) throws InterruptedException {
        EnqueueResult result;
        try (Session session = Session.with(redis.address())) {
            result = told(session, client(session, wanted), task);
        }
        if (result == null) {
            throw new IllegalStateException("enqueue is never empty");
        }
        String outcome = result.outcome().name().toLowerCase(Locale.ROOT);
        terminal.say(
                output.isJson()
                        ? new JsonDocument()
                                .put("outcome", outcome)
                                .put("id", result.id())
                                .toString()
                        : outcome + " " + Table.printable(result.id()));
        if (result.isFull()) {
            terminal.remark("queue " + wanted.name() + " holds as many tasks as it may; this one was not taken");
            return 1;
        }
        return 0;
    }

    /** Whatever becomes of it, its id is told: it may be in the queue, and given again without it there would be two. */
    private static @Nullable EnqueueResult told(Session session, TaskClient client, Task<byte[]> task)
            throws InterruptedException {
        String given = task.id();
        String known = given == null ? TaskId.random() : given;
        try {
            return session.await(client.enqueue(task.id(known)));
        } catch (Refusal refused) {
            throw refused.and(itsId(known));
        }
    }

    /** What to put behind a sentence about a task that was sent. */
    static String itsId(String id) {
        return "; the task's id is " + Table.printable(id);
    }

    private int many(Queue wanted, String source) throws InterruptedException {
        if (payload != null || id != null || !options.isEmpty() || delay != null || at != null) {
            throw Refusal.mistaken(
                    "with --lines each line says what PAYLOAD, --id, --header, --max-attempts, --timeout,"
                            + " --keep-result, --delay and --at would say");
        }
        Content content = Content.of(source, terminal);
        try (TaskLines tasks = new TaskLines(content, type);
                Session session = Session.with(redis.address())) {
            return new BulkRun(terminal, output.isJson(), tasks).over(client(session, wanted), session);
        }
    }

    private TaskClient client(Session session, Queue wanted) throws InterruptedException {
        return session.sluice().client(session.agreed(queues, wanted, terminal)).with(durability);
    }

    private Task<byte[]> task() {
        if (delay != null && at != null) {
            throw Refusal.mistaken("--delay and --at exclude each other");
        }
        if (type == null) {
            throw new ParameterException(spec.commandLine(), "Missing required parameter: 'TYPE'");
        }
        byte[] json = Payload.json(payload, terminal);
        try {
            Task<byte[]> task = options.addTo(Task.of(type, json));
            task = id == null ? task : task.id(id);
            task = delay == null ? task : task.delay(delay);
            return at == null ? task : task.at(at);
        } catch (InvalidTaskException e) {
            throw Refusal.mistaken(e);
        }
    }
}
