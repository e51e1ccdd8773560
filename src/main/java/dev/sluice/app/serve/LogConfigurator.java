package dev.sluice.app.serve;

import ch.qos.logback.classic.AsyncAppender;
import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.JsonEncoder;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.spi.Configurator;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.Appender;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.encoder.Encoder;
import ch.qos.logback.core.spi.ContextAwareBase;
import ch.qos.logback.core.status.NopStatusListener;
import dev.sluice.app.config.LogFormat;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The log of the standalone dispatcher: on standard error, from INFO on, of the libraries from WARN on; unless whoever
 * started the JVM has named a configuration with {@code -Dlogback.configurationFile=FILE}. In code, because reading XML
 * takes a fifth of a second of each start.
 *
 * <p>Public for {@code ServiceLoader} only.
 */
public final class LogConfigurator extends ContextAwareBase implements Configurator {
    private static volatile @Nullable AsyncAppender waiting;

    private static final int EVENTS_WAITING = 1024;
    private static final int TO_FLUSH_MS = 200;
    // Other people's text must not steer a terminal.
    private static final String TEXT =
            "%d{yyyy-MM-dd'T'HH:mm:ss.SSS'Z', UTC} %-5level %logger{0} %replace(%msg %kvp){'[\\p{Cntrl}\\x80-\\x9f]', ' '}%n"
                    + "%replace(%rootException){'[\\p{Cntrl}\\x80-\\x9f&&[^\\x09\\x0a\\x0d]]|\\x0d(?!\\x0a)', ' '}";

    /** Called by Logback when the first logger is made. */
    @Override
    public ExecutionStatus configure(LoggerContext log) {
        if (!Surroundings.ownsTheLog()) {
            return ExecutionStatus.INVOKE_NEXT_IF_ANY;
        }
        writeAs(LogFormat.TEXT, log);
        return ExecutionStatus.DO_NOT_INVOKE_NEXT_IF_ANY;
    }

    /** From now on events are written like this, unless the log is not ours. */
    public static void use(LogFormat format) {
        if (!Surroundings.ownsTheLog()) {
            return;
        }
        LoggerContext log = (LoggerContext) LoggerFactory.getILoggerFactory();
        log.reset();
        writeAs(format, log);
    }

    private static void writeAs(LogFormat format, LoggerContext log) {
        log.getStatusManager().add(new NopStatusListener());
        log.getLogger("io.lettuce").setLevel(Level.WARN);
        log.getLogger("io.lettuce.core.RedisChannelHandler")
                .setLevel(Level.ERROR); // it warns of a connection that is closed twice
        log.getLogger("io.lettuce.core.protocol.DefaultEndpoint")
                .setLevel(Level.ERROR); // it warns of connections that were just cut: the dispatcher tells
        log.getLogger("io.lettuce.core.protocol.ConnectionWatchdog")
                .setLevel(Level.ERROR); // it warns of each vain attempt to reconnect, one in some seconds
        log.getLogger("io.netty").setLevel(Level.WARN);
        log.getLogger("reactor").setLevel(Level.WARN);
        log.getLogger("reactor.netty.http.client")
                .setLevel(Level.ERROR); // it warns of each delivery that breaks off: the task keeps why
        log.getLogger("reactor.netty.http.server").setLevel(Level.ERROR); // it warns of each request that is none
        log.getLogger("reactor.netty.transport.ServerTransport")
                .setLevel(Level.ERROR); // it warns of each connection beyond the most, with a stack trace
        log.getLogger("reactor.netty.channel.FluxReceive")
                .setLevel(Level.ERROR); // it warns of each connection with too many requests at once
        ConsoleAppender<ILoggingEvent> stderr = new ConsoleAppender<>();
        stderr.setContext(log);
        stderr.setTarget("System.err");
        stderr.setEncoder(format == LogFormat.JSON ? json(log) : text(log));
        stderr.start();
        ch.qos.logback.classic.Logger root = log.getLogger(Logger.ROOT_LOGGER_NAME);
        root.setLevel(Level.INFO);
        root.addAppender(inTheBackground(stderr, log));
    }

    /** Who reads standard error may stop to: no thread of the dispatcher waits for that, and what has no room is lost. */
    private static Appender<ILoggingEvent> inTheBackground(Appender<ILoggingEvent> written, LoggerContext log) {
        AsyncAppender queue = new AsyncAppender();
        queue.setContext(log);
        queue.setQueueSize(EVENTS_WAITING);
        queue.setDiscardingThreshold(0);
        queue.setNeverBlock(true);
        queue.setMaxFlushTime(TO_FLUSH_MS);
        queue.addAppender(written);
        queue.start();
        waiting = queue;
        return queue;
    }

    /** Writes what waits, within a moment, and nothing from then on: to be called at the very end. No effect if the log is not ours. */
    public static void flush() {
        AsyncAppender queue = waiting;
        if (queue != null) {
            queue.stop();
        }
    }

    static Encoder<ILoggingEvent> text(LoggerContext log) {
        PatternLayoutEncoder encoder = new PatternLayoutEncoder();
        encoder.setContext(log);
        encoder.setCharset(StandardCharsets.UTF_8);
        encoder.setPattern(TEXT);
        encoder.start();
        return encoder;
    }

    // Its timestamp: milliseconds since 1970, UTC.
    private static Encoder<ILoggingEvent> json(LoggerContext log) {
        JsonEncoder encoder = new JsonEncoder();
        encoder.setContext(log);
        encoder.setWithSequenceNumber(false);
        encoder.setWithNanoseconds(false);
        encoder.setWithContext(false);
        encoder.setWithMDC(false);
        encoder.setWithArguments(false);
        encoder.start();
        return encoder;
    }
}
