package dev.sluice.faults;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThatCode;

import dev.sluice.Sluice;
import dev.sluice.dispatch.NothingDropped;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Callers that wait less long than a link does for its answer. */
@OnEveryRedis
@ExtendWith(NothingDropped.class)
class ImpatientCallersRedisTest {
    private static final Duration PATIENCE = Duration.ofSeconds(10);
    private static final Duration IMPATIENCE = Duration.ofMillis(200);

    private final RedisServer redis;

    ImpatientCallersRedisTest(RedisServer redis) {
        this.redis = redis;
    }

    /** The peer of a connection is gone without a word, and none of all calls is there when their time is over. */
    @Test
    void aDeadConnectionIsReplacedAlthoughNobodyWaitsForItsAnswer() {
        try (FaultProxy proxy = new FaultProxy(redis.port())) {
            Sluice sluice = Sluice.connect(proxy.uri());
            try {
                sluice.queue("q").block(PATIENCE);
                proxy.links().forEach(link -> link.mode(FaultProxy.Mode.SWALLOW));

                eventually(
                        PATIENCE,
                        () -> assertThatCode(() ->
                                        sluice.queue("q").timeout(IMPATIENCE).block(PATIENCE))
                                .doesNotThrowAnyException());
            } finally {
                sluice.close().block(PATIENCE);
            }
        }
    }
}
