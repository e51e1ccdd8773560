package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Sluice;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Queue;
import dev.sluice.task.Task;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Fifty stops on each Redis, each with a grace of its own, in whatever state dispatcher, handlers and Redis are. */
@Tag("alone")
@OnEveryRedis
@Timeout(60)
class StopsScenarioTest extends DispatchCase {
    private static final int TOGETHER = 10;
    private static final int TASKS = 200;
    private static final Duration PROMISED = Duration.ofSeconds(2);

    StopsScenarioTest(RedisServer redis) {
        super(redis);
    }

    /** What is going on when the stop comes. */
    enum Situation {
        WORKING,
        HANGING_HANDLERS,
        BLOCKING_HANDLERS,
        REDIS_KILLED,
        REDIS_FROZEN
    }

    @ParameterizedTest
    @EnumSource
    void aStopEndsWithinItsGraceAndTwoSecondsAndLosesNothing(Situation situation, RedisServer.Builder builder)
            throws Exception {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        try (RedisServer own = builder.start();
                Trap trap = new Trap()) {
            Sluice door = door(own.uri());
            List<One> all = IntStream.range(0, TOGETHER)
                    .mapToObj(i -> new One(i, door, situation, trap, random.nextInt(600)))
                    .toList();
            all.forEach(one -> eventually(() -> assertThat(one.started).hasPositiveValue()));

            if (situation == Situation.REDIS_KILLED) {
                own.kill();
            } else if (situation == Situation.REDIS_FROZEN) {
                own.pause();
            }
            List<CompletableFuture<Void>> stops = all.stream().map(One::stop).toList();
            stops.forEach(stop -> Mono.fromFuture(stop).block(PATIENCE));

            assertThat(all)
                    .as("seed " + seed)
                    .allSatisfy(one -> assertThat(one.tookMs)
                            .isLessThan(one.grace.plus(PROMISED).toMillis()));
            if (own.isRunning() && situation != Situation.REDIS_FROZEN) {
                all.forEach(One::assertNothingIsLost);
            }
            own.resume();
        }
    }

    /** A dispatcher that will be stopped, with a queue of its own. */
    private final class One {
        final Queue itsQueue;
        final Duration grace;
        final AtomicInteger started = new AtomicInteger();
        final AtomicInteger succeeded = new AtomicInteger();
        private final Sluice door;
        private final Dispatcher dispatcher;
        volatile long tookMs;

        One(int number, Sluice door, Situation situation, Trap trap, int graceMs) {
            DeliveryMode mode = number % 2 == 0 ? DeliveryMode.AT_LEAST_ONCE : DeliveryMode.AT_MOST_ONCE;
            this.itsQueue = Queue.named("q" + number).delivery(mode);
            this.grace = Duration.ofMillis(graceMs);
            this.door = door;
            TaskHandler<Object> handler = switch (situation) {
                case HANGING_HANDLERS -> context -> Mono.never();
                case BLOCKING_HANDLERS ->
                    context -> {
                        trap.enter();
                        return Mono.empty();
                    };
                default -> context -> Mono.delay(Duration.ofMillis(20)).doOnNext(done -> succeeded.incrementAndGet());
            };
            this.dispatcher = stoppedInTheEnd(door.dispatcher()
                            .queue(itsQueue, settings.concurrency(4))
                            .build())
                    .handler("t", Object.class, context -> {
                        started.incrementAndGet();
                        return handler.handle(context);
                    });
            Flux<Task<?>> tasks = Flux.range(0, TASKS).map(i -> task("t" + i));
            door.client(itsQueue).enqueueAll(tasks).blockLast(PATIENCE);
            DispatchCase.started(dispatcher);
        }

        CompletableFuture<Void> stop() {
            AtomicLong asked = new AtomicLong();
            return dispatcher
                    .stop(grace)
                    .doOnSubscribe(begun -> asked.set(System.nanoTime()))
                    .doOnTerminate(() -> tookMs = (System.nanoTime() - asked.get()) / 1_000_000)
                    .toFuture();
        }

        void assertNothingIsLost() {
            var info = door.queue(itsQueue.name()).block(PATIENCE);
            assertThat(info).isNotNull();
            assertThat(info.running().orElse(0)).isZero();
            // What was cut may have come to its end in that very moment, and is kept all the same.
            assertThat(info.waiting() + info.dead() + succeeded.get()).isBetween((long) TASKS, TASKS + 4L);
            if (itsQueue.delivery() == DeliveryMode.AT_LEAST_ONCE) {
                assertThat(info.dead()).isZero();
            }
            assertThat(door.examine(itsQueue).block(PATIENCE)).matches(it -> it.isClean());
        }
    }

    /** Where a handler's thread is held until the test is over, in a way that BlockHound cannot see: at a monitor. */
    private static final class Trap implements AutoCloseable {
        private final CountDownLatch over = new CountDownLatch(1);

        Trap() throws InterruptedException {
            CountDownLatch held = new CountDownLatch(1);
            Thread holder = new Thread(() -> hold(held), "trap");
            holder.setDaemon(true);
            holder.start();
            held.await();
        }

        private synchronized void hold(CountDownLatch held) {
            held.countDown();
            try {
                over.await();
            } catch (InterruptedException nobodyDoes) {
                Thread.currentThread().interrupt();
            }
        }

        synchronized void enter() {}

        @Override
        public void close() {
            over.countDown();
        }
    }
}
