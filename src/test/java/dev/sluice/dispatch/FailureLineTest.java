package dev.sluice.dispatch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.task.Failure;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

class FailureLineTest {

    @Test
    void aFailureComesBackAsItWas() {
        Failure failure = Failure.of("handler-error", new IllegalStateException("a\n\"b\" 错 🚰"));

        assertThat(FailureLine.of(failure)).doesNotContain("\n");
        assertThat(FailureLine.read(FailureLine.of(failure))).isEqualTo(failure);
    }

    @Test
    void aLineIsNeverLongerThanTheScriptsTake() {
        for (String c : List.of("\u0000", "\u0001", "\"", "错", "\ud83d\udeb0", "\ud83d", "x")) {
            String much = c.repeat(2_000);
            Failure failure = new Failure(much, much, much, (much + "\n").repeat(8));

            assertThat(FailureLine.of(failure).getBytes(StandardCharsets.UTF_8)).hasSizeLessThanOrEqualTo(4096);
            assertThat(FailureLine.read(FailureLine.of(failure)))
                    .extracting(Failure::reason)
                    .isEqualTo(failure.reason());
        }
    }

    @Test
    void whatIsNoneOfOursIsNone() {
        for (String line :
                List.of("", "{}", "[]", "no json", "{\"reason\":1}", "{\"reason\":\"r\",\"message\":null}", "\u0002")) {
            assertThat(FailureLine.read(line)).as(line).isNull();
        }
        assertThat(FailureLine.read(null)).isNull();
    }
}
