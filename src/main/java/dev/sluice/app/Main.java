package dev.sluice.app;

import dev.sluice.app.command.Commands;
import dev.sluice.app.command.Version;
import dev.sluice.app.config.Similar;
import dev.sluice.app.console.NativeText;
import dev.sluice.app.console.Refusal;
import dev.sluice.app.console.Terminal;
import dev.sluice.app.serve.HeadStart;
import dev.sluice.app.serve.LogConfigurator;
import dev.sluice.app.serve.Surroundings;
import dev.sluice.redis.RedisUrl;
import java.io.PrintWriter;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.MissingParameterException;
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
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        synopsisSubcommandLabel = "COMMAND",
        footer = {
            "",
            "Examples:",
            "  java -jar sluice-server.jar run",
            "  java -jar sluice-server.jar run --redis redis://localhost:6379",
            "  java -jar sluice-server.jar enqueue task_queue echo '{\"n\":1}'",
            "  java -jar sluice-server.jar queues",
            "",
            "Exit codes: 0 done, 1 it could not be done, 2 the command line is wrong."
        })
public final class Main implements Runnable {
    private static final int NOT_DONE = 1;
    private static final int WRONG_COMMAND_LINE = 2;
    private static final int HELP_WIDTH = 120;
    private static final int SHORT_OPTION = "-o".length();

    @Spec
    @SuppressWarnings("NullAway.Init") // set by picocli before run()
    private CommandSpec spec;

    private Main() {}

    /** Runs one command and ends the JVM with its exit code. */
    public static void main(String... arguments) {
        Surroundings.prepare();
        HeadStart headStart = HeadStart.of(arguments);
        int code = execute(Terminal.standard(), headStart, NativeText.arguments(arguments));
        LogConfigurator.flush();
        System.exit(code);
    }

    /** Runs one command and returns its exit code. */
    static int execute(Terminal terminal, HeadStart headStart, String... arguments) {
        int code = Commands.addTo(new CommandLine(new Main()), terminal, headStart, arguments)
                .setOut(terminal.out())
                .setErr(terminal.err())
                .setColorScheme(Help.defaultColorScheme(terminal.isColoured() ? Ansi.ON : Ansi.OFF))
                .setUsageHelpWidth(HELP_WIDTH)
                .setExpandAtFiles(false) // a payload may be @file, and is then the file's content
                .setParameterExceptionHandler(Main::explain)
                .setExecutionExceptionHandler(Main::apologize)
                .execute(arguments);
        return serves(arguments) || isWritten(terminal) ? code : Math.max(code, NOT_DONE);
    }

    /** What it prints is no result: whoever reads that may go. */
    private static boolean serves(String... arguments) {
        return arguments.length > 0 && arguments[0].equals("run");
    }

    private static boolean isWritten(Terminal terminal) {
        if (!terminal.out().checkError()) {
            return true;
        }
        terminal.remark("sluice: not all of the output could be written");
        return false;
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "Missing command");
    }

    private static int explain(ParameterException told, String... arguments) {
        CommandLine command = told.getCommandLine();
        ParameterException mistake = told instanceof MissingParameterException ? misspelt(told, arguments) : told;
        PrintWriter err = command.getErr();
        err.println("sluice: " + withoutPasswords(sentence(command, mistake), arguments));
        List<String> meant =
                mistake instanceof UnmatchedArgumentException unmatched ? meant(command, unmatched) : List.of();
        if (!meant.isEmpty()) {
            err.println("Did you mean: " + String.join(" or ", meant) + "?");
        }
        err.println("See: " + command.getCommandSpec().qualifiedName() + " --help");
        err.flush();
        return WRONG_COMMAND_LINE;
    }

    private static String sentence(CommandLine command, ParameterException mistake) {
        boolean ofACommand = mistake instanceof UnmatchedArgumentException unmatched
                && !command.getSubcommands().isEmpty()
                && !unmatched.getUnmatched().get(0).startsWith("-");
        return ofACommand
                ? "Unknown command: '"
                        + ((UnmatchedArgumentException) mistake).getUnmatched().get(0) + "'"
                : String.valueOf(mistake.getMessage());
    }

    /** A URL in the wrong place has its password, too. */
    private static String withoutPasswords(String sentence, String... arguments) {
        String masked = sentence;
        for (String argument : arguments) {
            String value = argument.startsWith("-") ? argument.replaceFirst("^[^=]*=", "") : argument;
            if (value.contains("://")) {
                masked = masked.replace(value, RedisUrl.masked(value));
            }
        }
        return masked;
    }

    private static List<String> meant(CommandLine command, UnmatchedArgumentException unmatched) {
        String word = unmatched.getUnmatched().get(0).replaceFirst("=.*", "");
        Set<String> known = word.startsWith("-")
                ? command.getCommandSpec().optionsMap().keySet()
                : command.getSubcommands().keySet();
        if (word.length() == SHORT_OPTION) { // each is like every other
            return List.of();
        }
        return Similar.to(word, known)
                .map(List::of)
                .orElseGet(() -> unmatched.getSuggestions().stream().limit(3).toList());
    }

    /** The unknown option of a command that lacks something, too: what is missing may be what was misspelt. */
    private static ParameterException misspelt(ParameterException missing, String... arguments) {
        CommandLine command = missing.getCommandLine();
        return Stream.of(arguments)
                .takeWhile(argument -> !argument.equals("--"))
                .filter(argument -> argument.startsWith("--"))
                .map(argument -> argument.replaceFirst("=.*", ""))
                .filter(option -> command.getCommandSpec().findOption(option) == null)
                .findFirst()
                .<ParameterException>map(option -> new UnmatchedArgumentException(command, List.of(option)))
                .orElse(missing);
    }

    private static int apologize(Exception failure, CommandLine command, CommandLine.ParseResult parsed)
            throws Exception {
        if (failure instanceof Refusal refusal) {
            String sentence = String.valueOf(refusal.getMessage());
            command.getErr()
                    .println("sluice: "
                            + withoutPasswords(sentence, parsed.originalArgs().toArray(String[]::new)));
            command.getErr().flush();
            return refusal.exitCode();
        }
        throw failure;
    }
}
