package dev.sluice.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
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
            turnstile.pass().subscribe(nothing -> {}, failure -> {}, () -> {
                gone.add(number);
                half.countDown();
            });
        }
        assertThat(gone).isEmpty();

        turnstile.open();
        half.await();
        CompletableFuture<Void> last =
                turnstile.pass().doOnSuccess(nothing -> gone.add(MANY)).toFuture();
        last.join();

        assertThat(gone)
                .containsExactlyElementsOf(
                        IntStream.rangeClosed(0, MANY).boxed().toList());
    }

    @Test
    void whoComesLaterGoesAtOnce() {
        turnstile.open();
        turnstile.pass().block(PATIENCE);

        Thread[] on = new Thread[1];
        turnstile.pass().doOnSuccess(nothing -> on[0] = Thread.currentThread()).subscribe();

        assertThat(on[0]).isSameAs(Thread.currentThread());
    }

    @Test
    void whoLeavesTheRowIsNotWaitedFor() {
        Disposable leaving = turnstile.pass().subscribe(nothing -> {}, failure -> {}, () -> gone.add(1));
        CompletableFuture<Void> staying = turnstile.pass().toFuture();

        leaving.dispose();
        turnstile.open();

        staying.join();
        assertThat(gone).isEmpty();
    }

    @Test
    void whoseCodeThrowsHoldsUpNobody() {
        turnstile.pass().subscribe(nothing -> {}, failure -> {}, () -> {
            throw new StackOverflowError("of a caller");
        });
        CompletableFuture<Void> next = turnstile.pass().toFuture();

        turnstile.open();

        assertThat(next).succeedsWithin(PATIENCE);
    }

    @Test
    void whenItIsClosedAllFail() {
        CompletableFuture<Void> waiting = turnstile.pass().toFuture();

        turnstile.close(new IllegalStateException("closed"));

        assertThat(waiting).failsWithin(PATIENCE).withThrowableThat().withMessageContaining("closed");
        assertThatThrownBy(() -> turnstile.pass().block(PATIENCE)).hasMessage("closed");
    }
}
