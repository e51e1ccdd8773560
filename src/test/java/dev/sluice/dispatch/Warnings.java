package dev.sluice.dispatch;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.slf4j.LoggerFactory;

/** What Sluice logs at WARN or above, from its creation until it is closed: message and key-values of each. */
final class Warnings extends AppenderBase<ILoggingEvent> implements AutoCloseable {
    private final List<String> told = new CopyOnWriteArrayList<>();
    private final Logger logger = (Logger) LoggerFactory.getLogger("dev.sluice");

    Warnings() {
        start();
        logger.addAppender(this);
    }

    List<String> told() {
        return told;
    }

    @Override
    protected void append(ILoggingEvent event) {
        if (event.getLevel().isGreaterOrEqual(Level.WARN)) {
            told.add(event.getFormattedMessage() + " " + event.getKeyValuePairs());
        }
    }

    @Override
    public void close() {
        logger.detachAppender(this);
        stop();
    }
}
