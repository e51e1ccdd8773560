package dev.sluice.app.command;

import dev.sluice.app.console.Table;
import dev.sluice.app.console.Terminal;
import dev.sluice.codec.JsonDocument;
import dev.sluice.task.Explanation;
import dev.sluice.task.QueueInfo;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code sluice explain}: where a task is, and why it does not run. */
@Command(
        name = "explain",
        description = {
            "Says where a task is and why it does not run; changes nothing.",
            "Of each list it looks at the first 10,000 elements, and says so if that was not enough."
        },
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        footer = {
            "",
            "Examples:",
            "  java -jar sluice-server.jar explain task_queue mail-1",
            "  java -jar sluice-server.jar explain task_queue mail-1 -o json",
            "",
            "Exit codes: 0 the task is known, 1 it is unknown or Redis could not be asked, 2 the command line is wrong."
        })
final class ExplainCommand implements Callable<Integer> {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final Terminal terminal;

    @Mixin
    private RedisOption redis = new RedisOption();

    @Mixin
    private OutputOption output = new OutputOption();

    @Parameters(index = "0", paramLabel = "QUEUE", description = "The queue.")
    private String queue = "";

    @Parameters(index = "1", paramLabel = "ID", description = "The id of the task.")
    private String id = "";

    ExplainCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() throws InterruptedException {
        Session.checkNames(queue, List.of(id));
        Explanation told;
        try (Session session = Session.with(redis.address())) {
            QueueInfo known = session.known(queue);
            told = Objects.requireNonNull(
                    session.await(session.sluice().explain(known.queue(), id), PATIENCE), "never empty");
        }
        if (output.isJson()) {
            terminal.say(json(told));
        } else {
            List<String> lines = told.sentences().stream().map(Table::printable).toList();
            terminal.say(lines.toArray(String[]::new));
        }
        return told.place() == Explanation.Place.UNKNOWN ? 1 : 0;
    }

    private String json(Explanation told) {
        return new JsonDocument()
                .put("queue", queue)
                .put("id", told.id())
                .put("place", told.place().name().toLowerCase(Locale.ROOT).replace('_', '-'))
                .put("where", told.where())
                .put(
                        "reasons",
                        told.reasons().stream()
                                .map(reason -> new JsonDocument()
                                        .put("code", reason.code())
                                        .put("text", reason.text()))
                                .toList())
                .put("facts", told.facts())
                .put("complete", told.isComplete())
                .toString();
    }
}
