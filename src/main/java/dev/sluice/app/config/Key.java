package dev.sluice.app.config;

import java.util.Locale;

/**
 * One setting of one queue, or of the whole program.
 *
 * @param queue the queue's name; empty for the whole program
 */
record Key(String queue, Setting<?> setting) {
    static final String VARIABLES = "SLUICE_";

    static Key of(Setting<?> setting) {
        return new Key("", setting);
    }

    /** The variable that sets it: its path in capitals, every other character than letters and digits an underscore. */
    String variable() {
        return VARIABLES + path().toUpperCase(Locale.ROOT).replaceAll("[^A-Z0-9]", "_");
    }

    String path() {
        return queue.isEmpty() ? setting.path() : "queues." + queue + "." + setting.path();
    }

    String standard() {
        return setting.standard().apply(queue);
    }
}
