package dev.sluice.http;

import org.jspecify.annotations.Nullable;

/** One part of a batch. Immutable, if its bytes are. */
final class Item {
    private static final byte[] NOTHING = new byte[0];

    private final long index;
    private final byte[] bytes;
    private final @Nullable Problem refusal;

    private Item(long index, byte[] bytes, @Nullable Problem refusal) {
        this.index = index;
        this.bytes = bytes;
        this.refusal = refusal;
    }

    static Item of(long index, byte[] bytes) {
        return new Item(index, bytes, null);
    }

    static Item bad(long index, Problem refusal) {
        return new Item(index, NOTHING, refusal);
    }

    /** Its place, from 0. */
    long index() {
        return index;
    }

    /** What should be a task; empty if it is refused already. */
    byte[] bytes() {
        return bytes;
    }

    /** Why it is none; null if it may be one. */
    @Nullable
    Problem refusal() {
        return refusal;
    }
}
