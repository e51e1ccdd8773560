package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.always;
import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.task.RetryPolicy;
import dev.sluice.task.Schedule;
import dev.sluice.task.Task;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** Handlers that block Reactor's elastic threads, as they should if they must block, and take all of them. */
@Tag("alone")
@OnEveryRedis
class BusyElasticRedisTest extends DispatchCase {
    private static final int ELASTIC = Schedulers.DEFAULT_BOUNDED_ELASTIC_SIZE;

    private final CountDownLatch opened = new CountDownLatch(1);
    private final AtomicInteger begun = new AtomicInteger();

    BusyElasticRedisTest(RedisServer redis) {
        super(redis);
        settings = settings.concurrency(2 * ELASTIC);
    }

    @AfterEach
    void open() {
        opened.countDown();
    }

    @Test
    void whatWaitsForAThreadIsCancelledBeforeItHasOne() {
        settings = settings.timeout(Duration.ofMillis(300)).retry(RetryPolicy.never());
        running(this::block);
        enqueue(0, ELASTIC + 10);

        eventually(() -> assertThat(sluice.queue("q").block(PATIENCE).dead()).isEqualTo(ELASTIC + 10));
        opened.countDown();

        always(Duration.ofMillis(300), () -> assertThat(begun).hasValue(ELASTIC));
    }

    @Test
    void aStopEndsInTime() {
        Dispatcher dispatcher = running(this::block);
        enqueue(0, ELASTIC);
        eventually(() -> assertThat(begun).hasValue(ELASTIC));

        dispatcher.stop(Duration.ZERO).block(Duration.ofSeconds(2));
    }

    @Test
    void schedulesFire() {
        AtomicInteger ticks = new AtomicInteger();
        sluice.schedules(queue)
                .put(Schedule.every("s", Duration.ofSeconds(1), Task.of("tick", (Object) null)))
                .block(PATIENCE);
        started(dispatcher()
                .handler("t", Object.class, this::block)
                .handler("tick", Object.class, tick -> Mono.fromRunnable(ticks::incrementAndGet)));
        enqueue(0, ELASTIC);
        eventually(() -> assertThat(begun).hasValue(ELASTIC));
        int before = ticks.get();

        eventually(() -> assertThat(ticks).hasValueGreaterThan(before + 1));
    }

    @Test
    void schedulesAreDeclared() {
        running(this::block);
        enqueue(0, ELASTIC);
        eventually(() -> assertThat(begun).hasValue(ELASTIC));

        assertThat(sluice.schedules(queue)
                        .put(Schedule.every("s", Duration.ofHours(1), Task.of("tick", (Object) null)))
                        .block(Duration.ofSeconds(2)))
                .isNotNull();
    }

    private Mono<?> block(TaskContext<Object> task) {
        return Mono.fromRunnable(() -> {
                    begun.incrementAndGet();
                    while (opened.getCount() > 0) { // deaf to interrupts, as a driver may be
                        LockSupport.parkNanos(1_000_000);
                    }
                })
                .subscribeOn(Schedulers.boundedElastic());
    }
}
