package dev.sluice.app.command;

import dev.sluice.app.console.Refusal;
import dev.sluice.app.console.Terminal;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;

/** The bytes of a file, or of standard input, as a command is given them. */
final class Content implements AutoCloseable {
    private static final String STANDARD_INPUT = "-";
    private static final int LONGEST = 16 * 1024 * 1024;

    private final String name;
    private final InputStream bytes;

    private Content(String name, InputStream bytes) {
        this.name = name;
        this.bytes = bytes;
    }

    /** The file of that name, or standard input for {@code -}; refuses what cannot be opened. */
    static Content of(String source, Terminal terminal) {
        try {
            InputStream bytes = source.equals(STANDARD_INPUT)
                    ? terminal.in()
                    : new BufferedInputStream(Files.newInputStream(Path.of(source)));
            return new Content(name(source), bytes);
        } catch (InvalidPathException e) {
            throw Refusal.mistaken("this locale cannot name the file " + source
                    + ": set LC_ALL=C.UTF-8, or pipe the file in and say - instead");
        } catch (IOException e) {
            throw Refusal.mistaken("cannot read " + name(source) + ": " + why(e));
        }
    }

    /** What to call it in a message. */
    static String name(String source) {
        return source.equals(STANDARD_INPUT) ? "standard input" : source;
    }

    String name() {
        return name;
    }

    InputStream bytes() {
        return bytes;
    }

    /** All of it, up to 16 MiB, without white space at the end, and closes it. */
    byte[] trimmed() {
        try (Content self = this) {
            byte[] all = self.bytes.readNBytes(LONGEST);
            int end = all.length;
            while (end > 0 && (all[end - 1] == '\n' || all[end - 1] == '\r' || all[end - 1] == ' ')) {
                end--;
            }
            return Arrays.copyOf(all, end);
        } catch (IOException e) {
            throw Refusal.mistaken("cannot read " + name + ": " + why(e));
        }
    }

    @Override
    public void close() throws IOException {
        bytes.close();
    }

    private static String why(IOException e) {
        if (e instanceof NoSuchFileException) {
            return "there is no such file";
        }
        if (e instanceof AccessDeniedException) {
            return "access denied";
        }
        String told = e.getMessage();
        return told == null ? e.getClass().getSimpleName() : told;
    }
}
