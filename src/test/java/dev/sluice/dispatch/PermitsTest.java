package dev.sluice.dispatch;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

class PermitsTest {
    private static final long ANY = Long.MAX_VALUE;

    private final HeldBytes bytes = new HeldBytes(1_000);
    private final Permits one = new Permits(10, bytes);
    private final Permits other = new Permits(10, bytes);

    @Test
    void noneIsFreeWhileWhatIsHeldHasManyBytes() {
        Permits alone = new Permits(10, new HeldBytes(1_000));
        alone.reserve(2);
        alone.fulfil(2, 2);
        alone.bytes(999);
        assertThat(alone.free(ANY)).isEqualTo(8);

        alone.bytes(1);
        assertThat(alone.free(ANY)).isZero();
        assertThat(alone.freeAfter(2, ANY)).isZero();

        alone.bytes(-400);
        assertThat(alone.free(ANY)).isEqualTo(8);
    }

    /** Whoever has a half gets no more, and the other half is for the shares: together they stay below all of it. */
    @Test
    void noQueueWaitsForAnotherThatHasMuch() {
        one.bytes(500);

        assertThat(one.free(ANY)).isZero();
        assertThat(other.free(ANY)).isEqualTo(10);
        other.bytes(249);
        assertThat(other.free(ANY)).isEqualTo(10);
        other.bytes(1);
        assertThat(other.free(ANY)).isZero();
    }

    @Test
    void whoHoldsNothingAnyMoreHasGivenBackItsBytes() {
        one.bytes(5_000);
        other.bytes(300);
        assertThat(other.free(ANY)).isZero();

        one.clear();

        assertThat(other.free(ANY)).isEqualTo(10);
    }

    /** A subscriber that collects before it acknowledges anything: without a word it would wait, and so would its user. */
    @Test
    void whoWaitsLongForRoomIsTold() {
        ListAppender<ILoggingEvent> told = new ListAppender<>();
        Logger log = (Logger) LoggerFactory.getLogger(Permits.class);
        told.start();
        log.addAppender(told);
        try {
            long wait = Permits.WAIT_UNTOLD.toNanos();
            one.bytes(700); // of what ended, and Redis has not confirmed to keep yet
            one.look(-2 * wait, 5, "q");
            one.look(-1, 5, "q");
            one.bytes(-700);
            one.reserve(3);
            one.fulfil(3, 3);
            one.bytes(700);
            one.look(0, 5, "q");
            one.look(wait - 1, 5, "q");
            one.bytes(-100); // one has ended
            one.release(1);
            one.look(wait, 5, "q");
            one.look(2 * wait - 1, 5, "q");
            one.look(2 * wait, 0, "q"); // nothing is asked for
            one.look(2 * wait + 1, 5, "q");
            assertThat(told.list).isEmpty();

            one.look(3 * wait + 1, 5, "q");
            one.look(5 * wait, 5, "q");

            assertThat(told.list).singleElement().satisfies(line -> {
                assertThat(line.getLevel()).isEqualTo(Level.WARN);
                assertThat(line.getKeyValuePairs())
                        .extracting(pair -> pair.key + "=" + pair.value)
                        .containsExactly("queue=q", "tasks=2", "bytes=600");
            });
        } finally {
            log.detachAppender(told);
        }
    }

    @Test
    void ofDemandAndLimitTheLesserCounts() {
        one.reserve(4);
        assertThat(one.free(5)).isEqualTo(1);
        assertThat(one.free(ANY)).isEqualTo(6);
        assertThat(one.freeAfter(3, ANY)).isEqualTo(9);
        one.limit(2);
        assertThat(one.free(ANY)).isZero();
        assertThat(one.isIdle()).isFalse();
    }
}
