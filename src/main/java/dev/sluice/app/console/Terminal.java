package dev.sluice.app.console;

import java.io.BufferedInputStream;
import java.io.Console;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Where a command speaks to a person: always UTF-8, whatever the locale says, because ids and payloads are.
 *
 * <p>Thread-safe. On an interactive terminal one line at the bottom can be rewritten; elsewhere, as in a file or a pipe,
 * every progress is a line of its own.
 */
public final class Terminal {
    private static final Path ERRORS = Path.of("/proc/self/fd/2");

    private final InputStream in;
    private final PrintWriter out;
    private final PrintWriter err;
    private final boolean interactive;
    private final boolean newsInteractive;
    private boolean lineOpen;
    private boolean newsOpen;

    public Terminal(OutputStream out, OutputStream err, boolean interactive) {
        this(InputStream.nullInputStream(), out, err, interactive);
    }

    public Terminal(InputStream in, OutputStream out, OutputStream err, boolean interactive) {
        this(in, out, err, interactive, interactive);
    }

    private Terminal(InputStream in, OutputStream out, OutputStream err, boolean interactive, boolean newsInteractive) {
        this.in = in;
        this.out = new PrintWriter(new OutputStreamWriter(out, StandardCharsets.UTF_8));
        this.err = new PrintWriter(new OutputStreamWriter(err, StandardCharsets.UTF_8));
        this.interactive = interactive;
        this.newsInteractive = newsInteractive;
    }

    public static Terminal standard() {
        boolean hasScreen = hasScreen();
        return new Terminal(
                new BufferedInputStream(new FileInputStream(FileDescriptor.in)),
                new FileOutputStream(FileDescriptor.out),
                new FileOutputStream(FileDescriptor.err),
                hasScreen,
                hasScreen && !isElsewhere(ERRORS));
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

    /** The same of its news. */
    boolean showsNews() {
        return newsInteractive;
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
        if (newsInteractive) {
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

    /** Whether a stream goes to a file, a pipe or nowhere; false where nobody tells. */
    private static boolean isElsewhere(Path stream) {
        try {
            String target = Files.readSymbolicLink(stream).toString();
            return !target.startsWith("/dev/") || target.equals("/dev/null");
        } catch (IOException | UnsupportedOperationException notTold) {
            return false;
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
