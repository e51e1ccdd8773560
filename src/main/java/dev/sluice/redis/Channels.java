package dev.sluice.redis;

import dev.sluice.task.Queue;

/**
 * Where messages about a queue are told. Pub/sub knows no databases: the names do.
 *
 * @param cancels that a running task is to be stopped
 * @param ends that tasks have ended: those of which a result is kept, and the rarer ends of all
 * @param moves every move of a task from state to state, while somebody listens
 */
record Channels(String cancels, String ends, String moves) {
    static Channels of(Queue queue, int database) {
        String tag = "{" + queue.name() + "}:";
        return new Channels(tag + "cancel@" + database, tag + "ended@" + database, tag + "events@" + database);
    }
}
