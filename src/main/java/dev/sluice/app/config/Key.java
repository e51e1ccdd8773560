package dev.sluice.app.config;

import java.util.Locale;

/** One setting of one queue, of one type of it, or of the whole program. */
record Key(Scope scope, Setting<?> setting) {
    static final String VARIABLES = "SLUICE_";

    static Key of(Setting<?> setting) {
        return new Key(Scope.PROGRAM, setting);
    }

    /** The variable that sets it: its path in capitals, every other character than letters and digits an underscore. */
    String variable() {
        return VARIABLES + path().toUpperCase(Locale.ROOT).replaceAll("[^A-Z0-9]", "_");
    }

    String path() {
        return scope.absolute(setting.path());
    }

    String standard() {
        return setting.standard().apply(scope.queue());
    }
}
