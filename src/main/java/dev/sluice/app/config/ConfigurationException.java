package dev.sluice.app.config;

import java.util.List;

/** The file, the environment or the flags hold mistakes; nothing was started. Reading them again does not help. */
public final class ConfigurationException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    ConfigurationException(List<String> problems) {
        super(
                problems.size() == 1
                        ? problems.get(0)
                        : problems.size() + " mistakes in the configuration:\n  " + String.join("\n  ", problems),
                null,
                false,
                false);
    }
}
