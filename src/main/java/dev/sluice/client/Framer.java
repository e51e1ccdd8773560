package dev.sluice.client;

import dev.sluice.codec.Envelope;
import dev.sluice.codec.PayloadCodec;
import dev.sluice.redis.Dues;
import dev.sluice.redis.Frame;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Queue;
import dev.sluice.task.SluiceException;
import dev.sluice.task.Task;
import dev.sluice.task.TaskId;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;

/** Turns a task into the bytes that Redis keeps. Thread-safe; runs the codec, which is the caller's code, where it is called. */
final class Framer {
    private final PayloadCodec codec;
    private final Queue queue;
    private final boolean writesTime;

    Framer(PayloadCodec codec, Queue queue, boolean writesTime) {
        this.codec = codec;
        this.queue = queue;
        this.writesTime = writesTime;
        TaskId.isValid(""); // loads the class here: that reads the system's random source, which may block
    }

    /** The id the task has, or a fresh one. */
    static String idOf(Task<?> task) {
        String id = task.id();
        return id == null ? TaskId.random() : id;
    }

    /** The task's frame; throws a {@link SluiceException} that says what is wrong with it. */
    byte[] frame(String id, Task<?> task) {
        return Frame.ofClient(id, Envelope.write(task, json(task), writesTime ? waitsFrom(task) : 0));
    }

    /** What the frames of a task that is enqueued again and again hold behind their headers: no time; throws like {@link #frame}. */
    byte[] body(Task<?> task) {
        checkResult(task);
        return Envelope.write(task, json(task), 0);
    }

    /** When it is due, as {@link Dues} takes it; throws if its queue can put nothing off, or keep no result. */
    long due(Task<?> task) {
        Duration delay = task.delay();
        Instant at = task.at();
        checkResult(task);
        if (delay == null && at == null) {
            return Dues.NOW;
        }
        if (queue.delivery() == DeliveryMode.AT_MOST_ONCE) {
            throw new InvalidTaskException(
                    delay == null ? "at" : "delay",
                    "queue '" + queue.name()
                            + "' is at-most-once and runs every task at once: enqueue it without a delay,"
                            + " or use an at-least-once queue");
        }
        return delay != null
                ? -delay.toMillis()
                : Math.max(Dues.NOW, Objects.requireNonNull(at).toEpochMilli());
    }

    private void checkResult(Task<?> task) {
        if (task.keepResult() != null && queue.delivery() == DeliveryMode.AT_MOST_ONCE) {
            throw new InvalidTaskException(
                    "keepResult",
                    "queue '" + queue.name()
                            + "' is at-most-once and keeps no results: leave keepResult out, or use an"
                            + " at-least-once queue");
        }
    }

    /** When it is to be run at the earliest: what it waits until then is not the queue's doing. */
    private long waitsFrom(Task<?> task) {
        long now = System.currentTimeMillis();
        long due = due(task);
        return due > Dues.NOW ? Math.max(now, due) : now - due;
    }

    private byte[] json(Task<?> task) {
        try {
            return codec.encode(task.payload());
        } catch (SluiceException known) {
            throw known;
        } catch (RuntimeException | LinkageError | AssertionError | StackOverflowError broken) {
            // a codec of the caller's own, or a payload's accessor
            throw new InvalidTaskException(
                    "payload",
                    "the payload codec failed with " + broken.getClass().getName(),
                    broken);
        }
    }
}
