package dev.sluice.app.command;

import dev.sluice.app.console.Terminal;
import dev.sluice.client.TaskClient;
import dev.sluice.codec.JsonDocument;
import dev.sluice.task.QueueInfo;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code sluice pause} and {@code sluice resume}: whether anything is taken from a queue. */
abstract sealed class PauseCommand implements Callable<Integer> {

    private final Terminal terminal;
    private final boolean pauses;

    @Mixin
    private RedisOption redis = new RedisOption();

    @Mixin
    private OutputOption output = new OutputOption();

    @Parameters(index = "0", paramLabel = "QUEUE", description = "The queue.")
    private String queue = "";

    private PauseCommand(Terminal terminal, boolean pauses) {
        this.terminal = terminal;
        this.pauses = pauses;
    }

    @Override
    public Integer call() throws InterruptedException {
        Session.checkNames(queue, List.of());
        boolean changed;
        try (Session session = Session.with(redis.address())) {
            QueueInfo known = session.known(queue);
            TaskClient client = session.sluice().client(known.queue());
            changed = Objects.requireNonNull(session.await(pauses ? client.pause() : client.resume()), "never empty");
        }
        show(changed);
        return 0;
    }

    private void show(boolean changed) {
        if (output.isJson()) {
            terminal.say(new JsonDocument()
                    .put("queue", queue)
                    .put("paused", pauses)
                    .put("changed", changed)
                    .toString());
        } else if (changed) {
            terminal.say((pauses ? "paused " : "resumed ") + queue);
        } else {
            terminal.say(queue + (pauses ? " was paused already" : " was neither paused nor draining"));
        }
    }

    @Command(
            name = "pause",
            description = {
                "Pauses a queue: within 1 s no dispatcher takes a task from it any more.",
                "Running tasks go on; what is enqueued waits for 'resume'. A restart of Redis or of dispatchers changes"
                        + " nothing."
            },
            mixinStandardHelpOptions = true,
            versionProvider = Version.class,
            sortOptions = false,
            footer = {
                "",
                "Example:",
                "  java -jar sluice-server.jar pause task_queue",
                "",
                "Exit codes: 0 it is paused, 1 the queue is unknown or Redis could not be asked, 2 the command line is"
                        + " wrong."
            })
    static final class Pause extends PauseCommand {
        Pause(Terminal terminal) {
            super(terminal, true);
        }
    }

    @Command(
            name = "resume",
            description =
                    "Resumes a queue that is paused or draining: it takes new tasks, and dispatchers take from it again.",
            mixinStandardHelpOptions = true,
            versionProvider = Version.class,
            sortOptions = false,
            footer = {
                "",
                "Example:",
                "  java -jar sluice-server.jar resume task_queue",
                "",
                "Exit codes: 0 it is neither paused nor draining, 1 the queue is unknown or Redis could not be asked, 2 the command line is"
                        + " wrong."
            })
    static final class Resume extends PauseCommand {
        Resume(Terminal terminal) {
            super(terminal, false);
        }
    }
}
