package dev.sluice.task;

/** A refused value as an error message may show it: at most 80 characters, nothing invisible, one line. */
final class Printable {

    private static final int MAX = 80;

    private Printable() {}

    static String of(String value) {
        String head = Text.cut(value, MAX);
        StringBuilder shown = new StringBuilder(head.length());
        head.codePoints().forEach(c -> append(shown, c));
        return shown.toString();
    }

    private static void append(StringBuilder shown, int c) {
        int kind = Character.getType(c);
        if (kind == Character.CONTROL
                || kind == Character.FORMAT
                || kind == Character.LINE_SEPARATOR
                || kind == Character.PARAGRAPH_SEPARATOR) {
            shown.append(String.format("\\u%04x", c));
        } else {
            shown.appendCodePoint(c);
        }
    }
}
