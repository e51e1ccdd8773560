package dev.sluice.dispatch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.sun.management.ThreadMXBean;
import dev.sluice.codec.JsonCodec;
import dev.sluice.redis.Frame;
import dev.sluice.redis.UpkeepReply;
import dev.sluice.task.Queue;
import dev.sluice.task.RetryPolicy;
import dev.sluice.task.Verdict;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CyclicBarrier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

/** The clock is an argument here: no test waits. */
class AttemptTest {
    private static final long MS = 1_000_000;
    private final HandlerPool pool = new HandlerPool();
    private final Ends pump = new Ends();
    private final Attempt attempt = attempt("\u0001c id\n{}");

    @AfterEach
    void close() {
        pool.close();
    }

    @Test
    void itIsOverdueAfterItsTimeoutAndNotBefore() {
        attempt.start(1_000 * MS);
        attempt.timeout(200 * MS);

        assertThat(attempt.isOverdue(1_200 * MS)).isFalse();
        assertThat(attempt.remainingNanos(1_050 * MS)).isEqualTo(150 * MS);
        assertThat(attempt.isOverdue(1_201 * MS)).isTrue();
        assertThat(attempt.remainingNanos(1_300 * MS)).isZero();
    }

    @Test
    void aTimeoutIsANumberAndNoObjectOfItsOwn() {
        int attempts = 20_000;
        Attempt[] all = new Attempt[attempts];
        for (int i = 0; i < attempts; i++) {
            all[i] = attempt("\u0001c id\n{}");
        }
        timed(all, 0, 5_000); // has the classes loaded

        assertThat(allocatedBy(() -> timed(all, 5_000, attempts)) / (attempts - 5_000))
                .isZero();
        // What a timer would be: the measurement sees it.
        assertThat(allocatedBy(() -> all[0].answer())).isPositive();
    }

    @Test
    void whoAsksForTheAnswerAtTheSameInstantIsGivenTheSame() throws Exception {
        for (int i = 0; i < 2_000; i++) {
            Attempt asked = attempt("\u0001c id\n{}");
            CyclicBarrier together = new CyclicBarrier(2);
            CompletableFuture<Object> other = CompletableFuture.supplyAsync(() -> answer(asked, together));

            assertThat(answer(asked, together)).isSameAs(other.get());
        }
    }

    private static Object answer(Attempt asked, CyclicBarrier together) {
        try {
            together.await();
        } catch (Exception broken) {
            throw new AssertionError(broken);
        }
        return asked.answer();
    }

    private static void timed(Attempt[] all, int from, int to) {
        for (int i = from; i < to; i++) {
            all[i].start(1_000 * MS);
            all[i].timeout(300_000 * MS);
            if (all[i].isOverdue(1_001 * MS)) {
                throw new AssertionError();
            }
        }
    }

