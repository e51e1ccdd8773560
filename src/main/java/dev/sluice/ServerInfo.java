package dev.sluice;

/**
 * What a Redis server says about itself that matters to tasks.
 *
 * @param version such as {@code 7.0.15}; {@code unknown} if it does not say
 * @param maxmemoryPolicy what it does when its memory is full; only {@code noeviction} never deletes tasks. {@code unknown}
 *     if it does not say
 * @param appendOnly whether it keeps an append-only file. Without one, a crash loses what came after the last snapshot
 */
public record ServerInfo(String version, String maxmemoryPolicy, boolean appendOnly) {}
