package dev.sluice.dispatch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.task.DeadLetterRetention;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.ResultRetention;
import dev.sluice.task.RetryPolicy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

class QueueSettingsTest {
    private static final Duration MINUTE = Duration.ofMinutes(1);

    @Test
    void eachChangeLeavesAllElseAsItWas() {
        DeadLetterRetention letters = DeadLetterRetention.standard().maxCount(5);
        ResultRetention results = ResultRetention.standard().maxAge(MINUTE);
        QueueSettings all = new QueueSettings(
                7,
                MINUTE,
                RetryPolicy.never(),
                "default",
                "plain",
                false,
                letters,
                Map.of("a", MINUTE),
                Map.of("b", RetryPolicy.never()),
                results,
                Map.of("c", "ended"),
                1_000);
        List<UnaryOperator<QueueSettings>> changes = new ArrayList<>(List.of(
                it -> it.concurrency(7),
                it -> it.timeout(MINUTE),
                it -> it.retry(RetryPolicy.never()),
                it -> it.defaultType("default"),
                it -> it.plainType("plain"),
                it -> it.foreign(false),
                it -> it.deadLetters(letters),
                it -> it.timeout("a", MINUTE),
                it -> it.retry("b", RetryPolicy.never()),
                it -> it.results(results),
                it -> it.callback("c", "ended"),
                it -> it.maxLength(1_000)));

        for (int i = 0; i < changes.size(); i++) {
            QueueSettings settings = QueueSettings.standard();
            for (UnaryOperator<QueueSettings> change : changes) {
                settings = change.apply(settings);
            }
            assertThat(settings).isEqualTo(all);
            Collections.rotate(changes, 1);
        }
    }

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
        assertThatThrownBy(() -> settings.timeout("", MINUTE))
                .hasMessageContaining("a task type must be 1 to 256 UTF-8 bytes");
        assertThatThrownBy(() -> settings.retry("a\nb", RetryPolicy.never())).isInstanceOf(InvalidTaskException.class);
        assertThatThrownBy(() -> settings.defaultType("")).isInstanceOf(InvalidTaskException.class);
        assertThatThrownBy(() -> settings.plainType("a\nb"))
                .isInstanceOf(InvalidTaskException.class)
                .hasMessageEndingWith("was 'a\\u000ab'");
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
        assertThatThrownBy(() -> settings.callback("c", ""))
                .hasMessageContaining("a task type must be 1 to 256 UTF-8 bytes");
    }
}
