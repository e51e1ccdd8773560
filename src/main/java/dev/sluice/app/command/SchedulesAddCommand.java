package dev.sluice.app.command;

import dev.sluice.app.config.Zones;
import dev.sluice.app.console.Refusal;
import dev.sluice.app.console.Terminal;
import dev.sluice.client.Schedules;
import dev.sluice.codec.JsonDocument;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Misfire;
import dev.sluice.task.Overlap;
import dev.sluice.task.Queue;
import dev.sluice.task.Schedule;
import dev.sluice.task.ScheduleChange;
import dev.sluice.task.ScheduleConflictException;
import dev.sluice.task.ScheduleInfo;
import dev.sluice.task.Task;
import dev.sluice.task.Timing;
import dev.sluice.upkeep.Ticks;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import reactor.core.publisher.Mono;

/** {@code sluice schedules add}: declares a schedule. */
@Command(
        name = "add",
        description = {
            "Declares a schedule and tells its next tick.",
            "One of the same name that differs is an error, or with --replace is replaced."
        },
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        footer = {
            "",
            "A cron expression has the fields minute, hour, day of month, month and day of week, or six with seconds in"
                    + " front; or it is a word such as @daily. A rate counts from 1970-01-01T00:00Z.",
            "",
            "Examples:",
            "  java -jar sluice-server.jar schedules add task_queue nightly report --cron '0 2 * * *' --zone Europe/Berlin",
            "  java -jar sluice-server.jar schedules add task_queue poll echo '{\"n\":1}' --every 10m --overlap skip",
            "  java -jar sluice-server.jar schedules add task_queue poll echo --every 5m --misfire 'catch-up 3' --replace",
            "",
            "Exit codes: 0 it is declared, 1 there is another or Redis did not take it, 2 the command line, the expression"
                    + " or the payload is wrong."
        })
final class SchedulesAddCommand implements Callable<Integer> {
    private static final String ORIGIN = "cli";

    private final Terminal terminal;

    @Mixin
    private RedisOption redis = new RedisOption();

    @Mixin
    private QueueOptions queues = new QueueOptions();

    @Mixin
    private OutputOption output = new OutputOption();

    @Parameters(index = "0", paramLabel = "QUEUE", description = "The queue.")
    private String queue = "";

    @Parameters(
            index = "1",
            paramLabel = "NAME",
            description = "The schedule's name: 1 to 128 characters of A-Z a-z 0-9 . _ : -.")
    private String name = "";

    @Parameters(index = "2", paramLabel = "TYPE", description = "The word that picks the handler.")
    private String type = "";

    @Parameters(index = "3", arity = "0..1", paramLabel = "PAYLOAD", description = Payload.DESCRIPTION)
    private @Nullable String payload;

    @Option(names = "--cron", paramLabel = "EXPRESSION", description = "Fire by the clock, such as '0 2 * * MON-FRI'.")
    private @Nullable String cron;

    @Option(
            names = "--zone",
            paramLabel = "ZONE",
            description = "Whose clock that is, such as Europe/Berlin; default: UTC.")
    private @Nullable String zone;

    @Option(
            names = "--every",
            paramLabel = "TIME",
            converter = DurationConverter.class,
            description = "Fire at a fixed rate, 1s to 8760h.")
    private @Nullable Duration every;

    @Option(
            names = "--misfire",
            paramLabel = "POLICY",
            description = "What becomes of ticks that nobody fired in time: once (the default), skip or 'catch-up N'.")
    private String misfire = Misfire.once().toString();

    @Option(
            names = "--overlap",
            paramLabel = "RULE",
            description = "Whether a tick fires while the task before it lives: allow (the default) or skip.")
    private String overlap = Overlap.ALLOW.word();

    @Mixin
    private TaskOptions options = new TaskOptions();

    @Option(names = "--replace", description = "Replace another schedule of this name.")
    private boolean replaces;

    SchedulesAddCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() throws InterruptedException {
        Queue wanted = queues.check(queue);
        Schedule schedule = schedule();
        try (Session session = Session.with(redis.address())) {
            Schedules schedules = session.sluice()
                    .schedules(session.agreed(queues, wanted, terminal))
                    .origin(ORIGIN);
            ScheduleChange change = Objects.requireNonNull(session.await(declared(schedules, schedule)), "never empty");
            show(change, session.await(schedules.find(name)));
        }
        return 0;
    }

    private Mono<ScheduleChange> declared(Schedules schedules, Schedule schedule) {
        return (replaces ? schedules.put(schedule) : schedules.create(schedule))
                .onErrorMap(
                        ScheduleConflictException.class,
                        conflict -> Refusal.failed(conflict.getMessage() + "; --replace replaces it"));
    }

    private void show(ScheduleChange change, @Nullable ScheduleInfo now) {
        String outcome = change.outcome().name().toLowerCase(Locale.ROOT);
        Instant next = now == null ? null : now.next();
        if (output.isJson()) {
            terminal.say(new JsonDocument()
                    .put("queue", queue)
                    .put("schedule", name)
                    .put("outcome", outcome)
                    .put("next", next == null ? null : next.toString())
                    .toString());
        } else {
            terminal.say(outcome + " " + name + (next == null ? ", which is paused" : ", next at " + next));
        }
    }

    private Schedule schedule() {
        byte[] json = Payload.json(payload, terminal);
        try {
            Task<byte[]> task = options.addTo(Task.of(type, json));
            Timing timing = timing();
            Ticks.of(timing); // refuses a cron that cannot be read before anything is said
            return Schedule.of(name, timing, task)
                    .misfire(read(Misfire::parse, misfire))
                    .overlap(read(Overlap::parse, overlap));
        } catch (InvalidTaskException | IllegalArgumentException e) {
            throw Refusal.mistaken(e);
        }
    }

    /** The value of an option whose name the mistake begins with. */
    private static <T> T read(Function<String, T> reader, String text) {
        try {
            return reader.apply(text);
        } catch (InvalidTaskException e) {
            throw Refusal.mistaken("--" + e.getMessage());
        }
    }

    private Timing timing() {
        if ((cron == null) == (every == null)) {
            throw Refusal.mistaken("When? Say either --cron or --every");
        }
        if (every != null && zone != null) {
            throw Refusal.mistaken("--zone belongs to --cron: a rate goes by no zone's clock");
        }
        return every != null
                ? Timing.every(every)
                : Timing.cron(String.valueOf(cron), Zones.named(zone == null ? "UTC" : zone));
    }
}
