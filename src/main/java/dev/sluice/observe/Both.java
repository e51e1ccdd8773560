package dev.sluice.observe;

import dev.sluice.task.QueueInfo;

/** Tells two observers, one after the other. Neither throws. Attempts are told to those that wanted them when they were joined. */
final class Both implements Observer {
    private final Observer first;
    private final Observer second;
    private final boolean firstWantsAttempts;
    private final boolean secondWantsAttempts;

    Both(Observer first, Observer second) {
        this.first = first;
        this.second = second;
        this.firstWantsAttempts = first.wantsAttempts();
        this.secondWantsAttempts = second.wantsAttempts();
    }

    @Override
    public void claimed(String queue, int count) {
        first.claimed(queue, count);
        second.claimed(queue, count);
    }

    @Override
    public void settled(String queue, Outcome outcome, int count) {
        first.settled(queue, outcome, count);
        second.settled(queue, outcome, count);
    }

    @Override
    public void exchange(String queue, long nanos, int claimed, int settled) {
        first.exchange(queue, nanos, claimed, settled);
        second.exchange(queue, nanos, claimed, settled);
    }

    @Override
    public void fenced(String queue, int count) {
        first.fenced(queue, count);
        second.fenced(queue, count);
    }

    @Override
    public void recovered(String queue, int count) {
        first.recovered(queue, count);
        second.recovered(queue, count);
    }

    @Override
    public void lost(String queue, int count) {
        first.lost(queue, count);
        second.lost(queue, count);
    }

    @Override
    public void orphans(String queue, int count) {
        first.orphans(queue, count);
        second.orphans(queue, count);
    }

    @Override
    public void lateStatuses(String queue, int count) {
        first.lateStatuses(queue, count);
        second.lateStatuses(queue, count);
    }

    @Override
    public void crowded(String queue, long over) {
        first.crowded(queue, over);
        second.crowded(queue, over);
    }

    @Override
    public void emptied(String queue) {
        first.emptied(queue);
        second.emptied(queue);
    }

    @Override
    public void trimmed(String queue, int count) {
        first.trimmed(queue, count);
        second.trimmed(queue, count);
    }

    @Override
    public void delivered(String target, Outcome outcome, long nanos) {
        first.delivered(target, outcome, nanos);
        second.delivered(target, outcome, nanos);
    }

    @Override
    public void counted(QueueInfo queue) {
        first.counted(queue);
        second.counted(queue);
    }

    @Override
    public void uncounted(String queue) {
        first.uncounted(queue);
        second.uncounted(queue);
    }

    @Override
    public void link(String role, boolean up) {
        first.link(role, up);
        second.link(role, up);
    }

    @Override
    public void lease(String queue, boolean lapsed) {
        first.lease(queue, lapsed);
        second.lease(queue, lapsed);
    }

    @Override
    public void health(String queue, boolean up) {
        first.health(queue, up);
        second.health(queue, up);
    }

    @Override
    public void slots(String queue, int slots, int used) {
        first.slots(queue, slots, used);
        second.slots(queue, slots, used);
    }

    @Override
    public boolean wantsAttempts() {
        return firstWantsAttempts || secondWantsAttempts;
    }

    @Override
    public void attempt(String queue, String type, Outcome outcome, long nanos) {
        if (firstWantsAttempts) {
            first.attempt(queue, type, outcome, nanos);
        }
        if (secondWantsAttempts) {
            second.attempt(queue, type, outcome, nanos);
        }
    }

    @Override
    public void waited(String queue, String type, long nanos) {
        if (firstWantsAttempts) {
            first.waited(queue, type, nanos);
        }
        if (secondWantsAttempts) {
            second.waited(queue, type, nanos);
        }
    }

    @Override
    public void ended(String queue, String type, Outcome outcome, long nanos) {
        if (firstWantsAttempts) {
            first.ended(queue, type, outcome, nanos);
        }
        if (secondWantsAttempts) {
            second.ended(queue, type, outcome, nanos);
        }
    }
}
