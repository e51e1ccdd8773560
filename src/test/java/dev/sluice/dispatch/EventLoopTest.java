package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import reactor.blockhound.BlockingOperationError;

class EventLoopTest {

    @Test
    void blockingTheLoopIsCaughtInTests() {
        EventLoop loop = new EventLoop();
        AtomicReference<Throwable> caught = new AtomicReference<>();
        try {
            loop.execute(() -> {
                try {
                    Thread.sleep(1);
                } catch (Throwable thrown) {
                    caught.set(thrown);
                }
            });

            eventually(() -> assertThat(caught.get()).isInstanceOf(BlockingOperationError.class));
        } finally {
            loop.close();
        }
    }

    @Test
    void anErrorInOneStepEndsNeitherTheLoopNorTheTurnOfOthers() {
        EventLoop loop = new EventLoop();
        loop.begin();
        AtomicInteger turns = new AtomicInteger();
        AtomicInteger ticks = new AtomicInteger();
        EventLoop.Turn broken = new EventLoop.Turn() {
            @Override
            public void turn() {
                throw new StackOverflowError("on purpose");
            }

            @Override
            public void tick(long nowNanos) {
                throw new NoClassDefFoundError("on purpose");
            }
        };
        EventLoop.Turn sound = new EventLoop.Turn() {
            @Override
            public void turn() {
                turns.incrementAndGet();
            }

            @Override
            public void tick(long nowNanos) {
                ticks.incrementAndGet();
            }
        };
        try {
            loop.execute(() -> {
                loop.add(broken);
                loop.add(sound);
            });

            eventually(() -> assertThat(ticks.get()).isGreaterThan(1));
            int before = turns.get();
            loop.signal();
            eventually(() -> assertThat(turns.get()).isGreaterThan(before));
        } finally {
            loop.close();
        }
    }

    /** Heartbeats and timeouts are its ticks. */
    @Test
    void workWithoutEndTakesTheTicksFromNobody() {
        EventLoop loop = new EventLoop();
        AtomicInteger ticks = new AtomicInteger();
        AtomicInteger done = new AtomicInteger();
        loop.begin();
        loop.execute(() -> loop.add(new EventLoop.Turn() {
            @Override
            public void turn() {
                loop.signal(); // as whoever has more to do
            }

            @Override
            public void tick(long nowNanos) {
                ticks.incrementAndGet();
            }
        }));
        Runnable endless = new Runnable() {
            @Override
            public void run() {
                done.incrementAndGet();
                loop.execute(this);
            }
        };
        try {
            eventually(() -> assertThat(loop.turns()).isGreaterThan(10));
            int before = ticks.get();
            eventually(() -> assertThat(ticks).hasValueGreaterThan(before + 5));

            loop.execute(endless);
            eventually(() -> assertThat(done).hasValueGreaterThan(10));
            int then = ticks.get();
            long turns = loop.turns();
            eventually(() -> assertThat(ticks).hasValueGreaterThan(then + 5));
            assertThat(loop.turns()).isGreaterThan(turns);
        } finally {
            loop.close();
        }
    }

    /** Whoever counts looks would think that time has passed between them. */
    @Test
    void ticksThatWereMissedDoNotComeAllAtOnce() {
        EventLoop loop = new EventLoop();
        AtomicInteger spins = new AtomicInteger();
        List<Long> ticks = new CopyOnWriteArrayList<>();
        loop.begin();
        loop.execute(() -> loop.add(new EventLoop.Turn() {
            @Override
            public void turn() {}

            @Override
            public void tick(long nowNanos) {
                ticks.add(nowNanos);
            }
        }));
        try {
            eventually(() -> assertThat(ticks).isNotEmpty());
            int before = ticks.size();
            loop.execute(() -> {
                long until = System.nanoTime() + 12 * EventLoop.TICK.toNanos();
                while (System.nanoTime() - until < 0) {
                    spins.incrementAndGet();
                }
            });

            eventually(() -> assertThat(ticks).hasSizeGreaterThan(before + 8));
            for (int i = before; i < ticks.size(); i++) {
                assertThat(ticks.get(i) - ticks.get(i - 1)).isGreaterThanOrEqualTo(EventLoop.TICK.toNanos() / 2);
            }
        } finally {
            loop.close();
        }
    }

    @Test
    void aLoopThatIsClosedTakesWorkInSilence() {
        EventLoop loop = new EventLoop();
        loop.close();

        assertThatCode(() -> {
                    loop.execute(() -> {});
                    loop.signal();
                })
                .doesNotThrowAnyException();
    }

    @Test
    void aHaltedLoopRunsNothingMoreAndClosesBesideWhoeverSignals() throws InterruptedException {
        EventLoop loop = new EventLoop();
        AtomicInteger late = new AtomicInteger();
        loop.halt().block(Duration.ofSeconds(5));
        Thread signaller = new Thread(() -> {
            for (int i = 0; i < 10_000; i++) {
                loop.execute(late::incrementAndGet);
            }
        });

        signaller.start();
        loop.close();
        signaller.join();

        assertThat(late).hasValue(0);
    }
}
