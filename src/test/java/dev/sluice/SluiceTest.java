package dev.sluice;

import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.lettuce.core.RedisClient;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class SluiceTest {
    @Test
    void aBorrowedClientWithoutAUriIsRefusedInsteadOfGuessed() throws Exception {
        RedisClient callers = RedisClient.create();
        try {
            assertThatIllegalStateException()
                    .isThrownBy(() -> Sluice.builder().redisClient(callers).build())
                    .withMessageContaining("name the uri");
        } finally {
            callers.shutdownAsync(0, 1, TimeUnit.SECONDS)
                    .get(Duration.ofSeconds(10).toMillis(), TimeUnit.MILLISECONDS);
        }
    }
}
