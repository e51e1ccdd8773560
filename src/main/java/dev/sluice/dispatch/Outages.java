package dev.sluice.dispatch;

import dev.sluice.observe.Observer;
import dev.sluice.task.StoreRefusedException;
import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * Tells once that Redis is away, and once that it is back, however many queues of a dispatcher notice it and however long
 * it lasts. What Redis refuses to a single queue is told for that queue.
 *
 * <p>Confined to the loop thread, except for {@link #health}.
 */
final class Outages {
    private static final Logger log = LoggerFactory.getLogger(Outages.class);

    private static final Duration TO_TELL_ALL_QUEUES = Duration.ofSeconds(10);

    private final Observer observer;
    private final Map<String, Outage> queues = Collections.synchronizedMap(new LinkedHashMap<>());
    private int queuesAway;
    private boolean emptiedTold;
    private long emptiedNanos;
    private int leasesLost;
    private int tasksCancelled;

    Outages(Observer observer) {
        this.observer = observer;
    }

    /** The state of one queue, which begins answered. */
    Outage of(String queue) {
        Outage outage = new Outage(queue);
        queues.put(queue, outage);
        return outage;
    }

    /** Redis does not answer whoever is about to start with all of them; each is back when it is joined. */
    void cannotStart(Throwable reason) {
        synchronized (queues) {
            queues.values().forEach(outage -> outage.begin(reason));
        }
    }

    /** The dispatcher has ended, and its loop with it: whether Redis answers it is no question any more. */
    void close() {
        if (queuesAway > 0) {
            observer.link("commands", true);
        }
    }

    /** How each queue is, in the order in which they came. Any thread. */
    Map<String, Health> health() {
        Map<String, Health> all = new LinkedHashMap<>();
        synchronized (queues) {
            queues.forEach((queue, outage) -> all.put(queue, outage.health));
        }
        return all;
    }

    /** Whether one queue's calls go unanswered. */
    final class Outage {
        private final String queue;
        private boolean open;
        private boolean refused;
        private volatile Health health = Health.of(Health.State.STARTING, "");

        private Outage(String queue) {
            this.queue = queue;
        }

        boolean isOpen() {
            return open;
        }

        /** The queue cannot be joined, for now: whoever asks for its health learns why. What is refused is told elsewhere. */
        void cannotJoin(Throwable reason) {
            if (reason instanceof StoreRefusedException) {
                down(reason);
            } else {
                begin(reason);
            }
        }

        private void down(Throwable reason) {
            Health.State state =
                    reason instanceof StoreRefusedException ? Health.State.REFUSED : Health.State.RECONNECTING;
            if (health.state() != state) {
                health = Health.of(state, String.valueOf(reason.getMessage()));
            }
        }

        void begin(Throwable reason) {
            down(reason);
            if (open) {
                return;
            }
            open = true;
            refused = reason instanceof StoreRefusedException;
            if (refused) {
                log.atWarn()
                        .addKeyValue("queue", queue)
                        .addKeyValue("reason", reason.getMessage())
                        .log("Redis refuses what this queue needs; it is tried again until somebody changes that");
            } else if (queuesAway++ == 0) {
                observer.link("commands", false);
                log.atWarn()
                        .addKeyValue("queue", queue)
                        .addKeyValue("reason", reason.getMessage())
                        .log("Redis does not answer; dispatching goes on when it does");
            }
        }

        /** Redis serves this queue, whether or not it had been known that it did not. */
        void end() {
            if (!health.isUp()) {
                health = Health.of(Health.State.UP, "");
            }
            if (!open) {
                return;
            }
            open = false;
            if (refused) {
                log.atInfo().addKeyValue("queue", queue).log("Redis serves this queue again");
            } else if (--queuesAway == 0) {
                observer.link("commands", true);
                log.atInfo()
                        .addKeyValue("leases.lost", leasesLost)
                        .addKeyValue("tasks.cancelled", tasksCancelled)
                        .log("Redis answers again");
                leasesLost = 0;
                tasksCancelled = 0;
            }
        }

        /** The keys of the queue were gone. Of an emptied server that is so of all its queues, and is told once. */
        void emptied() {
            long now = System.nanoTime();
            boolean isNews = !emptiedTold || now - emptiedNanos > TO_TELL_ALL_QUEUES.toNanos();
            emptiedTold = true;
            emptiedNanos = now;
            log.atLevel(isNews ? Level.WARN : Level.DEBUG)
                    .addKeyValue("queue", queue)
                    .log("The keys of this queue were gone, and perhaps of others: Redis came back empty, or they were"
                            + " removed. What waited in them is lost, and the queue begins anew");
            observer.emptied(queue);
        }

        /** What the queue has in Redis beside its tasks was gone, and is written anew. */
        void settingsGone() {
            log.atWarn()
                    .addKeyValue("queue", queue)
                    .log(
                            "The settings of the queue were gone from Redis, and are written anew. It is neither paused nor"
                                    + " draining any more");
        }

        /** A lease is lost, and the handlers of so many tasks are cancelled: told at the end if Redis is away. */
        void leaseLost(int held, String reason) {
            if (queuesAway > 0) {
                leasesLost++;
                tasksCancelled += held;
                return;
            }
            log.atWarn()
                    .addKeyValue("queue", queue)
                    .addKeyValue("held", held)
                    .addKeyValue("reason", reason)
                    .log("The lease is lost; handlers are cancelled and the dispatcher joins anew");
        }
    }
}
