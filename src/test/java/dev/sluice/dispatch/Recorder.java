package dev.sluice.dispatch;

import dev.sluice.observe.Observer;
import dev.sluice.observe.Outcome;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/** Counts what an observer is told. */
final class Recorder implements Observer {
    final AtomicLong claimed = new AtomicLong();
    final AtomicLong exchanges = new AtomicLong();
    final AtomicLong mostSettled = new AtomicLong(); // by one exchange
    final AtomicLong fenced = new AtomicLong();
    final AtomicLong recovered = new AtomicLong();
    final AtomicLong lost = new AtomicLong();
    final AtomicLong over = new AtomicLong();
    final AtomicLong orphans = new AtomicLong();
    final AtomicLong lapses = new AtomicLong();
    final AtomicLong rejoins = new AtomicLong();
    final AtomicLong lateStatuses = new AtomicLong();
    final AtomicLong trimmed = new AtomicLong();
    final AtomicLong cuts = new AtomicLong();
    final AtomicLong mends = new AtomicLong();
    final AtomicLong up = new AtomicLong();
    private final Map<Outcome, AtomicLong> settled = new ConcurrentHashMap<>();

    long settled(Outcome outcome) {
        return settled.computeIfAbsent(outcome, it -> new AtomicLong()).get();
    }

    @Override
    public void claimed(String queue, int count) {
        claimed.addAndGet(count);
    }

    @Override
    public void settled(String queue, Outcome outcome, int count) {
        settled.computeIfAbsent(outcome, it -> new AtomicLong()).addAndGet(count);
    }

    @Override
    public void exchange(String queue, long nanos, int claims, int settles) {
        exchanges.incrementAndGet();
        mostSettled.accumulateAndGet(settles, Math::max);
    }

    @Override
    public void fenced(String queue, int count) {
        fenced.addAndGet(count);
    }

    @Override
    public void crowded(String queue, long count) {
        over.set(count);
    }

    @Override
    public void recovered(String queue, int count) {
        recovered.addAndGet(count);
    }

    @Override
    public void lost(String queue, int count) {
        lost.addAndGet(count);
    }

    @Override
    public void orphans(String queue, int count) {
        orphans.addAndGet(count);
    }

    @Override
    public void health(String queue, boolean isUp) {
        up.addAndGet(isUp ? 1 : -1);
    }

    @Override
    public void lateStatuses(String queue, int count) {
        lateStatuses.addAndGet(count);
    }

    @Override
    public void trimmed(String queue, int count) {
        trimmed.addAndGet(count);
    }

    @Override
    public void lease(String queue, boolean lapsed) {
        (lapsed ? lapses : rejoins).incrementAndGet();
    }

    @Override
    public void link(String role, boolean up) {
        (up ? mends : cuts).incrementAndGet();
    }
}
