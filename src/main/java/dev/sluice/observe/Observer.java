package dev.sluice.observe;

import dev.sluice.task.QueueInfo;

/**
 * Is told what happens to tasks and links.
 *
 * <p>Every method does nothing by default, and almost all are called once per batch, with a count. An implementation is
 * called on the loop that moves the tasks, or, where a method tells of chores or counts, on Reactor's {@code parallel} scheduler, by
 * several threads at once: it must be thread-safe, return within microseconds, never block and never throw. {@link #guarded()} catches what does throw.
 *
 * <p>Counts are at least 1; where nothing happened, nothing is called, except {@link #exchange}; {@link #slots} tells
 * differences. Times are nanoseconds.
 * Queues and types are few; no task id ever comes here.
 */
public interface Observer {

    /** The observer that nobody listens to. */
    static Observer none() {
        return Silent.INSTANCE;
    }

    /** {@code count} tasks of {@code queue} were claimed and go to their handlers. */
    default void claimed(String queue, int count) {}

    /** {@code count} tasks of {@code queue} ended an attempt with {@code outcome}, and Redis has recorded it; in an at-most-once queue before it has. */
    default void settled(String queue, Outcome outcome, int count) {}

    /**
     * One call to Redis that settles and claims was answered.
     *
     * @param nanos from the send to the answer
     * @param claimed how many tasks it brought, from 0
     * @param settled how many verdicts it took, from 0
     */
    default void exchange(String queue, long nanos, int claimed, int settled) {}

    /**
     * {@code count} verdicts came to nothing, because this dispatcher no longer owned the tasks when it told them, or before it
     * could: each runs twice, unless Redis had taken it and only the answer was lost.
     */
    default void fenced(String queue, int count) {}

    /** {@code count} tasks of dispatchers that stopped renewing their lease were taken from them. */
    default void recovered(String queue, int count) {}

    /**
     * {@code count} tasks that a dispatcher of an at-most-once queue had taken were lost: with it, and their statuses were removed;
     * or for an error of the machine, and their statuses stay as they were.
     */
    default void lost(String queue, int count) {}

    /** {@code count} claimed tasks that no handler of this dispatcher has were found and handed back. */
    default void orphans(String queue, int count) {}

    /** {@code count} statuses that another program wrote after its tasks had ended were removed. */
    default void lateStatuses(String queue, int count) {}

    /**
     * {@code over} tasks wait beyond the limit of the queue, 0 if none: about once a second, where there is a limit, and 0 when its
     * dispatcher ends. They were pushed by other clients, which nobody can refuse, or came back.
     */
    default void crowded(String queue, long over) {}

    /**
     * The keys of the queue were gone, and the queue begins anew: Redis came back empty, or somebody removed them. What waited is lost, and
     * so are its schedules, which whoever has declared them may declare again.
     */
    default void emptied(String queue) {}

    /** {@code count} dead letters were removed for good, because there were too many or they were too old. */
    default void trimmed(String queue, int count) {}

    /** The tasks of {@code queue} were counted, because somebody asked {@code Sluice} for it. */
    default void counted(QueueInfo queue) {}

    /** Redis refuses to count the tasks of {@code queue}, or it is gone: what was last counted of it is no longer known to be so. */
    default void uncounted(String queue) {}

    /**
     * Redis ceased to answer a dispatcher, or answers it again, or the dispatcher ended meanwhile; {@code role} is {@code
     * commands}. On each change only: not as it begins.
     */
    default void link(String role, boolean up) {}

    /**
     * The lease on {@code queue} was lost ({@code lapsed}), or is held again. On each change only, as for {@link
     * #link}.
     */
    default void lease(String queue, boolean lapsed) {}

    /**
     * A dispatcher began to work on {@code queue}, or ceased to: Redis is away or refuses, its loop hangs, or it was stopped.
     *
     * <p>On each change only, within half a second; the first is that it began. Called on Reactor's parallel scheduler.
     */
    default void health(String queue, boolean up) {}

    /**
     * A dispatcher's slots for tasks of {@code queue} have become more or fewer, or other numbers of them are in use: the sums
     * of all calls are what there is now. On change only, at most twenty times a second; a dispatcher that stops takes its own
     * away.
     *
     * @param slots how many more there are, by the concurrency; negative = fewer
     * @param used how many more hold a task, from its claim to its settle; negative = fewer
     */
    default void slots(String queue, int slots, int used) {}

    /**
     * Whether {@link #attempt}, {@link #waited} and {@link #ended} are to be called; if not, no clock is read per task. Read
     * when a dispatcher starts, and when observers are joined by {@link #and}: a later change of mind goes unheard.
     */
    default boolean wantsAttempts() {
        return false;
    }

    /**
     * One attempt ended. Called per task, and so only if {@link #wantsAttempts()}.
     *
     * @param type a type that a handler is registered for; for all others {@code unknown}
     * @param nanos from the start of the handler to its end
     */
    default void attempt(String queue, String type, Outcome outcome, long nanos) {}

    /**
     * A task whose first attempt has just ended had waited this long before that began. Only if its producer wrote since
     * when it waits, and {@link #wantsAttempts()}; not called for a task that was claimed before: retried, redriven, handed
     * back.
     *
     * @param type as in {@link #attempt}
     * @param nanos from the producer's clock to this machine's, whole milliseconds: at least 1 ms, at most 24 days
     */
    default void waited(String queue, String type, long nanos) {}

    /**
     * A task is over: the last of its attempts has just ended. Only if its producer wrote since when it waits, and {@link
     * #wantsAttempts()}.
     *
     * @param type as in {@link #attempt}
     * @param outcome one that {@linkplain Outcome#isEnd() is an end}
     * @param nanos from the time its producer wrote, by that one's clock, to the end of the last attempt; all attempts, the
     *     waits between them and the time among the dead letters included
     */
    default void ended(String queue, String type, Outcome outcome, long nanos) {}

    /** One that tells this observer and then {@code other}, each behind its own {@linkplain #guarded() fence}. */
    default Observer and(Observer other) {
        return new Both(guarded(), other.guarded());
    }

    /**
     * One delivery of a task to a URL ended. Called per task, on the event loop that read the answer.
     *
     * @param target scheme, host and port of the URL: as many as there are handlers that push
     * @param outcome what the answer says of the attempt; {@code CANCELLED} if it was cut by its timeout, a lost lease or a
     *     stop, {@code RELEASED} if it was never sent, because every connection was in use
     * @param nanos from the wait for a connection to the end of the answer
     */
    default void delivered(String target, Outcome outcome, long nanos) {}

    /**
     * This observer behind a fence: its first exception is logged as a warning, later ones at DEBUG, and none goes
     * further.
     */
    default Observer guarded() {
        return this == Silent.INSTANCE || this instanceof GuardedObserver ? this : new GuardedObserver(this);
    }
}
