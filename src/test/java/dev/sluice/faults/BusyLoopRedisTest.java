package dev.sluice.faults;

import static dev.sluice.dispatch.Eventually.always;
import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Sluice;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.dispatch.NothingDropped;
import dev.sluice.faults.FaultProxy.Mode;
import dev.sluice.observe.Observer;
import dev.sluice.task.Queue;
import dev.sluice.task.Task;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import reactor.core.publisher.Mono;

/** A loop that is busy for less than a lease, on a machine that gives it no processor, or with an observer that takes its time. */
@OnEveryRedis
@ExtendWith(NothingDropped.class)
class BusyLoopRedisTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final Duration LEASE = Duration.ofSeconds(6);
    private static final String RENEWED = "*1\r\n:0\r\n";

    private final AtomicBoolean lost = new AtomicBoolean();
    private final AtomicLong busyNanos = new AtomicLong();
    private final AtomicLong spins = new AtomicLong();
    private final CountDownLatch busy = new CountDownLatch(1);
    private final RedisServer redis;

    BusyLoopRedisTest(RedisServer redis) {
        this.redis = redis;
    }

    /** One that was sent a third of the lease after the last, which alone would be over before the loop is free. */
    @Test
    void aLeaseIsRenewedByAnAnswerThatTheLoopHasNotReadYet() throws InterruptedException {
        FaultProxy proxy = new FaultProxy(redis.port());
        Sluice sluice =
                Sluice.builder().uri(proxy.uri()).observer(new Watching()).build();
        try {
            Dispatcher dispatcher = sluice.dispatcher()
                    .queue(Queue.named("q"))
                    .lease(LEASE)
                    .build()
                    .handler("t", Object.class, task -> Mono.empty());
            dispatcher.start().block(PATIENCE);
            FaultProxy.Trap beat = proxy.onReplyWith(RENEWED, Mode.HOLD, 1);
            assertThat(beat.await()).isTrue();

            busyNanos.set(LEASE.toNanos() * 7 / 10);
            sluice.client(Queue.named("q")).enqueue(Task.of("t", "")).block(PATIENCE);
            assertThat(busy.await(20, TimeUnit.SECONDS)).isTrue();
            LockSupport.parkNanos(100_000_000);
            proxy.links().forEach(link -> link.mode(Mode.PASS));

            eventually(() -> assertThat(busyNanos).hasValue(0));
            always(Duration.ofSeconds(1), () -> assertThat(lost).isFalse());
            dispatcher.stop(Duration.ZERO).block(PATIENCE);
        } finally {
            sluice.close().block(PATIENCE);
            proxy.close();
        }
    }

    private final class Watching implements Observer {
        @Override
        public void claimed(String queue, int count) {
            long until = System.nanoTime() + busyNanos.get();
            busy.countDown();
            while (System.nanoTime() - until < 0) {
                spins.incrementAndGet();
            }
            busyNanos.set(0);
        }

        @Override
        public void lease(String queue, boolean lapsed) {
            lost.set(lost.get() || lapsed);
        }
    }
}
