package dev.sluice.task;

/** The one measure for names that travel to Redis and back: their UTF-8 length, and no invisible characters. */
final class Text {

    private Text() {}

    /**
     * The number of UTF-8 bytes of {@code text}, or -1 if it holds a control character (U+0000 to U+001F, U+007F) or an
     * unpaired surrogate, which has no UTF-8 form: two different strings would become the same bytes.
     */
    static int plainUtf8Length(String text) {
        int bytes = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c < 0x20 || c == 0x7F) {
                return -1;
            }
            if (c < 0x80) {
                bytes++;
            } else if (c < 0x800) {
                bytes += 2;
            } else if (!Character.isSurrogate(c)) {
                bytes += 3;
            } else if (i + 1 < text.length() && Character.isSurrogatePair(c, text.charAt(i + 1))) {
                bytes += 4;
                i++;
            } else {
                return -1;
            }
        }
        return bytes;
    }

    static boolean isPlain(String text, int minBytes, int maxBytes) {
        int bytes = plainUtf8Length(text);
        return bytes >= minBytes && bytes <= maxBytes;
    }

    /** At most {@code limit} characters of {@code text}, never half of a surrogate pair; a cut ends in {@code …}. */
    static String cut(String text, int limit) {
        if (text.length() <= limit) {
            return text;
        }
        int end = limit - 1;
        return text.substring(0, Character.isHighSurrogate(text.charAt(end - 1)) ? end - 1 : end) + "…";
    }
}
