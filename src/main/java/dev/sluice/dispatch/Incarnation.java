package dev.sluice.dispatch;

import dev.sluice.redis.ExchangeCall;
import dev.sluice.task.TaskId;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One life of a dispatcher on one queue: from a join to the loss of its lease, or to its end. Its name never comes back.
 *
 * <p>Confined to the loop thread.
 */
final class Incarnation {
    private final String id = TaskId.random();
    private final byte[][] keys;
    private final Holdings holdings;
    private final Deque<Sent> unanswered = new ArrayDeque<>();
    private @Nullable Sent ahead;
    private Set<Long> unknownTokens = new HashSet<>();
    private long calls;
    private int suspects;

    Incarnation(java.util.function.Function<String, byte[][]> keysOf, Holdings holdings) {
        this.keys = keysOf.apply(id);
        this.holdings = holdings;
    }

    String id() {
        return id;
    }

    byte[][] keys() {
        return keys;
    }

    Holdings holdings() {
        return holdings;
    }

    long nextCall() {
        return ++calls;
    }

    /** The calls whose outcome is not known, oldest first. */
    Deque<Sent> unanswered() {
        return unanswered;
    }

    /** The one call that waits behind a wait of Redis: it has not run yet, as far as is known, and may do so at any time. */
    @Nullable
    Sent ahead() {
        return ahead;
    }

    void ahead(@Nullable Sent sent) {
        ahead = sent;
    }

    boolean awaits(long call) {
        return (ahead != null && ahead.call.number() == call)
                || unanswered.stream().anyMatch(sent -> sent.call.number() == call);
    }

    /** Whether a call with this number may ever have run. */
    boolean hasSent(long call) {
        return call <= calls;
    }

    /** Whether a later call was sent: Redis may have run that one first, and then never claims for the earlier one. */
    boolean hasOvertaken(Sent sent) {
        return calls > sent.call.number();
    }

    /**
     * Takes back the call that waits behind a wait if this answer proves that it will not claim: Redis ran a later call
     * before it. Null while it may have run, or may yet.
     */
    @Nullable
    Sent voided(Sent answered, long lastCall) {
        Sent waiting = ahead;
        if (waiting == null || answered.call.number() < waiting.call.number() || lastCall >= waiting.call.number()) {
            return null;
        }
        ahead = null;
        waiting.isVoid = true;
        return waiting;
    }

    void suspects(int more) {
        suspects += more;
    }

    int suspects() {
        return suspects;
    }

    /** Remembers tokens that nobody here knows; returns those that were unknown at the last reading, too. */
    List<Long> unknownAgain(Set<Long> now) {
        List<Long> twice = new ArrayList<>(now);
        twice.retainAll(unknownTokens);
        unknownTokens = now;
        return twice;
    }

    /** A call with the tasks it settles. */
    static final class Sent {
        final ExchangeCall call;
        final List<Attempt> settles;
        final boolean suspectWanted;
        News.@Nullable Wait behind;
        boolean isVoid; // behind a wait, and never to claim
        long sentNanos;

        Sent(ExchangeCall call, List<Attempt> settles, boolean suspectWanted) {
            this.call = call;
            this.settles = settles;
            this.suspectWanted = suspectWanted;
        }
    }
}
