package dev.sluice.app.command;

import dev.sluice.app.console.Refusal;
import dev.sluice.codec.EnvelopeException;
import dev.sluice.codec.JsonCodec;
import dev.sluice.codec.TaskForm;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.PayloadTooLargeException;
import dev.sluice.task.Task;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.scheduler.Schedulers;

/**
 * Newline-delimited JSON as tasks, one line after the other when it is asked for: what a batch over HTTP takes, and what
 * {@code RPUSH} takes. Blank lines are skipped; a line has at most 1 MiB.
 */
final class TaskLines implements AutoCloseable {
    private static final int LONGEST_LINE = 1024 * 1024;
    private static final JsonCodec CODEC = JsonCodec.standard();

    private final Content content;
    private final InputStream bytes;
    private final @Nullable String defaultType;
    private final Queue<Line> lines = new ConcurrentLinkedQueue<>();
    private long line;

    TaskLines(Content content, @Nullable String defaultType) {
        this.content = content;
        this.bytes = content.bytes();
        this.defaultType = defaultType;
    }

    /** The tasks, read on a thread that may wait; fails with a {@link Refusal} at the first line that is none. */
    Flux<Task<byte[]>> tasks() {
        return Flux.<Task<byte[]>>generate(sink -> {
                    Task<byte[]> task = read();
                    if (task == null) {
                        sink.complete();
                    } else {
                        lines.add(new Line(line, task));
                        sink.next(task);
                    }
                })
                .subscribeOn(Schedulers.boundedElastic()); // reading blocks
    }

    /** The line of the next result; results come in the order of the lines. */
    Line next() {
        return lines.remove();
    }

    /** A task and the number of its line, from 1. */
    record Line(long number, Task<byte[]> task) {}

    @Override
    public void close() {
        try {
            content.close();
        } catch (IOException readToItsEnd) {
            // nothing was written
        }
    }

    private @Nullable Task<byte[]> read() {
        try {
            byte[] text = nextLine();
            while (text != null && isBlank(text)) {
                text = nextLine();
            }
            return text == null ? null : task(text);
        } catch (IOException e) {
            throw Refusal.failed("cannot read on in " + content.name() + " after line " + line + ": " + e.getMessage());
        }
    }

    private Task<byte[]> task(byte[] text) {
        Task<byte[]> task;
        try {
            task = TaskForm.readLine(text, 0, text.length, defaultType);
        } catch (EnvelopeException | InvalidTaskException e) {
            throw wrong(String.valueOf(e.getMessage()).replace("line 1, ", "")); // counted within this line
        }
        try {
            CODEC.encode(task.payload()); // else it is refused without the line
            return task;
        } catch (InvalidTaskException | PayloadTooLargeException e) {
            throw wrong(String.valueOf(e.getMessage()).replace("line 1, column", "payload column"));
        }
    }

    /** The next line without its end; null behind the last one. */
    private byte @Nullable [] nextLine() throws IOException {
        ByteArrayOutputStream text = new ByteArrayOutputStream(256);
        line++;
        int next = bytes.read();
        if (next < 0) {
            return null;
        }
        for (; next >= 0 && next != '\n'; next = bytes.read()) {
            if (text.size() == LONGEST_LINE) {
                throw wrong("it is longer than 1 MiB");
            }
            text.write(next);
        }
        return text.toByteArray();
    }

    private static boolean isBlank(byte[] text) {
        for (byte b : text) {
            if (b != ' ' && b != '\t' && b != '\r') {
                return false;
            }
        }
        return true;
    }

    private Refusal wrong(String why) {
        return Refusal.mistaken(content.name() + ", line " + line + ": " + why);
    }
}
