package dev.sluice.app.command;

import dev.sluice.app.console.Terminal;
import dev.sluice.app.serve.HeadStart;
import picocli.CommandLine;

/** Everything that can be typed behind {@code sluice}. A new command is a line here. */
public final class Commands {
    private Commands() {}

    /**
     * Adds the commands to {@code program}, in the order of its help. {@code run} stands alone if it is what was typed: picocli
     * reads the annotations of each command that it is given, and the others' are half of the time until Redis starts.
     */
    public static CommandLine addTo(CommandLine program, Terminal terminal, HeadStart headStart, String... arguments) {
        CommandLine withRun = program.addSubcommand(new RunCommand(terminal, headStart));
        return HeadStart.isRun(arguments) ? withRun : addOthers(withRun, terminal);
    }

    private static CommandLine addOthers(CommandLine program, Terminal terminal) {
        return program.addSubcommand(new EnqueueCommand(terminal))
                .addSubcommand(new StatusCommand(terminal))
                .addSubcommand(new QueuesCommand(terminal))
                .addSubcommand(new CancelCommand(terminal))
                .addSubcommand(new PauseCommand.Pause(terminal))
                .addSubcommand(new PauseCommand.Resume(terminal))
                .addSubcommand(new DrainCommand(terminal))
                .addSubcommand(DeadCommand.with(terminal))
                .addSubcommand(SchedulesCommand.with(terminal))
                .addSubcommand(new ConfigCommand(terminal))
                .addSubcommand(new DoctorCommand(terminal))
                .addSubcommand(new ExplainCommand(terminal))
                .addSubcommand(new CompletionCommand(terminal))
                .addSubcommand(new HelpCommand());
    }
}
