package dev.sluice.app.serve;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.LoggingEvent;
import org.junit.jupiter.api.Test;

class LogConfiguratorTest {
    /** Messages of exceptions have what payloads and other servers say. */
    @Test
    void noTextOfOthersSteersATerminal() {
        LoggerContext log = new LoggerContext();
        Throwable failure = new IllegalStateException("a\u001b[31mb\u009bc\rd");

        String text = new String(
                LogConfigurator.text(log)
                        .encode(new LoggingEvent("x", log.getLogger("a.B"), Level.WARN, "say\u001bso", failure, null)),
                UTF_8);

        assertThat(text).doesNotContain("\u001b", "\u009b").contains("WARN  B say so", "a [31mb c d", "\n\tat ");
        assertThat(text.lines().filter(line -> line.contains("IllegalStateException")))
                .hasSize(1);
    }
}
