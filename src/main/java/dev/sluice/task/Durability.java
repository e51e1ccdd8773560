package dev.sluice.task;

import java.util.Objects;

/**
 * What must have happened to a task before its producer is told that it is in the queue.
 *
 * <p>It is about the moment of enqueueing only: a task that was answered for is on that many servers, or on disk, and
 * what becomes of it afterwards (a retry, its end) is as durable as Redis itself makes it. It narrows the window in which
 * a failover loses an accepted task and does not close it: a replica that acknowledged nothing may still be made master.
 * That cannot be if {@link #replicated} asks for <em>all</em> replicas.
 */
public final class Durability {
    /** The most replicas that can be asked for. */
    public static final int MAX_REPLICAS = 100;

    private static final Durability MEMORY = new Durability(0, false);
    private static final Durability FSYNC = new Durability(0, true);

    private final int replicas;
    private final boolean fsync;

    private Durability(int replicas, boolean fsync) {
        this.replicas = replicas;
        this.fsync = fsync;
    }

    /** In the memory of the master, the default: as durable as its append-only file and its replication make it. */
    public static Durability memory() {
        return MEMORY;
    }

    /**
     * Also in the memory of {@code replicas} replicas, by {@code WAIT}. If fewer acknowledge it within 1 s, enqueueing
     * fails with {@link NotDurableException}. Ask for all replicas there are if a failover must lose nothing.
     *
     * @param replicas 1 to {@value #MAX_REPLICAS}
     * @throws InvalidTaskException if outside of that
     */
    public static Durability replicated(int replicas) {
        if (replicas < 1 || replicas > MAX_REPLICAS) {
            throw new InvalidTaskException(
                    "replicas",
                    "replicas must be 1 to " + MAX_REPLICAS + ", was " + replicas + " (memory() waits for none)");
        }
        return new Durability(replicas, false);
    }

    /**
     * Also on the disk of the master, by {@code WAITAOF}: needs Redis 7.2 and {@code appendonly yes}, and is refused with
     * {@link StoreRefusedException} otherwise. If it is not on disk within 2 s, enqueueing fails with
     * {@link NotDurableException}. With {@code appendfsync everysec} an answer takes up to about 1 s, which many tasks share.
     */
    public static Durability fsync() {
        return FSYNC;
    }

    /** How many replicas must have it, 0 = none. */
    public int replicas() {
        return replicas;
    }

    /** Whether the master must have it on disk. */
    public boolean isFsync() {
        return fsync;
    }

    /** Whether nothing beyond the answer of the master is waited for. */
    public boolean isMemory() {
        return !fsync && replicas == 0;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Durability that && replicas == that.replicas && fsync == that.fsync;
    }

    @Override
    public int hashCode() {
        return Objects.hash(replicas, fsync);
    }

    /** {@code memory}, {@code replicated(2)} or {@code fsync}. */
    @Override
    public String toString() {
        return fsync ? "fsync" : replicas == 0 ? "memory" : "replicated(" + replicas + ")";
    }
}
