package dev.sluice.dispatch;

import dev.sluice.observe.Observer;
import dev.sluice.observe.Outcome;
import dev.sluice.task.Verdict;
import java.util.EnumMap;
import java.util.Map;

/** Counts the outcomes of one batch, so that an observer is told once for each kind; and each attempt, if it asks for that. */
final class Tally {
    private static final String UNKNOWN = "unknown";

    private final Map<Outcome, Integer> others = new EnumMap<>(Outcome.class);
    private final Observer observer;
    private final String queue;
    private final boolean timed;
    private final Consumer consumer;
    private int succeeded;

    Tally(Observer observer, String queue, boolean timed, Consumer consumer) {
        this.observer = observer;
        this.queue = queue;
        this.timed = timed;
        this.consumer = consumer;
    }

    void add(Attempt attempt) {
        Verdict verdict = attempt.verdict();
        if (timed && attempt.wasStarted()) {
            tellTimes(attempt, outcome(verdict));
        }
        if (verdict instanceof Verdict.Succeeded) {
            succeeded++;
        } else {
            others.merge(outcome(verdict), 1, Integer::sum);
        }
    }

    void tell() {
        if (succeeded > 0) {
            observer.settled(queue, Outcome.SUCCEEDED, succeeded);
        }
        others.forEach((outcome, count) -> observer.settled(queue, outcome, count));
    }

    private void tellTimes(Attempt attempt, Outcome outcome) {
        String type =
                consumer.handles(attempt.type()) ? attempt.type() : UNKNOWN; // only such types are fit for a metric
        observer.attempt(queue, type, outcome, attempt.ranNanos());
        if (attempt.waitedMs() == 0) {
            return;
        }
        long waitedNanos = attempt.waitedMs() * 1_000_000L;
        if (attempt.frame().fencingNumber() == 1) { // of any later claim nobody knows since when it waited for that
            observer.waited(queue, type, waitedNanos);
        }
        if (outcome.isEnd()) {
            observer.ended(queue, type, outcome, waitedNanos + attempt.ranNanos());
        }
    }

    private static Outcome outcome(Verdict verdict) {
        if (verdict instanceof Verdict.Succeeded) {
            return Outcome.SUCCEEDED;
        } else if (verdict instanceof Verdict.Retry) {
            return Outcome.RETRIED;
        } else if (verdict instanceof Verdict.Snooze) {
            return Outcome.SNOOZED;
        } else if (verdict instanceof Verdict.Dead) {
            return Outcome.DEAD;
        } else if (verdict instanceof Verdict.Discarded) {
            return Outcome.DISCARDED;
        } else if (verdict instanceof Verdict.Cancelled) {
            return Outcome.CANCELLED;
        }
        return Outcome.RELEASED;
    }
}
