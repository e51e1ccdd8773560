package dev.sluice.app;

import dev.sluice.observe.Observer;
import dev.sluice.observe.Outcome;
import dev.sluice.task.Queue;

/** Says that tasks went to the dead letters, and how to see why: no handler may have seen them. */
final class DeadLetterNotice implements Observer {
    private final TaskLog log;
    private final String look;

    DeadLetterNotice(TaskLog log, RedisAddress redis, Queue queue) {
        this.log = log;
        this.look = redis.cli() + " HGETALL '{" + queue.name() + "}:dead:bodies'";
    }

    @Override
    public void settled(String queue, Outcome outcome, int count) {
        if (outcome == Outcome.DEAD) {
            log.note((count == 1 ? "1 task is dead" : count + " tasks are dead") + "; to see why: " + look);
        }
    }
}
