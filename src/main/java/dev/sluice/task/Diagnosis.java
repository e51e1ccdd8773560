package dev.sluice.task;

import java.util.List;

/**
 * What an examination of a queue's stored state found. Immutable.
 *
 * @param findings each broken invariant that was still broken a moment later; those that were repaired are marked
 * @param doubts the same for what may be in order, because Redis holds nothing that would tell
 * @param liveTasks how many tasks the queue holds, dead letters included
 * @param isComplete false if so much is broken that not all of it was looked at: repair, and look again
 */
public record Diagnosis(List<Finding> findings, List<Finding> doubts, long liveTasks, boolean isComplete) {

    /** Copies both lists. */
    public Diagnosis {
        findings = List.copyOf(findings);
        doubts = List.copyOf(doubts);
    }

    /** Whether no invariant is broken, or none is any more. */
    public boolean isClean() {
        return isComplete && findings.stream().allMatch(Finding::repaired);
    }
}
