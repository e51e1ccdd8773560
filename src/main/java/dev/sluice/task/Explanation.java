package dev.sluice.task;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Where one task is, and why it does not run. Immutable.
 *
 * @param id whose
 * @param place where it is
 * @param where the same in one sentence
 * @param reasons why it does not run, each with a stable code; empty if nothing keeps it
 * @param facts what is known of it by name: {@code status}, {@code list}, {@code ahead}, {@code attempts},
 *     {@code crashes}, {@code dueInMs}, {@code dispatcher}, {@code leaseMs}, {@code diedMsAgo}, {@code failure},
 *     {@code percent}, {@code progress}, {@code reportedMsAgo}; only those that apply
 * @param isComplete false if it was not found within the elements that were looked at, so that it may be behind them
 */
public record Explanation(
        String id, Place place, String where, List<Reason> reasons, Map<String, Object> facts, boolean isComplete) {

    /** Copies the reasons and the facts; none of them null. */
    public Explanation {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(place, "place");
        reasons = List.copyOf(reasons);
        facts = Collections.unmodifiableMap(new LinkedHashMap<>(facts));
    }

    /** The whole explanation as sentences: where it is, then why it does not run. */
    public List<String> sentences() {
        List<String> sentences = new ArrayList<>();
        sentences.add(where);
        reasons.forEach(reason -> sentences.add(reason.text()));
        return List.copyOf(sentences);
    }

    /** Where a task can be. */
    public enum Place {
        /** In a list; the next free handler takes the first. */
        WAITING,
        /** In the list of those that crashed their dispatchers, of which each dispatcher holds one at a time. */
        SUSPECT,
        /** Waits for its time. */
        DELAYED,
        /** A dispatcher holds it. */
        CLAIMED,
        /** It was cancelled where it waited; what is left of it in a list is dropped there. */
        CANCELLED,
        /** Kept as a dead letter. */
        DEAD,
        /** Its status says that it lives, but it is nowhere. */
        GHOST,
        /** At-most-once: it runs, or did when its dispatcher died. */
        RUNNING_OR_LOST,
        /** Nothing is known of it: it has ended, or never was. */
        UNKNOWN,
        /** It waits behind the elements that were looked at, or it is nowhere. */
        NOT_FOUND_YET
    }

    /**
     * One thing that keeps a task from running.
     *
     * @param code a stable word for programs, such as {@code no-dispatcher}; src/docs/cli.md lists them
     * @param text the same for people, in a sentence
     */
    public record Reason(String code, String text) {}
}
