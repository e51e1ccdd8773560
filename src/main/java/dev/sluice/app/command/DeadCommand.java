package dev.sluice.app.command;

import dev.sluice.app.console.Terminal;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code sluice dead}: what becomes of the tasks that ended badly. */
@Command(
        name = "dead",
        description = {
            "Shows dead letters, the tasks that ended badly, runs them again, or throws them away.",
            "A million of them is done in small steps that hold up no dispatcher."
        },
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        synopsisSubcommandLabel = "COMMAND",
        footer = {
            "",
            "Examples:",
            "  java -jar sluice-server.jar dead ls task_queue",
            "  java -jar sluice-server.jar dead show task_queue mail-1",
            "  java -jar sluice-server.jar dead redrive task_queue mail-1 mail-2",
            "  java -jar sluice-server.jar dead redrive task_queue --type email.send --error timeout --dry-run",
            "  java -jar sluice-server.jar dead purge task_queue --older-than 720h",
            "",
            "Exit codes: 0 done, 1 it could not be done, 2 the command line is wrong."
        })
final class DeadCommand implements Runnable {
    @Spec
    @SuppressWarnings("NullAway.Init") // set by picocli before run()
    private CommandSpec spec;

    private DeadCommand() {}

    static CommandLine with(Terminal terminal) {
        return new CommandLine(new DeadCommand())
                .addSubcommand(new DeadLsCommand(terminal))
                .addSubcommand(new DeadShowCommand(terminal))
                .addSubcommand(new DeadRedriveCommand(terminal))
                .addSubcommand(new DeadPurgeCommand(terminal));
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "Missing command");
    }
}
