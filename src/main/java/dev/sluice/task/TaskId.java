package dev.sluice.task;

import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The rules for task ids, and fresh ones.
 *
 * <p>An id is any text of 1 to 512 UTF-8 bytes without control characters (U+0000 to U+001F, U+007F) and without
 * unpaired surrogates. It is unique among the live tasks of its queue; choosing it yourself makes enqueueing
 * idempotent.
 */
public final class TaskId {

    /** The longest id, in UTF-8 bytes. */
    public static final int MAX_BYTES = 512;

    private static final int PREFIX_LENGTH = 3;
    private static final int COUNTER_LENGTH = 11; // 62^11 > 2^64: eleven characters hold any long
    private static final byte[] ALPHABET =
            "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".getBytes(StandardCharsets.US_ASCII);

    private static final byte[] PREFIX = new byte[PREFIX_LENGTH];
    private static final AtomicLong COUNTER;

    static {
        SecureRandom random = new SecureRandom();
        putBase62(random.nextLong(), PREFIX, 0, PREFIX_LENGTH);
        COUNTER = new AtomicLong(random.nextLong());
    }

    private TaskId() {}

    /**
     * A fresh id of 14 base62 characters: as many as Redis keeps in 16 bytes.
     *
     * <p>Three characters are random per process, eleven are a counter from a random 64-bit start, mixed so that neighbours
     * do not look alike. Never repeats within a process; between processes a clash needs overlapping counters and equal
     * first characters: of a thousand processes that each make 10^9 ids, any two clash once in some 10^9 cases. Not a
     * secret: whoever knows one id can guess others. Never blocks; any thread.
     */
    public static String random() {
        byte[] id = new byte[PREFIX_LENGTH + COUNTER_LENGTH];
        System.arraycopy(PREFIX, 0, id, 0, PREFIX_LENGTH);
        putBase62(mix(COUNTER.getAndIncrement()), id, PREFIX_LENGTH, COUNTER_LENGTH);
        return new String(id, StandardCharsets.ISO_8859_1);
    }

    /**
     * {@code id} itself, if it is a valid id.
     *
     * @throws InvalidTaskException if it breaks the rule above
     */
    public static String check(String id) {
        if (!isValid(id)) {
            throw new InvalidTaskException(
                    "id",
                    "a task id must be 1 to " + MAX_BYTES
                            + " UTF-8 bytes without control characters or unpaired surrogates, was '" + Printable.of(id)
                            + "' (" + id.length() + " characters)");
        }
        return id;
    }

    /** Whether {@code id} is a valid id: {@link #check} without the exception. */
    public static boolean isValid(String id) {
        return Text.isPlain(id, 1, MAX_BYTES);
    }

    /** A bijection of the 64-bit numbers (the finalizer of SplitMix64): distinct in, distinct out. */
    private static long mix(long z) {
        z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }

    /** The last {@code length} digits. */
    private static void putBase62(long unsigned, byte[] target, int offset, int length) {
        long rest = unsigned;
        for (int i = offset + length - 1; i >= offset; i--) {
            long quotient = (rest >>> 1) / 31; // rest / 62, unsigned
            target[i] = ALPHABET[(int) (rest - quotient * 62)];
            rest = quotient;
        }
    }
}
