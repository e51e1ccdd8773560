package dev.sluice.app;

import dev.sluice.observe.Observer;
import dev.sluice.observe.Outcome;

/** Says that tasks went to the dead letters, and how to see why: no handler may have seen them. */
final class DeadLetterNotice implements Observer {
    private final TaskLog log;
    private final RedisAddress redis;

    DeadLetterNotice(TaskLog log, RedisAddress redis) {
        this.log = log;
        this.redis = redis;
    }

    @Override
    public void settled(String queue, Outcome outcome, int count) {
        if (outcome == Outcome.DEAD) {
            log.dead(queue, count, redis.cli() + " HGETALL '{" + queue + "}:dead:bodies'");
        }
    }
}
