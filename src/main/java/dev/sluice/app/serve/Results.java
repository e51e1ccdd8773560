package dev.sluice.app.serve;

import dev.sluice.app.console.RedisAddress;
import dev.sluice.observe.Observer;
import dev.sluice.observe.Outcome;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * What became of tasks beyond what their handlers can tell: it says that some went to the dead letters, and how to see
 * why, and counts those that were handed back, or lost with a lease.
 */
final class Results implements Observer {
    private final TaskLog log;
    private final RedisAddress redis;
    private final AtomicInteger handedBack = new AtomicInteger();
    private final Map<String, Integer> held = new ConcurrentHashMap<>();
    private final Map<String, Integer> adrift = new ConcurrentHashMap<>();

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

    @Override
    public void slots(String queue, int slots, int used) {
        held.merge(queue, used, Integer::sum);
    }

    @Override
    public void lease(String queue, boolean lapsed) {
        adrift.put(queue, lapsed ? held.getOrDefault(queue, 0) : 0);
    }

    /** How many tasks were held under leases that were lost, and after which none was joined anew. */
    int adrift() {
        return adrift.values().stream().mapToInt(Integer::intValue).sum();
    }

    /** Tells what is to be told yet. */
    void flush() {
        log.flush();
    }

    /** How many unfinished tasks Redis has taken back so far. */
    int handedBack() {
        return handedBack.get();
    }
}
