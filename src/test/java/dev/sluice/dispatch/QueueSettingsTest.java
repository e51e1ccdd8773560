package dev.sluice.dispatch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.RetryPolicy;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class QueueSettingsTest {
    private static final Duration MINUTE = Duration.ofMinutes(1);

    @Test
    void aTypeHasWhatItsQueueHasUnlessItSaysOtherwise() {
        QueueSettings settings = QueueSettings.standard()
                .timeout("slow", Duration.ofHours(1))
                .retry("once", RetryPolicy.never())
                .timeout(MINUTE)
                .retry(RetryPolicy.standard().maxAttempts(9))
                .concurrency(7)
                .foreign(false)
                .defaultType("slow")
                .plainType("once");

        assertThat(settings.timeoutOf("slow")).isEqualTo(Duration.ofHours(1));
        assertThat(settings.timeoutOf("once")).isEqualTo(MINUTE);
        assertThat(settings.retryOf("once")).isEqualTo(RetryPolicy.never());
        assertThat(settings.retryOf("slow").maxAttempts()).isEqualTo(9);
    }

    @Test
    void theSettingsOfATypeAreCheckedAsThoseOfAQueue() {
        QueueSettings settings = QueueSettings.standard();

        for (Duration wrong :
                new Duration[] {Duration.ZERO, Duration.ofDays(366), Duration.ofSeconds(Long.MAX_VALUE)}) {
            assertThatThrownBy(() -> settings.timeout("t", wrong))
                    .isInstanceOf(InvalidTaskException.class)
                    .hasMessageContaining("timeout must be 1 ms to 365 days");
        }
        assertThatThrownBy(() -> settings.timeout("", MINUTE)).hasMessageContaining("no task can have the type");
        assertThatThrownBy(() -> settings.retry("a\nb", RetryPolicy.never())).isInstanceOf(InvalidTaskException.class);
    }

    @Test
    void aCallbackHasNoneItselfSoThatNoneCallsForEver() {
        QueueSettings settings = QueueSettings.standard().callback("a", "ended").callback("b", "ended");

        assertThat(settings.callbackOf("b")).isEqualTo("ended");
        assertThat(settings.callbackOf("ended")).isNull();
        assertThatThrownBy(() -> settings.callback("ended", "c"))
                .isInstanceOf(InvalidTaskException.class)
                .hasMessage("'ended' is a callback, and so cannot have one of its own");
        assertThatThrownBy(() -> settings.callback("c", "c")).isInstanceOf(InvalidTaskException.class);
        assertThatThrownBy(() -> settings.callback("c", "")).hasMessageContaining("no task can have the type");
    }
}
