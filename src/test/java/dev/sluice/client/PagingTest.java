package dev.sluice.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

class PagingTest {

    /** A page of Redis has few that are large, and each takes a call of its own. */
    @Test
    void aPageOfLargeOnesThatAreNotMeantEndsAfterItsTimeToo() {
        Paging<String> paging = new Paging<>(10);
        LockSupport.parkNanos(110_000_000);

        int seen = 1;
        while (!paging.isFullWith(null, 250_000, () -> "here")) {
            seen++;
        }

        assertThat(seen).isEqualTo(5);
        assertThat(paging.cursor()).isEqualTo("here");
    }

    @Test
    void itEndsWithItsLimit() {
        Paging<String> paging = new Paging<>(2);

        assertThat(paging.isFullWith("a", 1, () -> "a")).isFalse();
        assertThat(paging.isFullWith(null, 1, () -> "x")).isFalse();
        assertThat(paging.isFullWith("b", 1, () -> "b")).isTrue();
        assertThat(paging.meant()).containsExactly("a", "b");
        assertThat(paging.scanned()).isEqualTo(3);
    }
}
