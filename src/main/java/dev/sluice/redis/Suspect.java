package dev.sluice.redis;

import dev.sluice.task.Finding;

/**
 * Something that looked wrong once.
 *
 * @param incarnation whose claimed hash it is about, or {@code -}
 * @param subject what {@code repair.lua} takes first: an id, an incarnation or a field, as {@link Pages} spells ids
 * @param first what it takes second
 * @param second what it takes third
 * @param detail for people
 */
record Suspect(Finding.Kind kind, String incarnation, String subject, String first, String second, String detail) {

    static Suspect of(Finding.Kind kind, String subject, String first, String second, String detail) {
        return new Suspect(kind, "-", subject, first, second, detail);
    }

    Finding found(boolean repaired) {
        return new Finding(kind, Pages.shown(subject), detail, repaired);
    }
}
