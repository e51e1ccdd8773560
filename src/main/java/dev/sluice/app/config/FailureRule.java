package dev.sluice.app.config;

import dev.sluice.codec.Durations;
import dev.sluice.task.RetryPolicy;
import dev.sluice.task.Verdict;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What follows a failure of one class, known by its name: the class itself may be in a handler's jar, which this side cannot
 * load. As text: the name, a colon, and {@code retry}, {@code retry DURATION}, {@code dead} or {@code discard}.
 */
record FailureRule(String className, Then then, @Nullable Duration delay) {
    static final String FORM = "a mapping of exception classes to retry, retry DURATION, dead or discard, or none";

    private static final Pattern CLASS =
            Pattern.compile("[\\p{L}_$][\\p{L}\\p{N}_$]*(\\.[\\p{L}_$][\\p{L}\\p{N}_$]*)*");
    private static final Duration LONGEST = Verdict.MAX_DELAY;

    /** What follows. */
    enum Then {
        RETRY,
        DEAD,
        DISCARD;

        String word() {
            return name().toLowerCase(java.util.Locale.ROOT);
        }
    }

    /** Reads {@code CLASS: THEN, CLASS: THEN}, or {@code none}. */
    static List<FailureRule> all(String text) {
        List<FailureRule> rules = new ArrayList<>();
        for (String one : text.equals(Kind.NONE) ? new String[0] : text.split(",", -1)) {
            String[] parts = one.split(":", 2);
            if (parts.length < 2) {
                throw new IllegalArgumentException("must be " + FORM + ", was '" + text + "'");
            }
            rules.add(of(parts[0].strip(), parts[1].strip()));
        }
        return List.copyOf(rules);
    }

    /** The rule for one class; what is wrong with either is thrown. */
    static FailureRule of(String className, String then) {
        if (!CLASS.matcher(className).matches()) {
            throw new IllegalArgumentException("'" + className + "' is no name of a class");
        }
        checkKnown(className);
        String[] words = then.strip().split("\\s+", 2);
        Then what = then(words[0]);
        if (words.length == 1) {
            return new FailureRule(className, what, null);
        } else if (what != Then.RETRY) {
            throw new IllegalArgumentException("only retry takes a duration, was '" + then + "'");
        }
        Duration delay = Durations.parse(words[1]);
        if (delay.compareTo(LONGEST) > 0) {
            throw new IllegalArgumentException("the wait must be 0s to 8760h, was '" + words[1] + "'");
        }
        return new FailureRule(className, what, delay);
    }

    /** {@code policy} with this rule behind its others. */
    RetryPolicy addTo(RetryPolicy policy) {
        return switch (then) {
            case RETRY -> delay == null ? policy.retryOn(className) : policy.retryOn(className, delay);
            case DEAD -> policy.deadOn(className);
            case DISCARD -> policy.discardOn(className);
        };
    }

    /** As it is written. */
    @Override
    public String toString() {
        return className + ": " + then.word() + (delay == null ? "" : " " + Durations.text(delay));
    }

    private static Then then(String word) {
        for (Then then : Then.values()) {
            if (then.word().equals(word)) {
                return then;
            }
        }
        throw new IllegalArgumentException("must be retry, retry DURATION, dead or discard, was '" + word + "'"
                + Similar.to(word, List.of("retry", "dead", "discard"))
                        .map(it -> "; did you mean " + it + "?")
                        .orElse(""));
    }

    /** A name of Java's or of ours that cannot be loaded is misspelt; another may be in a jar that is not here. */
    private static void checkKnown(String className) {
        boolean ours = className.startsWith("java.") || className.startsWith("dev.sluice.");
        if ((ours || !className.contains(".")) && !isException(className)) {
            throw new IllegalArgumentException("'" + className
                    + "' is no exception that is known here; write the whole name," + " such as java.io.IOException");
        }
    }

    private static boolean isException(String className) {
        try {
            return Throwable.class.isAssignableFrom(
                    Class.forName(className, false, FailureRule.class.getClassLoader()));
        } catch (ClassNotFoundException | LinkageError elsewhere) {
            return false;
        }
    }
}
