package dev.sluice.redis;

/**
 * What one slice of a recovery did.
 *
 * @param moved tasks that went back to their list
 * @param dead tasks that went to the dead letters because they crashed too many dispatchers
 * @param lost tasks that an at-most-once dispatcher had taken, which are nowhere else
 * @param next what the next slice is to be given; empty if the incarnation holds nothing more
 */
public record RecoverReply(int moved, int dead, int lost, String next) {
    /** What the first slice is given. */
    public static final String FIRST = "0";

    /** Nothing was there, or nothing was to be done. */
    public static final RecoverReply NOTHING = new RecoverReply(0, 0, 0, "");

    static RecoverReply of(Reply reply) {
        return reply.number(0) == 0
                ? new RecoverReply((int) reply.number(1), (int) reply.number(2), (int) reply.number(4), reply.digits(3))
                : NOTHING;
    }

    /** Whether the incarnation holds more. */
    public boolean more() {
        return !next.isEmpty();
    }

    /** This and the slice that came next. */
    public RecoverReply plus(RecoverReply later) {
        return new RecoverReply(moved + later.moved, dead + later.dead, lost + later.lost, later.next);
    }
}
