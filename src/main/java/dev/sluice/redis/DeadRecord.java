package dev.sluice.redis;

/** One dead letter as Redis holds it. */
public final class DeadRecord {
    private final byte[] id;
    private final String time;
    private final byte[] bytes;

    DeadRecord(byte[] id, String time, byte[] bytes) {
        this.id = id;
        this.time = time;
        this.bytes = bytes;
    }

    /** The id, byte by byte. Not a copy. */
    public byte[] id() {
        return id;
    }

    /** When it died, in milliseconds since 1970. */
    public long diedMs() {
        return (long) Score.of(time);
    }

    /** When it died as Redis writes it; empty: whenever. */
    String time() {
        return time;
    }

    /** Its failure as one line of JSON, LF, its frame; empty if it was not asked for, or if there is none. Not a copy. */
    public byte[] bytes() {
        return bytes;
    }

    /** What {@link DeadStore#browse} goes on after: a {@link Position}. */
    public byte[] position() {
        return Position.of(time, id);
    }
}
