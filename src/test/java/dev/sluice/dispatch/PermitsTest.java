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
        one.reserve(2);
        one.fulfil(2, 2);
        one.bytes(999);
        assertThat(one.free(ANY)).isEqualTo(8);

        one.bytes(1);
        assertThat(one.free(ANY)).isZero();
        assertThat(one.freeAfter(2, ANY)).isZero();

        one.bytes(-400);
        assertThat(one.free(ANY)).isEqualTo(8);
    }

    @Test
    void noQueueWaitsForAnotherThatHasThemAll() {
        one.bytes(5_000);

        assertThat(other.free(ANY)).isEqualTo(10);
        other.bytes(499);
        assertThat(other.free(ANY)).isEqualTo(10);
        other.bytes(1);
        assertThat(other.free(ANY)).isZero();
    }

    @Test
    void whoHoldsNothingAnyMoreHasGivenBackItsBytes() {
        one.bytes(5_000);
        other.bytes(600);
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
