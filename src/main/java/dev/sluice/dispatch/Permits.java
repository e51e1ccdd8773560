package dev.sluice.dispatch;

import dev.sluice.observe.Observer;

/**
 * How many tasks a queue's consumer may hold, and how many it does. A permit is taken when a claim is sent, kept while
 * the task is unsettled, and returned when its settle is sent: that call returns the task before it claims the next.
 *
 * <p>Confined to the loop thread.
 */
final class Permits {
    private int limit;
    private int reserved;
    private int held;
    private int toldLimit;
    private int toldHeld;
    private final HeldBytes bytes;
    private long ownBytes;

    /** None is free while the {@code bytes} of all queues are many, and these have their share of them. */
    Permits(int limit, HeldBytes bytes) {
        this.limit = limit;
        this.bytes = bytes;
        bytes.share();
    }

    void limit(int newLimit) {
        limit = newLimit;
    }

    int limit() {
        return limit;
    }

    /** What may be claimed now by a consumer that will take {@code demand} more tasks than were delivered to it. */
    int free(long demand) {
        return freeAfter(0, demand);
    }

    /** What may be claimed by a call that first returns {@code settled} tasks. */
    int freeAfter(int settled, long demand) {
        return bytes.areTooManyFor(ownBytes)
                ? 0
                : (int) Math.max(0, Math.min(limit - reserved - held + settled, demand - reserved));
    }

    /** So many bytes came with tasks, or went with them if it is below 0. */
    void bytes(long more) {
        ownBytes += more;
        bytes.add(more);
    }

    void reserve(int tasks) {
        reserved += tasks;
    }

    /** A claim that had reserved {@code asked} brought {@code got}. */
    void fulfil(int asked, int got) {
        reserved -= asked;
        held += got;
    }

    void release(int tasks) {
        held -= tasks;
    }

    void clear() {
        reserved = 0;
        held = 0;
        bytes(-ownBytes);
    }

    /** True if nothing is held and no claim is under way. */
    boolean isIdle() {
        return reserved == 0 && held == 0;
    }

    int held() {
        return held;
    }

    /** Tells by how much all permits, and those that tasks hold, have changed since it was last told. */
    void tell(Observer observer, String queue) {
        if (limit != toldLimit || held != toldHeld) {
            observer.slots(queue, limit - toldLimit, held - toldHeld);
            toldLimit = limit;
            toldHeld = held;
        }
    }

    /** The last that is told: there are none any more. */
    void tellEnd(Observer observer, String queue) {
        limit = 0;
        held = 0;
        bytes(-ownBytes);
        tell(observer, queue);
    }
}
