package dev.sluice.client;

import dev.sluice.redis.Position;
import dev.sluice.task.InvalidTaskException;
import java.util.Base64;

/** A {@link Position} as a text that can be printed, typed and kept. */
final class Cursor {
    private static final int LONGEST = 1_000;

    private Cursor() {}

    static String of(byte[] position) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(position);
    }

    /** Throws {@link InvalidTaskException} if it is no cursor of a listing of these. */
    static byte[] parse(String cursor, String listed) {
        byte[] position = decoded(cursor);
        if (!Position.isPosition(position)) {
            throw new InvalidTaskException("cursor", "this is no cursor of a listing of " + listed);
        }
        return position;
    }

    private static byte[] decoded(String cursor) {
        try {
            return cursor.length() > LONGEST
                    ? new byte[0]
                    : Base64.getUrlDecoder().decode(cursor);
        } catch (IllegalArgumentException notBase64) {
            return new byte[0];
        }
    }
}
