package dev.sluice.app.config;

import java.util.ArrayList;
import java.util.List;

/** The mistakes found so far: all of them are told at once. */
final class Problems {
    private final List<String> sentences = new ArrayList<>();

    void add(Source source, String path, String sentence) {
        sentences.add(source.exactly() + ": " + path + (sentence.startsWith("'") ? ": " : " ") + sentence);
    }

    void add(Source source, String sentence) {
        sentences.add(source.exactly() + ": " + sentence);
    }

    boolean isEmpty() {
        return sentences.isEmpty();
    }

    int count() {
        return sentences.size();
    }

    ConfigurationException asException() {
        return new ConfigurationException(List.copyOf(sentences));
    }
}
