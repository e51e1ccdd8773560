package dev.sluice.task;

import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A piece of work to be put into a queue: a type that picks the handler, a payload, and options.
 *
 * <p>Immutable, if its payload is; each method with an argument returns a changed copy. Options that are not set are
 * decided by the dispatcher that runs the task.
 *
 * <pre>{@code
 * Task.of("email.send", new Email("ann@example.org")).id("welcome-17").timeout(Duration.ofSeconds(30))
 * }</pre>
 *
 * @param <T> the payload's class; it becomes JSON when the task is enqueued
 */
public final class Task<T> {

    /** The longest type, in UTF-8 bytes. */
    public static final int MAX_TYPE_BYTES = 256;

    /** The most headers a task may have. */
    public static final int MAX_HEADERS = 64;

    /** The longest header name, in UTF-8 bytes. */
    public static final int MAX_HEADER_NAME_BYTES = 128;

    /** The longest header value, in UTF-8 bytes. */
    public static final int MAX_HEADER_VALUE_BYTES = 4096;

    /** The most waits that a task may bring. */
    public static final int MAX_WAITS = 32;

    /** The latest deadline: the end of the year 9999. */
    public static final Instant MAX_DEADLINE = Instant.parse("9999-12-31T23:59:59.999Z");

    /** The longest timeout of one attempt: 365 days. */
    public static final Duration MAX_TIMEOUT = Duration.ofDays(365);

    private static final Duration FOR_A_LOOK = Duration.ofSeconds(1); // an end is heard of, and then looked for

    private final @Nullable String id;
    private final String type;
    private final @Nullable T payload;
    private final Map<String, String> headers;
    private final int maxAttempts;
    private final List<Duration> backoff;
    private final @Nullable Duration timeout;
    private final @Nullable Instant deadline;
    private final Start start;
    private final @Nullable Duration keepResult;

    private Task(
            @Nullable String id,
            String type,
            @Nullable T payload,
            Map<String, String> headers,
            int maxAttempts,
            List<Duration> backoff,
            @Nullable Duration timeout,
            @Nullable Instant deadline,
            Start start,
            @Nullable Duration keepResult) {
        this.id = id;
        this.type = type;
        this.payload = payload;
        this.headers = headers;
        this.maxAttempts = maxAttempts;
        this.backoff = backoff;
        this.timeout = timeout;
        this.deadline = deadline;
        this.start = start;
        this.keepResult = keepResult;
    }

    /**
     * A task of {@code type} with {@code payload} and no options.
     *
     * @param type 1 to 256 UTF-8 bytes without control characters; by convention words joined by dots
     * @param payload what the handler gets; null becomes JSON {@code null}
     * @throws InvalidTaskException if the type breaks the rule
     */
    public static <T> Task<T> of(String type, @Nullable T payload) {
        return new Task<>(null, checkType(type), payload, Map.of(), 0, List.of(), null, null, Start.NOW, null);
    }

    /**
     * The same text, if it obeys the rule of {@link #of}.
     *
     * @throws InvalidTaskException if not
     */
    public static String checkType(String type) {
        if (!isValidType(type)) {
            throw new InvalidTaskException(
                    "type",
                    "a task type must be 1 to " + MAX_TYPE_BYTES + " UTF-8 bytes without control characters, was '"
                            + Printable.of(type) + "'");
        }
        return type;
    }

    /** Whether {@code type} obeys the rule of {@link #of}. */
    public static boolean isValidType(String type) {
        return Text.isPlain(type, 1, MAX_TYPE_BYTES);
    }

    /** Whether {@code name} and {@code value} obey the rule of {@link #header}. */
    public static boolean isValidHeader(String name, String value) {
        return Text.isPlain(name, 1, MAX_HEADER_NAME_BYTES) && Text.isPlain(value, 0, MAX_HEADER_VALUE_BYTES);
    }

    /**
     * This task under an id of your choice; default: one is made when it is enqueued.
     *
     * <p>Enqueueing an id that lives in the queue, or whose result is kept, changes nothing and answers that the task exists.
     *
     * @throws InvalidTaskException if {@link TaskId#check} refuses it
     */
    public Task<T> id(String newId) {
        return new Task<>(
                TaskId.check(newId),
                type,
                payload,
                headers,
                maxAttempts,
                backoff,
                timeout,
                deadline,
                start,
                keepResult);
    }

    /**
     * This task with one more header, or another value for it. Default: none; at most 64.
     *
     * @param name 1 to 128 UTF-8 bytes without control characters
     * @param value at most 4096 UTF-8 bytes without control characters
     * @throws InvalidTaskException if a rule is broken
     */
    public Task<T> header(String name, String value) {
        Map<String, String> more = new LinkedHashMap<>(headers);
        more.put(name, value);
        return headers(more);
    }

