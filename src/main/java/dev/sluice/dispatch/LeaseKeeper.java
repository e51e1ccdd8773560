package dev.sluice.dispatch;

import dev.sluice.redis.ClaimStore;
import dev.sluice.redis.EventLink;
import dev.sluice.redis.HeartbeatReply;
import dev.sluice.redis.Tokens;
import dev.sluice.task.StoreUnavailableException;
import dev.sluice.task.Verdict;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.Disposable;
import reactor.core.scheduler.Schedulers;

/**
 * Keeps the lease of one incarnation, from its join to its loss.
 *
 * <p>Heartbeats leave from the loop, so that a loop that does not turn does not look alive to others. The guard runs on
 * another thread, for the loop may be what hangs: before the lease can lapse it cancels every handler, by this process's
 * own clock. Once a lease the tokens on both sides are compared.
 *
 * <p>Confined to the loop thread, but for the guard, and the time until which the lease is sure.
 */
final class LeaseKeeper {
    private static final Logger log = LoggerFactory.getLogger(LeaseKeeper.class);
    private static final long LONGEST_PAUSE_NANOS = 500_000_000L;

    private final Incarnation incarnation;
    private final ClaimStore store;
    private final Calls calls;
    private final HandlerPool pool;
    private final EventLink events;
    private final Outages.Outage outage;
    private final Duration lease;
    private final Consumer<String> onLoss;
    private final Runnable onUnknown;
    private final Consumer<List<Long>> onOrphans;
    private final Disposable guarding;
    private boolean beating;
    private boolean asked;
    private long beatNanos;
    private long comparedNanos;
    private long tickedNanos = System.nanoTime();
    private long stillNanos; // the longest time without a tick since the lease was last renewed
    private boolean ended;

    /** Begins to keep a lease that was granted by a call sent at {@code grantedNanos}. */
    LeaseKeeper(
            Incarnation incarnation,
            ClaimStore store,
            Calls calls,
            HandlerPool pool,
            EventLink events,
            Outages.Outage outage,
            Duration lease,
            long grantedNanos,
            Consumer<String> onLoss,
            Runnable onUnknown,
            Consumer<List<Long>> onOrphans) {
        this.incarnation = incarnation;
        this.store = store;
        this.calls = calls;
        this.pool = pool;
        this.events = events;
        this.outage = outage;
        this.lease = lease;
        this.onLoss = onLoss;
        this.onUnknown = onUnknown;
        this.onOrphans = onOrphans;
        this.beatNanos = grantedNanos;
        this.comparedNanos = grantedNanos;
        renewed(grantedNanos);
        long everyMs = Math.max(20, lease.toMillis() / 20);
        this.guarding =
                Schedulers.parallel().schedulePeriodically(this::guard, everyMs, everyMs, TimeUnit.MILLISECONDS);
    }

    /** Sends a heartbeat, and compares tokens, when it is time; {@code reachable} is false while calls go unanswered. */
    void tick(long nowNanos, boolean reachable) {
        stillNanos = Math.max(stillNanos, nowNanos - tickedNanos);
        tickedNanos = nowNanos;
        guard(); // here as well: Reactor's threads may all be busy with what others do there
        if (!beating && (asked || nowNanos - beatNanos > lease.toNanos() / 3)) {
            asked = false;
            beat(nowNanos);
        }
        if (reachable && nowNanos - comparedNanos > lease.toNanos()) {
            comparedNanos = nowNanos;
            compare();
        }
    }

    /** Keeps nothing any more; answers that are still on their way change nothing. */
    void end() {
        ended = true;
        pool.elsewhere(guarding::dispose); // it takes the lock of a timer queue
    }

    /** Asks with the next tick which tasks are to be stopped: the answer of the claim of one may be on its way still. */
    void beatSoon() {
        asked = true;
    }

