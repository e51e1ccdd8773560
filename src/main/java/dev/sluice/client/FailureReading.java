package dev.sluice.client;

import dev.sluice.codec.JsonCodec;
import dev.sluice.task.Failure;
import dev.sluice.task.SluiceException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The failure in front of a dead letter, whoever wrote it: what is missing or odd is left empty, never an error. */
final class FailureReading {
    private static final JsonCodec JSON = JsonCodec.standard();
    private static final int LONGEST_ODD_LINE = 2_000;

    private FailureReading() {}

    /** Where the first line of a record ends. */
    static int endOfLine(byte[] bytes) {
        int end = 0;
        while (end < bytes.length && bytes[end] != '\n') {
            end++;
        }
        return end;
    }

    /** The failure in the first {@code length} bytes of a record. */
    static Failure of(byte[] record, int length) {
        if (record.length == 0) {
            return Failure.of("no-record", "only the time of its death is kept");
        }
        try {
            if (JSON.decode(record, 0, length, Object.class) instanceof Map<?, ?> fields) {
                return in(fields);
            }
        } catch (SluiceException odd) {
            // It is told as it stands.
        }
        int shown = Math.min(length, LONGEST_ODD_LINE);
        return Failure.of("unknown", new String(record, 0, shown, StandardCharsets.UTF_8));
    }

    /** The failure that these fields tell of. */
    static Failure in(@Nullable Object json) {
        Map<?, ?> fields = json instanceof Map<?, ?> map ? map : Map.of();
        return new Failure(
                orEmpty(text(fields.get("reason"))),
                text(fields.get("type")),
                orEmpty(text(fields.get("message"))),
                orEmpty(text(fields.get("trace"))));
    }

    private static @Nullable String text(@Nullable Object value) {
        return value instanceof String text ? text : null;
    }

    private static String orEmpty(@Nullable String text) {
        return text == null ? "" : text;
    }
}
