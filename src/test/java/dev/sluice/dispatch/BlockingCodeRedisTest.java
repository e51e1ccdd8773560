package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.always;
import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.observe.Outcome;
import dev.sluice.task.RetryPolicy;
import dev.sluice.task.Verdict;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** Handlers whose code blocks a thread that is theirs. */
@OnEveryRedis
class BlockingCodeRedisTest extends DispatchCase {
    private static final int MORE_THAN_ELASTIC = Schedulers.DEFAULT_BOUNDED_ELASTIC_SIZE + 5;
    private static final RetryPolicy AT_ONCE = RetryPolicy.standard().waits(Duration.ofMillis(1));

    private final CountDownLatch opened = new CountDownLatch(1);

    BlockingCodeRedisTest(RedisServer redis) {
        super(redis);
    }

    @AfterEach
    void open() {
        opened.countDown();
    }

    /** Of errors of the machine Reactor tells nobody on the thread of a scheduler. */
    @Test
    void itsAttemptFailsWhateverItThrows() {
        settings = settings.retry(RetryPolicy.never());
        List<String> threads = new CopyOnWriteArrayList<>();
        blocking(context -> {
            threads.add(Thread.currentThread().getName());
            switch (context.id()) {
                case "missing" -> throw new NoClassDefFoundError("on purpose");
                case "deep" -> throw new StackOverflowError("on purpose");
                case "checked" -> throw new IOException("on purpose");
                case "chosen" -> {
                    return Verdict.dead("chosen by its code");
                }
                default -> {
                    return null;
                }
            }
        });
        enqueue(task("missing"), task("deep"), task("checked"), task("chosen"), task("good"));

        assertThat(deadLetter("missing")).contains("handler-error", "NoClassDefFoundError");
        assertThat(deadLetter("deep")).contains("handler-error", "StackOverflowError");
        assertThat(deadLetter("checked")).contains("handler-error", "IOException");
        assertThat(deadLetter("chosen")).contains("chosen by its code");
        eventually(() -> assertThat(told.settled(Outcome.SUCCEEDED)).isEqualTo(1));
        assertThat(threads).hasSize(5).allMatch(name -> name.startsWith("sluice-blocking-"));
    }

    /** Nobody would wait for these: the task would end well though nothing was done. */
    @Test
    void whatIsStillToBeDoneIsNoResult() {
        settings = settings.retry(RetryPolicy.never());
        blocking(context ->
                context.id().equals("mono") ? Mono.error(new IOException()) : new CompletableFuture<String>());
        enqueue(task("mono"), task("future"));

        assertThat(deadLetter("mono")).contains("for which nobody waits");
        assertThat(deadLetter("future")).contains("for which nobody waits");
    }

    @Test
    void itIsInterruptedWhenItsTimeIsOver() {
        settings = settings.retry(RetryPolicy.never()).timeout(Duration.ofSeconds(1));
        CompletableFuture<Throwable> ended = new CompletableFuture<>();
        blocking(context -> {
            try {
                opened.await();
            } catch (InterruptedException e) {
                ended.complete(e);
            }
            return null;
        });

        enqueue(0, 1);

        assertThat(deadLetter("t0")).contains("timeout");
        assertThat(ended).succeedsWithin(PATIENCE).isInstanceOf(InterruptedException.class);
    }

    @Test
    void whoIsDeafToAnInterruptDoesNotHoldUpItsOwnNextAttempt() {
        settings = settings.retry(AT_ONCE).timeout(Duration.ofSeconds(2));
        AtomicInteger deaf = new AtomicInteger();
        blocking(context -> {
            if (context.attempt() == 1) {
                deaf.incrementAndGet();
                beDeaf();
            }
            return null;
        });

        enqueue(0, 1);

        eventually(() -> assertThat(told.settled(Outcome.SUCCEEDED)).isEqualTo(1));
        assertThat(deaf).hasValue(1);
    }

