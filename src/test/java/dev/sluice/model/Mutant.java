package dev.sluice.model;

/** One rule of the protocol taken away. Each must be found wrong, else the search would find nothing anywhere. */
enum Mutant {
    /** The protocol as it is. */
    NONE,
    /** A settle names the task, and whoever sends it is believed. */
    NO_FENCE,
    /** Whoever has no lease any more is served all the same. */
    NO_LEASE_CHECK,
    /** The task is popped, and recorded when the answer has arrived: the literal {@code BLPOP}. */
    POP_THEN_RECORD,
    /** Tokens are never compared (R2). */
    NO_RECONCILE,
    /** The claim half of a repeated call runs again (R1). */
    NO_CALL_NUMBERS,
    /** The claim half of a repeated call brings nothing, so that its first answer is lost for good (R1). */
    NO_REPEATED_ANSWER,
    /** A claim drops what the status hash does not call queued (R9). */
    STATUS_DECIDES,
    /** The dispatcher writes "processing" with a command of its own, not in the step of the claim. */
    STATUS_WRITTEN_BESIDE,
    /** Nobody looks after statuses that come when their task has ended. */
    NO_LATE_STATUS_CARE,
    /** Tokens come from a counter in Redis (R8). */
    SERVER_TOKENS,
    /** Recovery removes the member with its first slice (R7). */
    MEMBER_REMOVED_EARLY,
    /** Recovery does not mark the incarnation before its first slice (R7). */
    NO_MARK,
    /** A claim asks for one more than there are free permits. */
    PREFETCH
}
