package dev.sluice.redis;

import java.util.List;

/**
 * What one round of upkeep found.
 *
 * @param nextEndMs milliseconds until the next lease ends if nobody renews it, -1 if there is none
 * @param more whether a chore reached its bound, so that the next round should follow at once
 * @param cursor where the sweep of the status hash goes on
 * @param removedStatuses statuses that belonged to no task
 * @param nextTickMs milliseconds until the first schedule fires, -1 if there is none
 * @param over how many tasks wait beyond the limit of the queue
 * @param waiting how many tasks wait in the lists of the queue, -1 if none runs either
 * @param nowMs what Redis' clock showed, in ms since 1970
 * @param lapsed incarnations whose tasks are to be recovered
 */
public record UpkeepReply(
        long nextEndMs,
        boolean more,
        String cursor,
        int removedStatuses,
        long nextTickMs,
        long over,
        long waiting,
        long nowMs,
        List<String> lapsed) {}
