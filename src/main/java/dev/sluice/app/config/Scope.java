package dev.sluice.app.config;

import java.util.List;

/**
 * What a setting is about.
 *
 * @param queue the queue's name; empty for the whole program
 * @param type the task type of that queue; empty for all of it
 */
record Scope(String queue, String type) {
    static final Scope PROGRAM = new Scope("", "");

    static Scope of(String queue) {
        return new Scope(queue, "");
    }

    boolean isType() {
        return !type.isEmpty();
    }

    boolean isQueue() {
        return !queue.isEmpty() && !isType();
    }

    /** What can be set here. */
    List<Setting<?>> settings() {
        return isType() ? Catalog.OF_A_TYPE : isQueue() ? Catalog.OF_A_QUEUE : Catalog.GLOBAL;
    }

    /** The whole path of what is at {@code path} here. */
    String absolute(String path) {
        String ofType = isType() ? "types." + type + "." : "";
        return queue.isEmpty() ? path : "queues." + queue + "." + ofType + path;
    }
}
