package dev.sluice.task;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What becomes of ticks of a schedule that nobody fired in time: no dispatcher ran, Redis was away, the queue was draining.
 *
 * <p>In all cases a schedule goes on with its first tick in the future. Immutable.
 *
 * @param most how many of the missed ticks are fired at most, the newest of them
 * @param punctual whether a tick that is more than a minute late is fired no more
 */
public record Misfire(int most, boolean punctual) {
    private static final int MOST = 100;
    private static final Pattern CATCH_UP = Pattern.compile("catch-up ([0-9]{1,3})");

    /**
     * Checked.
     *
     * @param most 1 to 100
     * @throws InvalidTaskException if outside of that
     */
    public Misfire {
        if (most < 1 || most > MOST) {
            throw new InvalidTaskException(
                    "misfire", "misfire can catch up with 1 to " + MOST + " missed ticks, was " + most);
        }
    }

    /** Fires once for all that was missed, however late. The default. */
    public static Misfire once() {
        return new Misfire(1, false);
    }

    /** Fires nothing for a tick that is more than a minute late. */
    public static Misfire skip() {
        return new Misfire(1, true);
    }

    /**
     * Fires each missed tick, in its order; of more than {@code most} only the newest.
     *
     * @param most 1 to 100
     */
    public static Misfire catchUp(int most) {
        return new Misfire(most, false);
    }

    /**
     * The policy that is written {@code once}, {@code skip} or {@code catch-up N}.
     *
     * @throws InvalidTaskException if it is none of these
     */
    public static Misfire parse(String text) {
        Matcher catchUp = CATCH_UP.matcher(text);
        if (catchUp.matches()) {
            return catchUp(Integer.parseInt(catchUp.group(1)));
        }
        return switch (text) {
            case "once" -> once();
            case "skip" -> skip();
            default ->
                throw new InvalidTaskException(
                        "misfire",
                        "misfire must be once, skip or catch-up 1 to " + MOST + ", was '" + Printable.of(text) + "'");
        };
    }

    /** As {@link #parse} reads it. */
    @Override
    public String toString() {
        return punctual ? "skip" : most == 1 ? "once" : "catch-up " + most;
    }
}
