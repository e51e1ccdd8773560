package dev.sluice.faults;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Sluice;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.Private;
import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

@OnEveryRedis
class StallWatchRedisTest {
    /** Or what was late within it, and is judged at once, is charged to those who were held up. */
    @Test
    @Timeout(30)
    void aStallThatStillGoesOnIsWaitedFor(@Private RedisServer redis) throws InterruptedException {
        List<long[]> noted = new CopyOnWriteArrayList<>();
        StallWatch watch = new StallWatch(Sluice.connect(redis.uri()), (from, to) -> noted.add(new long[] {from, to}));
        try {
            redis.pause();
            Thread.sleep(200);
            long within = System.nanoTime();
            Mono.delay(Duration.ofMillis(300), Schedulers.boundedElastic()).subscribe(late -> redis.resume());

            watch.awaitLookedAt(within);

            assertThat(noted).anyMatch(stall -> stall[0] <= within && stall[1] >= within);
        } finally {
            watch.close();
        }
    }
}