    private void beat(long nowNanos) {
        events.ensure();
        beating = true;
        beatNanos = nowNanos;
        calls.run(
                store.heartbeat(incarnation.id(), lease, incarnation.holdings().sureFor(nowNanos))
                        .doOnNext(reply -> sureIfRenewed(reply, nowNanos)),
                reply -> {
                    beating = false;
                    if (reply.renewed()) {
                        renewed(nowNanos);
                        if (reply.unknown()) {
                            onUnknown.run();
                        }
                        if (!reply.cancelling().isEmpty()) {
                            incarnation.holdings().cancel(reply.cancelling());
                        }
                    } else if (!ended) {
                        onLoss.accept("its lease had lapsed");
                    }
                },
                failure -> {
                    beating = false;
                    beatNanos = toBeatSoon(lease);
                });
    }

    /** Redis counts from when the call arrives, which is later, and a tenth is left for clocks that differ in pace. Any thread. */
    private void sure(long sentNanos) {
        incarnation.holdings().sureUntil(sentNanos + sureNanos(lease));
    }

    /** On the thread of the answer: the guard is not to act while that waits for the loop. */
    private void sureIfRenewed(HeartbeatReply reply, long sentNanos) {
        if (reply.renewed()) {
            sure(sentNanos);
        }
    }

    private void renewed(long sentNanos) {
        sure(sentNanos);
        Holdings holdings = incarnation.holdings();
        if (holdings.isSure(System.nanoTime())) { // else it was sent before a standstill, and is of no use after it
            stillNanos = 0;
        }
    }

    /** For how long after a call that grants or renews it was sent a lease is surely held. */
    static long sureNanos(Duration lease) {
        return lease.toNanos() - lease.toNanos() / 10;
    }

    /** From when to count a third of the lease after a heartbeat failed: several tries fit into what is left of it. */
    static long toBeatSoon(Duration lease) {
        long pause = Math.min(LONGEST_PAUSE_NANOS, lease.toNanos() / 40);
        return System.nanoTime() - lease.toNanos() / 3 + pause;
    }

    private void guard() {
        Holdings holdings = incarnation.holdings();
        if (!holdings.isAbandoned() && !holdings.isSure(System.nanoTime())) {
            try {
                holdings.abandonAll();
            } finally { // an error of the machine must not leave a life that claims and starts nothing
                calls.later(() -> {
                    if (!ended) {
                        tellLoss(Math.max(stillNanos, System.nanoTime() - tickedNanos));
                    }
                });
            }
        }
    }

    /** Where the loop stood still for longer than from one heartbeat to the next, Redis is not to blame. */
    private void tellLoss(long withoutTick) {
        if (withoutTick > lease.toNanos() / 3) {
            onLoss.accept("this process, or its loop, stood still for " + withoutTick / 1_000_000 + " ms");
        } else {
            outage.begin(new StoreUnavailableException("a lease could not be renewed in time", null));
            onLoss.accept("it could not be renewed in time");
        }
    }

    /** Compares what Redis says we hold with what we hold (R2): only a Redis that went back in time needs it. */
    private void compare() {
        Set<Long> here = new HashSet<>();
        incarnation.holdings().forEach(attempt -> here.add(attempt.token()));
        calls.run(
                store.held(incarnation.id()),
                there -> {
                    if (!ended) {
                        releaseUnknown(there);
                        here.removeAll(new HashSet<>(there));
                        here.forEach(this::cancel);
                    }
                },
                failure -> log.debug("Cannot compare tokens now", failure));
    }

    /** A token that nobody here knows, twice in a row and under no unanswered call, has no handler: it goes back. */
    private void releaseUnknown(List<Long> there) {
        Set<Long> unknown = new HashSet<>();
        for (long token : there) {
            if (incarnation.holdings().find(token) == null && !incarnation.awaits(Tokens.call(token))) {
                unknown.add(token);
            }
        }
        List<Long> twice = incarnation.unknownAgain(unknown);
        if (!twice.isEmpty()) {
            onOrphans.accept(twice);
        }
    }

    /** A task that Redis does not know as ours: its handler must not go on. */
    private void cancel(long token) {
        Attempt attempt = incarnation.holdings().find(token);
        if (attempt != null) {
            incarnation.holdings().cut(attempt, Verdict.released());
        }
    }
}
