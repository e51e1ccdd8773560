package dev.sluice.redis;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.regex.Pattern;

/** A place in a sorted set that a listing goes on after: the score as Redis writes it, a space, the member. */
public final class Position {
    private static final Pattern SCORE = Pattern.compile("-?([0-9]{1,20}(\\.[0-9]{1,20})?(e[+-]?[0-9]{1,3})?|inf)");

    private Position() {}

    /** Whether these bytes can be one. */
    public static boolean isPosition(byte[] bytes) {
        int space = spaceIn(bytes);
        return space > 0
                && space < bytes.length - 1
                && SCORE.matcher(new String(bytes, 0, space, StandardCharsets.ISO_8859_1))
                        .matches();
    }

    static byte[] of(String score, byte[] member) {
        byte[] head = (score + " ").getBytes(StandardCharsets.US_ASCII);
        byte[] position = Arrays.copyOf(head, head.length + member.length);
        System.arraycopy(member, 0, position, head.length, member.length);
        return position;
    }

    static byte[] score(byte[] position) {
        return Arrays.copyOf(position, spaceIn(position));
    }

    static byte[] member(byte[] position) {
        return Arrays.copyOfRange(position, spaceIn(position) + 1, position.length);
    }

    private static int spaceIn(byte[] position) {
        int space = 0;
        while (space < position.length && position[space] != ' ') {
            space++;
        }
        return space;
    }
}
