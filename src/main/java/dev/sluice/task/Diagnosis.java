package dev.sluice.task;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What an examination of a queue's stored state found. Immutable.
 *
 * @param findings each broken invariant, in words, with the ids or keys that show it; empty if all is well
 * @param doubts the same for what may be in order, because Redis holds nothing that would tell: in an at-most-once queue
 *     the tasks that are running, or were when their dispatcher died
 * @param liveTasks how many tasks the queue holds, dead letters included
 */
public record Diagnosis(Map<String, List<String>> findings, Map<String, List<String>> doubts, int liveTasks) {

    /** Copies both maps, in the order of their words. */
    public Diagnosis {
        findings = copy(findings);
        doubts = copy(doubts);
    }

    /** Whether no invariant is broken. */
    public boolean isClean() {
        return findings.isEmpty();
    }

    private static Map<String, List<String>> copy(Map<String, List<String>> kinds) {
        Map<String, List<String>> copy = new TreeMap<>();
        kinds.forEach((what, which) -> copy.put(what, List.copyOf(which)));
        return Collections.unmodifiableMap(copy);
    }
}
