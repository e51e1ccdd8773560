package dev.sluice.codec;

import tools.jackson.core.JsonParser;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.json.JsonFactory;

/**
 * Makes parsers that know the names of the texts before, and keeps of these names a bounded amount. A factory of Jackson's
 * keeps each name that it ever met until there are 6,000, however long they are, and copies them all for each text with a
 * new one: of names that somebody else chooses, or that are keys of a map, that may be a gigabyte.
 *
 * <p>Thread-safe.
 */
final class Parsers {
    private static final int LONG_TEXT = 16 * 1024;
    private static final int BYTES_OF_ONE_FACTORY = 256 * 1024; // no text has longer names than itself

    private final JsonFactory like;
    private volatile Names names;

    /** Ones such as {@code like} makes. */
    Parsers(JsonFactory like) {
        this.like = like;
        this.names = new Names(like);
    }

    JsonParser of(byte[] buffer, int offset, int length) {
        return of(ObjectReadContext.empty(), buffer, offset, length);
    }

    /** One that a deserializer may ask to read values and trees. */
    JsonParser of(ObjectReadContext context, byte[] buffer, int offset, int length) {
        return factory(length).createParser(context, buffer, offset, length);
    }

    private JsonFactory factory(int length) {
        if (length > LONG_TEXT) {
            return like.rebuild().build();
        }
        Names now = names;
        now.bytes += length; // of many threads some may not be counted
        if (now.bytes > BYTES_OF_ONE_FACTORY) {
            names = new Names(like);
        }
        return now.factory;
    }

    private static final class Names {
        private final JsonFactory factory;
        private int bytes;

        private Names(JsonFactory like) {
            factory = like.rebuild().build();
        }
    }
}
