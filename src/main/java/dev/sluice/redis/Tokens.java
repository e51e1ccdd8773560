package dev.sluice.redis;

import java.nio.charset.StandardCharsets;

/**
 * A claim token, {@code <call>.<index>} on the wire and one long in memory. Chosen by the dispatcher, so that no
 * rollback of Redis and no clock can issue it again inside one incarnation.
 */
public final class Tokens {
    private static final int INDEX_BITS = 10;
    private static final long INDEX_MASK = (1L << INDEX_BITS) - 1;

    private Tokens() {}

    /** The token of the {@code index}-th task (from 1, at most 1023) of the call with this number. */
    public static long of(long call, int index) {
        return call << INDEX_BITS | index;
    }

    /** The call that claimed this task. */
    public static long call(long token) {
        return token >>> INDEX_BITS;
    }

    /** The task's place in the answer of its call, from 1. */
    public static int index(long token) {
        return (int) (token & INDEX_MASK);
    }

    static String word(long token) {
        return call(token) + "." + index(token);
    }

    /** Reads a token as it stands in the claimed hash; -1 for anything else, such as the field {@code last}. */
    static long parse(byte[] word) {
        String text = new String(word, StandardCharsets.US_ASCII);
        int dot = text.indexOf('.');
        if (dot < 1 || dot > 15) {
            return -1;
        }
        try {
            return of(Long.parseLong(text.substring(0, dot)), Integer.parseInt(text.substring(dot + 1)));
        } catch (NumberFormatException foreign) {
            return -1;
        }
    }
}
