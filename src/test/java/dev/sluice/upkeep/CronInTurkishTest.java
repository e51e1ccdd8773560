package dev.sluice.upkeep;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.task.Timing;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Locale;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Of an i this language makes another capital letter than the names of days have. */
@Tag("alone")
class CronInTurkishTest {
    private final Locale before = Locale.getDefault();

    @BeforeEach
    void speakTurkish() {
        Locale.setDefault(new Locale("tr", "TR"));
    }

    @AfterEach
    void speakAsBefore() {
        Locale.setDefault(before);
    }

    @Test
    void daysHaveTheirNames() {
        Ticks ticks = Ticks.of(Timing.cron("0 9 * * fri", ZoneOffset.UTC));

        assertThat(ticks.next(Instant.parse("2026-11-30T00:00:00Z"))).isEqualTo(Instant.parse("2026-12-04T09:00:00Z"));
    }
}
