package dev.sluice;

import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.lettuce.core.RedisClient;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class SluiceTest {
    @Test
    void aUrlWithAMistakeIsRefusedInASentence() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Sluice.connect("redis://:secret@host/abc"))
                .withMessage("'redis://:***@host/abc' has no valid database: a number, as in redis://host:6379/0");
    }

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
