package dev.sluice.redis;

/**
 * What one step of trimming did.
 *
 * @param removed dead letters that are gone for good
 * @param more whether the step reached its bound, so that the next one should follow at once
 */
public record TrimReply(int removed, boolean more) {}
