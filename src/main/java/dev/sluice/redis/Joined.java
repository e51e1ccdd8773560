package dev.sluice.redis;

/**
 * What a queue said to who joined it.
 *
 * @param keepsResults whether results of its tasks are kept just now
 * @param bornMs since when it is there, by Redis' clock: another time once its keys were gone
 * @param nowMs what Redis' clock showed, in ms since 1970
 */
public record Joined(boolean keepsResults, long bornMs, long nowMs) {}
