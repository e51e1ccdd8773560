package dev.sluice.redis;

import java.util.List;

/**
 * What an {@link ExchangeCall} did.
 *
 * @param lapsed this incarnation was recovered by others or is unknown: nothing was done, and nothing it holds is its own
 * @param paused the queue is paused: the settle half was done, nothing was claimed
 * @param nextDueMs milliseconds until the next delayed task is due, -1 if there is none
 * @param workRemains whether the lists hold more
 * @param dropped whether cancelled tasks were met, so that the next claim brings more
 * @param refused tokens that were no longer held: another dispatcher owns these tasks, or they ended
 * @param frames the claimed tasks; the i-th, from 1, has the token call.i; one without bytes is no task
 */
public record ExchangeReply(
        boolean lapsed,
        boolean paused,
        long nextDueMs,
        boolean workRemains,
        boolean dropped,
        List<Long> refused,
        List<byte[]> frames) {

    static ExchangeReply of(ExchangeCall call, Reply reply) {
        long code = reply.number(0);
        int refusedCount = (int) reply.number(3);
        Long[] refused = new Long[refusedCount];
        for (int i = 0; i < refusedCount; i++) {
            refused[i] = call.tokenAt((int) reply.number(4 + i) - 1);
        }
        byte[][] frames = new byte[reply.size() - 4 - refusedCount][];
        for (int i = 0; i < frames.length; i++) {
            frames[i] = reply.bytes(4 + refusedCount + i);
        }
        return new ExchangeReply(
                code == 1,
                code == 2,
                reply.number(1),
                reply.number(2) >= 1,
                reply.number(2) == 2,
                List.of(refused),
                List.of(frames));
    }
}
