package dev.sluice.task;

import java.time.Duration;
import java.time.ZoneId;
import java.util.Objects;
import java.util.regex.Pattern;

/**
 * A task that is enqueued again and again: a name, when, and what.
 *
 * <p>Immutable: each method that changes something returns a changed copy. It does nothing by itself: put it into the
 * schedules of a queue. The task that a tick makes has the id {@code NAME@TICK}, such as
 * {@code nightly@2026-11-26T02:00:00Z}, so that a tick which fires is one task.
 *
 * <p>The name has 1 to 128 of the characters {@code A-Z a-z 0-9 . _ : -} and is unique in its queue.
 */
public final class Schedule {
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._:-]{1,128}");

    private final String name;
    private final Timing timing;
    private final Task<?> task;
    private final Misfire misfire;
    private final Overlap overlap;

    private Schedule(String name, Timing timing, Task<?> task, Misfire misfire, Overlap overlap) {
        this.name = name;
        this.timing = timing;
        this.task = task;
        this.misfire = misfire;
        this.overlap = overlap;
    }

    /**
     * A schedule of this task.
     *
     * @param task without an id, a delay or a time of its own, which each tick gives it, and without a deadline, which one
     *     day would be over; its timeout and retries count
     * @throws InvalidTaskException if the name or the task breaks a rule
     */
    public static Schedule of(String name, Timing timing, Task<?> task) {
        refuse(task.id() != null, "id", "its id is that of each tick");
        refuse(task.delay() != null || task.at() != null, "at", "when it starts is what the schedule says");
        refuse(task.deadline() != null, "deadline", "one day it would be over for ever: set a timeout instead");
        return new Schedule(
                checkName(name), Objects.requireNonNull(timing, "timing"), task, Misfire.once(), Overlap.ALLOW);
    }

    /** {@link #of} with {@link Timing#cron}. */
    public static Schedule cron(String name, String expression, ZoneId zone, Task<?> task) {
        return of(name, Timing.cron(expression, zone), task);
    }

    /** {@link #of} with {@link Timing#every}. */
    public static Schedule every(String name, Duration rate, Task<?> task) {
        return of(name, Timing.every(rate), task);
    }

    /**
     * The name itself.
     *
     * @throws InvalidTaskException if it can be no schedule's
     */
    public static String checkName(String name) {
        if (!NAME.matcher(name).matches()) {
            throw new InvalidTaskException(
                    "schedule",
                    "the name of a schedule must be 1 to 128 characters of A-Z a-z 0-9 . _ : -, was '"
                            + Printable.of(name) + "'");
        }
        return name;
    }

    /** This schedule with another rule for missed ticks; default {@link Misfire#once}. */
    public Schedule misfire(Misfire policy) {
        return new Schedule(name, timing, task, Objects.requireNonNull(policy, "policy"), overlap);
    }

    /** This schedule with another rule for a tick whose predecessor still lives; default {@link Overlap#ALLOW}. */
    public Schedule overlap(Overlap rule) {
        return new Schedule(name, timing, task, misfire, Objects.requireNonNull(rule, "rule"));
    }

    /** The name. */
    public String name() {
        return name;
    }

    /** When it fires. */
    public Timing timing() {
        return timing;
    }

    /** What each tick enqueues. */
    public Task<?> task() {
        return task;
    }

    /** What becomes of missed ticks. */
    public Misfire misfire() {
        return misfire;
    }

    /** What a tick does whose predecessor still lives. */
    public Overlap overlap() {
        return overlap;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Schedule that
                && name.equals(that.name)
                && timing.equals(that.timing)
                && task.equals(that.task)
                && misfire.equals(that.misfire)
                && overlap == that.overlap;
    }

    @Override
    public int hashCode() {
        return Objects.hash(name, timing, task, misfire, overlap);
    }

    /** Name, timing and task; never the payload. */
    @Override
    public String toString() {
        return "Schedule[" + name + ", " + timing + ", " + task + "]";
    }

    private static void refuse(boolean present, String field, String why) {
        if (present) {
            throw new InvalidTaskException(
                    field, "the task of a schedule can have no " + field + " of its own: " + why);
        }
    }
}
