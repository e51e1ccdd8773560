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

    /**
     * At most {@code limit} characters of {@code text}; a cut ends in {@code …}. Unpaired surrogates become U+FFFD, so
     * that what comes out can be written as UTF-8, and a cut leaves no half of a pair.
     */
    static String cut(String text, int limit) {
        int end = text.length() <= limit ? text.length() : limit - 1;
        if (end < text.length() && Character.isHighSurrogate(text.charAt(end - 1))) {
            end--;
        }
        String head = text.substring(0, end);
        String sound = head.chars().anyMatch(c -> Character.isSurrogate((char) c)) ? paired(head) : head;
        return end < text.length() ? sound + "…" : sound;
    }

    private static String paired(String text) {
        StringBuilder sound = new StringBuilder(text.length());
        text.codePoints().forEach(c -> sound.appendCodePoint(c >= 0xD800 && c <= 0xDFFF ? 0xFFFD : c));
        return sound.toString();
    }
}
