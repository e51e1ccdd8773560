package dev.sluice.http;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;

/**
 * Cuts the items out of a body while it arrives: its lines, or the elements of its one array. It looks for their ends only;
 * what is wrong inside of one is found by whoever reads it, and costs none of its neighbours. Keeps one item at most.
 *
 * <p>For one body, part after part.
 */
final class Splitter {
    private enum Place {
        BEFORE,
        INSIDE,
        BEHIND
    }

    private static final byte[] NOTHING = new byte[0];
    private static final int WORTH_KEEPING = 16 * 1024;

    private final boolean lines;
    private final int longest;
    private ByteArrayOutputStream item = new ByteArrayOutputStream(256);
    private final List<Item> found = new ArrayList<>();
    private Place place;
    private long index;
    private int depth;
    private boolean text;
    private boolean escaped;
    private boolean tooLong;
    private boolean blank = true;
    private boolean followed;

    private Splitter(boolean lines, int longest) {
        this.lines = lines;
        this.longest = longest;
        this.place = lines ? Place.INSIDE : Place.BEFORE;
    }

    static Splitter ofLines(int longest) {
        return new Splitter(true, longest);
    }

    static Splitter ofArray(int longest) {
        return new Splitter(false, longest);
    }

    /** The items that end in this part; throws a {@link Problem} if the body is no array of which an item was found. */
    List<Item> feed(byte[] part) {
        int from = 0;
        for (int i = 0; i < part.length; i++) {
            byte b = part[i];
            if (place != Place.INSIDE) {
                outside(b);
                from = i + 1;
            } else if (ends(b)) {
                close(part, from, i, b == ']' && !lines);
                from = i + 1;
            } else if (blank) {
                blank = isSpace(b);
            } else if (lines) {
                i = beforeEndOfLine(part, i);
            }
        }
        if (place == Place.INSIDE) {
            append(part, from, part.length);
        }
        return taken();
    }

    /** What is left at the end of the body; throws as {@link #feed} does. */
    List<Item> end() {
        if (lines) {
            close(NOTHING, 0, 0, false);
        } else if (place != Place.BEHIND) {
            noArray(place == Place.BEFORE ? "the body is no array of tasks" : "the body ends before its array does");
        }
        return taken();
    }

    private boolean ends(byte b) {
        if (lines) {
            return b == '\n';
        }
        if (escaped) {
            escaped = false;
        } else if (text) {
            escaped = b == '\\';
            text = b != '"';
        } else if (b == '"') {
            text = true;
        } else if (b == '{' || b == '[') {
            depth++;
        } else if (depth > 0 && (b == '}' || b == ']')) {
            depth--;
        } else {
            return depth == 0 && (b == ',' || b == ']');
        }
        return false;
    }

    private void outside(byte b) {
        if (isSpace(b)) {
            return;
        }
        if (place == Place.BEHIND) {
            if (!followed) {
                followed = true;
                noArray("something follows the array of tasks");
            }
        } else if (b == '[') {
            place = Place.INSIDE;
        } else {
            noArray("the body is no array of tasks");
        }
    }

    /** Refuses all of the body if nothing of it was taken, else what is behind its last item. */
    private void noArray(String why) {
        Problem problem = Problem.of(400, "malformed-json", why);
        if (index == 0) {
            throw problem;
        }
        found.add(Item.bad(index, problem));
    }

    /** The last place before the end of the line at {@code i}, or in the part: in between nothing matters. */
    private static int beforeEndOfLine(byte[] part, int i) {
        int last = i;
        while (last + 1 < part.length && part[last + 1] != '\n') {
            last++;
        }
        return last;
    }

    private void append(byte[] part, int from, int to) {
        if (tooLong || item.size() + to - from > longest) {
            tooLong = true;
            empty();
        } else {
            item.write(part, from, to - from);
        }
    }

    private void close(byte[] part, int from, int to, boolean last) {
        boolean whole = item.size() == 0 && !tooLong && to - from <= longest;
        if (!whole) {
            append(part, from, to);
        }
        boolean nothing = blank && (lines || (last && index == 0));
        if (tooLong) {
            found.add(Item.bad(
                    index++, Problem.of(413, "body-too-large", "a task must have at most " + longest + " bytes")));
        } else if (!nothing) {
            found.add(whole ? Item.of(index++, part, from, to) : Item.of(index++, item.toByteArray(), 0, item.size()));
        }
        empty();
        tooLong = false;
        blank = true;
        if (last) {
            place = Place.BEHIND;
        }
    }

    /** A buffer that was large once would stay so until the body ends. */
    private void empty() {
        if (item.size() > WORTH_KEEPING) {
            item = new ByteArrayOutputStream(256);
        } else {
            item.reset();
        }
    }

    private List<Item> taken() {
        List<Item> taken = List.copyOf(found);
        found.clear();
        return taken;
    }

    private static boolean isSpace(byte b) {
        return b == ' ' || b == '\t' || b == '\r' || b == '\n';
    }
}