    @Test
    void noneWaitsForAThread() {
        settings = settings.concurrency(MORE_THAN_ELASTIC);
        AtomicInteger begun = new AtomicInteger();
        blocking(context -> {
            begun.incrementAndGet();
            opened.await();
            return null;
        });

        enqueue(0, MORE_THAN_ELASTIC);

        eventually(() -> assertThat(begun).hasValue(MORE_THAN_ELASTIC));
    }

    @Test
    void theTaskIsBegunAnewWhenTheCodeHasReturned() {
        settings = settings.retry(AT_ONCE).timeout(Duration.ofSeconds(1));
        AtomicBoolean interrupted = new AtomicBoolean();
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger together = new AtomicInteger();
        blocking(context -> {
            together.accumulateAndGet(inside.incrementAndGet(), Math::max);
            try {
                if (context.attempt() == 1) {
                    opened.await();
                }
            } catch (InterruptedException rollsBack) {
                interrupted.set(true);
                long until = System.nanoTime() + 150_000_000;
                while (System.nanoTime() - until < 0) {
                    LockSupport.parkNanos(1_000_000);
                }
            } finally {
                inside.decrementAndGet();
            }
            return null;
        });

        enqueue(0, 1);

        eventually(() -> assertThat(told.settled(Outcome.SUCCEEDED)).isEqualTo(1));
        assertThat(interrupted).isTrue();
        assertThat(together).hasValue(1);
    }

    /** Two pieces of code of one attempt: the first of them that returns is not the end of both. */
    @Test
    void anAttemptIsLetGoOfWhenAllItsCodeHasReturned() {
        settings = settings.retry(AT_ONCE).timeout(Duration.ofSeconds(1));
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger together = new AtomicInteger();
        TaskHandler<Object> slow = TaskHandler.blocking(context -> {
            together.accumulateAndGet(inside.incrementAndGet(), Math::max);
            try {
                if (context.attempt() == 1) {
                    opened.await();
                }
            } catch (InterruptedException rollsBack) {
                LockSupport.parkNanos(150_000_000);
            } finally {
                inside.decrementAndGet();
            }
            return 1;
        });
        TaskHandler<Object> quick = TaskHandler.blocking(context -> 1);
        started(dispatcher()
                .handler("t", Object.class, context -> Mono.zip(slow.handle(context), quick.handle(context))));

        enqueue(0, 1);

        eventually(() -> assertThat(told.settled(Outcome.SUCCEEDED)).isEqualTo(1));
        assertThat(together).hasValue(1);
    }

    @Tag("alone") // nobody of this process claims meanwhile
    @Test
    void noMoreIsClaimedWhileTooManyDoNotReturn() {
        settings = settings.retry(RetryPolicy.never())
                .timeout(Duration.ofMillis(500))
                .concurrency(100);
        AtomicInteger begun = new AtomicInteger();
        blocking(context -> {
            begun.incrementAndGet();
            beDeaf();
            return null;
        });

        enqueue(0, 800);
        eventually(() -> assertThat(begun).hasValueGreaterThanOrEqualTo(256));
        eventually(() -> assertThat(BlockingCode.isExhausted()).isTrue());
        always(Duration.ofSeconds(1), () -> assertThat(begun).hasValueLessThanOrEqualTo(256 + 2 * 100));

        opened.countDown();
        eventually(() -> assertThat(told.settled(Outcome.SUCCEEDED)).isPositive());
        eventually(() -> assertThat(BlockingCode.isExhausted()).isFalse());
    }

    /** As a driver may be. */
    private void beDeaf() {
        while (opened.getCount() > 0) {
            LockSupport.parkNanos(10_000_000);
            Thread.interrupted(); // else nobody could wait here
        }
    }

    private void blocking(TaskHandler.Code<Object> code) {
        started(dispatcher().handler("t", Object.class, TaskHandler.blocking(code)));
    }
}
