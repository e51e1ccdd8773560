package dev.sluice.upkeep;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Misfire;
import dev.sluice.task.Timing;
import java.lang.reflect.InvocationTargetException;
import java.net.URL;
import java.net.URLClassLoader;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** When schedules fire. Berlin puts its clock forward on 2026-03-29 at 2:00 and back on 2026-10-25 at 3:00. */
class TicksTest {
    private static final ZoneId BERLIN = ZoneId.of("Europe/Berlin");

    @Test
    void aTimeOfDayThatIsMissingComesWhenTheClockIsPutForward() {
        assertThat(cron("30 2 * * *", "2026-03-28T00:00:00+01:00", 3))
                .containsExactly("2026-03-28T02:30+01:00", "2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00");
    }

    @Test
    void severalMissingTimesOfDayAreOneTick() {
        assertThat(cron("0,15,30,45 2 * * *", "2026-03-28T02:40:00+01:00", 3))
                .containsExactly("2026-03-28T02:45+01:00", "2026-03-29T03:00+02:00", "2026-03-30T02:00+02:00");
    }

    @Test
    void aTimeOfDayThatComesTwiceFiresTheFirstTime() {
        assertThat(cron("30 2 * * *", "2026-10-24T12:00:00+02:00", 2))
                .containsExactly("2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00");
        assertThat(cron("30 2,3 * * *", "2026-10-25T02:30:00+02:00", 1)).containsExactly("2026-10-25T03:30+01:00");
    }

    @Test
    void everyHourGoesByTheTimeThatPasses() {
        assertThat(cron("30 * * * *", "2026-03-29T00:45:00+01:00", 3))
                .containsExactly("2026-03-29T01:30+01:00", "2026-03-29T03:30+02:00", "2026-03-29T04:30+02:00");
        assertThat(cron("30 * * * *", "2026-10-25T01:45:00+02:00", 3))
                .containsExactly("2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00", "2026-10-25T03:30+01:00");
        assertThat(cron("0 * * * *", "2026-03-29T01:30:00+01:00", 2))
                .containsExactly("2026-03-29T03:00+02:00", "2026-03-29T04:00+02:00");
    }

    @Test
    void everyQuarterOfAnHourLeavesNoHoleWhereAnHourComesTwice() {
        List<Instant> ticks = ticks(Timing.cron("*/15 * * * *", BERLIN), "2026-10-24T20:00:00Z", 24);

        for (int i = 1; i < ticks.size(); i++) {
            assertThat(Duration.between(ticks.get(i - 1), ticks.get(i))).isEqualTo(Duration.ofMinutes(15));
        }
    }

    @Test
    void aRateCountsFromTheYear1970() {
        assertThat(ticks(Timing.every(Duration.ofMinutes(10)), "2026-11-26T14:03:07.123Z", 2))
                .containsExactly(Instant.parse("2026-11-26T14:10:00Z"), Instant.parse("2026-11-26T14:20:00Z"));
    }

