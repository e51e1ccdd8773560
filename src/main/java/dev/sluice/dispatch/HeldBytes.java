package dev.sluice.dispatch;

/**
 * How many bytes the tasks have together that a dispatcher holds, of all its queues: their number is bounded, and each may
 * be large, also as other programs push them. Where these are many nothing more is taken until some have ended, but by a
 * queue that has less than its share: no queue waits for another.
 *
 * <p>Confined to the loop thread, once all queues are there.
 */
final class HeldBytes {
    private static final long LEAST = 16 * 1024 * 1024;

    private final long most;
    private long held;
    private int queues;

    HeldBytes(long most) {
        this.most = most;
    }

    /** A quarter of what memory there may be: decoded they have about as much again. */
    static HeldBytes ofThisHeap() {
        return new HeldBytes(Math.max(LEAST, Runtime.getRuntime().maxMemory() / 4));
    }

    /** One more queue has its share. */
    void share() {
        queues++;
    }

    /** By so many there are more, or less. */
    void add(long bytes) {
        held += bytes;
    }

    /** Whether a queue that has that many is to take no more. */
    boolean areTooManyFor(long own) {
        long common = queues > 1 ? most / 2 : most; // of several the other half is for their shares
        return held >= common && own >= common / Math.max(1, queues);
    }
}
