package dev.sluice.dispatch;

import dev.sluice.task.Failure;
import dev.sluice.task.InvalidTaskException;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/**
 * One attempt of a task, as its handler sees it. Any thread; what is asked for is made then, and costs nothing before.
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

    /** Why the attempt before failed, or null if none did. Attempts that were given back, snoozed or crashed do not count. */
    @Nullable
    Failure lastFailure();

    /** The limit of this attempt, from its start; never beyond the deadline. */
    Duration timeout();

    /** The instant after which no attempt starts, and at which a running one is cut; null if there is none. */
    @Nullable
    Instant deadline();

    /** What is left of {@link #timeout} now; zero if it is over. */
    Duration remaining();

    /** The same as {@link #progress(int, String)} without a text. */
    void progress(int percent);

    /**
     * Says how far this attempt is, for whoever looks at the task or listens to its queue.
     *
     * <p>Returns at once: the latest report goes to Redis with those of other tasks, up to five times a second, and is
     * kept there until this attempt has ended; what Redis could not take is told again, unless there is something newer.
     * After the end of the attempt nothing is told. In an at-most-once queue nothing is kept of it.
     *
     * @param percent 0 to 100; may also fall
     * @param text one line for people; control characters become blanks, and what is beyond 200 characters is cut off
     * @throws InvalidTaskException if {@code percent} is outside its range
     */
    void progress(int percent, String text);

    /**
     * Whether this attempt was ended over its handler's head: its timeout or deadline is over, somebody cancelled the
     * task, its lease was lost, or the shutdown's grace has passed. The handler's Mono is cancelled then; this is for code
     * that no cancellation reaches.
     */
    boolean isCancelled();

    /**
     * Completes when {@link #isCancelled} has become true, or at once if it is.
     *
     * <p>Does nothing before it is subscribed to. Emits no value. Never completes if the attempt ends by itself.
     * Unsubscribing changes nothing else. Signals on a thread of the dispatcher that may be blocked, or where it is
     * subscribed to. Does not fail.
     */
    Mono<Void> cancelled();
}
