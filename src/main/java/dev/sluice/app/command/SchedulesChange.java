package dev.sluice.app.command;

import dev.sluice.app.console.Refusal;
import dev.sluice.app.console.Terminal;
import dev.sluice.client.Schedules;
import dev.sluice.codec.JsonDocument;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Schedule;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;
import reactor.core.publisher.Mono;

/** What the commands about one schedule that is there have in common. */
abstract sealed class SchedulesChange implements Callable<Integer> {
    private static final String EXIT_CODES =
            "Exit codes: 0 done, 1 there is no such queue or schedule or Redis could not be asked, 2 the command line is"
                    + " wrong.";

    private final Terminal terminal;

    @Mixin
    private RedisOption redis = new RedisOption();

    @Mixin
    private OutputOption output = new OutputOption();

    @Parameters(index = "0", paramLabel = "QUEUE", description = "The queue.")
    private String queue = "";

    @Parameters(index = "1", paramLabel = "NAME", description = "The schedule.")
    private String name = "";

    private SchedulesChange(Terminal terminal) {
        this.terminal = terminal;
    }

    /** What became of it; empty if there is none of this name. */
    abstract Mono<Outcome> change(Schedules schedules, String schedule);

    @Override
    public final Integer call() throws InterruptedException {
        Session.checkNames(queue, List.of());
        try {
            Schedule.checkName(name);
        } catch (InvalidTaskException e) {
            throw Refusal.mistaken(e);
        }
        Outcome outcome;
        try (Session session = Session.with(redis.address())) {
            outcome = session.await(
                    change(session.sluice().schedules(session.known(queue).queue()), name));
        }
        if (outcome == null) {
            throw Refusal.failed("Queue '" + queue + "' has no schedule '" + name + "'");
        }
        terminal.say(output.isJson() ? json(outcome).toString() : outcome.words + " " + name);
        return 0;
    }

    private JsonDocument json(Outcome outcome) {
        JsonDocument json = new JsonDocument().put("queue", queue).put("schedule", name);
        return outcome.task == null
                ? json.put("changed", outcome.changed)
                : json.put("id", outcome.task).put("outcome", "created");
    }

    /** What became of a schedule: for a person, and whether it is another now or which task it has made. */
    record Outcome(String words, boolean changed, @Nullable String task) {
        static Outcome of(boolean changed, String participle) {
            return new Outcome(changed ? participle : "unchanged", changed, null);
        }
    }

    @Command(
            name = "rm",
            description = "Removes a schedule. Tasks that it has made stay.",
            mixinStandardHelpOptions = true,
            versionProvider = Version.class,
            sortOptions = false,
            footer = {
                "",
                "One that a file declares comes back when a dispatcher with that file starts: remove it there, too.",
                "",
                "Example:",
                "  java -jar sluice-server.jar schedules rm task_queue nightly",
                "",
                EXIT_CODES
            })
    static final class Rm extends SchedulesChange {
        Rm(Terminal terminal) {
            super(terminal);
        }

        @Override
        Mono<Outcome> change(Schedules schedules, String schedule) {
            return schedules
                    .remove(schedule)
                    .filter(Boolean::booleanValue)
                    .map(removed -> Outcome.of(removed, "removed"));
        }
    }

    @Command(
            name = "pause",
            description = {
                "Pauses a schedule: no tick fires until 'resume'.",
                "Ticks that pass meanwhile are not made up for. A restart or a new declaration changes nothing."
            },
            mixinStandardHelpOptions = true,
            versionProvider = Version.class,
            sortOptions = false,
            footer = {"", "Example:", "  java -jar sluice-server.jar schedules pause task_queue nightly", "", EXIT_CODES
            })
    static final class Pause extends SchedulesChange {
        Pause(Terminal terminal) {
            super(terminal);
        }

        @Override
        Mono<Outcome> change(Schedules schedules, String schedule) {
            return schedules.pause(schedule).map(changed -> Outcome.of(changed, "paused"));
        }
    }

    @Command(
            name = "resume",
            description = "Goes on with a paused schedule from its next tick on.",
            mixinStandardHelpOptions = true,
            versionProvider = Version.class,
            sortOptions = false,
            footer = {
                "",
                "Example:",
                "  java -jar sluice-server.jar schedules resume task_queue nightly",
                "",
                EXIT_CODES
            })
    static final class Resume extends SchedulesChange {
        Resume(Terminal terminal) {
            super(terminal);
        }

        @Override
        Mono<Outcome> change(Schedules schedules, String schedule) {
            return schedules.resume(schedule).map(changed -> Outcome.of(changed, "resumed"));
        }
    }

    @Command(
            name = "trigger",
            description = {
                "Makes a schedule's task now, also while it is paused, and answers with the task's id.",
                "Its ticks stay what they are."
            },
            mixinStandardHelpOptions = true,
            versionProvider = Version.class,
            sortOptions = false,
            footer = {
                "",
                "Example:",
                "  java -jar sluice-server.jar schedules trigger task_queue nightly",
                "",
                EXIT_CODES
            })
    static final class Trigger extends SchedulesChange {
        Trigger(Terminal terminal) {
            super(terminal);
        }

        @Override
        Mono<Outcome> change(Schedules schedules, String schedule) {
            return schedules.trigger(schedule).map(id -> new Outcome("created task " + id + " of", true, id));
        }
    }
}
