package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.Private;
import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** Handlers that compute on Reactor's parallel threads, as they should, and take all of them. */
@Tag("alone")
@OnEveryRedis
class BusyParallelRedisTest extends DispatchCase {
    private final RedisServer own;

    BusyParallelRedisTest(@Private RedisServer own) {
        super(own);
        this.own = own;
    }

    /** Others will run them then. */
    @Test
    void handlersAreCancelledBeforeTheirLeaseIsOver() {
        CountDownLatch opened = new CountDownLatch(1);
        AtomicInteger computing = new AtomicInteger();
        AtomicLong computed = new AtomicLong();
        AtomicBoolean waits = new AtomicBoolean();
        AtomicBoolean cancelled = new AtomicBoolean();
        started(dispatcher(it -> it.lease(Duration.ofSeconds(1)))
                .handler(
                        "wait",
                        Object.class,
                        context -> Mono.never()
                                .doOnSubscribe(it -> waits.set(true))
                                .doOnCancel(() -> cancelled.set(true)))
                .handler(
                        "t",
                        Object.class,
                        context -> Mono.fromRunnable(() -> {
                                    computing.incrementAndGet();
                                    while (opened.getCount() > 0) {
                                        computed.incrementAndGet();
                                    }
                                })
                                .subscribeOn(Schedulers.parallel())));
        push("w", "{\"id\":\"w\",\"type\":\"wait\"}");
        eventually(() -> assertThat(waits).isTrue());
        enqueue(0, Schedulers.DEFAULT_POOL_SIZE);
        try {
            eventually(() -> assertThat(computing).hasValue(Schedulers.DEFAULT_POOL_SIZE));
            own.pause();

            eventually(() -> assertThat(cancelled).isTrue());
        } finally {
            opened.countDown();
            own.resume();
        }
    }
}
