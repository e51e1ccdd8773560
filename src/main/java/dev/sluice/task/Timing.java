package dev.sluice.task;

import java.time.DateTimeException;
import java.time.Duration;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * When a {@link Schedule} fires: by a cron expression in a time zone, or at a fixed rate.
 *
 * <p>Immutable; equal by value. A rate counts from 1970-01-01T00:00Z, so {@code every(10 min)} means each hour at :00, :10,
 * :20 …, whoever declares it and whenever.
 */
public final class Timing {
    private static final Duration SHORTEST = Duration.ofSeconds(1);
    private static final Duration LONGEST = Duration.ofDays(365);
    private static final int MAX_CRON_BYTES = 256;

    private final @Nullable String cron;
    private final ZoneId zone;
    private final @Nullable Duration rate;

    private Timing(@Nullable String cron, ZoneId zone, @Nullable Duration rate) {
        this.cron = cron;
        this.zone = zone;
        this.rate = rate;
    }

    /**
     * By the clock of a zone: five fields (minute, hour, day of month, month, day of week), six with seconds in front, or a
     * word such as {@code @daily}. Whether it can be read is said where the schedule is put.
     *
     * @throws InvalidTaskException if it is empty, longer than 256 bytes, or has control characters
     */
    public static Timing cron(String expression, ZoneId zone) {
        if (!Text.isPlain(expression, 1, MAX_CRON_BYTES)) {
            throw new InvalidTaskException(
                    "cron",
                    "a cron expression must be 1 to " + MAX_CRON_BYTES
                            + " UTF-8 bytes without control characters, was '" + Printable.of(expression) + "'");
        }
        return new Timing(expression, Objects.requireNonNull(zone, "zone"), null);
    }

    /**
     * At a fixed rate.
     *
     * @param rate 1 s to 365 days; a fraction of a millisecond is dropped
     * @throws InvalidTaskException if outside of that
     */
    public static Timing every(Duration rate) {
        if (rate.compareTo(SHORTEST) < 0 || rate.compareTo(LONGEST) > 0) {
            throw new InvalidTaskException("every", "a rate must be 1 s to 365 days, was " + rate);
        }
        return new Timing(null, ZoneOffset.UTC, Duration.ofMillis(rate.toMillis()));
    }

    /**
     * The zone of that name, such as {@code Europe/Berlin}, {@code UTC} or {@code +02:00}.
     *
     * @throws InvalidTaskException if there is none
     */
    public static ZoneId zone(String name) {
        try {
            return ZoneId.of(name);
        } catch (DateTimeException unknown) {
            throw new InvalidTaskException(
                    "zone",
                    "'" + Printable.of(name) + "' is no time zone; write one like Europe/Berlin, UTC or +02:00",
                    unknown);
        }
    }

    /** The cron expression, or null if it fires at a fixed rate. */
    public @Nullable String cron() {
        return cron;
    }

    /** Whose clock a cron expression goes by; UTC for a rate, which needs none. */
    public ZoneId zone() {
        return zone;
    }

    /** The fixed rate, or null if it fires by cron. */
    public @Nullable Duration rate() {
        return rate;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Timing that
                && Objects.equals(cron, that.cron)
                && zone.equals(that.zone)
                && Objects.equals(rate, that.rate);
    }

    @Override
    public int hashCode() {
        return Objects.hash(cron, zone, rate);
    }

    /** As Redis keeps it: {@code cron ZONE EXPRESSION} or {@code every MILLISECONDS}. */
    @Override
    public String toString() {
        return rate == null ? "cron " + zone.getId() + " " + cron : "every " + rate.toMillis();
    }

    /**
     * What {@link #toString} wrote.
     *
     * @throws InvalidTaskException if it is nothing of that kind
     */
    public static Timing parse(String text) {
        String[] words = text.split(" ", 3);
        if (words[0].equals("cron") && words.length == 3) {
            return cron(words[2], zone(words[1]));
        }
        if (words[0].equals("every") && words.length == 2 && words[1].matches("[0-9]{1,15}")) {
            return every(Duration.ofMillis(Long.parseLong(words[1])));
        }
        throw new InvalidTaskException("timing", "'" + Printable.of(text) + "' is no timing of a schedule");
    }
}
