package dev.sluice.upkeep;

import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells once that the rounds of a queue have failed for a minute, and once that they go again: what nobody else may
 * notice, for tasks still run. What is shorter is an outage, of which the dispatcher tells. Not thread-safe.
 */
final class Complaint {
    private static final Logger log = LoggerFactory.getLogger(Complaint.class);
    private static final long PATIENCE_NANOS = 60_000_000_000L;

    private final String queue;
    private final LongSupplier nanos;
    private long doneNanos;
    private boolean told;

    Complaint(String queue, LongSupplier nanos) {
        this.queue = queue;
        this.nanos = nanos;
        this.doneNanos = nanos.getAsLong();
    }

    void done() {
        doneNanos = nanos.getAsLong();
        if (told) {
            told = false;
            log.atInfo().addKeyValue("queue", queue).log("Upkeep of this queue goes on again");
        }
    }

    void failed(Throwable reason) {
        boolean tells = !told && nanos.getAsLong() - doneNanos >= PATIENCE_NANOS;
        if (tells) {
            told = true;
            log.atWarn()
                    .addKeyValue("queue", queue)
                    .addKeyValue("reason", reason.getMessage())
                    .log(
                            "Upkeep has failed for a minute: until it goes on, tasks of silent dispatchers may not be taken"
                                    + " back, and schedules not fire");
        } else {
            log.atDebug().addKeyValue("queue", queue).log("A round of upkeep failed; the next one follows", reason);
        }
    }
}
