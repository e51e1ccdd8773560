package dev.sluice.app;

import java.io.Console;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;

/**
 * Where a command speaks to a person: always UTF-8, whatever the locale says, because ids and payloads are.
 *
 * <p>Thread-safe. On an interactive terminal one line at the bottom can be rewritten; elsewhere, as in a file or a pipe,
 * every progress is a line of its own.
 */
final class Terminal {
    private final PrintWriter out;
    private final PrintWriter err;
    private final boolean interactive;
    private boolean lineOpen;

    Terminal(OutputStream out, OutputStream err, boolean interactive) {
        this.out = new PrintWriter(new OutputStreamWriter(out, StandardCharsets.UTF_8));
        this.err = new PrintWriter(new OutputStreamWriter(err, StandardCharsets.UTF_8));
        this.interactive = interactive;
    }

    static Terminal standard() {
        return new Terminal(
                new FileOutputStream(FileDescriptor.out), new FileOutputStream(FileDescriptor.err), hasScreen());
    }

    PrintWriter out() {
        return out;
    }

    PrintWriter err() {
        return err;
    }

    /** Whether a person looks on, and a line can be rewritten. */
    boolean isInteractive() {
        return interactive;
    }

    /** Prints lines. */
    synchronized void say(String... lines) {
        endLine();
        for (String line : lines) {
            out.println(line);
        }
        out.flush();
    }

    /** Shows how far something is, over the last progress if that is possible. */
    synchronized void progress(String line) {
        if (interactive) {
            out.print("\r" + line + "\u001b[K");
            lineOpen = true;
        } else {
            out.println(line);
        }
        out.flush();
    }

    private void endLine() {
        if (lineOpen) {
            out.println();
            lineOpen = false;
        }
    }

    // From Java 22 on there is a console without a terminal, too; it can be asked.
    @SuppressWarnings("SystemConsoleNull") // until 21 it is null, and does not know isTerminal()
    private static boolean hasScreen() {
        Console console = System.console();
        if (console == null || "dumb".equals(System.getenv("TERM"))) {
            return false;
        }
        try {
            return (boolean) Console.class.getMethod("isTerminal").invoke(console);
        } catch (ReflectiveOperationException olderJava) {
            return true;
        }
    }
}
