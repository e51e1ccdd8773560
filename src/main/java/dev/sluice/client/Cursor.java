package dev.sluice.client;

import dev.sluice.redis.DeadStore;
import dev.sluice.task.InvalidTaskException;
import java.util.Base64;

/** A position among the dead letters as a text that can be printed, typed and kept. */
final class Cursor {
    private static final int LONGEST = 1_000;

    private Cursor() {}

    static String of(byte[] position) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(position);
    }

    static byte[] parse(String cursor) {
        byte[] position = decoded(cursor);
        if (!DeadStore.isPosition(position)) {
            throw new InvalidTaskException("cursor", "this is no cursor of a listing of dead letters");
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