    /**
     * This task with exactly these headers, in this order.
     *
     * @throws InvalidTaskException if there are more than 64, or one breaks the rule of {@link #header}
     */
    public Task<T> headers(Map<String, String> newHeaders) {
        Map<String, String> copy = new LinkedHashMap<>(newHeaders);
        if (copy.size() > MAX_HEADERS) {
            throw new InvalidTaskException(
                    "headers", "a task must have at most " + MAX_HEADERS + " headers, had " + copy.size());
        }
        copy.forEach(Task::checkHeader);
        return new Task<>(
                id,
                type,
                payload,
                copy.isEmpty() ? Map.of() : Collections.unmodifiableMap(copy),
                maxAttempts,
                backoff,
                timeout,
                deadline,
                start,
                keepResult);
    }

    /**
     * This task with its own limit of attempts, the first one included; default: the dispatcher's, which is 5.
     *
     * @param attempts at least 1; 1 means that a failure is final
     * @throws InvalidTaskException if below 1
     */
    public Task<T> maxAttempts(int attempts) {
        if (attempts < 1) {
            throw new InvalidTaskException("maxAttempts", "maxAttempts must be at least 1, was " + attempts);
        }
        return new Task<>(id, type, payload, headers, attempts, backoff, timeout, deadline, start, keepResult);
    }

    /**
     * This task with its own waits between attempts, one after the other; the last repeats, so that a single one is the
     * same wait each time. Default: those of the dispatcher, whose jitter these have, too.
     *
     * @param waits 1 to 32 waits of 0 to 365 days; fractions of a millisecond are dropped
     * @throws InvalidTaskException if outside of that
     */
    public Task<T> backoff(Duration... waits) {
        if (waits.length < 1 || waits.length > MAX_WAITS) {
            throw new InvalidTaskException(
                    "backoff", "backoff must be 1 to " + MAX_WAITS + " waits, was " + waits.length);
        }
        List<Duration> each = Arrays.stream(waits).map(Task::whole).toList();
        return new Task<>(id, type, payload, headers, maxAttempts, each, timeout, deadline, start, keepResult);
    }

    private static Duration whole(Duration wait) {
        if (wait.isNegative() || wait.compareTo(Verdict.MAX_DELAY) > 0) {
            throw new InvalidTaskException("backoff", "a wait of backoff must be 0 to 365 days, was " + wait);
        }
        return Duration.ofMillis(wait.toMillis());
    }

    /**
     * This task with its own limit for the time of one attempt; default: the dispatcher's, which is 5 minutes.
     *
     * @param limit 1 ms to 365 days; a fraction of a millisecond is dropped. It cannot be switched off
     * @throws InvalidTaskException if outside of that
     */
    public Task<T> timeout(Duration limit) {
        if (limit.compareTo(Duration.ofMillis(1)) < 0 || limit.compareTo(MAX_TIMEOUT) > 0) {
            throw new InvalidTaskException("timeout", "timeout must be 1 ms to 365 days, was " + limit);
        }
        return new Task<>(
                id,
                type,
                payload,
                headers,
                maxAttempts,
                backoff,
                Duration.ofMillis(limit.toMillis()),
                deadline,
                start,
                keepResult);
    }

    /**
     * This task with a time after which no attempt starts any more, and one that runs is cut; default: none. A task that
     * was not done by then is a dead letter.
     *
     * @param latest from 1970-01-01T00:00:00.001Z to the end of the year 9999, in whole milliseconds; a fraction is
     *     dropped. Compared with the clock of Redis
     * @throws InvalidTaskException if outside of that
     */
    public Task<T> deadline(Instant latest) {
        if (latest.isBefore(Instant.ofEpochMilli(1)) || latest.isAfter(MAX_DEADLINE)) {
            throw new InvalidTaskException("deadline", "deadline must be in the years 1970 to 9999, was " + latest);
        }
        return new Task<>(
                id,
                type,
                payload,
                headers,
                maxAttempts,
                backoff,
                timeout,
                Instant.ofEpochMilli(latest.toEpochMilli()),
                start,
                keepResult);
    }

    /**
     * This task not to be started before that time has passed since it was enqueued, by Redis' clock; default: none. Takes
     * the place of {@link #at(Instant)}.
     *
     * @param wait 0 to 365 days; 0 is at once; a fraction of a millisecond is dropped
     * @throws InvalidTaskException if outside of that
     */
    public Task<T> delay(Duration wait) {
        if (wait.isNegative() || wait.compareTo(Verdict.MAX_DELAY) > 0) {
            throw new InvalidTaskException("delay", "delay must be 0 to 365 days, was " + wait);
        }
        Start later = new Start(Duration.ofMillis(wait.toMillis()), null);
        return new Task<>(id, type, payload, headers, maxAttempts, backoff, timeout, deadline, later, keepResult);
    }

