package dev.sluice.app;

/** What must be set before the first logger, socket or native library is touched. */
final class Surroundings {
    private static final String LOG_CONFIGURATION = "logback.configurationFile";

    private Surroundings() {}

    static void prepare() {
        setUnlessGiven(LOG_CONFIGURATION, "dev/sluice/app/logback.xml");
    }

    private static void setUnlessGiven(String property, String value) {
        if (System.getProperty(property) == null) {
            System.setProperty(property, value);
        }
    }
}
