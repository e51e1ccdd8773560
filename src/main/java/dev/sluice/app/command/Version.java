package dev.sluice.app.command;

import java.io.IOException;
import java.io.InputStream;
import java.util.Properties;
import picocli.CommandLine.IVersionProvider;

/** The version and the git revision this jar was built from, which the build writes beside this class. */
public final class Version implements IVersionProvider {

    @Override
    public String[] getVersion() throws IOException {
        return new String[] {line()};
    }

    static String line() throws IOException {
        Properties build = new Properties();
        try (InputStream written = Version.class.getResourceAsStream("build.properties")) {
            if (written != null) {
                build.load(written);
            }
        }
        return "sluice " + build.getProperty("version", "unknown") + " (revision "
                + build.getProperty("revision", "unknown") + ", Java "
                + Runtime.version().feature() + ")";
    }
}
