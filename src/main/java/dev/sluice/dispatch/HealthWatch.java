package dev.sluice.dispatch;

import dev.sluice.observe.Observer;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.scheduler.Schedulers;

/**
 * Looks twice a second whether the loop still turns, from another thread, for the loop may be what hangs; and tells the
 * observer when a queue has begun, or ceased, to be worked on.
 *
 * <p>It counts its own looks and not the time: when the whole process was halted, both slept. {@link #health} may be asked
 * from any thread, and costs a few reads.
 */
final class HealthWatch {
    private static final Logger log = LoggerFactory.getLogger(HealthWatch.class);
    private static final long EVERY_MS = 500;
    private static final int QUIET_LOOKS = 4;

    private final EventLoop loop;
    private final Observer observer;
    private final Outages outages;
    private final Map<String, Boolean> told = new HashMap<>();
    private final Disposable.Swap looking = Disposables.swap();
    private long turnsSeen = -1;
    private int quietLooks;
    private volatile Health whole = Health.of(Health.State.UP, "");

    HealthWatch(EventLoop loop, Outages outages, Observer observer) {
        this.loop = loop;
        this.outages = outages;
        this.observer = observer;
    }

    /** Each look is set by the one before: after a halt of the process those that were missed would come all at once. */
    void begin() {
        looking.update(Schedulers.parallel()
                .schedule(
                        () -> {
                            look();
                            begin();
                        },
                        EVERY_MS,
                        TimeUnit.MILLISECONDS));
    }

    /** From now on everything is stopped. Not to be called on the loop: it takes the lock of a timer queue. */
    void end() {
        looking.dispose();
        whole = Health.of(Health.State.STOPPED, "");
        tell();
    }

    /** Each queue in the order in which they were added. What holds for the loop holds for all of them. */
    Map<String, Health> health() {
        Health now = whole;
        Map<String, Health> all = new LinkedHashMap<>();
        outages.health().forEach((queue, its) -> all.put(queue, now.isUp() ? its : now));
        return all;
    }

    private void look() {
        long turns = loop.turns();
        quietLooks = turns == turnsSeen ? quietLooks + 1 : 0;
        turnsSeen = turns;
        Health before = whole;
        if (before.isUp() && quietLooks >= QUIET_LOOKS) {
            whole = Health.of(
                    Health.State.STALLED, "the dispatcher loop has not turned for " + EVERY_MS * quietLooks + " ms");
            log.atWarn()
                    .addKeyValue("queues", outages.health().keySet())
                    .log("The dispatcher loop does not turn; others take its tasks when its leases end");
        } else if (before.state() == Health.State.STALLED && quietLooks == 0) {
            whole = Health.of(Health.State.UP, "");
            log.atInfo().addKeyValue("since", before.since()).log("The dispatcher loop turns again");
        }
        tell();
    }

    private synchronized void tell() {
        health().forEach((queue, health) -> {
            boolean before = told.getOrDefault(queue, false);
            if (before != health.isUp()) {
                told.put(queue, health.isUp());
                observer.health(queue, health.isUp());
            }
        });
    }
}
