package dev.sluice.dispatch;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.slf4j.LoggerFactory;

/** Writes down what Sluice logs at INFO or above, message and key-values of each, until it is closed. */
public final class LogTap extends AppenderBase<ILoggingEvent> implements AutoCloseable {
    private final List<String> lines = new CopyOnWriteArrayList<>();
    private final List<String> warnings = new CopyOnWriteArrayList<>();
    private final Logger logger = (Logger) LoggerFactory.getLogger("dev.sluice");
    private final Level before = logger.getLevel();

    public LogTap() {
        start();
        logger.setLevel(Level.INFO);
        logger.addAppender(this);
    }

    public List<String> lines() {
        return lines;
    }

    /** Those of them that are at WARN or above. */
    public List<String> warnings() {
        return warnings;
    }

    @Override
    protected void append(ILoggingEvent event) {
        if (event.getLevel().isGreaterOrEqual(Level.INFO)) {
            String line = event.getFormattedMessage() + " " + event.getKeyValuePairs();
            lines.add(line);
            if (event.getLevel().isGreaterOrEqual(Level.WARN)) {
                warnings.add(line);
            }
        }
    }

    @Override
    public void close() {
        logger.detachAppender(this);
        logger.setLevel(before);
        stop();
    }
}
