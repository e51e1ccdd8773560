package dev.sluice.app.console;

import java.io.BufferedInputStream;
import java.io.Console;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStream;
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
public final class Terminal {
    private final InputStream in;
    private final PrintWriter out;
    private final PrintWriter err;
    private final boolean interactive;
    private boolean lineOpen;
    private boolean newsOpen;

    public Terminal(OutputStream out, OutputStream err, boolean interactive) {
        this(InputStream.nullInputStream(), out, err, interactive);
    }

    public Terminal(InputStream in, OutputStream out, OutputStream err, boolean interactive) {
        this.in = in;
        this.out = new PrintWriter(new OutputStreamWriter(out, StandardCharsets.UTF_8));
        this.err = new PrintWriter(new OutputStreamWriter(err, StandardCharsets.UTF_8));
        this.interactive = interactive;
    }

    public static Terminal standard() {
        return new Terminal(
                new BufferedInputStream(new FileInputStream(FileDescriptor.in)),
                new FileOutputStream(FileDescriptor.out),
                new FileOutputStream(FileDescriptor.err),
                hasScreen());
    }

    /** What is typed or piped in, in bytes. */
    public InputStream in() {
        return in;
    }

    public PrintWriter out() {
        return out;
    }

    public PrintWriter err() {
        return err;
    }

    /** Whether a person looks on, and a line can be rewritten. */
    public boolean isInteractive() {
        return interactive;
    }

    /** Whether to use colours: on a screen, unless the variable NO_COLOR has any value. */
    public boolean isColoured() {
        String unwanted = System.getenv("NO_COLOR");
        return interactive && (unwanted == null || unwanted.isEmpty());
    }

    /** Prints lines beside the result of a command, where they spoil no pipe. */
    public synchronized void remark(String... lines) {
        endLine();
        for (String line : lines) {
            err.println(line);
        }
        err.flush();
    }

    /** Prints lines. */
    public synchronized void say(String... lines) {
        endLine();
        for (String line : lines) {
            out.println(line);
        }
        out.flush();
    }

    /** Shows how far something is, over the last progress if that is possible. */
    public synchronized void progress(String line) {
        if (interactive) {
            out.print("\r" + line + "\u001b[K");
            lineOpen = true;
        } else {
            out.println(line);
        }
        out.flush();
    }

    /** Shows how far something is beside its result, over the last news if that is possible. */
    public synchronized void news(String line) {
        if (interactive) {
            err.print("\r" + line + "\u001b[K");
            newsOpen = true;
        } else {
            err.println(line);
        }
        err.flush();
    }

    private void endLine() {
        if (lineOpen) {
            out.println();
            lineOpen = false;
        }
        if (newsOpen) {
            err.print("\r\u001b[K");
            err.flush();
            newsOpen = false;
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
