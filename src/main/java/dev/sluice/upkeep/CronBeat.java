package dev.sluice.upkeep;

import com.cronutils.model.definition.CronDefinition;
import com.cronutils.model.definition.CronDefinitionBuilder;
import com.cronutils.model.time.ExecutionTime;
import com.cronutils.parser.CronParser;
import dev.sluice.task.InvalidTaskException;
import java.math.BigInteger;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.zone.ZoneOffsetTransition;
import java.time.zone.ZoneRules;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The ticks of a cron expression in a time zone.
 *
 * <p>The library only reads expressions and counts on a clock that never changes. What happens where a zone's clock is put
 * forward or back is decided here, as cron itself does it: an expression with a {@code *} in its hours goes by the time that
 * passes, so it fires through an hour that comes twice and not in one that is missing; any other means a time of the day,
 * which comes once: the first of the two, or for a missing one the moment at which the clock is put forward. So is when
 * both days must fit: if one of them starts with a {@code *}, as in Vixie's cron.
 */
final class CronBeat implements Ticks.Beat {
    private static final List<String> FIELDS =
            List.of("second", "minute", "hour", "day of month", "month", "day of week");
    private static final List<String> ALL = List.of("0-59", "0-59", "0-23", "1-31", "1-12", "0-6");
    private static final Pattern STAR_IN_A_LIST =
            Pattern.compile("^\\*,|,\\*(,|$)"); // of a list the library throws for each value that does not fit
    private static final int HOUR = 2;
    private static final int DAY_OF_MONTH = 3;
    private static final int DAY_OF_WEEK = 5;
    private static final int WITHOUT_SECONDS = FIELDS.size() - 1;
    private static final Map<String, String> WORDS = Map.of(
            "@yearly", "0 0 1 1 *",
            "@annually", "0 0 1 1 *",
            "@monthly", "0 0 1 * *",
            "@weekly", "0 0 * * 0",
            "@daily", "0 0 * * *",
            "@midnight", "0 0 * * *",
            "@hourly", "0 * * * *");
    private static final Pattern FIELD = Pattern.compile("\\S+");
    private static final Pattern RARE_WEEKDAY =
            Pattern.compile("(?i)\\b(29|30|31)W"); // no such day in each month: the library throws
    private static final Pattern LETTERS = Pattern.compile("(?i)[LW]"); // in a list the library passes them over
    private static final Pattern RANGE = Pattern.compile("(?<![0-9#])([0-9]+)-([0-9]+)");
    private static final LocalDateTime SOME_DAY = LocalDateTime.of(2000, 1, 1, 0, 0);
    private static final int RAREST_DAY_YEARS = 40; // 29 February on one weekday, around a year like 2100
    private static final CronParser PARSER = new CronParser(definition());

    private final ExecutionTime expression;
    private final @Nullable ExecutionTime weekdays; // the same by the day of the week alone, where both days must fit
    private final ZoneRules rules;
    private final boolean byElapsedTime;

    private CronBeat(
            ExecutionTime expression, @Nullable ExecutionTime weekdays, ZoneRules rules, boolean byElapsedTime) {
        this.expression = expression;
        this.weekdays = weekdays;
        this.rules = rules;
        this.byElapsedTime = byElapsedTime;
    }

    /** Reads it; throws {@link InvalidTaskException} with the field and its position if that is not possible. */
    static CronBeat of(String text, ZoneId zone) {
        String meant = WORDS.getOrDefault(text, text);
        if (meant.startsWith("@")) {
            throw refused(text, "the words known are " + String.join(", ", new TreeSet<>(WORDS.keySet())));
        }
        List<MatchResult> found = FIELD.matcher(meant).results().toList();
        if (found.size() != FIELDS.size() && found.size() != WITHOUT_SECONDS) {
            throw refused(
                    text,
                    "it must have 5 fields (minute, hour, day of month, month, day of week), or 6 with seconds in front, and"
                            + " has " + found.size());
        }
        List<String> fields =
                new ArrayList<>(found.stream().map(MatchResult::group).toList());
        if (fields.size() == WITHOUT_SECONDS) {
            fields.add(0, "0");
        }
        for (int i = 0; i < FIELDS.size(); i++) {
            check(
                    text,
                    fields,
                    i,
                    found.get(Math.max(0, i - FIELDS.size() + found.size())).start() + 1);
        }
        boolean apart = mustBothDaysFit(fields.get(DAY_OF_MONTH), fields.get(DAY_OF_WEEK));
        boolean byElapsedTime = fields.get(HOUR).startsWith("*");
        for (int i = 0; i < FIELDS.size(); i++) {
            if (STAR_IN_A_LIST.matcher(fields.get(i)).find()) {
                fields.set(i, ALL.get(i));
            }
        }
        CronBeat beat = new CronBeat(
                apart ? without(DAY_OF_WEEK, fields) : ExecutionTime.forCron(PARSER.parse(written(fields))),
                apart ? without(DAY_OF_MONTH, fields) : null,
                zone.getRules(),
                byElapsedTime);
        if (beat.nextLocal(SOME_DAY) == null) {
            throw refused(text, "it never fires, for no such day is in any year");
        }
        return beat;
    }

    @Override
    public long after(long ms) {
        Instant after = Instant.ofEpochMilli(ms);
        Instant next = byElapsedTime ? nextByElapsedTime(after) : nextByTimeOfDay(after);
        return next == null ? Long.MAX_VALUE : next.toEpochMilli();
    }

