package dev.sluice.task;

/**
 * A queue has another schedule of this name, and it was not to be replaced.
 *
 * <p>Not retryable. Nothing was changed.
 */
public final class ScheduleConflictException extends SluiceException {

    private static final long serialVersionUID = 1L;

    private final String schedule;

    /** The queue has a schedule of that name which is {@code existing}, in words. */
    public ScheduleConflictException(String queue, String schedule, String existing) {
        super(
                "schedule-conflict",
                false,
                "queue " + queue + " has another schedule '" + schedule + "' already: " + existing);
        this.schedule = schedule;
    }

    /** The name of the schedule. */
    public String schedule() {
        return schedule;
    }
}
