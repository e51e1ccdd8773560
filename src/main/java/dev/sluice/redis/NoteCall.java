package dev.sluice.redis;

import io.lettuce.core.protocol.CommandArgs;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One numbered call that writes down what an at-most-once dispatcher has taken, and what of that has ended. It may be sent again,
 * unchanged, until it is answered: it acts once per number.
 *
 * <p>Not thread-safe: built by one loop and not changed after it is first sent.
 */
public final class NoteCall {
    /** The ids of so many tasks that were popped together stand in one field, which costs hardly more than one of them. */
    private static final int FIELD_BITS = 5;

    private final long number;
    private final long previous;
    private final Map<Long, List<String>> taken = new LinkedHashMap<>();
    private final Map<Long, List<String>> ended = new LinkedHashMap<>();
    private final List<String> takenAndEnded = new ArrayList<>();
    private final List<String> pushed = new ArrayList<>(0);
    private final List<String> pushedAndEnded = new ArrayList<>(0);
    private final List<String> late = new ArrayList<>(0);

    /**
     * A call that writes nothing yet.
     *
     * @param number larger than that of every call before
     * @param previous the number of the last call that was written under this name; 0 if there is none
     */
    public NoteCall(long number, long previous) {
        this.number = number;
        this.previous = previous;
    }

    /** A task that was taken, and runs. Of those whose tokens share a field all that run are to be in one call. */
    public void taken(long token, Frame frame) {
        put(taken, token, frame.id());
        if (frame.isForeign()) {
            pushed.add(frame.id());
        }
    }

    /**
     * A task that has ended, and was taken by a call before.
     *
     * @param isLate whether its status had not arrived when it was taken: its producer may yet write it
     */
    public void ended(long token, Frame frame, boolean isLate) {
        put(ended, token, frame.id());
        if (isLate) {
            late.add(frame.id());
        }
    }

    /** A task that was taken and has ended, of which no call has said that it was taken. */
    public void takenAndEnded(Frame frame) {
        takenAndEnded.add(frame.id());
        if (frame.isForeign()) {
            pushedAndEnded.add(frame.id());
        }
    }

    /** Whether it would write nothing. */
    public boolean isEmpty() {
        return taken.isEmpty() && ended.isEmpty() && takenAndEnded.isEmpty();
    }

    /** The number of this call. */
    public long number() {
        return number;
    }

    /** The ids of those that run and that any client may have pushed. */
    public List<String> pushed() {
        return pushed;
    }

    /** Whether these two stand in one field. */
    public static boolean sharePlace(long token, long other) {
        return field(token) == field(other);
    }

    /** Where a task stands in the record of its dispatcher. */
    static long field(long token) {
        return token >>> FIELD_BITS;
    }

    void write(CommandArgs<byte[], byte[]> args) {
        args.add(number).add(previous);
        writeFields(args, taken);
        writeFields(args, ended);
        writeIds(args, takenAndEnded);
        writeIds(args, pushed);
        writeIds(args, pushedAndEnded);
        writeIds(args, late);
    }

    private static void put(Map<Long, List<String>> fields, long token, String id) {
        fields.computeIfAbsent(field(token), its -> new ArrayList<>(1)).add(id);
    }

    private static void writeFields(CommandArgs<byte[], byte[]> args, Map<Long, List<String>> fields) {
        args.add(fields.size());
        fields.forEach((field, ids) -> {
            args.add(field);
            writeIds(args, ids);
        });
    }

    private static void writeIds(CommandArgs<byte[], byte[]> args, List<String> ids) {
        args.add(ids.size());
        for (String id : ids) {
            args.add(id.getBytes(StandardCharsets.UTF_8));
        }
    }
}
