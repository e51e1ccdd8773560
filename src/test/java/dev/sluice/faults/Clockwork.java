package dev.sluice.faults;

import dev.sluice.client.Schedules;
import dev.sluice.faults.Books.Life;
import dev.sluice.task.Misfire;
import dev.sluice.task.ScheduleInfo;
import dev.sluice.task.Task;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Schedules that fire each second until they are paused.
 *
 * <p>What must hold: no tick between the first and the last is missing, however late it was fired. That none was fired twice
 * is seen in the {@link Books}: its two tasks would be of one offer.
 */
final class Clockwork {
    private static final int SCHEDULES = 3;
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private final Schedules schedules;

    Clockwork(Schedules schedules) {
        this.schedules = schedules;
    }

    /** Winds it up, before anything is broken. */
    void begin() {
        for (int i = 0; i < SCHEDULES; i++) {
            schedules
                    .create(dev.sluice.task.Schedule.every(name(i), Duration.ofSeconds(1), Task.of("t", "5@1"))
                            .misfire(Misfire.catchUp(100)))
                    .retry(3) // this machine may be too busy to answer in time
                    .block(PATIENCE);
        }
    }

    /** Stops it, after everything is mended. */
    void end() {
        for (int i = 0; i < SCHEDULES; i++) {
            schedules.pause(name(i)).retry(3).block(PATIENCE);
        }
    }

    /** What is wrong with the ticks of these, which are all that were there. */
    List<String> faultsFound(Collection<Life> lives) {
        List<String> wrong = new ArrayList<>();
        for (ScheduleInfo schedule : schedules.all().collectList().retry(3).block(PATIENCE)) {
            Set<Instant> fired = lives.stream()
                    .filter(life -> life.id().startsWith(schedule.name() + "@"))
                    .map(life ->
                            Instant.parse(life.id().substring(schedule.name().length() + 1)))
                    .collect(Collectors.toCollection(TreeSet::new));
            Instant last = schedule.last();
            Set<Instant> expected = new TreeSet<>();
            for (Instant tick = fired.isEmpty() ? last : fired.iterator().next();
                    last != null && !tick.isAfter(last);
                    tick = tick.plusSeconds(1)) {
                expected.add(tick);
            }
            if (!fired.equals(expected)) {
                wrong.add("the ticks of " + schedule.name() + " should be " + expected + ", and are " + fired);
            }
        }
        return wrong;
    }

    private static String name(int i) {
        return "s" + i;
    }
}
