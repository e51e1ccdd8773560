package dev.sluice.dispatch;

import dev.sluice.observe.Observer;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How many tasks a queue's consumer may hold, and how many it does. A permit is taken when a claim is sent, kept while
 * the task is unsettled, and returned when its settle is sent: that call returns the task before it claims the next.
 *
 * <p>Confined to the loop thread.
 */
final class Permits {
    private static final Logger log = LoggerFactory.getLogger(Permits.class);
    static final Duration WAIT_UNTOLD = Duration.ofSeconds(30);

    private int limit;
    private int reserved;
    private int held;
    private int toldLimit;
    private int toldHeld;
    private final HeldBytes bytes;
    private long ownBytes;
    private boolean waits; // for room, and since then none of what is held has ended
    private long waitsSinceNanos;
    private boolean waitTold;

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
        waits &= more >= 0;
        ownBytes += more;
        bytes.add(more);
    }

    /**
     * Tells once if nothing is taken, though it is asked for, only because of the bytes of what is held, and none of that has
     * ended for {@link #WAIT_UNTOLD}: a subscriber that first collects as many would wait forever without a word.
     */
    void look(long nowNanos, long demand, String queue) {
        boolean isAskedFor = held > 0 && Math.min(limit - reserved - held, demand - reserved) > 0;
        if (!isAskedFor || !bytes.areTooManyFor(ownBytes)) {
            waits = false;
            waitTold = false;
        } else if (!waits) {
            waits = true;
            waitsSinceNanos = nowNanos;
        } else if (!waitTold && nowNanos - waitsSinceNanos >= WAIT_UNTOLD.toNanos()) {
            waitTold = true;
            log.atWarn()
                    .addKeyValue("queue", queue)
                    .addKeyValue("tasks", held)
                    .addKeyValue("bytes", ownBytes)
                    .log(
                            "Nothing more is taken until some of the tasks held end: together they have as much as the heap"
                                    + " has room for");
        }
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
