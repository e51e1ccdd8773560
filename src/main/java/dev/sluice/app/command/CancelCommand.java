package dev.sluice.app.command;

import dev.sluice.app.console.Table;
import dev.sluice.app.console.Terminal;
import dev.sluice.client.Cancellation;
import dev.sluice.client.TaskClient;
import dev.sluice.client.TaskFilter;
import dev.sluice.codec.JsonDocument;
import dev.sluice.task.QueueInfo;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code sluice cancel}: takes tasks out, or has them stopped where they run. */
@Command(
        name = "cancel",
        description = {
            "Cancels tasks by their ids, wherever they are; or those that do not run by what they are.",
            "Answers 'cancelled' for one that waited, 'stopping' for one that runs and is told to stop, 'dead' for a dead"
                    + " letter and 'unknown' for one that has ended or never was: nothing is done to these two."
        },
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        footer = {
            "",
            "Examples:",
            "  java -jar sluice-server.jar cancel task_queue mail-1",
            "  java -jar sluice-server.jar cancel task_queue mail-1 mail-2 -o json",
            "  java -jar sluice-server.jar cancel task_queue --type mail --state scheduled --dry-run",
            "  java -jar sluice-server.jar cancel task_queue --all --yes",
            "",
            "Interrupted, it may be given again: what is cancelled stays so.",
            "Exit codes: 0 done, or nothing matched; each id was cancelled or is told to stop, 1 one was not or Redis could not be asked, 2 the command"
                    + " line is wrong, or the queue is at-most-once."
        })
final class CancelCommand implements Callable<Integer> {

    private final Terminal terminal;

    @Mixin
    private RedisOption redis = new RedisOption();

    @Mixin
    private OutputOption output = new OutputOption();

    @Mixin
    private CancelMany many = new CancelMany();

    @Parameters(index = "0", paramLabel = "QUEUE", description = "The queue.")
    private String queue = "";

    @Parameters(index = "1..*", arity = "0..*", paramLabel = "ID", description = "Ids of tasks.")
    private List<String> ids = List.of();

    CancelCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() throws InterruptedException {
        Session.checkNames(queue, ids);
        if (many.isWanted(!ids.isEmpty())) {
            return cancelMany();
        }
        Map<String, Cancellation> found = new LinkedHashMap<>();
        try (Session session = Session.with(redis.address())) {
            QueueInfo known = session.known(queue);
            TaskClient client = session.sluice().client(known.queue());
            try {
                for (String id : new LinkedHashSet<>(ids)) {
                    found.put(id, Objects.requireNonNull(session.await(client.cancel(id)), "never empty"));
                }
            } finally {
                show(found);
            }
        }
        return found.containsValue(Cancellation.UNKNOWN) || found.containsValue(Cancellation.DEAD) ? 1 : 0;
    }

    private int cancelMany() throws InterruptedException {
        TaskFilter filter = many.filter();
        try (Session session = Session.with(redis.address())) {
            TaskClient client = session.sluice().client(session.known(queue).queue());
            try {
                many.over(client, filter, session, terminal);
            } finally {
                terminal.say(output.isJson() ? many.json(queue).toString() : many.text());
            }
        }
        return 0;
    }

    private void show(Map<String, Cancellation> found) {
        if (found.isEmpty()) {
            return;
        }
        if (output.isJson()) {
            terminal.say(new JsonDocument()
                    .put("queue", queue)
                    .put(
                            "tasks",
                            found.entrySet().stream()
                                    .map(task -> new JsonDocument()
                                            .put("id", task.getKey())
                                            .put("cancellation", word(task.getValue())))
                                    .toList())
                    .toString());
        } else {
            found.forEach((id, outcome) -> terminal.say(word(outcome) + " " + Table.printable(id)));
        }
    }

    private static String word(Cancellation outcome) {
        return outcome.name().toLowerCase(Locale.ROOT);
    }
}
