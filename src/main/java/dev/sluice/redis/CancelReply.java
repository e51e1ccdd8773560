package dev.sluice.redis;

/** What became of a request to cancel a task; in the order of the codes of {@code cancel.lua}. */
public enum CancelReply {
    /** Nothing of this id lives. */
    UNKNOWN,
    /** It waited, and will not run. */
    CANCELLED,
    /** It runs, and its owner is told to stop it. */
    STOPPING,
    /** It is a dead letter; nothing was done. */
    DEAD,
    /** As many cancelled tasks wait in lists as may; nothing was done. */
    TOO_MANY;

    private static final CancelReply[] BY_CODE = values();

    static CancelReply of(Reply reply) {
        return BY_CODE[(int) reply.number(0)];
    }
}
