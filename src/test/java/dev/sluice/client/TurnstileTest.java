package dev.sluice.client;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.scheduler.Schedulers;

class TurnstileTest {
    private static final int MANY = 1_000;
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private final Turnstile turnstile = new Turnstile(Schedulers.parallel());
    private final List<Integer> gone = Collections.synchronizedList(new ArrayList<>());

    @Test
    void allGoInTheOrderInWhichTheyCameAlsoThoseWhoComeMeanwhile() throws Exception {
        CountDownLatch half = new CountDownLatch(MANY / 2);
        for (int i = 0; i < MANY; i++) {
            int number = i;
            turnstile.pass(PATIENCE).subscribe(nothing -> {}, failure -> {}, () -> {
                gone.add(number);
                half.countDown();
            });
        }
        assertThat(gone).isEmpty();

        turnstile.open();
        half.await();
        CompletableFuture<Void> last =
                turnstile.pass(PATIENCE).doOnSuccess(nothing -> gone.add(MANY)).toFuture();
        last.join();

        assertThat(gone)
                .containsExactlyElementsOf(
                        IntStream.rangeClosed(0, MANY).boxed().toList());
    }

    @Test
    void whoComesLaterGoesAtOnce() {
        turnstile.open();
        turnstile.pass(PATIENCE).block(PATIENCE);

        Thread[] on = new Thread[1];
        turnstile
                .pass(PATIENCE)
                .doOnSuccess(nothing -> on[0] = Thread.currentThread())
                .subscribe();

        assertThat(on[0]).isSameAs(Thread.currentThread());
    }

    /** Else who comes late in a long row would be told that it is not open. */
    @Test
    void onlyTheTimeUntilItIsOpenCounts() {
        Duration limit = Duration.ofMillis(200);
        CompletableFuture<Void> slow = turnstile
                .pass(limit)
                .doOnSuccess(nothing -> {
                    for (long until = System.nanoTime() + 2 * limit.toNanos(); System.nanoTime() - until < 0; ) {
                        gone.add(0); // it is long in going
                    }
                })
                .toFuture();
        CompletableFuture<Void> behind = turnstile.pass(limit).toFuture();

        turnstile.open();

        assertThat(slow).succeedsWithin(PATIENCE);
        assertThat(behind).succeedsWithin(PATIENCE);
        assertThatThrownBy(
                        () -> new Turnstile(Schedulers.parallel()).pass(limit).block(PATIENCE))
                .hasCauseInstanceOf(TimeoutException.class);
    }

    @Test
    void aRowWithoutEndEndsAllTheSame() {
        AtomicBoolean stop = new AtomicBoolean();
        comesAgain(stop);
        turnstile.open();

        eventually(() -> assertThat(turnstile.isFree()).isTrue());
        stop.set(true);
    }

    /** Each brings the next before it has gone. */
    private void comesAgain(AtomicBoolean stop) {
        turnstile.pass(PATIENCE).subscribe(nothing -> {}, failure -> {}, () -> {
            if (!stop.get() && !turnstile.isFree()) {
                comesAgain(stop);
            }
        });
    }

    @Test
    void whoLeavesTheRowIsNotWaitedFor() {
        Disposable leaving = turnstile.pass(PATIENCE).subscribe(nothing -> {}, failure -> {}, () -> gone.add(1));
        CompletableFuture<Void> staying = turnstile.pass(PATIENCE).toFuture();

        leaving.dispose();
        turnstile.open();

        staying.join();
        assertThat(gone).isEmpty();
    }

    @Test
    void whoseCodeThrowsHoldsUpNobody() {
        turnstile.pass(PATIENCE).subscribe(nothing -> {}, failure -> {}, () -> {
            throw new StackOverflowError("of a caller");
        });
        CompletableFuture<Void> next = turnstile.pass(PATIENCE).toFuture();

        turnstile.open();

        assertThat(next).succeedsWithin(PATIENCE);
    }

    @Test
    void whenItIsClosedAllFail() {
        CompletableFuture<Void> waiting = turnstile.pass(PATIENCE).toFuture();

        turnstile.close(new IllegalStateException("closed"));

        assertThat(waiting).failsWithin(PATIENCE).withThrowableThat().withMessageContaining("closed");
        assertThatThrownBy(() -> turnstile.pass(PATIENCE).block(PATIENCE)).hasMessage("closed");
    }
}
