package dev.sluice.redis;

/** A score of a sorted set as Redis writes it, which has words of its own for what is infinite. */
final class Score {
    private Score() {}

    static double of(String text) {
        return switch (text) {
            case "inf" -> Double.POSITIVE_INFINITY;
            case "-inf" -> Double.NEGATIVE_INFINITY;
            default -> Double.parseDouble(text);
        };
    }
}
