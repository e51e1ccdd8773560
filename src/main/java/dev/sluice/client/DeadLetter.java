package dev.sluice.client;

import dev.sluice.codec.Envelope;
import dev.sluice.codec.EnvelopeException;
import dev.sluice.redis.DeadRecord;
import dev.sluice.redis.Frame;
import dev.sluice.task.Failure;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A task that ended badly, as its queue keeps it: what it was, and why it ended.
 *
 * <p>Immutable. Any record can be one, whatever it holds: what cannot be read as a task has no type and no headers, and its
 * payload is all of its bytes.
 */
public final class DeadLetter {
    private static final byte[] NOTHING = new byte[0];

    private final String id;
    private final Instant diedAt;
    private final byte[] position;
    private final Failure failure;
    private final @Nullable Frame frame;
    private final @Nullable Envelope envelope;
    private final byte[] element;

    private DeadLetter(DeadRecord record) {
        byte[] bytes = record.bytes();
        int line = FailureReading.endOfLine(bytes);
        this.id = new String(record.id(), StandardCharsets.UTF_8);
        this.diedAt = Instant.ofEpochMilli(record.diedMs());
        this.position = record.position();
        this.failure = FailureReading.of(bytes, line);
        byte[] rest = line == bytes.length ? NOTHING : Arrays.copyOfRange(bytes, line + 1, bytes.length);
        this.frame = Frame.read(rest);
        this.element = frame == null ? rest : Arrays.copyOfRange(rest, frame.bodyOffset(), rest.length);
        this.envelope = envelopeIn(element);
    }

    static DeadLetter of(DeadRecord record) {
        return new DeadLetter(record);
    }

    /** The task's id. */
    public String id() {
        return id;
    }

    /** The word that picked its handler; null if it names none, or cannot be read. */
    public @Nullable String type() {
        return envelope == null ? null : envelope.type();
    }

    /** Why it ended: the reason as a word, and the class, message and trace of the exception if there was one. */
    public Failure failure() {
        return failure;
    }

    /** When it died, by the clock of Redis; in an at-most-once queue by that of its dispatcher. */
    public Instant diedAt() {
        return diedAt;
    }

    /** How many attempts it used, from 0; not counted in an at-most-once queue. */
    public int attempts() {
        return frame == null ? 0 : frame.attempts();
    }

    /** How many dispatchers died while they held it, from 0. */
    public int crashes() {
        return frame == null ? 0 : frame.crashes();
    }

    /** True if another program pushed it onto the list; false if it came through Sluice's client. */
    public boolean isForeign() {
        return frame != null && frame.isForeign();
    }

    /** Whether it can be read as a task. If not it can be redriven all the same, for a handler of raw elements. */
    public boolean isReadable() {
        return envelope != null;
    }

    /** Its headers, unmodifiable. */
    public Map<String, String> headers() {
        return envelope == null ? Map.of() : envelope.headers();
    }

    /** The JSON of its payload, or all of its bytes if it cannot be read as a task; a copy. */
    public byte[] payload() {
        Envelope read = envelope;
        return read == null
                ? element.clone()
                : Arrays.copyOfRange(
                        read.payloadBuffer(), read.payloadOffset(), read.payloadOffset() + read.payloadLength());
    }

    /** About how many bytes it takes. */
    int size() {
        return element.length + failure.message().length() + failure.trace().length();
    }

    /** {@link #payload()} as text; bytes that are no UTF-8 become U+FFFD. */
    public String payloadText() {
        return new String(payload(), StandardCharsets.UTF_8);
    }

    /** Where a listing goes on after this one: an opaque text that stays valid when this one is gone. */
    public String cursor() {
        return Cursor.of(position);
    }

    /** What it was and why it ended; never its payload, and not the message, which may quote it. */
    @Override
    public String toString() {
        return "DeadLetter[" + id + ", type " + type() + ", " + failure.reason() + " at " + diedAt + "]";
    }

    private static @Nullable Envelope envelopeIn(byte[] element) {
        try {
            return Envelope.read(element, 0, element.length);
        } catch (EnvelopeException unreadable) {
            return null;
        }
    }
}
