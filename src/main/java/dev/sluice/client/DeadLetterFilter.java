package dev.sluice.client;

import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Task;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Which dead letters are meant. Immutable: each method returns a narrower one; start from {@link #all()}.
 *
 * <p>Times are found by an index. Type, reason and error are compared by the client with every dead letter of that time,
 * page by page.
 */
public final class DeadLetterFilter {
    private static final DeadLetterFilter ALL = new DeadLetterFilter(null, null, null, null, null, null);

    private final @Nullable String type;
    private final @Nullable String reason;
    private final @Nullable String error;
    private final @Nullable Instant from;
    private final @Nullable Instant before;
    private final @Nullable Duration age;

    private DeadLetterFilter(
            @Nullable String type,
            @Nullable String reason,
            @Nullable String error,
            @Nullable Instant from,
            @Nullable Instant before,
            @Nullable Duration age) {
        this.type = type;
        this.reason = reason;
        this.error = error;
        this.from = from;
        this.before = before;
        this.age = age;
    }

    /** Every dead letter of the queue. */
    public static DeadLetterFilter all() {
        return ALL;
    }

    /** Those of exactly this type, which must not be empty: as all of these refuses what it cannot take with {@link InvalidTaskException}. */
    public DeadLetterFilter type(String name) {
        return new DeadLetterFilter(named("type", name), reason, error, from, before, age);
    }

    /** Those with exactly this reason, not empty, such as {@code timeout} or {@code handler-error}. */
    public DeadLetterFilter reason(String word) {
        return new DeadLetterFilter(type, named("reason", word), error, from, before, age);
    }

    /** Those whose exception has this text, not empty, in its class name or its message, in whatever case. */
    public DeadLetterFilter error(String part) {
        return new DeadLetterFilter(type, reason, named("error", part).toLowerCase(Locale.ROOT), from, before, age);
    }

    /** Those that died at this time or later. */
    public DeadLetterFilter diedFrom(Instant time) {
        return new DeadLetterFilter(type, reason, error, time, before, age);
    }

    /** Those that died before this time. */
    public DeadLetterFilter diedBefore(Instant time) {
        return new DeadLetterFilter(type, reason, error, from, time, age);
    }

    /** Those that died longer ago than this, by the clock of Redis when the call begins; zero or more. */
    public DeadLetterFilter olderThan(Duration least) {
        if (least.isNegative()) {
            throw new InvalidTaskException("olderThan", "an age must not be negative, was " + least);
        }
        return new DeadLetterFilter(type, reason, error, from, before, least);
    }

    /** Whether more than the time of death has to be looked at. */
    boolean needsRecords() {
        return type != null || reason != null || error != null;
    }

    boolean needsClock() {
        return age != null;
    }

    /** The earliest time of death in ms, as Redis takes it. */
    String earliest() {
        return from == null ? "-inf" : Long.toString(millis(from));
    }

    boolean beginsBefore(long nowMs) {
        return from == null || millis(from) < nowMs;
    }

    /** The first ms after the latest time of death; {@code Long.MAX_VALUE} if there is none. */
    long endMs(Instant now) {
        long end = before == null ? Long.MAX_VALUE : millis(before);
        if (age == null) {
            return end;
        }
        boolean ageless = age.compareTo(Duration.between(Instant.EPOCH, now)) > 0; // nothing has died that long ago
        return ageless ? 0 : Math.min(end, now.minus(age).toEpochMilli());
    }

    /** A time that others are compared with; where no task can be, in the past or the future, the border of that. */
    static long millis(Instant time) {
        if (time.isAfter(Task.MAX_DEADLINE)) {
            return Task.MAX_DEADLINE.toEpochMilli();
        }
        return time.isBefore(Instant.EPOCH) ? 0 : time.toEpochMilli();
    }

    boolean matches(DeadLetter letter) {
        return (type == null || type.equals(letter.type()))
                && (reason == null || reason.equals(letter.failure().reason()))
                && (error == null
                        || isIn(letter.failure().type())
                        || isIn(letter.failure().message()));
    }

    private boolean isIn(@Nullable String text) {
        return text != null && error != null && text.toLowerCase(Locale.ROOT).contains(error);
    }

    private static String named(String what, String text) {
        if (text.isEmpty()) {
            throw new InvalidTaskException(what, "the " + what + " to look for must not be empty");
        }
        return text;
    }

    /** What is looked for. */
    @Override
    public String toString() {
        return "DeadLetterFilter[type " + type + ", reason " + reason + ", error " + error + ", from " + from
                + ", before " + before + ", older than " + age + "]";
    }
}
