package dev.sluice.task;

/** What a schedule does at a tick whose predecessor's task still waits or runs. */
public enum Overlap {
    /** Fires all the same: the two may run side by side. The default. */
    ALLOW,
    /** Leaves this tick out. What {@code trigger} made does not count. */
    SKIP;

    /**
     * The word {@code allow} or {@code skip}.
     *
     * @throws InvalidTaskException if it is neither
     */
    public static Overlap parse(String word) {
        return switch (word) {
            case "allow" -> ALLOW;
            case "skip" -> SKIP;
            default ->
                throw new InvalidTaskException(
                        "overlap", "overlap must be allow or skip, was '" + Printable.of(word) + "'");
        };
    }

    /** As {@link #parse} reads it. */
    public String word() {
        return this == ALLOW ? "allow" : "skip";
    }
}
