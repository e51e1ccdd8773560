package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class HandlerPoolTest {

    /** How many threads handlers have before any reserve. */
    static int threads() {
        return Math.max(2, Runtime.getRuntime().availableProcessors());
    }

    @Test
    void workGoesPastAThreadThatIsBlocked() {
        HandlerPool pool = new HandlerPool();
        AtomicBoolean released = new AtomicBoolean();
        AtomicInteger done = new AtomicInteger();
        try {
            pool.run(() -> Blocking.until(released), 1);

            for (int i = 0; i < 100; i++) {
                pool.run(done::incrementAndGet, 1);
            }

            eventually(() -> assertThat(done).hasValue(100));
        } finally {
            released.set(true);
            pool.close();
        }
    }

    @Test
    void workThatThrowsHarmsNoOther() {
        HandlerPool pool = new HandlerPool();
        AtomicInteger done = new AtomicInteger();
        try {
            for (int i = 0; i < 50; i++) {
                pool.run(
                        () -> {
                            throw new NoClassDefFoundError("on purpose");
                        },
                        1);
                pool.run(done::incrementAndGet, 1);
            }

            eventually(() -> assertThat(done).hasValue(50));
        } finally {
            pool.close();
        }
    }

    /** What one thread is stuck in is nobody's to wait for, while others have nothing to do. */
    @Test
    void aCancellationThatNeverReturnsHoldsUpNoOther() {
        HandlerPool pool = new HandlerPool();
        AtomicBoolean released = new AtomicBoolean();
        AtomicBoolean allReleased = new AtomicBoolean();
        AtomicInteger done = new AtomicInteger();
        try {
            pool.elsewhere(() -> Blocking.until(allReleased));
            for (int i = 1; i < 10 * threads(); i++) {
                pool.elsewhere(() -> Blocking.until(released));
            }
            for (int i = 0; i < 500; i++) { // each has to wait for a thread that is blocked now
                pool.elsewhere(done::incrementAndGet);
            }
            released.set(true);

            eventually(() -> assertThat(done).hasValue(500));
        } finally {
            released.set(true);
            allReleased.set(true);
            pool.close();
        }
    }

    @Test
    void rescuersAreBoundedAndNeverRefused() {
        HandlerPool pool = new HandlerPool();
        AtomicBoolean released = new AtomicBoolean();
        AtomicInteger started = new AtomicInteger();
        try {
            for (int i = 0; i < 50_000; i++) {
                pool.rescue(() -> {
                    started.incrementAndGet();
                    Blocking.until(released);
                });
            }

            assertThat(started.get()).isLessThanOrEqualTo(10 * threads());
        } finally {
            released.set(true);
            pool.close();
        }
    }
}
