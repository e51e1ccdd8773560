package dev.sluice.dispatch;

import dev.sluice.task.DeadLetterRetention;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.ResultRetention;
import dev.sluice.task.RetryPolicy;
import dev.sluice.task.Task;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * How a dispatcher consumes one queue. Immutable; start from {@link #standard()}.
 *
 * @param concurrency tasks held at once, claimed and not yet settled: 1 to 100,000; default 256
 * @param timeout limit of one attempt, 1 ms to 365 days and never off; default 5 minutes; a task's own limit wins
 * @param retry what follows a failed attempt; default 5 attempts, 1 s doubling up to 10 min, jitter 0.2
 * @param defaultType the type of tasks that name none; null = such a task is dead with the reason {@code no-type}
 * @param plainType the type that takes elements which are no JSON object, as {@code String} or {@code byte[]}; null =
 *     such an element is dead with the reason why it cannot be read
 * @param foreign whether other clients push to the plain list; false saves one connection and one wait
 * @param deadLetters how many dead letters are kept, and how long; default 100,000 and 90 days. Of several dispatchers of
 *     a queue the one that keeps least decides
 * @param timeouts type → limit of one attempt, for types that need another than the queue; default none
 * @param retries type → what follows a failed attempt, for types that need another than the queue; default none
 * @param results how long the results of its tasks are kept, and how large a value may be; default: only of tasks that
 *     ask for it, values of up to 64 KiB. Refused for a queue with at-most-once delivery
 * @param callbacks type → the type of a task that tells of the end of each of its tasks, see {@link #callback}; default
 *     none. Refused for a queue with at-most-once delivery
 * @param maxLength how many tasks may wait before more are refused as {@code FULL}, whoever enqueues them: 0 to 1,000,000,000;
 *     default 0, no limit. Those that wait for their time do not count; pushes of other clients and what comes back cannot be
 *     refused. Of several dispatchers of a queue the last to do its chores decides: set the same in all
 */
public record QueueSettings(
        int concurrency,
        Duration timeout,
        RetryPolicy retry,
        @Nullable String defaultType,
        @Nullable String plainType,
        boolean foreign,
        DeadLetterRetention deadLetters,
        Map<String, Duration> timeouts,
        Map<String, RetryPolicy> retries,
        ResultRetention results,
        Map<String, String> callbacks,
        long maxLength) {
    private static final int MAX_CONCURRENCY = 100_000;
    private static final long MAX_LENGTH = 1_000_000_000;

    /** Refuses values out of range with {@link InvalidTaskException}. */
    public QueueSettings {
        if (concurrency < 1 || concurrency > MAX_CONCURRENCY) {
            throw new InvalidTaskException(
                    "concurrency", "concurrency must be 1 to " + MAX_CONCURRENCY + ", was " + concurrency);
        }
        if (maxLength < 0 || maxLength > MAX_LENGTH) {
            throw new InvalidTaskException("maxLength", "maxLength must be 0 to " + MAX_LENGTH + ", was " + maxLength);
        }
        checkTimeout(timeout);
        checkTypeIfAny(defaultType);
        checkTypeIfAny(plainType);
        timeouts = Map.copyOf(timeouts);
        retries = Map.copyOf(retries);
        timeouts.values().forEach(QueueSettings::checkTimeout);
        timeouts.keySet().forEach(Task::checkType);
        retries.keySet().forEach(Task::checkType);
        callbacks = Map.copyOf(callbacks);
        callbacks.forEach(QueueSettings::checkCallback);
        for (String callback : callbacks.values()) {
            if (callbacks.containsKey(callback)) {
                throw new InvalidTaskException(
                        "callback", "'" + callback + "' is a callback, and so cannot have one of its own");
            }
        }
    }

    /** Settings without any of their own for a type. */
    public QueueSettings(
            int concurrency,
            Duration timeout,
            RetryPolicy retry,
            @Nullable String defaultType,
            @Nullable String plainType,
            boolean foreign,
            DeadLetterRetention deadLetters) {
        this(
                concurrency,
                timeout,
                retry,
                defaultType,
                plainType,
                foreign,
                deadLetters,
                Map.of(),
                Map.of(),
                ResultRetention.standard(),
                Map.of(),
                0);
    }

    /** The defaults. */
    public static QueueSettings standard() {
        return new QueueSettings(
                256, Duration.ofMinutes(5), RetryPolicy.standard(), null, null, true, DeadLetterRetention.standard());
    }

    /** These settings with another limit of tasks held at once, 1 to 100,000; 256 is the default. As all of these throws as the constructor. */
    public QueueSettings concurrency(int limit) {
        return with(copy -> copy.concurrency = limit);
    }

    /** These settings with another limit of one attempt. */
    public QueueSettings timeout(Duration limit) {
        return with(copy -> copy.timeout = limit);
    }

    /** These settings with another retry policy. */
    public QueueSettings retry(RetryPolicy policy) {
        return with(copy -> copy.retry = policy);
    }

    /** These settings with a type for tasks that name none. */
    public QueueSettings defaultType(@Nullable String type) {
        return with(copy -> copy.defaultType = type);
    }

    /** These settings with a type for elements that are no JSON object. */
    public QueueSettings plainType(@Nullable String type) {
        return with(copy -> copy.plainType = type);
    }

    /** These settings with or without a wait on the plain list. */
    public QueueSettings foreign(boolean pushes) {
        return with(copy -> copy.foreign = pushes);
    }

    /** These settings with another bound on dead letters. */
    public QueueSettings deadLetters(DeadLetterRetention kept) {
        return with(copy -> copy.deadLetters = kept);
    }

    /** These settings with a limit of tasks that wait, 0 = none; see {@link #maxLength()}. */
    public QueueSettings maxLength(long tasks) {
        return with(copy -> copy.maxLength = tasks);
    }

    /** These settings with results that are kept. */
    public QueueSettings results(ResultRetention kept) {
        return with(copy -> copy.results = kept);
    }

    /** These settings with another limit of one attempt for the tasks of one type; a task's own limit wins. */
    public QueueSettings timeout(String type, Duration limit) {
        return with(copy -> copy.timeouts = with(timeouts, type, limit));
    }

    /** These settings with another retry policy for the tasks of one type; what a task says of its own wins. */
    public QueueSettings retry(String type, RetryPolicy policy) {
        return with(copy -> copy.retries = with(retries, type, policy));
    }

    /**
     * These settings with a callback for the tasks of one type: when one of them has succeeded, is discarded by its handler,
     * or is dead, a task of the type {@code callback} is put at the end of the same queue, in the very step that settles
     * it. So there is one for each such end, which runs, is tried again and dies like any other task. Its payload tells
     * of the end, and the headers are those of the task that ended; see {@code src/docs/outcomes.md}.
     *
     * <p>A task that was cancelled, removed or handed back calls nobody, nor does one that others took back from its dead
     * dispatcher and found to have had too many. Something must handle the type of the callback, in every dispatcher of the queue.
     *
     * @throws InvalidTaskException if no task can have one of the types, or the callback has a callback itself
     */
    public QueueSettings callback(String type, String callback) {
        return with(copy -> copy.callbacks = with(callbacks, type, callback));
    }

    /** The limit of one attempt for tasks of this type. */
    Duration timeoutOf(String type) {
        return timeouts.isEmpty() ? timeout : timeouts.getOrDefault(type, timeout);
    }

    /** The retry policy for tasks of this type. */
    RetryPolicy retryOf(String type) {
        return retries.isEmpty() ? retry : retries.getOrDefault(type, retry);
    }

    /** The type of the task that tells of the end of one of this type, or null. */
    @Nullable
    String callbackOf(String type) {
        return callbacks.isEmpty() ? null : callbacks.get(type);
    }

    private QueueSettings with(Consumer<Copy> change) {
        Copy copy = new Copy(this);
        change.accept(copy);
        return copy.settings();
    }

    private static <V> Map<String, V> with(Map<String, V> all, String type, V value) {
        Map<String, V> more = new HashMap<>(all);
        more.put(type, value);
        return more;
    }

    private static void checkTimeout(Duration limit) {
        if (limit.compareTo(Duration.ofMillis(1)) < 0 || limit.compareTo(Task.MAX_TIMEOUT) > 0) {
            throw new InvalidTaskException("timeout", "timeout must be 1 ms to 365 days, was " + limit);
        }
    }

    private static void checkCallback(String type, String callback) {
        Task.checkType(type);
        Task.checkType(callback);
    }

    private static void checkTypeIfAny(@Nullable String type) {
        if (type != null) {
            Task.checkType(type);
        }
    }

    /** The values on their way into the next settings, which check them. */
    private static final class Copy {
        private int concurrency;
        private Duration timeout;
        private RetryPolicy retry;
        private @Nullable String defaultType;
        private @Nullable String plainType;
        private boolean foreign;
        private DeadLetterRetention deadLetters;
        private Map<String, Duration> timeouts;
        private Map<String, RetryPolicy> retries;
        private ResultRetention results;
        private Map<String, String> callbacks;
        private long maxLength;

        Copy(QueueSettings of) {
            this.concurrency = of.concurrency;
            this.timeout = of.timeout;
            this.retry = of.retry;
            this.defaultType = of.defaultType;
            this.plainType = of.plainType;
            this.foreign = of.foreign;
            this.deadLetters = of.deadLetters;
            this.timeouts = of.timeouts;
            this.retries = of.retries;
            this.results = of.results;
            this.callbacks = of.callbacks;
            this.maxLength = of.maxLength;
        }

        QueueSettings settings() {
            return new QueueSettings(
                    concurrency,
                    timeout,
                    retry,
                    defaultType,
                    plainType,
                    foreign,
                    deadLetters,
                    timeouts,
                    retries,
                    results,
                    callbacks,
                    maxLength);
        }
    }
}
