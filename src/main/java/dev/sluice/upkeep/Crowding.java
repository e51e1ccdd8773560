package dev.sluice.upkeep;

import dev.sluice.observe.Observer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells that more tasks wait than may. Who asks is refused; who pushes onto the list is not, nor is what comes back to it.
 *
 * <p>The log is told once when it begins, and again only after a minute in which it was not so.
 */
final class Crowding {
    private static final Logger log = LoggerFactory.getLogger(Crowding.class);
    private static final int QUIET_ROUNDS = 60; // about a minute of them

    private final Observer observer;
    private final String queue;
    private final long most;
    private int quietRounds = QUIET_ROUNDS;
    private volatile long told;

    Crowding(Observer observer, String queue, long most) {
        this.observer = observer;
        this.queue = queue;
        this.most = most;
    }

    /** What one round of upkeep found: so many wait beyond the limit. */
    void round(long over) {
        if (over > 0 && quietRounds >= QUIET_ROUNDS) {
            log.atWarn()
                    .addKeyValue("queue", queue)
                    .addKeyValue("max_length", most)
                    .addKeyValue("over", over)
                    .log("More tasks wait than may: a push onto the list cannot be refused, as an enqueue is");
        }
        quietRounds = over > 0 ? 0 : quietRounds + 1;
        if (most > 0) {
            observer.crowded(queue, over);
            told = over;
        }
    }

    /** Nobody here counts them any more. */
    void end() {
        if (told > 0) {
            observer.crowded(queue, 0);
        }
    }
}
