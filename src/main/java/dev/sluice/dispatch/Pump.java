package dev.sluice.dispatch;

import dev.sluice.redis.UpkeepReply;
import dev.sluice.task.Queue;
import java.time.Duration;
import reactor.core.publisher.Mono;

/** Moves the tasks of one queue from Redis to its consumer and their verdicts back. */
interface Pump extends EventLoop.Turn {
    Queue queue();

    QueueSettings settings();

    /** True if the clock is read at the end of each attempt. */
    boolean timesAttempts();

    /** What Redis' clock shows, by which deadlines are kept. */
    RedisClock clock();

    /** Who decides what follows a failed attempt. */
    Judge judge();

    /** True if a claimed task must not be started any more: it goes back, or may be no longer ours. */
    boolean refusesStart(Attempt attempt, long nowNanos);

    /** Is told once that a task has ended. Any thread; {@code wake} is false if the caller will wake the loop itself. */
    void ended(Attempt attempt, boolean wake);

    /** Is told once that somebody ended a task that was given up before with its lease. Any thread. */
    void endedLate();

    /** Is told that there is a report of progress to be taken from a running task. Any thread. */
    void reported(Attempt attempt);

    /** Wakes the loop that this pump lives on. Any thread. */
    void wake();

    /**
     * Is told what the chores saw: what Redis' clock shows, and whether tasks wait or run, for whom a bell may have rung on a
     * connection that is dead. Any thread.
     */
    void seen(UpkeepReply round);

    /**
     * Starts taking tasks. Completes when the queue was joined, or when it was stopped before that; fails if the queue is
     * run with other settings. Silent where the loop was halted.
     */
    Mono<Void> start();

    /** Stops taking tasks at once and completes when the running ones have ended and are settled, or after the grace. */
    Mono<Void> stop(Duration grace);

    /** Sets how many tasks may be held at once, from now on. */
    void concurrency(int limit);
}
