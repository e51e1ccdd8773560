package dev.sluice.app.command;

import dev.sluice.Sluice;
import dev.sluice.app.console.Table;
import dev.sluice.app.console.Terminal;
import dev.sluice.client.TaskClient;
import dev.sluice.codec.JsonDocument;
import dev.sluice.task.Queue;
import dev.sluice.task.QueueInfo;
import dev.sluice.task.TaskState;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** {@code sluice status}: the states of tasks. */
@Command(
        name = "status",
        description = {
            "Shows the states of tasks: queued, scheduled, processing, retrying or dead.",
            "A task that has ended well is unknown, as one that never was."
        },
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        footer = {
            "",
            "Examples:",
            "  java -jar sluice-server.jar status task_queue mail-1",
            "  java -jar sluice-server.jar status task_queue mail-1 mail-2 -o json",
            "",
            "Exit codes: 0 each id is known, 1 one is unknown or Redis could not be asked, 2 the command line is wrong."
        })
final class StatusCommand implements Callable<Integer> {
    private static final int AT_A_TIME = 64;

    private final Terminal terminal;

    @Mixin
    private RedisOption redis = new RedisOption();

    @Mixin
    private OutputOption output = new OutputOption();

    @Parameters(index = "0", paramLabel = "QUEUE", description = "The queue.")
    private String queue = "";

    @Parameters(index = "1..*", arity = "1..*", paramLabel = "ID", description = "Ids of tasks.")
    private List<String> ids = List.of();

    StatusCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() throws InterruptedException {
        Session.checkNames(queue, ids);
        Map<String, @Nullable TaskState> states = new LinkedHashMap<>();
        ids.forEach(id -> states.put(id, null));
        try (Session session = Session.with(redis.address())) {
            QueueInfo known = session.await(session.sluice().queue(queue));
            if (known == null) {
                terminal.remark("Nobody has worked on a queue '" + queue + "' in this Redis yet.");
            } else {
                session.await(read(session.sluice(), known.queue(), states));
            }
        }
        show(states);
        return states.containsValue(null) ? 1 : 0;
    }

    private static Mono<Void> read(Sluice sluice, Queue queue, Map<String, @Nullable TaskState> states) {
        TaskClient client = sluice.client(queue);
        return Flux.fromIterable(List.copyOf(states.keySet()))
                .flatMapSequential(
                        id -> client.status(id).map(Optional::of).defaultIfEmpty(Optional.empty()), AT_A_TIME)
                .collectList()
                .doOnNext(found -> {
                    int next = 0;
                    for (Map.Entry<String, @Nullable TaskState> entry : states.entrySet()) {
                        entry.setValue(found.get(next++).orElse(null));
                    }
                })
                .then();
    }

    private void show(Map<String, @Nullable TaskState> states) {
        if (output.isJson()) {
            terminal.say(new JsonDocument()
                    .put("queue", queue)
                    .put(
                            "tasks",
                            states.entrySet().stream().map(StatusCommand::json).toList())
                    .toString());
            return;
        }
        Table table = new Table("ID", "STATE");
        states.forEach((id, state) -> table.row(id, state == null ? "unknown" : state.word()));
        terminal.say(table.lines(terminal.isColoured()));
    }

    private static JsonDocument json(Map.Entry<String, @Nullable TaskState> task) {
        TaskState state = task.getValue();
        return new JsonDocument().put("id", task.getKey()).put("state", state == null ? null : state.word());
    }
}