    /** Counts on with the offset of the moment; at a change of it, anew from there, that moment included. */
    private @Nullable Instant nextByElapsedTime(Instant after) {
        Instant from = after;
        while (true) {
            ZoneOffset offset = rules.getOffset(from);
            LocalDateTime local = nextLocal(LocalDateTime.ofEpochSecond(from.getEpochSecond(), 0, offset));
            if (local == null) {
                return null;
            }
            Instant next = local.toInstant(offset);
            ZoneOffsetTransition change = rules.nextTransition(from);
            if (change == null || next.isBefore(change.getInstant())) {
                return next;
            }
            LocalDateTime changed = change.getDateTimeAfter();
            if (changed.equals(nextLocal(changed.minusSeconds(1)))) {
                return change.getInstant();
            }
            from = change.getInstant();
        }
    }

    private @Nullable Instant nextByTimeOfDay(Instant after) {
        LocalDateTime local = LocalDateTime.ofEpochSecond(after.getEpochSecond(), 0, rules.getOffset(after));
        while (true) {
            local = nextLocal(local);
            if (local == null) {
                return null;
            }
            ZoneOffsetTransition change = rules.getTransition(local);
            Instant next = change == null
                    ? local.toInstant(rules.getOffset(local))
                    : change.isGap() ? change.getInstant() : local.toInstant(change.getOffsetBefore());
            if (next.isAfter(after)) { // else it was in the first of two hours, or the clock was put forward over it
                return next;
            }
        }
    }

    private @Nullable LocalDateTime nextLocal(LocalDateTime after) {
        LocalDateTime next = next(expression, after);
        if (weekdays == null) {
            return next;
        }
        LocalDateTime last = after.plusYears(RAREST_DAY_YEARS);
        while (next != null && !next.isAfter(last)) {
            LocalDateTime other = next(weekdays, next.minusSeconds(1));
            if (next.equals(other)) {
                return next;
            }
            next = other == null ? null : next(expression, other.minusSeconds(1));
        }
        return null;
    }

    private static @Nullable LocalDateTime next(ExecutionTime expression, LocalDateTime after) {
        return expression
                .nextExecution(after.atZone(ZoneOffset.UTC))
                .map(ZonedDateTime::toLocalDateTime)
                .orElse(null);
    }

    /** As in Vixie's cron; for the library either will do, and one that is nothing but a star does not count. */
    private static boolean mustBothDaysFit(String dayOfMonth, String dayOfWeek) {
        return !dayOfMonth.equals("*")
                && !dayOfWeek.equals("*")
                && (dayOfMonth.startsWith("*") || dayOfWeek.startsWith("*"));
    }

    private static ExecutionTime without(int day, List<String> fields) {
        List<String> others = new ArrayList<>(fields);
        others.set(day, "*");
        return ExecutionTime.forCron(PARSER.parse(written(others)));
    }

    /** Looks at one field beside five that are in order. */
    private static void check(String text, List<String> fields, int index, int position) {
        String field = fields.get(index);
        RANGE.matcher(field).results().forEach(range -> {
            if (new BigInteger(range.group(1)).compareTo(new BigInteger(range.group(2))) > 0) {
                throw refused(text, index, field, position, "a range must not go down: " + range.group());
            }
        });
        if (index == DAY_OF_MONTH && RARE_WEEKDAY.matcher(field).find()) {
            throw refused(
                    text, index, field, position, "W takes 1 to 28, the days of every month; LW is the last weekday");
        }
        if (index == DAY_OF_MONTH
                && field.contains(",")
                && LETTERS.matcher(field).find()) {
            throw refused(text, index, field, position, "L and W stand alone, in no list");
        }
        if (field.equals("?") && index >= DAY_OF_MONTH) {
            fields.set(index, "*"); // the library takes it for something else if both days have one
            return;
        }
        List<String> others = new ArrayList<>(Collections.nCopies(FIELDS.size(), "*"));
        others.set(index, field);
        try {
            PARSER.parse(written(others));
        } catch (IllegalArgumentException told) {
            String why = String.valueOf(told.getMessage())
                    .replace("Failed to parse cron expression. ", "")
                    .replaceFirst("!? Expression:.*", "");
            throw refused(
                    text, index, field, position, why.substring(0, 1).toLowerCase(Locale.ROOT) + why.substring(1));
        }
    }

    private static String written(List<String> fields) {
        return String.join(" ", fields)
                .toUpperCase(Locale.ROOT); // the library does it too, by the locale: "fri" is no day in Turkish
    }

    private static InvalidTaskException refused(String text, int index, String field, int position, String why) {
        return refused(text, FIELDS.get(index) + " '" + field + "' at position " + position + ": " + why);
    }

    private static InvalidTaskException refused(String text, String why) {
        return new InvalidTaskException("cron", "cron expression '" + text + "' cannot be read: " + why);
    }

    /** Days of month and of week together mean either of them, which the library does without a "?". */
    private static CronDefinition definition() {
        return CronDefinitionBuilder.defineCron()
                .withSeconds()
                .withValidRange(0, 59)
                .and()
                .withMinutes()
                .withValidRange(0, 59)
                .and()
                .withHours()
                .withValidRange(0, 23)
                .and()
                .withDayOfMonth()
                .withValidRange(1, 31)
                .supportsL()
                .supportsW()
                .supportsLW()
                .and()
                .withMonth()
                .withValidRange(1, 12)
                .and()
                .withDayOfWeek()
                .withValidRange(0, 7)
                .withMondayDoWValue(1)
                .withIntMapping(7, 0)
                .supportsHash()
                .supportsL()
                .and()
                .instance();
    }
}
