package dev.sluice.app.command;

import dev.sluice.Sluice;
import dev.sluice.app.console.Table;
import dev.sluice.app.console.Terminal;
import dev.sluice.codec.JsonDocument;
import dev.sluice.task.Queue;
import dev.sluice.task.QueueInfo;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** {@code sluice status}: the states of tasks. */
@Command(
        name = "status",
        description = {
            "Shows the states of tasks: queued, scheduled, processing with its progress, retrying or dead; and how one has"
                    + " ended, while its result is kept.",
            "Otherwise a task that has ended well is unknown, as one that never was."
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
        List<TaskLook> looks = ids.stream().distinct().map(TaskLook::unknown).toList();
        try (Session session = Session.with(redis.address())) {
            QueueInfo known = session.await(session.sluice().queue(queue));
            if (known == null) {
                terminal.remark("Nobody has worked on a queue '" + queue + "' in this Redis yet.");
            } else {
                looks = Objects.requireNonNull(
                        session.await(read(session.sluice(), known.queue(), looks)), "never empty");
            }
        }
        show(looks);
        return looks.stream().anyMatch(TaskLook::isUnknown) ? 1 : 0;
    }

    private static Mono<List<TaskLook>> read(Sluice sluice, Queue queue, List<TaskLook> ids) {
        return Flux.fromIterable(ids)
                .flatMapSequential(id -> TaskLook.at(sluice, queue, id.id()), AT_A_TIME)
                .collectList();
    }

    private void show(List<TaskLook> looks) {
        if (output.isJson()) {
            terminal.say(new JsonDocument()
                    .put("queue", queue)
                    .put("tasks", looks.stream().map(TaskLook::json).toList())
                    .toString());
            return;
        }
        boolean bare = looks.stream().allMatch(look -> look.detail().isEmpty());
        Table table = bare ? new Table("ID", "STATE") : new Table("ID", "STATE", "MORE");
        for (TaskLook look : looks) {
            if (bare) {
                table.row(look.id(), look.state());
            } else {
                table.row(look.id(), look.state(), look.detail());
            }
        }
        terminal.say(table.lines(terminal.isColoured()));
    }
}
