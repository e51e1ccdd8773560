package dev.sluice.redis;

import dev.sluice.task.TaskId;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A task as Redis holds it: one header line of Sluice's own, then the producer's bytes, which nobody ever rewrites.
 *
 * <p>{@code SOH origin [attempts,crashes,claims[,epoch]] SP id [STX failure] LF body}. The counters are absent while all
 * are zero; the epoch is there if an older task of this id was cancelled while it waited. The failure is that of the last
 * failed attempt as one line of JSON, while the task waits for the next or runs.
 */
public final class Frame {
    private static final byte SOH = 1;
    private static final byte STX = 2;
    private static final int MOST_OF_FAILURE = 4096;
    private static final char REPLACEMENT = '\uFFFD'; // what is read of bytes that are no UTF-8
    private static final Pattern SOUND_COUNTERS = Pattern.compile("([0-9]{1,9},){2}[0-9]{1,9}(,[0-9]{1,15})?");

    private final byte[] bytes;
    private final int idEnd;
    private final int bodyOffset;
    private final char origin;
    private final String id;
    private final int attempts;
    private final int crashes;
    private final int claims;

    private Frame(byte[] bytes, int idEnd, int bodyOffset, char origin, String id, int[] counters) {
        this.bytes = bytes;
        this.idEnd = idEnd;
        this.bodyOffset = bodyOffset;
        this.origin = origin;
        this.id = id;
        this.attempts = counters[0];
        this.crashes = counters[1];
        this.claims = counters[2];
    }

    private static final int[] NONE = {0, 0, 0, 0};

    /**
     * Reads what was popped off the ready list, where any client may have pushed it; null if it begins with no header that a
     * script would write: then it is a raw element. What {@code is_sound} of exchange.lua is where a script claims.
     */
    public static @Nullable Frame readPushed(byte[] element) {
        Frame frame = element.length > 1 && "cfF".indexOf(element[1]) >= 0 ? read(element) : null;
        return frame != null && frame.hasSoundHeader() ? frame : null;
    }

    private boolean hasSoundHeader() {
        int idStart = 3;
        while (bytes[idStart - 1] != ' ') {
            idStart++;
        }
        return TaskId.isValid(id)
                && (id.indexOf(REPLACEMENT) < 0
                        || Arrays.equals(
                                id.getBytes(StandardCharsets.UTF_8), Arrays.copyOfRange(bytes, idStart, idEnd)))
                && (idStart == 3 || hasSoundCounters(idStart - 1))
                && bodyOffset - idEnd - 2 <= MOST_OF_FAILURE;
    }

    private boolean hasSoundCounters(int end) {
        String counters = new String(bytes, 2, end - 2, StandardCharsets.ISO_8859_1);
        return SOUND_COUNTERS.matcher(counters).matches();
    }

    /** Reads a frame that a script returned; null if the bytes begin with no header: then they are a raw element. */
    public static @Nullable Frame read(byte[] bytes) {
        if (bytes.length < 4 || bytes[0] != SOH) {
            return null;
        }
        int space = 2;
        while (space < bytes.length && bytes[space] != ' ') {
            space++;
        }
        int idEnd = space + 1;
        while (idEnd < bytes.length && bytes[idEnd] != '\n' && bytes[idEnd] != STX) {
            idEnd++;
        }
        int line = idEnd;
        while (line < bytes.length && bytes[line] != '\n') {
            line++;
        }
        if (line >= bytes.length) {
            return null;
        }
        int[] counters = space == 2 ? NONE : counters(bytes, space);
        String id = new String(bytes, space + 1, idEnd - space - 1, StandardCharsets.UTF_8);
        return new Frame(bytes, idEnd, line + 1, (char) bytes[1], id, counters);
    }

    /** The frame of a task that our own client enqueues. */
    public static byte[] ofClient(String id, byte[] body) {
        byte[] name = id.getBytes(StandardCharsets.UTF_8);
        byte[] frame = new byte[name.length + body.length + 4];
        frame[0] = SOH;
        frame[1] = 'c';
        frame[2] = ' ';
        System.arraycopy(name, 0, frame, 3, name.length);
        frame[3 + name.length] = '\n';
        System.arraycopy(body, 0, frame, 4 + name.length, body.length);
        return frame;
    }

    /** The frame of a raw element that was popped as it stood. */
    public static byte[] ofForeign(String id, byte[] body) {
        byte[] frame = ofClient(id, body);
        frame[1] = 'f';
        return frame;
    }

    private static int[] counters(byte[] bytes, int end) {
        int[] counters = new int[4]; // the fourth, the epoch, is for the scripts only
        int at = 0;
        for (int i = 2; i < end; i++) {
            if (bytes[i] == ',') {
                at = Math.min(at + 1, 3);
            } else {
                counters[at] = counters[at] * 10 + (bytes[i] - '0');
            }
        }
        return counters;
    }

    /** The whole frame; the body begins at {@link #bodyOffset()}. Not a copy. */
    public byte[] bytes() {
        return bytes;
    }

    /** Where the producer's bytes begin in {@link #bytes()}; they reach to the end. */
    public int bodyOffset() {
        return bodyOffset;
    }

    /** The task's id; the id everywhere, whatever the body says. */
    public String id() {
        return id;
    }

    /** Why the attempt before failed, as the line of JSON it was settled with; null if none failed. Made anew each time. */
    public @Nullable String failure() {
        int length = bodyOffset - idEnd - 2; // without the STX and the LF
        return length < 0 ? null : new String(bytes, idEnd + 1, length, StandardCharsets.UTF_8);
    }

    /** Attempts used before this claim, from 0. */
    public int attempts() {
        return attempts;
    }

    /** How many dispatchers died while they held this task, from 0. */
    public int crashes() {
        return crashes;
    }

    /** Grows with every claim of this task, from 1: a store that remembers the highest can refuse a stale handler. */
    public long fencingNumber() {
        return claims + 1L;
    }

    /** False for what our own client enqueued, unless its id awaits the status of an earlier task. */
    public boolean isForeign() {
        return origin != 'c';
    }

    /** True if a producer's status may yet come to its id. */
    public boolean awaitsStatus() {
        return origin == 'F';
    }
}
