package dev.sluice.redis;

import org.jspecify.annotations.Nullable;

/** Some dead letters that follow each other, as {@link DeadStore#browse} answers them. */
public final class DeadPage {
    private static final int HEAD = 4;
    private static final int FIELDS = 3;

    private final Reply reply;

    DeadPage(Reply reply) {
        this.reply = reply;
    }

    /** How many there are, from 0 to {@link DeadStore#PAGE}. */
    public int size() {
        return (reply.size() - HEAD) / FIELDS;
    }

    /** One of them, in their order from 0. */
    public DeadRecord get(int index) {
        int at = HEAD + index * FIELDS;
        return new DeadRecord(reply.bytes(at), reply.text(at + 1), reply.bytes(at + 2));
    }

    /** Whether more follow. */
    public boolean more() {
        return reply.number(2) == 1;
    }

    /** The time of Redis as it was read, in ms. */
    public long nowMs() {
        return reply.number(3);
    }

    /** When the latest of all dead letters died, in ms as Redis writes it; null if there are none. */
    public @Nullable String latest() {
        String time = reply.text(1);
        return time.isEmpty() ? null : time;
    }

    /** The same as a number, infinite where a hand wrote a time that never comes; NaN if there are none. */
    public double latestMs() {
        String time = latest();
        return time == null ? Double.NaN : Score.of(time);
    }
}
