package dev.sluice.app.serve;

import java.util.List;

/** What must be set before the first logger, socket or native library is touched. */
public final class Surroundings {
    private static final String LOG_CONFIGURATION = "logback.configurationFile";
    private static final String LOG_OWNER = "sluice.log";
    // Events of the libraries for the JDK's flight recorder: making ready for them takes a fifth of a second of each
    // start.
    private static final List<String> RECORDED = List.of("io.lettuce.core.jfr", "io.netty.jfr.enabled");

    private Surroundings() {}

    /** Called once, by {@code main}. */
    public static void prepare() {
        if (System.getProperty(LOG_CONFIGURATION) == null) {
            System.setProperty(LOG_OWNER, "own");
        }
        RECORDED.stream()
                .filter(name -> System.getProperty(name) == null)
                .forEach(name -> System.setProperty(name, "false"));
    }

    /** Whether this JVM is the program's own, and whoever started it has named no configuration of the log. */
    static boolean ownsTheLog() {
        return System.getProperty(LOG_OWNER) != null;
    }
}
