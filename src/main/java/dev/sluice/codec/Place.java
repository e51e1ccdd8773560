package dev.sluice.codec;

import tools.jackson.core.JacksonException;
import tools.jackson.core.TokenStreamLocation;

/** Where in the bytes a parser stopped, in words: the one part of its message that holds no text of the input. */
final class Place {

    private Place() {}

    static String of(JacksonException problem) {
        TokenStreamLocation location = problem.getLocation();
        return location == null ? "somewhere" : of(location);
    }

    static String of(TokenStreamLocation location) {
        return "line " + location.getLineNr() + ", column " + location.getColumnNr();
    }
}
