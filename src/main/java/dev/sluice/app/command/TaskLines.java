package dev.sluice.app.command;

import dev.sluice.app.console.Refusal;
import dev.sluice.codec.Envelope;
import dev.sluice.codec.EnvelopeException;
import dev.sluice.codec.JsonCodec;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.PayloadTooLargeException;
import dev.sluice.task.Task;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.scheduler.Schedulers;

/**
 * Newline-delimited JSON as tasks, one line after the other when it is asked for: the elements of the protocol, so that what
 * {@code RPUSH} takes can be a line. Blank lines are skipped; a line has at most 1 MiB.
 */
final class TaskLines implements AutoCloseable {
    private static final int LONGEST_LINE = 1024 * 1024;
    private static final JsonCodec CODEC = JsonCodec.standard();

    private final Content content;
    private final InputStream bytes;
    private final @Nullable String defaultType;
    private final Queue<Long> numbers = new ConcurrentLinkedQueue<>();
    private long line;

    TaskLines(Content content, @Nullable String defaultType) {
        this.content = content;
        this.bytes = content.bytes();
        this.defaultType = defaultType;
    }

    /** The tasks, read on a thread that may wait; fails with a {@link Refusal} at the first line that is none. */
    Flux<Task<byte[]>> tasks() {
        return Flux.<Task<byte[]>>generate(sink -> {
                    Task<byte[]> task = next();
                    if (task == null) {
                        sink.complete();
                    } else {
                        numbers.add(line);
                        sink.next(task);
                    }
                })
                .subscribeOn(Schedulers.boundedElastic()); // reading blocks
    }

    /** The number of the line of the next result, from 1; results come in the order of the lines. */
    long nextNumber() {
        Long number = numbers.poll();
        return number == null ? 0 : number;
    }

    @Override
    public void close() {
        try {
            content.close();
        } catch (IOException readToItsEnd) {
            // nothing was written
        }
    }

    private @Nullable Task<byte[]> next() {
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
        try {
            Envelope element = Envelope.read(text, 0, text.length);
            if (element.idInvalid()) {
                throw wrong("the field id must be a string of 1 to 512 UTF-8 bytes without control characters, or an"
                        + " integer");
            }
            String type = element.type() == null ? defaultType : element.type();
            if (type == null) {
                throw wrong("it names no type, and there is no TYPE on the command line");
            }
            return withLimits(Task.of(type, payload(element)).headers(element.headers()), element);
        } catch (EnvelopeException e) {
            throw wrong(String.valueOf(e.getMessage()).replace("line 1, ", "")); // counted within this line
        } catch (InvalidTaskException | PayloadTooLargeException e) {
            throw wrong(String.valueOf(e.getMessage()).replace("line 1, column", "payload column"));
        }
    }

    private static Task<byte[]> withLimits(Task<byte[]> plain, Envelope element) {
        String id = element.id();
        Task<byte[]> task = id == null ? plain : plain.id(id);
        task = element.maxAttempts() == 0 ? task : task.maxAttempts(element.maxAttempts());
        task = element.timeoutMs() == 0 ? task : task.timeout(Duration.ofMillis(element.timeoutMs()));
        task = element.deadlineMs() == 0 ? task : task.deadline(Instant.ofEpochMilli(element.deadlineMs()));
        task = element.keepResultMs() == 0 ? task : task.keepResult(Duration.ofMillis(element.keepResultMs()));
        long[] waits = element.backoffMs();
        return waits == null
                ? task
                : task.backoff(Arrays.stream(waits).mapToObj(Duration::ofMillis).toArray(Duration[]::new));
    }

    private static byte[] payload(Envelope element) {
        int from = element.payloadOffset();
        return CODEC.encode(Arrays.copyOfRange(element.payloadBuffer(), from, from + element.payloadLength()));
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
