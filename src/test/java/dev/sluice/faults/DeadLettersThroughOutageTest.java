package dev.sluice.faults;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Sluice;
import dev.sluice.client.DeadLetterFilter;
import dev.sluice.client.DeadLetterProgress;
import dev.sluice.client.DeadLetters;
import dev.sluice.task.Queue;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** A walk over dead letters whose answers are lost in the middle goes on, and does nothing twice. */
@OnEveryRedis
class DeadLettersThroughOutageTest {
    private static final Duration SOON = Duration.ofSeconds(40);
    private static final String SEED = """
            for i = 0, ARGV[1] - 1 do
              local id = 't' .. string.format('%d', i)
              redis.call('HSET', KEYS[1], id, '{"reason":"r"}\\n\\1c ' .. id .. '\\n{"type":"t"}')
              redis.call('ZADD', KEYS[2], 1000000 + i, id)
              redis.call('HSET', KEYS[3], id, 'dead')
            end""";

    private final RedisServer redis;

    DeadLettersThroughOutageTest(RedisServer redis) {
        this.redis = redis;
    }

    @Test
    void eachIsRedrivenOnceAndCountedOnce() {
        assertThat(through(letters -> letters.redriveAll(DeadLetterFilter.all())))
                .isEqualTo(new DeadLetterProgress(700, 700, 700, 0));

        List<?> ready = (List<?>) redis.call("LRANGE", "{q}:ready", "0", "-1");
        assertThat(ready).hasSize(700);
        assertThat(new HashSet<Object>(ready)).hasSize(700);
        assertThat(redis.call("ZCARD", "{q}:dead")).isEqualTo(0L);
    }

    @Test
    void eachIsPurgedOnceAndCountedOnce() {
        assertThat(through(letters -> letters.purgeAll(DeadLetterFilter.all())))
                .isEqualTo(new DeadLetterProgress(700, 700, 700, 0));

        assertThat(redis.call("HLEN", "{q}:status")).isEqualTo(0L);
    }

    /** From the first count on, every answer is torn and its connection reset, for half a second. */
    private DeadLetterProgress through(Function<DeadLetters, Flux<DeadLetterProgress>> work) {
        redis.call("EVAL", SEED, "3", "{q}:dead:bodies", "{q}:dead", "{q}:status", "700");
        AtomicBoolean torn = new AtomicBoolean();
        try (FaultProxy proxy = new FaultProxy(redis.port())) {
            Sluice sluice = Sluice.connect(proxy.uri());
            try {
                return work.apply(sluice.deadLetters(Queue.named("q")))
                        .doOnNext(count -> {
                            if (torn.compareAndSet(false, true)) {
                                proxy.mode(FaultProxy.Mode.TEAR);
                                Mono.delay(Duration.ofMillis(500)).subscribe(over -> proxy.mode(FaultProxy.Mode.PASS));
                            }
                        })
                        .blockLast(SOON);
            } finally {
                sluice.close().block(SOON);
            }
        }
    }
}
