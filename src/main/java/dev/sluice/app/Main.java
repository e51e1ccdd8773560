package dev.sluice.app;

import java.io.PrintWriter;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * The program {@code sluice}. Exit codes: 0 done, 1 it could not be done, 2 the command line is wrong; 130 and 143 after a
 * second Ctrl-C or SIGTERM.
 */
@Command(
        name = "sluice",
        description = "Dispatches tasks that wait in Redis.",
        subcommands = {RunCommand.class, ConfigCommand.class},
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        synopsisSubcommandLabel = "COMMAND",
        footer = {
            "",
            "Examples:",
            "  java -jar sluice-server.jar run",
            "  java -jar sluice-server.jar run --redis redis://localhost:6379",
            "",
            "Exit codes: 0 done, 1 it could not be done, 2 the command line is wrong."
        })
public final class Main implements Runnable {
    private static final int WRONG_COMMAND_LINE = 2;

    @Spec
    @SuppressWarnings("NullAway.Init") // set by picocli before run()
    private CommandSpec spec;

    private Main() {}

    /** Runs one command and ends the JVM with its exit code. */
    public static void main(String... arguments) {
        Surroundings.prepare();
        System.exit(execute(Terminal.standard(), arguments));
    }

    /** Runs one command and returns its exit code. */
    static int execute(Terminal terminal, String... arguments) {
        CommandLine.IFactory standard = CommandLine.defaultFactory();
        CommandLine.IFactory factory = new CommandLine.IFactory() {
            @Override
            public <K> K create(Class<K> type) throws Exception {
                return type == RunCommand.class ? type.cast(new RunCommand(terminal)) : standard.create(type);
            }
        };
        return new CommandLine(new Main(), factory)
                .setOut(terminal.out())
                .setErr(terminal.err())
                .setParameterExceptionHandler(Main::explain)
                .setExecutionExceptionHandler(Main::apologize)
                .execute(arguments);
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "Missing command");
    }

    private static int explain(ParameterException mistake, String... arguments) {
        CommandLine command = mistake.getCommandLine();
        PrintWriter err = command.getErr();
        err.println("sluice: " + mistake.getMessage());
        List<String> meant = mistake instanceof UnmatchedArgumentException unmatched
                ? unmatched.getSuggestions().stream().limit(3).toList()
                : List.of();
        if (!meant.isEmpty()) {
            err.println("Did you mean: " + String.join(" or ", meant) + "?");
        }
        err.println("See: " + command.getCommandSpec().qualifiedName() + " --help");
        err.flush();
        return WRONG_COMMAND_LINE;
    }

    private static int apologize(Exception failure, CommandLine command, CommandLine.ParseResult parsed)
            throws Exception {
        if (failure instanceof Refusal refusal) {
            command.getErr().println("sluice: " + refusal.getMessage());
            command.getErr().flush();
            return refusal.exitCode();
        }
        throw failure;
    }
}
