package dev.sluice.upkeep;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.dispatch.LogTap;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ComplaintTest {
    private final AtomicLong nanos = new AtomicLong(Long.MAX_VALUE); // which a clock may well pass
    private final Complaint complaint = new Complaint("q", "Upkeep", "much may not happen", nanos::get);
    private final LogTap log = new LogTap();

    @AfterEach
    void stopListening() {
        log.close();
    }

    @Test
    void whatFailsForAMinuteIsToldOnceAndSoIsItsEnd() {
        failAfter(3_600); // the first round at all
        for (int i = 0; i < 59; i++) {
            failAfter(1);
        }
        assertThat(log.lines()).isEmpty();

        failAfter(1);
        failAfter(120);
        complaint.done();
        complaint.done();

        assertThat(log.lines()).hasSize(2);
        assertThat(log.warnings()).singleElement().asString().contains("failed for a minute", "no way");
        assertThat(log.lines().get(1)).contains("goes on again");
    }

    /** Rounds may come once a day, of which others do the rest. */
    @Test
    void whatFailsOnceADayIsNot() {
        for (int i = 0; i < 5; i++) {
            failAfter(86_400);
        }

        assertThat(log.lines()).isEmpty();
    }

    @Test
    void whatFailsNowAndThenIsNot() {
        for (int i = 0; i < 5; i++) {
            failAfter(50);
            complaint.done();
        }

        assertThat(log.lines()).isEmpty();
    }

    private void failAfter(int seconds) {
        nanos.addAndGet(Duration.ofSeconds(seconds).toNanos());
        complaint.failed(new IllegalStateException("no way"));
    }
}
