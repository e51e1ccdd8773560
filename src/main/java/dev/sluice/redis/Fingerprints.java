package dev.sluice.redis;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * A set of ids of which only 64 bits each are kept: 16 to 32 bytes an id. Two ids may share their bits, so what is not in
 * here is certainly new, and what is in here must be looked at again before it counts.
 */
final class Fingerprints {
    private long[] slots = new long[1 << 12];
    private int size;

    static long of(String id) {
        long hash = 0xcbf29ce484222325L;
        for (byte next : id.getBytes(StandardCharsets.ISO_8859_1)) {
            hash = (hash ^ next) * 0x100000001b3L;
        }
        hash = (hash ^ (hash >>> 32)) * 0x9e3779b97f4a7c15L;
        hash ^= hash >>> 29;
        return hash == 0 ? 1 : hash; // 0 is an empty slot
    }

    /** True if it was not in here yet. */
    boolean add(long fingerprint) {
        if (size * 2 > slots.length) {
            grow();
        }
        int at = find(fingerprint);
        if (slots[at] == fingerprint) {
            return false;
        }
        slots[at] = fingerprint;
        size++;
        return true;
    }

    boolean contains(long fingerprint) {
        return slots[find(fingerprint)] == fingerprint;
    }

    private int find(long fingerprint) {
        int at = (int) fingerprint & (slots.length - 1);
        while (slots[at] != 0 && slots[at] != fingerprint) {
            at = (at + 1) & (slots.length - 1);
        }
        return at;
    }

    private void grow() {
        long[] before = slots;
        slots = new long[before.length * 2];
        Arrays.stream(before).filter(it -> it != 0).forEach(it -> slots[find(it)] = it);
    }
}
