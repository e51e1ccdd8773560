package dev.sluice.task;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Modifier;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class SluiceExceptionTest {

    private static final List<SluiceException> ALL = List.of(
            new StoreUnavailableException("redis did not answer", null),
            new StoreRefusedException("auth", "the password is wrong", null),
            new InvalidTaskException("id", "an id must be short"),
            new PayloadTooLargeException(300, 200),
            new TaskTimeoutException("i", Duration.ofSeconds(1)),
            new QueueFullException("q", 10));

    @Test
    void everyErrorHasItsOwnStableCode() {
        assertThat(ALL.stream().map(SluiceException::code))
                .containsExactly(
                        "store-unavailable",
                        "store-refused",
                        "invalid-task",
                        "payload-too-large",
                        "task-timeout",
                        "queue-full");
    }

    @Test
    void everyErrorSaysWhetherRetryingHelps() {
        assertThat(ALL.stream().map(SluiceException::retryable)).containsExactly(true, false, false, false, true, true);
    }

    @Test
    void everyErrorIsFinal() {
        assertThat(ALL).allMatch(error -> Modifier.isFinal(error.getClass().getModifiers()));
    }

    @Test
    void messagesStateRuleAndValue() {
        assertThat(new PayloadTooLargeException(300, 200))
                .hasMessage("the payload must be at most 200 bytes of JSON, was 300");
        assertThat(new QueueFullException("q", 10))
                .hasMessage("queue q takes at most 10 tasks, or its max-length if that is less, and is full");
        assertThat(new TaskTimeoutException("i", Duration.ofSeconds(1)))
                .hasMessage("the attempt did not end within 1000 ms");
    }
}
