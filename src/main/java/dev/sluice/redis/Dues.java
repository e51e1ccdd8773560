package dev.sluice.redis;

import io.lettuce.core.protocol.CommandArgs;
import java.util.Arrays;

/**
 * Which tasks of one enqueue call are for later, and when; most calls have none. Not thread-safe: built by whoever makes
 * the call, and not changed after it is sent.
 */
public final class Dues {
    /** What {@link #add} takes for a task that is to run at once. */
    public static final long NOW = 0;

    private static final long[] NONE = {};

    private long[] pairs = NONE;
    private int used;

    /**
     * Notes when the task at {@code index} is due.
     *
     * @param index its place in the call, from 0
     * @param dueMs above 0: at this time in ms since 1970; below 0: after as many ms; {@link #NOW}: at once
     */
    public void add(int index, long dueMs) {
        if (dueMs == NOW) {
            return;
        }
        if (used == pairs.length) {
            pairs = Arrays.copyOf(pairs, Math.max(16, 2 * used));
        }
        pairs[used++] = index + 1L;
        pairs[used++] = dueMs;
    }

    void write(CommandArgs<byte[], byte[]> args) {
        for (int i = 0; i < used; i++) {
            args.add(pairs[i]);
        }
    }
}
