package dev.sluice.dispatch;

import dev.sluice.redis.ClaimStore;
import dev.sluice.redis.ProgressReport;
import dev.sluice.task.StoreUnavailableException;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells Redis how far the running tasks of one queue are. A task waits here at most once, however often its handler
 * speaks: each call takes what was said last. One call is under way at a time. It makes nothing late: a report that comes
 * after its task's end finds its token gone.
 */
final class ProgressReports {
    private static final Logger log = LoggerFactory.getLogger(ProgressReports.class);
    private static final long PAUSE_NANOS = 200_000_000L;
    private static final int MOST_A_CALL = 256;
    private static final int LONGEST_TEXT = 200;

    private final ClaimStore store;
    private final Calls calls;
    private final Queue<Attempt> waiting = new ConcurrentLinkedQueue<>();
    private boolean telling;
    private boolean remain;
    private long toldNanos = System.nanoTime() - PAUSE_NANOS;

    ProgressReports(ClaimStore store, Calls calls) {
        this.store = store;
        this.calls = calls;
    }

    /** What a handler said, on one line that is not too long. */
    static String line(String text) {
        int end = Math.min(text.length(), LONGEST_TEXT);
        if (end < text.length() && Character.isHighSurrogate(text.charAt(end - 1))) {
            end--;
        }
        StringBuilder line = new StringBuilder(end);
        for (int i = 0; i < end; i++) {
            line.append(Character.isISOControl(text.charAt(i)) ? ' ' : text.charAt(i));
        }
        return line.toString();
    }

    /** Any thread. */
    void add(Attempt attempt) {
        waiting.offer(attempt);
    }

    /** Tells what there is, if it is time. Loop thread only, as all below. */
    void tick(long nowNanos, Incarnation now) {
        if (telling || waiting.isEmpty() || (!remain && nowNanos - toldNanos < PAUSE_NANOS)) {
            return;
        }
        List<Attempt> attempts = new ArrayList<>();
        List<ProgressReport> reports = new ArrayList<>();
        Attempt next = waiting.poll();
        while (next != null) {
            ProgressReport report = next.takeReport();
            if (report != null && next.holdings() == now.holdings()) {
                attempts.add(next);
                reports.add(report);
            }
            next = reports.size() < MOST_A_CALL ? waiting.poll() : null;
        }
        remain = reports.size() == MOST_A_CALL;
        toldNanos = nowNanos;
        if (!reports.isEmpty()) {
            tell(now, attempts, reports);
        }
    }

    private void tell(Incarnation now, List<Attempt> attempts, List<ProgressReport> reports) {
        telling = true;
        calls.run(store.report(now.id(), now.keys(), reports), kept -> telling = false, failure -> {
            telling = false;
            log.debug("Cannot tell the progress of tasks", failure);
            if (failure instanceof StoreUnavailableException) { // a Redis that refuses it would go on refusing
                for (int i = 0; i < attempts.size(); i++) {
                    attempts.get(i).reportAgain(reports.get(i));
                }
            }
        });
    }
}
