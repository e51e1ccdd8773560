package dev.sluice.app.command;

import dev.sluice.app.console.Table;
import dev.sluice.app.console.Terminal;
import dev.sluice.codec.Durations;
import dev.sluice.codec.JsonDocument;
import dev.sluice.task.ScheduleInfo;
import dev.sluice.task.Timing;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code sluice schedules ls}: the schedules of a queue. */
@Command(
        name = "ls",
        description = "Lists the schedules of a queue, the next to fire first, those that are paused last.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        footer = {
            "",
            "Examples:",
            "  java -jar sluice-server.jar schedules ls task_queue",
            "  java -jar sluice-server.jar schedules ls task_queue -o json",
            "",
            "Exit codes: 0 done, 1 the queue is unknown or Redis could not be asked, 2 the command line is wrong."
        })
final class SchedulesLsCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Mixin
    private RedisOption redis = new RedisOption();

    @Mixin
    private OutputOption output = new OutputOption();

    @Parameters(index = "0", paramLabel = "QUEUE", description = "The queue.")
    private String queue = "";

    SchedulesLsCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() throws InterruptedException {
        Session.checkNames(queue, List.of());
        List<ScheduleInfo> found;
        try (Session session = Session.with(redis.address())) {
            found = Objects.requireNonNull(
                    session.await(session.sluice()
                            .schedules(session.known(queue).queue())
                            .all()
                            .collectList()),
                    "never empty");
        }
        if (output.isJson()) {
            terminal.say(new JsonDocument()
                    .put("queue", queue)
                    .put("schedules", found.stream().map(it -> json(it)).toList())
                    .toString());
        } else if (found.isEmpty()) {
            terminal.remark("Queue '" + queue + "' has no schedules.");
        } else {
            terminal.say(table(found).lines(terminal.isColoured()));
        }
        return 0;
    }

    private static Table table(List<ScheduleInfo> found) {
        Table table = new Table("NAME", "WHEN", "ZONE", "TYPE", "NEXT", "LAST", "MISFIRE", "OVERLAP", "ORIGIN");
        found.forEach(it -> table.row(
                it.name(),
                when(it.timing()),
                it.timing().cron() == null ? "-" : it.timing().zone(),
                it.type(),
                it.paused() ? "paused" : text(it.next()),
                text(it.last()),
                it.misfire(),
                it.overlap().word(),
                it.origin()));
        return table;
    }

    private static JsonDocument json(ScheduleInfo it) {
        Timing timing = it.timing();
        Duration rate = timing.rate();
        return new JsonDocument()
                .put("name", it.name())
                .put("type", it.type())
                .put("cron", timing.cron())
                .put("zone", timing.cron() == null ? null : timing.zone().getId())
                .put("everyMs", rate == null ? null : rate.toMillis())
                .put("misfire", it.misfire().toString())
                .put("overlap", it.overlap().word())
                .put("origin", it.origin())
                .put("paused", it.paused())
                .put("next", it.next() == null ? null : it.next().toString())
                .put("last", it.last() == null ? null : it.last().toString());
    }

    private static String when(Timing timing) {
        Duration rate = timing.rate();
        return rate == null ? String.valueOf(timing.cron()) : "every " + Durations.text(rate);
    }

    private static String text(@Nullable Instant time) {
        return time == null ? "-" : time.toString();
    }
}
