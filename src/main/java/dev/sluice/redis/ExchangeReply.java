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
 * @param lastCall number of the last call that Redis ran before this one, 0 if none: an earlier one with a higher number never runs
 * @param refused tokens that were no longer held: another dispatcher owns these tasks, or they ended
 * @param frames the claimed tasks; the i-th, from 1, has the token call.i; one without bytes is no task
 */
public record ExchangeReply(
        boolean lapsed,
        boolean paused,
        long nextDueMs,
        boolean workRemains,
        boolean dropped,
        long lastCall,
        List<Long> refused,
        List<byte[]> frames) {

    static ExchangeReply of(ExchangeCall call, Reply reply) {
        long code = reply.number(0);
        int refusedCount = (int) reply.number(4);
        Long[] refused = new Long[refusedCount];
        for (int i = 0; i < refusedCount; i++) {
            refused[i] = call.tokenAt((int) reply.number(5 + i) - 1);
        }
        byte[][] frames = new byte[reply.size() - 5 - refusedCount][];
        for (int i = 0; i < frames.length; i++) {
            frames[i] = reply.bytes(5 + refusedCount + i);
        }
        return new ExchangeReply(
                code == 1,
                code == 2,
                reply.number(1),
                reply.number(2) >= 1,
                reply.number(2) == 2,
                reply.number(3),
                List.of(refused),
                List.of(frames));
    }
}
