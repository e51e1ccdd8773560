package dev.sluice.dispatch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.Private;
import dev.sluice.testkit.RedisServer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

/** A Redis that deletes keys when its memory is full loses tasks: whoever starts a dispatcher on one is told. */
@OnEveryRedis
class EvictionWarningRedisTest extends DispatchCase {
    private final RedisServer own;
    private final LogTap log = new LogTap();

    EvictionWarningRedisTest(@Private RedisServer redis) {
        super(redis);
        this.own = redis;
    }

    @AfterEach
    void stopListening() {
        log.close();
    }

    @Test
    void aPolicyThatDeletesTasksIsWarnedAbout() {
        own.call("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");

        running(context -> Mono.empty());

        assertThat(log.warnings())
                .singleElement()
                .asString()
                .contains("may delete tasks", "set maxmemory-policy noeviction", "maxmemory-policy=\"allkeys-lru\"");
    }

    @Test
    void aPolicyThatDeletesNothingIsNot() {
        running(context -> Mono.empty());

        assertThat(log.warnings()).isEmpty();
    }
}
