package dev.sluice.app.serve;

import dev.sluice.app.console.RedisAddress;
import dev.sluice.observe.Observer;
import dev.sluice.observe.Outcome;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * What became of tasks beyond what their handlers can tell: it says that some went to the dead letters, and how to see
 * why, and counts those that were handed back.
 */
final class Results implements Observer {
    private final TaskLog log;
    private final RedisAddress redis;
    private final AtomicInteger handedBack = new AtomicInteger();

    Results(TaskLog log, RedisAddress redis) {
        this.log = log;
        this.redis = redis;
    }

    @Override
    public void settled(String queue, Outcome outcome, int count) {
        if (outcome == Outcome.DEAD) {
            log.dead(queue, count, "java -jar sluice-server.jar dead ls " + queue + " --redis '" + redis + "'");
        } else if (outcome == Outcome.RELEASED) {
            handedBack.addAndGet(count);
        }
    }

    /** How many unfinished tasks Redis has taken back so far. */
    int handedBack() {
        return handedBack.get();
    }
}