    @ParameterizedTest
    @CsvSource({
        "0 9 * * MON-FRI, 2026-11-28T00:00:00Z, 2026-11-30T09:00:00Z",
        "0 9 13 * FRI, 2026-11-26T10:00:00Z, 2026-11-27T09:00:00Z", // the 13th, and each Friday
        "0 9 13 * ?, 2026-11-26T10:00:00Z, 2026-12-13T09:00:00Z",
        "0 9 ? * *, 2026-11-26T10:00:00Z, 2026-11-27T09:00:00Z",
        "0 0 L * *, 2026-11-26T10:00:00Z, 2026-11-30T00:00:00Z",
        "0 0 LW * *, 2027-01-26T10:00:00Z, 2027-01-29T00:00:00Z",
        "0 0 15W * *, 2026-11-01T10:00:00Z, 2026-11-16T00:00:00Z",
        "0 0 * * FRI#3, 2026-11-26T10:00:00Z, 2026-12-18T00:00:00Z",
        "0 0 */28 2 MON, 2072-02-29T00:00:00Z, 2077-02-01T00:00:00Z",
        "0 0 29 2 */7, 2088-02-29T00:00:00Z, 2128-02-29T00:00:00Z",
        "0 0 * * 5L, 2026-11-01T10:00:00Z, 2026-11-27T00:00:00Z",
        "0 0 * * 7, 2026-11-26T10:00:00Z, 2026-11-29T00:00:00Z",
        "0 0 * * 0, 2026-11-26T10:00:00Z, 2026-11-29T00:00:00Z",
        "0 0 29 2 *, 2026-11-26T10:00:00Z, 2028-02-29T00:00:00Z",
        "0 0 1 JAN *, 2026-11-26T10:00:00Z, 2027-01-01T00:00:00Z",
        "*/20 * * * * *, 2026-11-26T10:00:01.5Z, 2026-11-26T10:00:20Z",
        "@daily, 2026-11-26T10:00:00Z, 2026-11-27T00:00:00Z",
        "@weekly, 2026-11-26T10:00:00Z, 2026-11-29T00:00:00Z",
    })
    void theNextTick(String expression, Instant after, Instant next) {
        assertThat(Ticks.of(Timing.cron(expression, ZoneId.of("UTC"))).next(after))
                .isEqualTo(next);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "61 * * * *|minute '61' at position 1: value 61 not in range [0, 59]",
                "0  2 * 13 *|month '13' at position 8: value 13 not in range [1, 12]",
                "* * a * *|day of month 'a' at position 5: ",
                "0 30 25 * * *|hour '25' at position 6: value 25 not in range [0, 23]",
                "0 22-2 * * *|hour '22-2' at position 3: a range must not go down: 22-2",
                "0 9 30W * *|day of month '30W' at position 5: W takes 1 to 28",
                "0 9 1,15W * *|day of month '1,15W' at position 5: L and W stand alone, in no list",
                "0 9 lw,1 * *|day of month 'lw,1' at position 5: L and W stand alone",
                "0 9 1,L * *|day of month '1,L' at position 5: L and W stand alone",
                "0 9 */31 * 1#2|it never fires",
                "99999999999-1 * * * *|minute '99999999999-1' at position 1: a range must not go down",
                "0 0 * *|it must have 5 fields",
                "0 0 * * * * *|it must have 5 fields",
                "0 0 30 2 *|it never fires",
                "@often|the words known are @annually, @daily",
                "*/0 * * * *|minute '*/0' at position 1: period 0 not in range",
                "1,,2 * * * *|minute '1,,2' at position 1: ",
                "? * * * *|minute '?' at position 1: ",
            })
    void whatCannotBeReadIsNamedWithItsPosition(String expression, String message) {
        assertThatThrownBy(() -> Ticks.of(Timing.cron(expression, BERLIN)))
                .isInstanceOf(InvalidTaskException.class)
                .hasMessageStartingWith("cron expression '" + expression + "' cannot be read: ")
                .hasMessageContaining(message);
    }

    @ParameterizedTest
    @ValueSource(strings = {"* * * * * *", "*/5 3-7 * * MON-FRI", "0 0 29 2 *", "* * * 1 *"})
    void aLongAbsenceIsLookedBackOnInFewSteps(String expression) {
        Timing timing = Timing.cron(expression, BERLIN);
        Ticks ticks = Ticks.of(timing);
        long due = Instant.parse("2016-01-01T00:00:00Z").toEpochMilli();
        long now = Instant.parse("2026-11-26T12:00:00.250Z").toEpochMilli();

        List<Long> newest = ticks.due(due, now, Misfire.catchUp(3));

        assertThat(newest).isSorted().hasSize(3);
        for (int i = 0; i < newest.size(); i++) {
            long next = ticks.after(newest.get(i));
            assertThat(i + 1 < newest.size() ? next == newest.get(i + 1) : next > now)
                    .isTrue();
            assertThat(ticks.after(newest.get(i) - 1)).isEqualTo(newest.get(i));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"*", "*/1", "*/2", "*/10", "*,7", "7", "7,*", "1-31", "1,15", "10-20/3", "30-31"})
    void daysAreThoseOfVixieCron(String dayOfMonth) {
        LocalDate newYear = LocalDate.of(2026, 1, 1);
        for (String dayOfWeek : List.of("*", "*/1", "*/2", "*/5", "*,3", "1", "0", "7", "1-5", "0-7", "2,6", "1-7/3")) {
            String expression = "0 3 " + dayOfMonth + " * " + dayOfWeek;
            List<LocalDate> expected = newYear.datesUntil(newYear.plusYears(1))
                    .filter(day -> isOneForVixie(dayOfMonth, dayOfWeek, day))
                    .toList();

            List<Instant> ticks =
                    ticks(Timing.cron(expression, ZoneOffset.UTC), "2026-01-01T00:00:00Z", expected.size() + 1);

            assertThat(ticks)
                    .as(expression)
                    .startsWith(expected.stream()
                            .map(day -> day.atTime(3, 0).toInstant(ZoneOffset.UTC))
                            .toArray(Instant[]::new));
            assertThat(ticks.get(expected.size())).as(expression).isAfter("2027-01-01T00:00:00Z");
        }
    }

    @Test
    void whatIsFiredOfMissedTicksIsForThePolicyToSay() {
        Ticks ticks = Ticks.of(Timing.every(Duration.ofMinutes(10)));
        long minute = 60_000;

        assertThat(ticks.due(10 * minute, 10 * minute, Misfire.skip())).containsExactly(10 * minute);
        assertThat(ticks.due(10 * minute, 35 * minute, Misfire.once())).containsExactly(30 * minute);
        assertThat(ticks.due(10 * minute, 35 * minute, Misfire.skip())).isEmpty();
        assertThat(ticks.due(10 * minute, 31 * minute, Misfire.skip())).containsExactly(30 * minute);
        assertThat(ticks.due(10 * minute, 35 * minute, Misfire.catchUp(2))).containsExactly(20 * minute, 30 * minute);
        assertThat(ticks.due(10 * minute, 35 * minute, Misfire.catchUp(9)))
                .containsExactly(10 * minute, 20 * minute, 30 * minute);
        assertThat(ticks.due(11 * minute, 12 * minute, Misfire.once())).isEmpty();
    }

    @Test
    void withoutTheLibraryARateWorksAndCronSaysWhatIsMissing() throws Exception {
        try (WithoutCron program = new WithoutCron()) {
            assertThat(program.next(Timing.every(Duration.ofSeconds(1)))).isEqualTo("1970-01-01T00:00:01Z");
            for (int i = 0; i < 2; i++) {
                assertThat(program.next(Timing.cron("0 2 * * *", BERLIN)))
                        .startsWith("schedules by cron need the library com.cronutils:cron-utils 9.2.1");
            }
        }
    }

    /** Loads the arithmetic anew where the library is not to be found. */
    private static final class WithoutCron extends URLClassLoader {
        WithoutCron() {
            super(new URL[] {Ticks.class.getProtectionDomain().getCodeSource().getLocation()}, null);
        }

        @Override
        protected Class<?> findClass(String name) throws ClassNotFoundException {
            if (name.startsWith("dev.sluice.upkeep.")) {
                return super.findClass(name);
            } else if (name.startsWith("com.cronutils.")) {
                throw new ClassNotFoundException(name);
            }
            return TicksTest.class.getClassLoader().loadClass(name);
        }

        String next(Timing timing) throws Exception {
            Class<?> ticks = loadClass(Ticks.class.getName());
            try {
                Object its = ticks.getMethod("of", Timing.class).invoke(null, timing);
                return String.valueOf(ticks.getMethod("next", Instant.class).invoke(its, Instant.EPOCH));
            } catch (InvocationTargetException told) {
                assertThat(told.getCause()).isInstanceOf(InvalidTaskException.class);
                return told.getCause().getMessage();
            }
        }
    }

    /** As in its {@code cron.c}: both days must fit if a field starts with a star, else either. */
    private static boolean isOneForVixie(String dayOfMonth, String dayOfWeek, LocalDate day) {
        int weekday = day.getDayOfWeek().getValue(); // Sunday is 7, and in a crontab 0, too
        boolean fitsMonth = has(dayOfMonth, 1, 31, day.getDayOfMonth());
        boolean fitsWeek = has(dayOfWeek, 0, 7, weekday) || has(dayOfWeek, 0, 7, weekday % 7);
        boolean star = dayOfMonth.startsWith("*") || dayOfWeek.startsWith("*");
        return star ? fitsMonth && fitsWeek : fitsMonth || fitsWeek;
    }

    private static boolean has(String field, int first, int last, int value) {
        return Stream.of(field.split(",", -1)).anyMatch(part -> {
            String[] stepped = part.split("/", -1);
            String[] range = stepped[0].equals("*") ? new String[] {"" + first, "" + last} : stepped[0].split("-", -1);
            int from = Integer.parseInt(range[0]);
            int to = Integer.parseInt(range[range.length - 1]);
            int step = stepped.length == 1 ? 1 : Integer.parseInt(stepped[1]);
            return value >= from && value <= to && (value - from) % step == 0;
        });
    }

    private static List<String> cron(String expression, String after, int count) {
        return ticks(Timing.cron(expression, BERLIN), after, count).stream()
                .map(tick -> tick.atZone(BERLIN).toOffsetDateTime().toString())
                .toList();
    }

    private static List<Instant> ticks(Timing timing, String after, int count) {
        Ticks ticks = Ticks.of(timing);
        List<Instant> found = new ArrayList<>();
        Instant at = java.time.OffsetDateTime.parse(after).toInstant();
        for (int i = 0; i < count; i++) {
            at = ticks.next(at);
            found.add(at);
        }
        return found;
    }
}
