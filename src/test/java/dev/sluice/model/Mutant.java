package dev.sluice.model;

/** One rule of the protocol taken away. Each must be found wrong, else the search would find nothing anywhere. */
enum Mutant {
    /** The protocol as it is. */
    NONE("nothing"),
    /** A settle names the task, and whoever sends it is believed. */
    NO_FENCE("a dispatcher that has lost its lease settles A"),
    /** Whoever has no lease any more is served all the same. */
    NO_LEASE_CHECK("tasks are claimed by an incarnation that is no member: nobody takes them back"),
    /** The task is popped, and recorded when the answer has arrived: the literal {@code BLPOP}. */
    POP_THEN_RECORD("A is lost: it was accepted, has not ended, and is in no place"),
    /** Tokens are never compared (R2). */
    NO_RECONCILE("stuck: without a further fault there is no way to an end of all tasks"),
    /** The claim half of a repeated call runs again (R1). */
    NO_CALL_NUMBERS("A has a body that nobody holds: it is stuck"),
    /** The claim half of a repeated call brings nothing, so that its first answer is lost for good (R1). */
    NO_REPEATED_ANSWER("more tasks are claimed than there are permits"),
    /** A claim drops what the status hash does not call queued (R9). */
    STATUS_DECIDES("B is lost: it was accepted, has not ended, and is in no place"),
    /** The dispatcher writes "processing" with a command of its own, not in the step of the claim. */
    STATUS_WRITTEN_BESIDE("A has a status that is not true"),
    /** Nobody looks after statuses that come when their task has ended. */
    NO_LATE_STATUS_CARE("stuck: without a further fault there is no way to an end of all tasks"),
    /** Tokens come from a counter in Redis (R8). */
    SERVER_TOKENS("a verdict on A ends B, which was not run"),
    /** Recovery removes the member with its first slice (R7). */
    MEMBER_REMOVED_EARLY("tasks are claimed by an incarnation that is no member: nobody takes them back"),
    /** Recovery does not mark the incarnation before its first slice (R7). */
    NO_MARK("a dispatcher that has lost its lease settles A"),
    /** A claim asks for one more than there are free permits. */
    PREFETCH("more tasks are claimed than there are permits");

    private final String violation;

    Mutant(String violation) {
        this.violation = violation;
    }

    /** What is found where this rule is missing: always the same, for the search takes the nearest and goes one way. */
    String violation() {
        return violation;
    }
}
