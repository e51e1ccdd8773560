package dev.sluice.redis;

/**
 * What one slice of a recovery did.
 *
 * @param moved tasks that went back to their list
 * @param dead tasks that went to the dead letters because they crashed too many dispatchers
 * @param more whether the incarnation holds more
 */
public record RecoverReply(int moved, int dead, boolean more) {

    /** This and the slice that came next. */
    public RecoverReply plus(RecoverReply next) {
        return new RecoverReply(moved + next.moved, dead + next.dead, next.more);
    }
}