    /**
     * This task not to be started before this time by Redis' clock; default: none. A time that is over means at once. Takes
     * the place of {@link #delay(Duration)}.
     *
     * @param earliest up to the end of the year 9999, in whole milliseconds; a fraction is dropped
     * @throws InvalidTaskException if later than that
     */
    public Task<T> at(Instant earliest) {
        if (earliest.isAfter(MAX_DEADLINE)) {
            throw new InvalidTaskException("at", "the time of a task must not be after the year 9999, was " + earliest);
        }
        Instant from = earliest.isBefore(Instant.EPOCH) ? Instant.EPOCH : earliest; // a time too far back has no number
        Start later = new Start(null, Instant.ofEpochMilli(from.toEpochMilli()));
        return new Task<>(id, type, payload, headers, maxAttempts, backoff, timeout, deadline, later, keepResult);
    }

    /**
     * This task with a result that is kept that long after its end, at least; default: as long as its queue's dispatchers
     * are told, which is not at all. While it is kept the id is taken: enqueueing it again answers that the task exists.
     *
     * @param atLeast 1 ms to 365 days; a fraction of a millisecond is dropped
     * @throws InvalidTaskException if outside of that
     */
    public Task<T> keepResult(Duration atLeast) {
        if (atLeast.compareTo(Duration.ofMillis(1)) < 0 || atLeast.compareTo(ResultRetention.LONGEST) > 0) {
            throw new InvalidTaskException("keepResult", "keepResult must be 1 ms to 365 days, was " + atLeast);
        }
        Duration kept = Duration.ofMillis(atLeast.toMillis());
        return new Task<>(id, type, payload, headers, maxAttempts, backoff, timeout, deadline, start, kept);
    }

    /**
     * This task with a result that outlives whoever awaits it: kept for {@code wait} after its end and for a second, at
     * least. For who enqueues a task and awaits it by its id; {@code enqueueAndAwait} does it by itself.
     *
     * @param wait 1 ms to 365 days; a fraction of a millisecond is dropped
     * @throws InvalidTaskException if outside of that
     */
    public Task<T> keepResultForAwait(Duration wait) {
        Task<T> kept = keepResult(wait);
        Duration least = wait.compareTo(FOR_A_LOOK) < 0 ? FOR_A_LOOK : wait;
        return keepResult == null || keepResult.compareTo(least) < 0 ? kept.keepResult(least) : this;
    }

    /** The id, or null if one is to be made. */
    public @Nullable String id() {
        return id;
    }

    /** The word that picks the handler. */
    public String type() {
        return type;
    }

    /** What the handler gets. */
    public @Nullable T payload() {
        return payload;
    }

    /** The headers, unmodifiable, in the order they were set; empty if none. */
    public Map<String, String> headers() {
        return headers;
    }

    /** The limit of attempts, or 0 if the dispatcher decides. */
    public int maxAttempts() {
        return maxAttempts;
    }

    /** The waits between attempts; empty if the dispatcher decides. */
    public List<Duration> backoff() {
        return backoff;
    }

    /** The limit for the time of one attempt, or null if the dispatcher decides. */
    public @Nullable Duration timeout() {
        return timeout;
    }

    /** How long it waits after it was enqueued, or null if it does not wait for a time that passes. */
    public @Nullable Duration delay() {
        return start.delay;
    }

    /** The time before which it does not start, or null if it waits for none. */
    public @Nullable Instant at() {
        return start.at;
    }

    /** The time after which no attempt starts, or null if there is none. */
    public @Nullable Instant deadline() {
        return deadline;
    }

    /** How long its result is kept at least, or null if the dispatcher decides. */
    public @Nullable Duration keepResult() {
        return keepResult;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Task<?> that
                && type.equals(that.type)
                && maxAttempts == that.maxAttempts
                && Objects.equals(id, that.id)
                && Objects.equals(payload, that.payload)
                && headers.equals(that.headers)
                && backoff.equals(that.backoff)
                && Objects.equals(timeout, that.timeout)
                && Objects.equals(deadline, that.deadline)
                && start.equals(that.start)
                && Objects.equals(keepResult, that.keepResult);
    }

    @Override
    public int hashCode() {
        return Objects.hash(id, type, payload, headers, maxAttempts, backoff, timeout, deadline, start, keepResult);
    }

    /** Type and id; never the payload or the headers, because this ends up in logs. */
    @Override
    public String toString() {
        return "Task[" + type + (id == null ? "" : " " + id) + "]";
    }

    private static void checkHeader(String name, String value) {
        if (!isValidHeader(name, value)) {
            throw new InvalidTaskException(
                    "headers",
                    "a header must have a name of 1 to " + MAX_HEADER_NAME_BYTES + " and a value of at most "
                            + MAX_HEADER_VALUE_BYTES + " UTF-8 bytes without control characters, the name was '"
                            + Printable.of(name) + "'");
        }
    }

    /** When it may start: one of the two, or none for at once. */
    private record Start(@Nullable Duration delay, @Nullable Instant at) {
        static final Start NOW = new Start(null, null);
    }
}
