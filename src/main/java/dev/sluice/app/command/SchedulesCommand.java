package dev.sluice.app.command;

import dev.sluice.app.console.Terminal;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code sluice schedules}: tasks that are enqueued again and again. */
@Command(
        name = "schedules",
        description = {
            "Shows, declares and changes schedules: tasks that are enqueued again and again, by cron or at a fixed rate.",
            "They live in Redis; any dispatcher of the queue fires them, each tick once."
        },
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        synopsisSubcommandLabel = "COMMAND",
        footer = {
            "",
            "Examples:",
            "  java -jar sluice-server.jar schedules ls task_queue",
            "  java -jar sluice-server.jar schedules add task_queue nightly report --cron '0 2 * * *' --zone Europe/Berlin",
            "  java -jar sluice-server.jar schedules add task_queue poll echo '{\"n\":1}' --every 10m --overlap skip",
            "  java -jar sluice-server.jar schedules pause task_queue nightly",
            "  java -jar sluice-server.jar schedules trigger task_queue nightly",
            "",
            "Exit codes: 0 done, 1 it could not be done, 2 the command line is wrong."
        })
final class SchedulesCommand implements Runnable {
    @Spec
    @SuppressWarnings("NullAway.Init") // set by picocli before run()
    private CommandSpec spec;

    private SchedulesCommand() {}

    static CommandLine with(Terminal terminal) {
        return new CommandLine(new SchedulesCommand())
                .addSubcommand(new SchedulesLsCommand(terminal))
                .addSubcommand(new SchedulesAddCommand(terminal))
                .addSubcommand(new SchedulesChange.Rm(terminal))
                .addSubcommand(new SchedulesChange.Pause(terminal))
                .addSubcommand(new SchedulesChange.Resume(terminal))
                .addSubcommand(new SchedulesChange.Trigger(terminal));
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "Missing command");
    }
}
