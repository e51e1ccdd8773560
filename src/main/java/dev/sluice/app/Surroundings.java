package dev.sluice.app;

import dev.sluice.app.config.LogFormat;

/** What must be set before the first logger, socket or native library is touched. */
final class Surroundings {
    private static final String LOG_CONFIGURATION = "logback.configurationFile";
    private static final String OURS = "dev/sluice/app/logback";

    private Surroundings() {}

    static void prepare() {
        if (System.getProperty(LOG_CONFIGURATION) == null) {
            System.setProperty(LOG_CONFIGURATION, file(LogFormat.TEXT));
        }
    }

    /** How events are to be written, unless whoever started the JVM has named a configuration. Before the first logger. */
    static void log(LogFormat format) {
        if (file(LogFormat.TEXT).equals(System.getProperty(LOG_CONFIGURATION))) {
            System.setProperty(LOG_CONFIGURATION, file(format));
        }
    }

    private static String file(LogFormat format) {
        return OURS + (format == LogFormat.JSON ? "-json.xml" : ".xml");
    }
}
