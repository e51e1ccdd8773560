package dev.sluice.task;

import java.time.Duration;
import java.util.Objects;

/**
 * A dispatcher's hold on a queue, as Redis has it at a moment.
 *
 * @param id names this incarnation of it: another at each start, and whenever a lease was lost
 * @param leaseLeft how long its lease still runs unless it is renewed; zero if it is over, and others take its tasks back (in
 *     an at-most-once queue only what says that they run)
 * @param running how many tasks it holds; in an at-most-once queue, of how many it said so last
 */
public record DispatcherInfo(String id, Duration leaseLeft, long running) {

    /** The same, with nothing missing. */
    public DispatcherInfo {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(leaseLeft, "leaseLeft");
    }
}
