package dev.sluice.faults;

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
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import reactor.core.publisher.Mono;

/** A connection that is dead, of which nobody is told, costs no life: that of heartbeats is found while the lease is there. */
@Tag("alone")
@OnEveryRedis
@ExtendWith(NothingDropped.class)
class DeadLinkScenarioTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final Duration LEASE = Duration.ofSeconds(1); // shorter than the time that other commands have
    private static final int LINKS = 5;

    private final RedisServer redis;

    DeadLinkScenarioTest(RedisServer redis) {
        this.redis = redis;
    }

    @Test
    void noLeaseIsLostForTheLossOfOneConnection() throws InterruptedException {
        List<Bereft> all = new ArrayList<>();
        try {
            for (int place = 0; place < LINKS; place++) {
                all.add(new Bereft(Queue.named("q" + place), redis.port()));
            }
            all.forEach(Bereft::awaitLinks);
            for (int place = 0; place < LINKS; place++) {
                all.get(place).proxy.links().get(place).mode(Mode.SWALLOW);
            }

            for (Bereft one : all) {
                assertThat(one.lost.await(5 * LEASE.toMillis() / 2 / LINKS, TimeUnit.MILLISECONDS))
                        .as("lost the lease of %s", one.queue)
                        .isFalse();
            }
            assertThat(all).allSatisfy(one -> assertThat(one.lost.getCount()).isOne());
            all.forEach(Bereft::stop);
        } finally {
            all.forEach(Bereft::close);
        }
    }

    /** A dispatcher that has a task in its hands and is about to lose one of its connections. */
    private static final class Bereft {
        private final Queue queue;
        private final FaultProxy proxy;
        private final Sluice sluice;
        private final Dispatcher dispatcher;
        private final AtomicInteger runs = new AtomicInteger();
        private final CountDownLatch lost = new CountDownLatch(1);

        Bereft(Queue queue, int port) {
            this.queue = queue;
            this.proxy = new FaultProxy(port);
            this.sluice = Sluice.builder()
                    .uri(proxy.uri())
                    .observer(new Observer() {
                        @Override
                        public void lease(String name, boolean wasLost) {
                            if (wasLost) {
                                lost.countDown();
                            }
                        }
                    })
                    .build();
            this.dispatcher = sluice.dispatcher()
                    .queue(queue)
                    .lease(LEASE)
                    .build()
                    .handler("t", Object.class, task -> {
                        runs.incrementAndGet();
                        return Mono.never();
                    });
            dispatcher.start().block(PATIENCE);
            sluice.client(queue).enqueue(Task.of("t", "")).block(PATIENCE);
        }

        void awaitLinks() {
            eventually(() -> assertThat(runs).hasValue(1));
            eventually(() -> assertThat(proxy.links()).hasSize(LINKS));
        }

        void stop() {
            dispatcher.stop(Duration.ZERO).block(PATIENCE);
        }

        void close() {
            sluice.close().block(PATIENCE);
            proxy.close();
        }
    }
}
