package dev.sluice.testkit;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class LeaksTest {

    @Test
    void aBufferThatNobodyReleasesFailsTheBuild() {
        Leaks.followed();

        assertThatThrownBy(LeaksTest::lookUntilFound)
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("buffers that nobody released")
                .hasMessageContaining("ByteBuf");
    }

    private static void lookUntilFound() {
        for (int look = 0; look < 1000; look++) {
            Leaks.assertNone();
        }
    }
}
