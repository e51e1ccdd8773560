package dev.sluice.model;

import java.util.ArrayList;
import java.util.List;

/** What happens in a step, put into words only if somebody reads it: of millions of steps that are a dozen. */
final class Story {
    private final List<Object> words = new ArrayList<>();

    static Story of(Object... words) {
        return new Story().and(words);
    }

    Story and(Object... more) {
        for (Object word : more) {
            words.add(word);
        }
        return this;
    }

    @Override
    public String toString() {
        StringBuilder all = new StringBuilder();
        words.forEach(all::append);
        return all.toString();
    }
}
