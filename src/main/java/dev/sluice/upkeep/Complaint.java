package dev.sluice.upkeep;

import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells once that the rounds of a queue have failed for a minute, whether they come each second or once a day, and once
 * that they go again: what nobody else may notice, for tasks still run. What is shorter is an outage, of which the
 * dispatcher tells. Not thread-safe.
 */
final class Complaint {
    private static final Logger log = LoggerFactory.getLogger(Complaint.class);
    private static final long PATIENCE_NANOS = 60_000_000_000L;
    private static final long SOON_NANOS = 20_000_000_000L; // a round that failed is followed by the next before that

    private final String queue;
    private final String what;
    private final String consequence;
    private final LongSupplier nanos;
    private long firstNanos;
    private long lastNanos;
    private boolean fails;
    private boolean told;

    /**
     * @param what the rounds, at the start of a sentence
     * @param consequence what may not happen until they go on
     */
    Complaint(String queue, String what, String consequence, LongSupplier nanos) {
        this.queue = queue;
        this.what = what;
        this.consequence = consequence;
        this.nanos = nanos;
    }

    void done() {
        if (told) {
            log.atInfo().addKeyValue("queue", queue).log("{} of this queue goes on again", what);
        }
        fails = false;
        told = false;
    }

    void failed(Throwable reason) {
        long now = nanos.getAsLong();
        if (!fails || (!told && now - lastNanos >= SOON_NANOS)) { // the one before may be of yesterday
            fails = true;
            firstNanos = now;
        }
        lastNanos = now;
        if (!told && now - firstNanos >= PATIENCE_NANOS) {
            told = true;
            log.atWarn()
                    .addKeyValue("queue", queue)
                    .addKeyValue("reason", reason.getMessage())
                    .log("{} has failed for a minute: until it goes on, {}", what, consequence);
        } else {
            log.atDebug().addKeyValue("queue", queue).log("{} failed; the next round follows", what, reason);
        }
    }
}
