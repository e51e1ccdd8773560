package dev.sluice.faults;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Sluice;
import dev.sluice.client.EnqueueResult;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.dispatch.NothingDropped;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Queue;
import dev.sluice.task.Task;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** A link that is only slow costs time, and no task. */
@OnEveryRedis
@ExtendWith(NothingDropped.class)
class SlowLinkRedisTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final int TASKS = 200;

    private final FaultProxy proxy;
    private final Sluice near;
    private final Sluice far;

    SlowLinkRedisTest(RedisServer redis) {
        this.proxy = new FaultProxy(redis.port());
        this.near = Sluice.connect(redis.uri());
        this.far = Sluice.connect(proxy.uri());
    }

    @AfterEach
    void close() {
        far.close().block(PATIENCE);
        near.close().block(PATIENCE);
        proxy.close();
    }

    /** What was popped is nowhere else: a pop that takes more than gets through before its deadline is its end. */
    @Test
    void noTaskThatIsPoppedIsLostOnTheWay() {
        Queue queue = Queue.named("q").delivery(DeliveryMode.AT_MOST_ONCE);
        String payload = "x".repeat(100_000);
        assertThat(near.client(queue)
                        .enqueueAll(Flux.range(0, TASKS)
                                .map(i -> Task.of("t", payload).id("t" + i)))
                        .collectList()
                        .block(PATIENCE))
                .allMatch(EnqueueResult::isCreated);
        Set<String> ran = ConcurrentHashMap.newKeySet();
        Dispatcher dispatcher =
                far.dispatcher(queue).handler("t", String.class, task -> Mono.fromRunnable(() -> ran.add(task.id())));

        proxy.mode(FaultProxy.Mode.SLOW);
        dispatcher.start().block(PATIENCE);

        eventually(PATIENCE, () -> assertThat(ran).hasSize(TASKS));
        dispatcher.stop(Duration.ZERO).block(PATIENCE);
    }
}
