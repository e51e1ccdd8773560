package dev.sluice.codec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DurationsTest {

    @ParameterizedTest
    @CsvSource({"0s,0", "500ms,500", "15s,15000", "90s,90000", "5m,300000", "2h,7200000", "8760h,31536000000"})
    void whatItWritesItReads(String text, long millis) {
        assertThat(Durations.parse(text)).isEqualTo(Duration.ofMillis(millis));
        assertThat(Durations.text(Duration.ofMillis(millis))).isEqualTo(text);
    }

    @ParameterizedTest
    @CsvSource({"1.5s,1500", "0.25h,900000", "7d,604800000", "1.999ms,1", "999999999.999d,86399999999913600"})
    void aFractionAndDaysAreReadToo(String text, long millis) {
        assertThat(Durations.parse(text)).isEqualTo(Duration.ofMillis(millis));
    }

    @Test
    void whatIsWrongIsNamedWithTheUnits() {
        assertThatThrownBy(() -> Durations.parse("1.5"))
                .hasMessage("'1.5' is no duration: the unit is missing, a number and ms, s, m, h or d, such as 15s");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "15",
                "s",
                "-1s",
                "1.5",
                ".5s",
                "1.s",
                "1.2345s",
                "15 s",
                "1h30m",
                "15S",
                "1w",
                "PT15S",
                "9999999999s",
                "١s"
            })
    void anythingElseIsRefused(String text) {
        assertThatThrownBy(() -> Durations.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("'" + text + "' is no duration");
    }
}
