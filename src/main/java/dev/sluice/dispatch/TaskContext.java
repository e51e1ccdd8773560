package dev.sluice.dispatch;

import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One attempt of a task, as its handler sees it. Immutable; any thread.
 *
 * @param <T> the payload
 */
public interface TaskContext<T> {
    /** The task's id: the same in every attempt. */
    String id();

    /** The queue it came from. */
    String queue();

    /** The word that picked this handler. */
    String type();

    /** The payload; null if the task carries JSON {@code null} or none. */
    @Nullable
    T payload();

    /** The headers its producer gave it; empty if none. */
    Map<String, String> headers();

    /** The number of this attempt, from 1. Attempts given back by a shutdown or a crash do not count. */
    int attempt();

    /** After how many attempts the task is dead. */
    int maxAttempts();

    /** Grows with every claim of this task: a store that keeps the highest it saw can refuse a stale handler. */
    long fencingNumber();

    /** How many dispatchers died while they held this task. */
    int crashes();

    /** The limit of this attempt, from its start. */
    Duration timeout();

    /** The instant after which no attempt starts, or null. */
    @Nullable
    Instant deadline();
}
