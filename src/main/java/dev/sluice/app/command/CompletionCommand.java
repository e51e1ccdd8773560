package dev.sluice.app.command;

import dev.sluice.app.console.Terminal;
import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code sluice completion}: what a shell needs to complete commands and options. */
@Command(
        name = "completion",
        description = "Prints a script that lets bash or zsh complete the commands and options of 'sluice'.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        footer = {
            "",
            "Examples (for ~/.bashrc or ~/.zshrc):",
            "  alias sluice='java -jar /opt/sluice/sluice-server.jar'",
            "  source <(java -jar /opt/sluice/sluice-server.jar completion)",
            "",
            "Exit codes: 0 done, 2 the command line is wrong."
        })
final class CompletionCommand implements Runnable {
    /** The shells; one script serves both. */
    enum Shell {
        /** GNU bash. */
        bash,
        /** The Z shell, through its bashcompinit. */
        zsh
    }

    private final Terminal terminal;

    @Spec
    @SuppressWarnings("NullAway.Init") // set by picocli before run()
    private CommandSpec spec;

    @Parameters(
            arity = "0..1",
            paramLabel = "SHELL",
            description = "${COMPLETION-CANDIDATES}; default: ${DEFAULT-VALUE}. The script is the same.",
            defaultValue = "bash")
    private Shell shell = Shell.bash;

    CompletionCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public void run() {
        terminal.say(
                "# Completion of sluice, to be sourced by " + shell + ".",
                AutoComplete.bash("sluice", spec.root().commandLine()));
    }
}
