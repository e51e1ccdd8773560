package dev.sluice.redis;

/** What became of each task of one enqueue call, by its place in the call. */
public final class EnqueueReply {
    /** One task's fate. */
    public enum Fate {
        /** Put into the queue by this call. */
        CREATED,
        /** A task with this id lives already; nothing was changed. */
        EXISTING,
        /** The queue has reached its length limit; nothing was changed. */
        FULL,
        /** The queue is draining and takes no new tasks; nothing was changed. */
        CLOSED
    }

    private final Fate[] fates;
    private final long told;

    EnqueueReply(Reply reply, int count) {
        fates = new Fate[count];
        java.util.Arrays.fill(fates, Fate.CREATED);
        int at = mark(reply, 2, Fate.EXISTING);
        told = reply.number(mark(reply, at, reply.number(0) == 1 ? Fate.CLOSED : Fate.FULL));
    }

    private int mark(Reply reply, int at, Fate fate) {
        int count = (int) reply.number(at);
        for (int i = 1; i <= count; i++) {
            fates[(int) reply.number(at + i) - 1] = fate;
        }
        return at + 1 + count;
    }

    /** The fate of the task at {@code index}, from 0. */
    public Fate fate(int index) {
        return fates[index];
    }

    /** How many messages had told of ends by then: those with a higher number tell of later ones. */
    public long told() {
        return told;
    }
}
