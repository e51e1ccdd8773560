package dev.sluice.http;

/** How many elements the page of a list may have: the parameter {@code limit}. */
final class Limit {
    private static final int USUAL = 50;
    private static final int MOST = 200;

    private Limit() {}

    static int of(Target target) {
        String text = target.parameter("limit");
        if (text == null) {
            return USUAL;
        }
        if (!text.matches("[1-9][0-9]{0,2}") || Integer.parseInt(text) > MOST) {
            throw Problem.of(400, "bad-parameter", "it must be a whole number, 1 to " + MOST)
                    .fact("parameter", "limit");
        }
        return Integer.parseInt(text);
    }
}
