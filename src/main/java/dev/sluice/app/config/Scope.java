package dev.sluice.app.config;

import java.util.List;

/**
 * What a setting is about.
 *
 * @param queue the queue's name; empty for the whole program
 * @param type the task type of that queue; empty for all of it. Without a queue, the type whose handler is configured
 * @param schedule the schedule of that queue; empty for all of it
 */
record Scope(String queue, String type, String schedule) {
    static final Scope PROGRAM = new Scope("", "", "");

    static Scope of(String queue) {
        return new Scope(queue, "", "");
    }

    Scope withType(String name) {
        return new Scope(queue, name, "");
    }

    Scope withSchedule(String name) {
        return new Scope(queue, "", name);
    }

    static Scope ofHandler(String type) {
        return new Scope("", type, "");
    }

    boolean isType() {
        return !type.isEmpty() && !queue.isEmpty();
    }

    boolean isHandler() {
        return !type.isEmpty() && queue.isEmpty();
    }

    boolean isQueue() {
        return !queue.isEmpty() && type.isEmpty() && schedule.isEmpty();
    }

    boolean isSchedule() {
        return !schedule.isEmpty();
    }

    /** What can be set here. */
    List<Setting<?>> settings() {
        if (isHandler()) {
            return Catalog.OF_A_HANDLER;
        } else if (isSchedule()) {
            return Catalog.OF_A_SCHEDULE;
        }
        return isType() ? Catalog.OF_A_TYPE : isQueue() ? Catalog.OF_A_QUEUE : Catalog.GLOBAL;
    }

    /** The whole path of what is at {@code path} here. */
    String absolute(String path) {
        if (isHandler()) {
            return "handlers." + type + "." + path;
        }
        String part = isType() ? "types." + type + "." : isSchedule() ? "schedules." + schedule + "." : "";
        return queue.isEmpty() ? path : "queues." + queue + "." + part + path;
    }
}
