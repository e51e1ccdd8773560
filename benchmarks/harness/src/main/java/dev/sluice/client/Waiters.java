package dev.sluice.client;

/** How many wait through a client. */
public final class Waiters {
    private Waiters() {}

    public static int of(TaskClient client) {
        return client.awaiting();
    }
}
