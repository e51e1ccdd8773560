package dev.sluice.redis;

/**
 * What one call of {@link ProducerStore#sweep} did.
 *
 * @param full whether too many cancelled tasks wait in lists already: nothing was done
 * @param more whether there is more behind what was looked at
 * @param examined tasks looked at
 * @param matched those of them that are meant
 * @param cancelled those of them that were cancelled
 * @param next how many from the end the next call passes over
 * @param length how long the list is
 */
public record SweepReply(
        boolean full, boolean more, long examined, long matched, long cancelled, long next, long length) {
    static SweepReply of(Reply reply) {
        return new SweepReply(
                reply.number(0) == 1,
                reply.number(1) == 1,
                reply.number(2),
                reply.number(3),
                reply.number(4),
                reply.number(5),
                reply.number(6));
    }
}