    private static long allocatedBy(Runnable work) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        work.run();
        return threads.getCurrentThreadAllocatedBytes() - before;
    }

    @Test
    void aDeadlineShortensTheTimeoutAndNeverLengthensIt() {
        attempt.start(System.nanoTime());
        attempt.timeout(Duration.ofHours(1).toNanos());

        pump.clock.shows(1_000);
        attempt.deadline(61_000);
        assertThat(attempt.timeoutMs())
                .isBetween(60_000L, 60_000L + Duration.ofMinutes(1).toMillis());

        attempt.deadline(Long.MAX_VALUE);
        assertThat(attempt.timeoutMs()).isEqualTo(Duration.ofHours(1).toMillis());
    }

    @Test
    void whatEndsAfterItWasGivenUpComesToNothingAndIsToldOnce() {
        attempt.start(System.nanoTime());

        assertThat(attempt.abandon()).isTrue();
        assertThat(attempt.isCut()).isTrue();
        assertThat(attempt.end(Verdict.released())).isFalse(); // says nothing that is not so anyway
        assertThat(pump.late).isZero();
        assertThat(attempt.end(Verdict.succeeded())).isFalse();
        assertThat(attempt.end(Verdict.discarded())).isFalse();

        assertThat(pump.late).isOne();
        assertThat(pump.ended).isEmpty();
        assertThat(attempt.isCut()).isTrue();
    }

    @Test
    void whatEndsTwiceIsNotLate() {
        attempt.start(System.nanoTime());
        attempt.cut(Verdict.cancelled());

        assertThat(attempt.end(Verdict.succeeded())).isFalse();
        assertThat(attempt.abandon()).isFalse();
        assertThat(attempt.end(Verdict.succeeded())).isFalse();

        assertThat(pump.late).isZero();
    }

    /** Each answer shows its clock as late as it came itself: it goes back, for all that is known here, and on again. */
    @Test
    void aDeadlineMovesWithTheClockOfRedis() {
        pump.clock.shows(1_000);
        attempt.start(System.nanoTime());
        attempt.timeout(Duration.ofDays(1).toNanos());
        attempt.deadline(3_601_000);
        pump.clock.shows(601_000);
        assertThat(attempt.remainingNanos(System.nanoTime()) / MS).isBetween(2_940_000L, 3_000_000L);

        pump.clock.shows(1_000);
        assertThat(attempt.remainingNanos(System.nanoTime()) / MS).isBetween(3_540_000L, 3_600_000L);
        assertThat(attempt.isOverdue(System.nanoTime())).isFalse();

        pump.clock.shows(3_601_001);
        assertThat(attempt.isOverdue(System.nanoTime())).isTrue();
        assertThat(attempt.remainingNanos(System.nanoTime())).isZero();
        assertThat(attempt.timeOut()).isTrue();
        assertThat(attempt.verdict())
                .isInstanceOfSatisfying(
                        Verdict.Dead.class,
                        dead -> assertThat(dead.failure().reason()).isEqualTo("deadline"));
    }

    /** Whether it has come is for the clock of Redis to say: that of this machine may show anything. */
    @Test
    void whatCameToItsDeadlineIsDeadWithThatReason() {
        assertThat(timedOut(1_000, 1_000))
                .isInstanceOfSatisfying(
                        Verdict.Dead.class,
                        dead -> assertThat(dead.failure().reason()).isEqualTo("deadline"));
    }

    @Test
    void whatTookTooLongBeforeItsDeadlineIsTriedAgain() {
        assertThat(timedOut(1_000_000, 5_000))
                .isInstanceOfSatisfying(
                        Verdict.Retry.class,
                        retry -> assertThat(retry.failure().reason()).isEqualTo("timeout"));
    }

    @Test
    void nothingIsOverBeforeItIsKnownHowLongItMayTake() {
        attempt.start(1_000 * MS);

        assertThat(attempt.isOverdue(1_000_000 * MS)).isFalse();

        attempt.timeout(200 * MS);
        assertThat(attempt.isOverdue(1_000_000 * MS)).isTrue();
    }

    /** What follows for one with that deadline, of which the time is over when the clock of Redis shows this. */
    private Verdict timedOut(long deadlineMs, long clockMs) {
        attempt.opened("t", 5, null);
        attempt.start(System.nanoTime());
        attempt.timeout(1);
        attempt.deadline(deadlineMs);
        pump.clock.shows(clockMs);
        assertThat(attempt.timeOut()).isTrue();
        return attempt.verdict();
    }

    @Test
    void theClockOfRedisGoesOnFromWhatItShowed() {
        RedisClock clock = new RedisClock();
        assertThat(clock.nowMs()).as("before it was seen").isCloseTo(System.currentTimeMillis(), within(1_000L));

        clock.shows(5_000);
        long nanos = System.nanoTime();
        while (System.nanoTime() - nanos < 3 * MS) {
            Thread.onSpinWait();
        }

        assertThat(clock.nowMs()).isBetween(5_002L, 65_000L);
    }

    @Test
    void whatTookTooLongWaitsForItsNextAttempt() {
        attempt.start(System.nanoTime());
        attempt.timeout(5 * MS);

        assertThat(attempt.timeOut()).isTrue();

        assertThat(attempt.verdict()).isInstanceOfSatisfying(Verdict.Retry.class, retry -> {
            assertThat(retry.failure().reason()).isEqualTo("timeout");
            assertThat(retry.delay()).isBetween(Duration.ofMillis(800), Duration.ofSeconds(1));
        });
    }

    @Test
    void itEndsOnceWhoeverComesFirst() {
        attempt.start(System.nanoTime());
        attempt.timeout(5 * MS);

        assertThat(attempt.cut(Verdict.released())).isTrue();
        assertThat(attempt.end(Verdict.succeeded())).isFalse();
        assertThat(attempt.fail("late", new IllegalStateException())).isFalse();
        attempt.onNext(Verdict.discarded());
        attempt.onComplete();

        assertThat(attempt.verdict()).isEqualTo(Verdict.released());
        assertThat(attempt.isCut()).isTrue();
        assertThat(pump.ended).isEmpty();
        attempt.stopHandler();
        attempt.letGo();
        assertThat(pump.ended).containsExactly(attempt);
    }

    private void cutInsideItsHandler() {
        attempt.enter(Thread.currentThread());
        attempt.start(System.nanoTime());
        attempt.cut(Verdict.released());
    }

    @Test
    void whatWasCutIsKeptUntilItsHandlerHasLeftItsThread() {
        cutInsideItsHandler();

        attempt.stopHandler();
        assertThat(pump.ended).isEmpty();

        attempt.leave();
        assertThat(pump.ended).containsExactly(attempt);
    }

    @Test
    void whoseHandlerHasLeftItsThreadIsKeptUntilItIsToldToStop() {
        cutInsideItsHandler();

        attempt.leave();
        assertThat(pump.ended).isEmpty();

        attempt.stopHandler();
        assertThat(pump.ended).containsExactly(attempt);
    }

    @Test
    void whatIsGivenUpWhileItsHandlerHoldsItIsToldOnce() {
        cutInsideItsHandler();

        attempt.letGo();
        attempt.stopHandler();
        attempt.leave();

        assertThat(pump.ended).containsExactly(attempt);
    }

    @Test
    void itsCutIsSignalledToThoseWhoAskedBeforeAndAfter() {
        attempt.start(System.nanoTime());
        attempt.timeout(5 * MS);
        StepVerifier before = StepVerifier.create(attempt.cut())
                .expectSubscription()
                .expectComplete()
                .verifyLater();

        attempt.cut(Verdict.released());
        attempt.stopHandler();

        before.verify(Duration.ofSeconds(5));
        StepVerifier.create(attempt.cut()).expectComplete().verify(Duration.ofSeconds(5));
    }

    @Test
    void aCancellationThatThrowsKeepsNoSignalOfTheCutBack() {
        attempt.start(System.nanoTime());
        Mono.<Object>create(sink -> sink.onCancel(() -> {
                    throw new IllegalStateException("on purpose");
                }))
                .subscribe(attempt);
        Mono<Void> asked = attempt.cut();
        attempt.cut(Verdict.released());

        assertThatThrownBy(attempt::stopHandler).hasMessage("on purpose");

        StepVerifier.create(asked).expectComplete().verify(Duration.ofSeconds(5));
        assertThat(pump.ended).containsExactly(attempt);
    }

    @Test
    void whatWasBegunIsNotCutAsIfItWasNot() {
        Attempt begun = attempt("\u0001c id\n{}");
        begun.start(System.nanoTime());

        assertThat(begun.cutUnbegun(Verdict.released())).isFalse();
        assertThat(attempt.cutUnbegun(Verdict.released())).isTrue();

        assertThat(begun.hasEnded()).isFalse();
        assertThat(attempt.start(System.nanoTime())).isFalse();
        assertThat(attempt.isReleased()).isTrue();
    }

    @Test
    void anEndOfItsOwnIsNoCut() {
        attempt.start(System.nanoTime());
        attempt.timeout(5 * MS);
        Mono<Void> cut = attempt.cut();

        attempt.onComplete();

        assertThat(attempt.isCut()).isFalse();
        StepVerifier.create(cut)
                .expectSubscription()
                .expectNoEvent(Duration.ofMillis(50))
                .thenCancel()
                .verify();
    }

    @Test
    void theLastAttemptOfATaskIsItsOwn() {
        Attempt third = attempt("\u0001c2,0,2 id\n{}");
        third.opened("t", 3, new long[] {7});
        third.start(System.nanoTime());
        third.timeout(5 * MS);

        third.onNext(Verdict.retry(Duration.ofSeconds(1), "again"));

        assertThat(third.verdict()).isInstanceOf(Verdict.Dead.class);
        assertThat(third.waits().delay(1, 0)).isEqualTo(Duration.ofMillis(7));
    }

    @Test
    void nobodyAsksHowLongItWaitedWhereAttemptsAreNotTimed() {
        Attempt dated = attempt("\u0001c id\n{\"type\":\"t\",\"enqueuedAt\":7}");

        assertThat(new Opening(JsonCodec.standard()).envelope(dated)).isNotNull();

        assertThat(dated.waitedMs()).isZero();
    }

    @Test
    void aWaitIsFromAMillisecondTo24Days() {
        attempt.waited(-5);
        assertThat(attempt.waitedMs()).isEqualTo(1);

        attempt.waited(5);
        assertThat(attempt.waitedMs()).isEqualTo(5);

        attempt.waited(Long.MAX_VALUE);
        assertThat(Duration.ofMillis(attempt.waitedMs()).toDays()).isEqualTo(24);
    }

    private Attempt attempt(String frame) {
        Frame read = Frame.read(frame.getBytes(StandardCharsets.UTF_8));
        return new Attempt(pump, new Holdings(pool), read, 1);
    }

    /** A pump that only remembers what ended. */
    private static final class Ends implements Pump {
        final List<Attempt> ended = new ArrayList<>();
        int late;
        private final Judge judge = new Judge("q", true);
        final RedisClock clock = new RedisClock();

        @Override
        public Queue queue() {
            return Queue.named("q");
        }

        @Override
        public QueueSettings settings() {
            return QueueSettings.standard().retry(RetryPolicy.standard());
        }

        @Override
        public boolean timesAttempts() {
            return false;
        }

        @Override
        public Judge judge() {
            return judge;
        }

        @Override
        public boolean refusesStart(Attempt attempt, long nowNanos) {
            return false;
        }

        @Override
        public void ended(Attempt attempt, boolean wake) {
            ended.add(attempt);
        }

        @Override
        public void endedLate() {
            late++;
        }

        @Override
        public void reported(Attempt attempt) {
            // Nobody looks.
        }

        @Override
        public void wake() {
            // Nobody sleeps.
        }

        @Override
        public void seen(UpkeepReply round) {
            // Nobody looks.
        }

        @Override
        public RedisClock clock() {
            return clock;
        }

        @Override
        public Mono<Void> start() {
            return Mono.empty();
        }

        @Override
        public Mono<Void> stop(Duration grace) {
            return Mono.empty();
        }

        @Override
        public void concurrency(int limit) {
            // No limit here.
        }

        @Override
        public void turn() {
            // Nothing to do.
        }

        @Override
        public void tick(long nowNanos) {
            // Nothing to do.
        }
    }
}
