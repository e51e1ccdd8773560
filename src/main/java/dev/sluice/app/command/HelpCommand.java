package dev.sluice.app.command;

import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/** {@code sluice help}: the same as {@code --help} behind a command, also of one that is part of another. */
@Command(
        name = "help",
        description = "Shows the help of a command, or of the whole program.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        helpCommand = true,
        footer = {
            "",
            "Examples:",
            "  java -jar sluice-server.jar help run",
            "  java -jar sluice-server.jar help dead ls"
        })
final class HelpCommand implements Runnable {
    @Parameters(paramLabel = "COMMAND", arity = "0..*", description = "The command; none: the whole program.")
    private List<String> path = List.of();

    @Spec
    @SuppressWarnings("NullAway.Init") // set by picocli before run()
    private CommandSpec spec;

    @Override
    public void run() {
        CommandLine command = spec.parent().commandLine();
        for (String name : path) {
            CommandLine below = command.getSubcommands().get(name);
            if (below == null) {
                throw new UnmatchedArgumentException(command, List.of(name));
            }
            command = below;
        }
        command.usage(command.getOut(), command.getColorScheme());
    }
}
