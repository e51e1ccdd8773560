package dev.sluice.dispatch;

import dev.sluice.observe.Observer;
import dev.sluice.observe.Outcome;
import dev.sluice.task.Verdict;
import java.util.EnumMap;
import java.util.Map;

/** Counts the outcomes of one batch, so that an observer is told once for each kind. */
final class Tally {
    private final Map<Outcome, Integer> others = new EnumMap<>(Outcome.class);
    private int succeeded;

    void add(Verdict verdict) {
        if (verdict instanceof Verdict.Succeeded) {
            succeeded++;
        } else {
            others.merge(outcome(verdict), 1, Integer::sum);
        }
    }

    void tell(Observer observer, String queue) {
        if (succeeded > 0) {
            observer.settled(queue, Outcome.SUCCEEDED, succeeded);
        }
        others.forEach((outcome, count) -> observer.settled(queue, outcome, count));
    }

    private static Outcome outcome(Verdict verdict) {
        if (verdict instanceof Verdict.Retry) {
            return Outcome.RETRIED;
        } else if (verdict instanceof Verdict.Snooze) {
            return Outcome.SNOOZED;
        } else if (verdict instanceof Verdict.Dead) {
            return Outcome.DEAD;
        } else if (verdict instanceof Verdict.Discarded) {
            return Outcome.DISCARDED;
        }
        return Outcome.RELEASED;
    }
}
