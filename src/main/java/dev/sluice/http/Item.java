package dev.sluice.http;

import org.jspecify.annotations.Nullable;

/** One part of a batch. Immutable, if its bytes are. */
final class Item {
    private static final byte[] NOTHING = new byte[0];

    private final long index;
    private final byte[] bytes;
    private final int from;
    private final int to;
    private final @Nullable Problem refusal;

    private Item(long index, byte[] bytes, int from, int to, @Nullable Problem refusal) {
        this.index = index;
        this.bytes = bytes;
        this.from = from;
        this.to = to;
        this.refusal = refusal;
    }

    static Item of(long index, byte[] bytes, int from, int to) {
        return new Item(index, bytes, from, to, null);
    }

    static Item bad(long index, Problem refusal) {
        return new Item(index, NOTHING, 0, 0, refusal);
    }

    /** Its place, from 0. */
    long index() {
        return index;
    }

    /** What should be a task, {@link #from} one place {@link #to} another, without that; nothing if it is refused already. */
    byte[] bytes() {
        return bytes;
    }

    int from() {
        return from;
    }

    int to() {
        return to;
    }

    /** Why it is none; null if it may be one. */
    @Nullable
    Problem refusal() {
        return refusal;
    }
}
