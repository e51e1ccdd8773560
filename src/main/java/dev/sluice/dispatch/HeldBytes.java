package dev.sluice.dispatch;

/**
 * How many bytes the tasks have together that a dispatcher holds, of all its queues: their number is bounded, and each may
 * be large, also as other programs push them. Where these are many nothing more is taken until some have ended.
 *
 * <p>Confined to the loop thread.
 */
final class HeldBytes {
    private static final long LEAST = 16 * 1024 * 1024;

    private final long most;
    private long held;

    HeldBytes(long most) {
        this.most = most;
    }

    /** A quarter of what memory there may be: decoded they have about as much again. */
    static HeldBytes ofThisHeap() {
        return new HeldBytes(Math.max(LEAST, Runtime.getRuntime().maxMemory() / 4));
    }

    /** By so many there are more, or less. */
    void add(long bytes) {
        held += bytes;
    }

    boolean areMany() {
        return held >= most;
    }
}
