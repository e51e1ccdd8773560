package dev.sluice.codec;

import dev.sluice.task.Task;
import dev.sluice.task.TaskId;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A task as it lies in a queue: one JSON object in UTF-8, read once, its payload left where it is.
 *
 * <table>
 *   <caption>Fields. All are optional, JSON {@code null} is the same as absent, other fields are skipped.</caption>
 *   <tr><th>name</th><th>value</th></tr>
 *   <tr><td>{@code id}</td><td>a string as {@link TaskId#check} wants it, or an integer, which stands for its
 *       digits</td></tr>
 *   <tr><td>{@code type}</td><td>a string of 1 to 256 UTF-8 bytes without control characters</td></tr>
 *   <tr><td>{@code payload}</td><td>any JSON, nested at most 64 deep</td></tr>
 *   <tr><td>{@code headers}</td><td>an object of at most 64 strings, as {@link Task#header} wants them</td></tr>
 *   <tr><td>{@code maxAttempts}</td><td>an integer, at least 1</td></tr>
 *   <tr><td>{@code backoff}</td><td>an array of 1 to 32 integers: the waits between attempts, 0 ms to 365 days
 *       each</td></tr>
 *   <tr><td>{@code timeoutMs}</td><td>an integer, 1 ms to 365 days</td></tr>
 *   <tr><td>{@code deadline}</td><td>an integer from 1: milliseconds since 1970, up to the year 9999</td></tr>
 *   <tr><td>{@code keepResultMs}</td><td>an integer, 1 ms to 365 days: how long its result is kept</td></tr>
 *   <tr><td>{@code enqueuedAt}</td><td>a number from 1: milliseconds since 1970, up to the year 9999, by the producer's
 *       clock. Only measured with, so what is anything else is no mistake but the same as absent</td></tr>
 * </table>
 *
 * <p>An instance refers to the array it was read from, which must not change meanwhile. Immutable; any thread.
 */
public final class Envelope {

    /** How deep a payload may be nested, its outermost array or object counted; the same in {@link JsonCodec}. */
    public static final int MAX_PAYLOAD_DEPTH = 64;

    private final @Nullable String id;
    private final boolean idInvalid;
    private final @Nullable String type;
    private final byte[] buffer;
    private final int payloadOffset;
    private final int payloadLength;
    private final Map<String, String> headers;
    private final int maxAttempts;
    private final long @Nullable [] backoffMs;
    private final long timeoutMs;
    private final long deadlineMs;
    private final long keepResultMs;
    private final long enqueuedAtMs;

    Envelope(EnvelopeReader read) {
        this.id = read.id;
        this.idInvalid = read.idInvalid;
        this.type = read.type;
        this.buffer = read.payloadBuffer;
        this.payloadOffset = read.payloadOffset;
        this.payloadLength = read.payloadLength;
        this.headers = read.headers;
        this.maxAttempts = read.maxAttempts;
        this.backoffMs = read.backoffMs;
        this.timeoutMs = read.timeoutMs;
        this.deadlineMs = read.deadlineMs;
        this.keepResultMs = read.keepResultMs;
        this.enqueuedAtMs = read.enqueuedAtMs;
    }

    /**
     * Reads the element in {@code length} bytes of {@code buffer} from {@code offset}, in one pass and without a copy
     * of its payload.
     *
     * @throws EnvelopeException if it is not a task; its reason says why
     */
    public static Envelope read(byte[] buffer, int offset, int length) {
        return EnvelopeReader.read(buffer, offset, length);
    }

    /**
     * The element for {@code task}, without its id, which the frame around it carries.
     *
     * @param payloadJson one JSON value in UTF-8, as a {@link PayloadCodec} makes it; goes in byte by byte
     * @param enqueuedAtMs since when it waits to be run, in milliseconds since 1970; 0 = it does not say
     */
    public static byte[] write(Task<?> task, byte[] payloadJson, long enqueuedAtMs) {
        return EnvelopeWriter.write(task, payloadJson, enqueuedAtMs);
    }

    /** The id, or null if there is none or it is invalid. */
    public @Nullable String id() {
        return id;
    }

    /** Whether there is an id that breaks the rule, or that is neither a string nor an integer. */
    public boolean idInvalid() {
        return idInvalid;
    }

    /** The word that picks the handler, or null if there is none. */
    public @Nullable String type() {
        return type;
    }

    /** The array that holds the payload: the one read from, or one with {@code null} in it if there was no payload. */
    public byte[] payloadBuffer() {
        return buffer;
    }

    /** Where in {@link #payloadBuffer()} the first byte of the payload's JSON is. */
    public int payloadOffset() {
        return payloadOffset;
    }

    /** How many bytes the payload's JSON has. */
    public int payloadLength() {
        return payloadLength;
    }

    /** The headers, unmodifiable, in the order they were written; empty if there are none. */
    public Map<String, String> headers() {
        return headers;
    }

    /** The limit of attempts, or 0 if it is not set. */
    public int maxAttempts() {
        return maxAttempts;
    }

    /** The waits between attempts in milliseconds, at least one; null if they are not set. Not a copy. */
    public long @Nullable [] backoffMs() {
        return backoffMs;
    }

    /** The limit for the time of one attempt in milliseconds, or 0 if it is not set. */
    public long timeoutMs() {
        return timeoutMs;
    }

    /** The time after which no attempt starts, in milliseconds since 1970, or 0 if it is not set. */
    public long deadlineMs() {
        return deadlineMs;
    }

    /** How long its result is to be kept at least, in milliseconds, or 0 if it is not set. */
    public long keepResultMs() {
        return keepResultMs;
    }

    /** Since when it waits to be run, by its producer's clock, in milliseconds since 1970, or 0 if it does not say. */
    public long enqueuedAtMs() {
        return enqueuedAtMs;
    }

    /** The type and the length of the payload; never its text. */
    @Override
    public String toString() {
        return "Envelope[" + type + ", payload of " + payloadLength + " bytes]";
    }
}
