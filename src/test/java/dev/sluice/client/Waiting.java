package dev.sluice.client;

/** Lets tests of other packages see how many wait for tasks. */
public final class Waiting {
    private Waiting() {}

    /** How many wait for tasks of this client's queue. */
    public static int through(TaskClient client) {
        return client.awaiting();
    }
}
