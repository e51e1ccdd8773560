package dev.sluice.app.config;

import java.util.Collection;
import java.util.Comparator;
import java.util.Optional;

/** Finds what somebody may have meant to write. */
public final class Similar {
    private static final int MOST_EDITS = 2;

    private Similar() {}

    /** The candidate with the fewest edits, if these are few for a word of that length. */
    public static Optional<String> to(String word, Collection<String> candidates) {
        int limit = Math.min(MOST_EDITS, Math.max(1, word.length() / 3));
        return candidates.stream()
                .filter(candidate -> edits(word, candidate) <= limit)
                .min(Comparator.comparingInt(candidate -> edits(word, candidate)));
    }

    /** Letters to insert, remove, replace or swap with their neighbour, until one is the other. */
    static int edits(String one, String other) {
        int[][] cost = new int[one.length() + 1][other.length() + 1];
        for (int i = 0; i <= one.length(); i++) {
            for (int j = 0; j <= other.length(); j++) {
                if (i == 0 || j == 0) {
                    cost[i][j] = i + j;
                    continue;
                }
                int change = one.charAt(i - 1) == other.charAt(j - 1) ? 0 : 1;
                cost[i][j] = Math.min(cost[i - 1][j - 1] + change, 1 + Math.min(cost[i - 1][j], cost[i][j - 1]));
                if (i > 1
                        && j > 1
                        && one.charAt(i - 1) == other.charAt(j - 2)
                        && one.charAt(i - 2) == other.charAt(j - 1)) {
                    cost[i][j] = Math.min(cost[i][j], cost[i - 2][j - 2] + 1);
                }
            }
        }
        return cost[one.length()][other.length()];
    }
}
