package dev.sluice.app.config;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** The mistakes found so far: all of them are told at once, those of the file first and in its order. */
final class Problems {
    private static final Comparator<Problem> IN_ORDER = Comparator.<Problem, Boolean>comparing(
                    it -> it.source.line() == 0)
            .thenComparing(it -> it.source.line())
            .thenComparing(it -> it.source.column());

    private final List<Problem> found = new ArrayList<>();

    void add(Source source, String path, String sentence) {
        add(source, path + (sentence.startsWith("'") ? ": " : " ") + sentence);
    }

    void add(Source source, String sentence) {
        found.add(new Problem(source, sentence));
    }

    boolean isEmpty() {
        return found.isEmpty();
    }

    int count() {
        return found.size();
    }

    ConfigurationException asException() {
        return new ConfigurationException(found.stream()
                .sorted(IN_ORDER)
                .map(it -> it.source.exactly() + ": " + it.sentence)
                .toList());
    }

    private record Problem(Source source, String sentence) {}
}
