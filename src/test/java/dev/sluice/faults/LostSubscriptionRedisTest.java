package dev.sluice.faults;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Sluice;
import dev.sluice.client.QueueEvent;
import dev.sluice.client.QueueEvent.Moved;
import dev.sluice.dispatch.NothingDropped;
import dev.sluice.task.Queue;
import dev.sluice.task.Task;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import reactor.core.Disposable;

/** A connection that breaks while somebody begins to listen on it, and that Lettuce opens again. */
@OnEveryRedis
@ExtendWith(NothingDropped.class)
class LostSubscriptionRedisTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    @Test
    void whoBeganToListenAsTheConnectionBrokeHearsAllTheSame(RedisServer redis) {
        try (FaultProxy proxy = new FaultProxy(redis.port())) {
            Sluice door = Sluice.builder().uri(proxy.uri()).build();
            Sluice healthy = Sluice.builder().uri(redis.uri()).build();
            List<QueueEvent> first = new CopyOnWriteArrayList<>();
            Disposable listening = door.client(Queue.named("other")).events().subscribe(first::add);
            eventually(() -> assertThat(first).isNotEmpty()); // the connection is there

            proxy.mode(FaultProxy.Mode.SWALLOW_REPLIES);
            List<QueueEvent> heard = new CopyOnWriteArrayList<>();
            Disposable late = door.client(Queue.named("q")).events().subscribe(heard::add);
            eventually(() -> assertThat((List<?>) redis.call("PUBSUB", "CHANNELS", "{q}:*"))
                    .isNotEmpty());
            proxy.mode(FaultProxy.Mode.REFUSE);
            LockSupport.parkNanos(100_000_000); // it is opened again later than one tries to subscribe again
            proxy.mode(FaultProxy.Mode.PASS);

            eventually(() -> {
                healthy.client(Queue.named("q")).enqueue(Task.of("t", 1)).block(PATIENCE);
                assertThat(heard).hasAtLeastOneElementOfType(Moved.class);
            });
            listening.dispose();
            late.dispose();
            door.close().then(healthy.close()).block(PATIENCE);
        }
    }
}
