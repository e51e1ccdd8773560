package dev.sluice.faults;

import static dev.sluice.dispatch.Eventually.always;
import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Sluice;
import dev.sluice.dispatch.Delivery;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.dispatch.NothingDropped;
import dev.sluice.redis.RedisLink;
import dev.sluice.redis.RedisLinks;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Queue;
import dev.sluice.task.Task;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisURI;
import io.lettuce.core.TimeoutOptions;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.reactivestreams.Subscription;
import reactor.core.publisher.BaseSubscriber;

/** A Lettuce client as it comes sends again what was under way when a connection was lost: not for Sluice. */
@OnEveryRedis
@ExtendWith(NothingDropped.class)
class BorrowedClientRedisTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private final RedisServer redis;
    private final FaultProxy proxy;
    private final RedisClient client = RedisClient.create();
    private final Queue queue = Queue.named("q").delivery(DeliveryMode.AT_MOST_ONCE);
    private final Sluice sluice;

    BorrowedClientRedisTest(RedisServer redis) {
        this.redis = redis;
        this.proxy = new FaultProxy(redis.port());
        this.sluice = Sluice.builder().redisClient(client).uri(proxy.uri()).build();
    }

    @AfterEach
    void close() {
        sluice.close().block(PATIENCE);
        client.shutdown(Duration.ZERO, Duration.ofSeconds(2));
        proxy.close();
    }

    @Test
    void aTaskThatIsGivenBackWhileItsConnectionIsLostDoesNotRunTwice() {
        List<Delivery<Void>> got = new CopyOnWriteArrayList<>();
        Dispatcher dispatcher = sluice.dispatcher(queue);
        BaseSubscriber<Delivery<Void>> oneByOne = new BaseSubscriber<>() {
            @Override
            protected void hookOnSubscribe(Subscription subscription) {
                subscription.request(1);
            }

            @Override
            protected void hookOnNext(Delivery<Void> delivery) {
                got.add(delivery);
            }
        };
        dispatcher.receive("q", Void.class).subscribe(oneByOne);
        dispatcher.start().block(PATIENCE);
        sluice.client(queue).enqueue(Task.of("t", null).id("one")).block(PATIENCE);
        eventually(() -> assertThat(got).hasSize(1));

        proxy.links().forEach(link -> link.mode(FaultProxy.Mode.SWALLOW_REPLIES));
        got.get(0).release().subscribe();
        eventually(() -> assertThat(waiting()).isOne());
        proxy.links().forEach(FaultProxy.Link::hangUp);
        always(Duration.ofMillis(500), () -> assertThat(waiting()).isOne());

        oneByOne.request(10);
        eventually(() -> assertThat(got).hasSize(2));
        got.get(1).ack().block(PATIENCE);
        always(Duration.ofMillis(200), () -> assertThat(got).hasSize(2));
        dispatcher.stop(Duration.ZERO).block(PATIENCE);
    }

    /** Each command has a deadline of ours, which knows how long a wait may take. */
    @Test
    void aWaitIsNotCutByATimeoutThatTheClientHasForItsCommands() {
        client.setOptions(client.getOptions()
                .mutate()
                .timeoutOptions(TimeoutOptions.enabled(Duration.ofMillis(100)))
                .build());
        RedisLinks links = RedisLinks.borrowed(client, RedisURI.create(redis.uri()));
        try {
            RedisLink waits = links.open("waits");

            assertThat(links.pops(queue)
                            .pop(waits, Duration.ofMillis(500))
                            .block(PATIENCE)
                            .elements())
                    .isEmpty();
        } finally {
            links.close().block(PATIENCE);
        }
    }

    private long waiting() {
        return (long) redis.call("LLEN", "q") + (long) redis.call("LLEN", "{q}:ready");
    }
}
