package dev.sluice.app.config;

import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * One thing that can be set.
 *
 * @param path its place in the file, names joined by dots; below {@code queues.NAME} if it is one of a queue
 * @param kind how its value is written
 * @param standard its default, as it would be written, by the queue's name
 * @param flag the option that sets it, or null if there is none
 * @param meaning one sentence
 */
record Setting<T>(
        String path,
        Kind<T> kind,
        UnaryOperator<String> standard,
        @Nullable String flag,
        String meaning) {

    static <T> Setting<T> of(String path, Kind<T> kind, String standard, String meaning) {
        return new Setting<>(path, kind, queue -> standard, null, meaning);
    }

    Setting<T> withFlag(String option) {
        return new Setting<>(path, kind, standard, option, meaning);
    }

    Setting<T> withStandard(UnaryOperator<String> byQueue) {
        return new Setting<>(path, kind, byQueue, flag, meaning);
    }

    /** The last name of its path. */
    String name() {
        return path.substring(path.lastIndexOf('.') + 1);
    }
}
