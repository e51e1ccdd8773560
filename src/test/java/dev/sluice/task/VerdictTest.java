package dev.sluice.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class VerdictTest {

    private static final Failure FAILURE = Failure.of("handler-error", "no");

    @Test
    void verdictsLeadToTheirStates() {
        assertThat(Verdict.succeeded().target()).isEqualTo(TaskState.SUCCEEDED);
        assertThat(Verdict.retry(Duration.ZERO, FAILURE).target()).isEqualTo(TaskState.RETRYING);
        assertThat(Verdict.snooze(Duration.ZERO).target()).isEqualTo(TaskState.SCHEDULED);
        assertThat(Verdict.dead(FAILURE).target()).isEqualTo(TaskState.DEAD);
        assertThat(Verdict.discarded().target()).isEqualTo(TaskState.DISCARDED);
        assertThat(Verdict.released().target()).isEqualTo(TaskState.QUEUED);
    }

    @Test
    void aReasonMayBeAnExceptionOrAWord() {
        IllegalStateException why = new IllegalStateException("no");

        assertThat(Verdict.retry(Duration.ZERO, why)).isInstanceOfSatisfying(Verdict.Retry.class, it -> {
            assertThat(it.failure().reason()).isEqualTo("handler-error");
            assertThat(it.failure().type()).isEqualTo("java.lang.IllegalStateException");
        });
        assertThat(Verdict.retry(Duration.ZERO, "busy"))
                .isInstanceOfSatisfying(
                        Verdict.Retry.class,
                        it -> assertThat(it.failure()).isEqualTo(Failure.of("handler-error", "busy")));
        assertThat(Verdict.dead(why))
                .isInstanceOfSatisfying(
                        Verdict.Dead.class,
                        it -> assertThat(it.failure().reason()).isEqualTo("rejected"));
        assertThat(Verdict.dead("gone")).isEqualTo(Verdict.dead(Failure.of("rejected", "gone")));
        String none = new IllegalStateException().getMessage();
        assertThat(Verdict.dead(none)).isEqualTo(Verdict.dead(""));
        assertThat(Verdict.retry(Duration.ZERO, none)).isEqualTo(Verdict.retry(Duration.ZERO, ""));
    }

    @Test
    void theCommonOnesAreShared() {
        assertThat(Verdict.succeeded()).isSameAs(Verdict.succeeded());
        assertThat(Verdict.released()).isSameAs(Verdict.released());
        assertThat(Verdict.discarded()).isSameAs(Verdict.discarded());
    }

    @Test
    void delaysAreBounded() {
        assertThat(new Verdict.Snooze(Verdict.MAX_DELAY).delay()).isEqualTo(Duration.ofDays(365));
        for (Duration wrong :
                new Duration[] {Duration.ofNanos(-1), Verdict.MAX_DELAY.plusNanos(1), Duration.ofSeconds(Long.MAX_VALUE)
                }) {
            assertThatThrownBy(() -> Verdict.snooze(wrong)).isInstanceOf(InvalidTaskException.class);
            assertThatThrownBy(() -> Verdict.retry(wrong, FAILURE)).isInstanceOf(InvalidTaskException.class);
        }
    }
}
