package dev.sluice.codec;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * The strict check that bytes are UTF-8.
 *
 * <p>Jackson's parser is lenient where it skips: over-long forms and lone surrogates pass, and it takes UTF-16 and
 * UTF-32 for JSON too. Two readers of one element must never see two different ids, so such bytes are refused up front.
 * Pure ASCII, the common case, costs an eighth of a step per byte.
 */
final class Utf8 {

    private static final VarHandle LONGS = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.nativeOrder());
    private static final long HIGH_BITS = 0x8080808080808080L;

    private Utf8() {}

    /** Whether the bytes are UTF-8, without a byte order mark, and do not begin like UTF-16 or UTF-32. */
    static boolean isText(byte[] buffer, int offset, int length) {
        return isValid(buffer, offset, length) && !hasMark(buffer, offset, length) && !hasZero(buffer, offset, length);
    }

    private static boolean hasMark(byte[] buffer, int offset, int length) {
        return length >= 3
                && buffer[offset] == (byte) 0xEF
                && buffer[offset + 1] == (byte) 0xBB
                && buffer[offset + 2] == (byte) 0xBF;
    }

    /** A zero byte among the first four is what makes the parser take JSON for UTF-16 or UTF-32. */
    private static boolean hasZero(byte[] buffer, int offset, int length) {
        for (int i = offset; i < offset + Math.min(4, length); i++) {
            if (buffer[i] == 0) {
                return true;
            }
        }
        return false;
    }

    static boolean isValid(byte[] buffer, int offset, int length) {
        int end = offset + length;
        int i = offset;
        while (i < end) {
            if (end - i >= Long.BYTES && ((long) LONGS.get(buffer, i) & HIGH_BITS) == 0) {
                i += Long.BYTES;
            } else if (buffer[i] >= 0) {
                i++;
            } else {
                int size = sequence(buffer, i, end);
                if (size == 0) {
                    return false;
                }
                i += size;
            }
        }
        return true;
    }

    /** The size of the well-formed sequence of two to four bytes at {@code i}, or 0 (Unicode, table 3-7). */
    private static int sequence(byte[] buffer, int i, int end) {
        int lead = buffer[i] & 0xFF;
        int size = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
        if (size == 0 || end - i < size) {
            return 0;
        }
        int second = buffer[i + 1] & 0xFF;
        int lowest = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
        int highest = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
        if (second < lowest || second > highest) {
            return 0;
        }
        for (int k = 2; k < size; k++) {
            if ((buffer[i + k] & 0xC0) != 0x80) {
                return 0;
            }
        }
        return size;
    }
}
