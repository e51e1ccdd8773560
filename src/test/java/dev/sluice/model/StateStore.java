package dev.sluice.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A set of states, each with its number in the order of arrival. A state is kept without its zeros: a bit for each byte,
 * then the bytes that are not zero.
 */
final class StateStore {
    private static final int CHUNK = 1 << 22;
    private static final int LONGEST = 1 << 9;

    private final int size;
    private final int bits;
    private final List<byte[]> chunks = new ArrayList<>();
    private long[] places = new long[1 << 16]; // where the state with this number begins
    private int[] hashes = new int[1 << 16]; // of the state with this number
    private int[] table = new int[1 << 17]; // numbers + 1, by hash
    private final byte[] packed = new byte[LONGEST];
    private int count;
    private long end;

    StateStore(int size) {
        this.size = size;
        this.bits = (size + 7) / 8;
        if (bits + size > LONGEST) {
            throw new IllegalArgumentException("states of " + size + " bytes are too long");
        }
    }

    int count() {
        return count;
    }

    /** The number of this state; it is {@link #count} as it was before if the state is new. */
    int add(byte[] state) {
        int length = pack(state);
        int mask = table.length - 1;
        int hash = hash(length);
        int at = hash & mask;
        while (table[at] != 0) {
            if (hashes[table[at] - 1] == hash && equals(table[at] - 1, length)) {
                return table[at] - 1;
            }
            at = (at + 1) & mask;
        }
        table[at] = count + 1;
        append(length, hash);
        if (count > table.length / 2) {
            grow();
        }
        return count - 1;
    }

    byte[] get(int number) {
        byte[] state = new byte[size];
        byte[] chunk = chunks.get((int) (places[number] / CHUNK));
        int at = (int) (places[number] % CHUNK);
        int next = at + bits;
        for (int i = 0; i < bits; i++) {
            for (int left = chunk[at + i] & 0xFF; left != 0; left &= left - 1) {
                state[8 * i + Integer.numberOfTrailingZeros(left)] = chunk[next++];
            }
        }
        return state;
    }

    private int pack(byte[] state) {
        int next = bits;
        for (int i = 0; i < bits; i++) {
            int present = 0;
            for (int j = 8 * i; j < Math.min(size, 8 * i + 8); j++) {
                byte value = state[j];
                if (value != 0) {
                    present |= 1 << (j & 7);
                    packed[next++] = value;
                }
            }
            packed[i] = (byte) present;
        }
        return next;
    }

    private int hash(int length) {
        long hash = 1125899906842597L;
        for (int i = 0; i < length; i++) {
            hash = hash * 31 + packed[i];
        }
        hash *= 0x9E3779B97F4A7C15L;
        return (int) (hash >>> 32);
    }

    private boolean equals(int number, int length) {
        byte[] chunk = chunks.get((int) (places[number] / CHUNK));
        int at = (int) (places[number] % CHUNK);
        return at + length <= CHUNK && Arrays.equals(chunk, at, at + length, packed, 0, length);
    }

    private void append(int length, int hash) {
        if (chunks.isEmpty() || end % CHUNK + length > CHUNK || end / CHUNK >= chunks.size()) {
            end = (long) chunks.size() * CHUNK;
            chunks.add(new byte[CHUNK]);
        }
        if (count == places.length) {
            places = Arrays.copyOf(places, count * 2);
            hashes = Arrays.copyOf(hashes, count * 2);
        }
        hashes[count] = hash;
        places[count++] = end;
        System.arraycopy(packed, 0, chunks.get((int) (end / CHUNK)), (int) (end % CHUNK), length);
        end += length;
    }

    private void grow() {
        int[] wider = new int[table.length * 2];
        int mask = wider.length - 1;
        for (int number = 0; number < count; number++) {
            int at = hashes[number] & mask;
            while (wider[at] != 0) {
                at = (at + 1) & mask;
            }
            wider[at] = number + 1;
        }
        table = wider;
    }
}
