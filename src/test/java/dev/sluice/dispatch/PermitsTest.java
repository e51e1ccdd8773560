package dev.sluice.dispatch;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

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
