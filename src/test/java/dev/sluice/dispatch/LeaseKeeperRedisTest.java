package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.observe.Observer;
import dev.sluice.redis.ClaimStore;
import dev.sluice.redis.RedisLinks;
import dev.sluice.task.Queue;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import io.lettuce.core.RedisURI;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** By which clock a lease is held. */
@OnEveryRedis
class LeaseKeeperRedisTest {
    private static final Duration LEASE = Duration.ofSeconds(15);

    private final RedisLinks links;
    private final EventLoop loop = new EventLoop();
    private final HandlerPool pool = new HandlerPool();

    LeaseKeeperRedisTest(RedisServer redis) {
        links = RedisLinks.own(RedisURI.create(redis.uri()), null);
        loop.begin();
    }

    @AfterEach
    void close() {
        pool.close();
        loop.close();
        links.close().block(DispatchCase.PATIENCE);
    }

    /** Redis counts from when the call arrives: whoever counted from its answer would hold on longer than the lease. */
    @Test
    void aLeaseIsHeldFromTheSendingOfItsRenewalAndNotFromTheAnswer() {
        ClaimStore store = links.claims(Queue.named("q"), 3);
        Incarnation incarnation = new Incarnation(store::keysOf, new Holdings(pool));
        store.join(incarnation.id(), LEASE).block(DispatchCase.PATIENCE);
        long granted = System.nanoTime() - Duration.ofSeconds(10).toNanos();
        long sent = granted + Duration.ofSeconds(6).toNanos();
        LeaseKeeper keeper = new LeaseKeeper(
                incarnation,
                store,
                new Calls(loop, () -> {}),
                pool,
                links.events(),
                new Outages(new Observer() {}).of("q"),
                LEASE,
                granted,
                why -> {},
                () -> {},
                orphans -> {});

        keeper.tick(sent, true);
        long held = Duration.ofMillis(LEASE.toMillis() * 9 / 10).toNanos();
        eventually(
                () -> assertThat(incarnation.holdings().isSure(granted + held)).isTrue());
        keeper.end();

        assertThat(incarnation.holdings().isSure(sent + held - 1)).isTrue();
        assertThat(incarnation.holdings().isSure(sent + held)).isFalse();
    }
}
