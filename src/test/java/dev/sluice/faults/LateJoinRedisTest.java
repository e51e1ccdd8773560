package dev.sluice.faults;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Sluice;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.dispatch.LogTap;
import dev.sluice.dispatch.NothingDropped;
import dev.sluice.faults.FaultProxy.Mode;
import dev.sluice.redis.ClaimStore;
import dev.sluice.redis.RedisLinks;
import dev.sluice.task.Queue;
import dev.sluice.task.Task;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import io.lettuce.core.RedisURI;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import reactor.core.publisher.Mono;

/** A lease of which its holder learns when half of it is over is not begun with: another is asked for, and that is said. */
@OnEveryRedis
@ExtendWith(NothingDropped.class)
class LateJoinRedisTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final Duration LEASE = Duration.ofMillis(500);
    private static final Duration LONG_LEASE = Duration.ofSeconds(30);
    private static final Duration LEFT = Duration.ofMillis(400);
    private static final Duration LESS_THAN_A_COMMAND_HAS = Duration.ofMillis(1900);
    private static final String JOINED = "*4\r\n:0\r\n:0\r\n:";

    private final RedisServer redis;

    LateJoinRedisTest(RedisServer redis) {
        this.redis = redis;
    }

    /** After a join that came late little is left of it, too, and its own link may be dead. */
    @Test
    void aHeartbeatIsAnsweredWhileItsLeaseIsThereThoughItsOwnLinkIsSilent() {
        FaultProxy proxy = new FaultProxy(redis.port());
        RedisLinks links = RedisLinks.own(RedisURI.create(proxy.uri()), LocalNode.THREADS);
        try {
            ClaimStore claims = links.claims(Queue.named("q"), 3);
            claims.join("w", LONG_LEASE).block(PATIENCE);
            eventually(() -> assertThat(proxy.links()).hasSize(2));
            assertThat(claims.heartbeat("w", LONG_LEASE, LONG_LEASE)
                            .block(PATIENCE)
                            .renewed())
                    .isTrue();

            proxy.links().get(1).mode(Mode.HOLD);

            assertThat(claims.heartbeat("w", LONG_LEASE, LEFT)
                            .block(LESS_THAN_A_COMMAND_HAS)
                            .renewed())
                    .isTrue();
        } finally {
            links.close().block(PATIENCE);
            proxy.close();
        }
    }

    @Test
    void oneMoreIsAskedForAfterAPause() throws InterruptedException {
        FaultProxy proxy = new FaultProxy(redis.port());
        Sluice sluice = Sluice.connect(proxy.uri());
        try (LogTap log = new LogTap()) {
            CountDownLatch ran = new CountDownLatch(1);
            Dispatcher dispatcher = sluice.dispatcher()
                    .queue(Queue.named("q"))
                    .lease(LEASE)
                    .build()
                    .handler("t", Object.class, task -> Mono.fromRunnable(ran::countDown));
            FaultProxy.Trap held = proxy.onReplyWith(JOINED, Mode.HOLD, 1);

            CompletableFuture<Void> started = dispatcher.start().toFuture();
            assertThat(held.await()).isTrue();
            LockSupport.parkNanos(LEASE.toNanos() * 3 / 5);
            proxy.links().forEach(link -> link.mode(Mode.PASS));

            assertThat(started).succeedsWithin(PATIENCE);
            assertThat(log.warnings()).anySatisfy(line -> assertThat(line).contains("too late for a lease of 500 ms"));
            sluice.client(Queue.named("q")).enqueue(Task.of("t", "")).block(PATIENCE);
            assertThat(ran.await(20, TimeUnit.SECONDS)).isTrue();
            eventually(() -> assertThat(redis.call("ZCARD", "{q}:dispatchers")).isEqualTo(1L));
            dispatcher.stop(Duration.ZERO).block(PATIENCE);
        } finally {
            sluice.close().block(PATIENCE);
            proxy.close();
        }
    }
}
