package dev.sluice.redis;

import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.output.CommandOutput;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The flat answer of a script: integers and byte strings in the order in which Redis sent them, nesting dissolved. */
final class Reply {
    private final List<@Nullable Object> parts = new ArrayList<>();

    int size() {
        return parts.size();
    }

    long number(int index) {
        Object part = parts.get(index);
        if (part instanceof Long number) {
            return number;
        }
        if (part instanceof byte[] digits) {
            return Long.parseLong(new String(digits, StandardCharsets.US_ASCII));
        }
        throw new IllegalStateException("expected a number at " + index + " of " + parts);
    }

    /** A number as it would be written, however Redis sent it. */
    String digits(int index) {
        return parts.get(index) instanceof Long number ? number.toString() : text(index);
    }

    byte[] bytes(int index) {
        Object part = parts.get(index);
        if (part instanceof byte[] bytes) {
            return bytes;
        }
        throw new IllegalStateException("expected bytes at " + index + " of " + parts);
    }

    boolean isNull(int index) {
        return parts.get(index) == null;
    }

    String text(int index) {
        return new String(bytes(index), StandardCharsets.UTF_8);
    }

    /** Collects what Lettuce decodes; one instance serves one command. */
    static final class Output extends CommandOutput<byte[], byte[], Reply> {
        private static final double MOST_EXACT = 9e15;

        Output() {
            super(ByteArrayCodec.INSTANCE, new Reply());
        }

        @Override
        public void set(@Nullable ByteBuffer bytes) {
            byte[] copy = null;
            if (bytes != null) {
                copy = new byte[bytes.remaining()];
                bytes.get(copy);
            }
            output.parts.add(copy);
        }

        @Override
        public void set(long integer) {
            output.parts.add(integer);
        }

        /** A score comes as a number in RESP3 and as digits in RESP2: here always as digits. */
        @Override
        public void set(double number) {
            String digits = number == Math.rint(number) && Math.abs(number) < MOST_EXACT
                    ? Long.toString((long) number)
                    : Double.toString(number);
            output.parts.add(digits.getBytes(StandardCharsets.US_ASCII));
        }

        @Override
        public void multi(int count) {
            if (count < 0) {
                output.parts.add(null);
            }
        }
    }
}
