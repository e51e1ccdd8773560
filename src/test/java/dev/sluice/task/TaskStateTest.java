package dev.sluice.task;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TaskStateTest {

    private static final Map<TaskState, Set<TaskState>> LEGAL = Map.of(
            TaskState.QUEUED, Set.of(TaskState.PROCESSING, TaskState.CANCELLED),
            TaskState.SCHEDULED, Set.of(TaskState.QUEUED, TaskState.CANCELLED),
            TaskState.PROCESSING,
                    Set.of(
                            TaskState.QUEUED,
                            TaskState.SCHEDULED,
                            TaskState.RETRYING,
                            TaskState.SUCCEEDED,
                            TaskState.DEAD,
                            TaskState.CANCELLED,
                            TaskState.DISCARDED),
            TaskState.RETRYING, Set.of(TaskState.QUEUED, TaskState.CANCELLED),
            TaskState.SUCCEEDED, Set.of(),
            TaskState.DEAD, Set.of(TaskState.QUEUED),
            TaskState.CANCELLED, Set.of(),
            TaskState.DISCARDED, Set.of());

    @ParameterizedTest
    @EnumSource
    void aStateBecomesWhatTheTableSaysAndNothingElse(TaskState from) {
        for (TaskState to : TaskState.values()) {
            assertThat(from.canBecome(to))
                    .as("%s to %s", from, to)
                    .isEqualTo(LEGAL.get(from).contains(to));
        }
    }

    @ParameterizedTest
    @EnumSource
    void aStateIsLiveExactlyIfItCanStillLeadToAnAttemptByItself(TaskState state) {
        boolean ended = LEGAL.get(state).isEmpty() || state == TaskState.DEAD;

        assertThat(state.isLive()).isEqualTo(!ended);
    }

    @ParameterizedTest
    @EnumSource
    void theWordIsTheNameInLowerCaseAndReadsBack(TaskState state) {
        assertThat(state.word()).isEqualTo(state.name().toLowerCase(Locale.ROOT));
        assertThat(TaskState.ofWord(state.word())).isSameAs(state);
    }

    @Test
    void otherWordsAreNoState() {
        assertThat(TaskState.ofWord("QUEUED")).isNull();
        assertThat(TaskState.ofWord("done")).isNull();
        assertThat(TaskState.ofWord("")).isNull();
        assertThat(TaskState.ofWord(null)).isNull();
    }

    @Test
    void everyVerdictLeadsWhereProcessingMayGo() {
        Failure failure = Failure.of("handler-error", "no");
        for (Verdict verdict : new Verdict[] {
            Verdict.succeeded(),
            Verdict.retry(Duration.ofSeconds(1), failure),
            Verdict.snooze(Duration.ZERO),
            Verdict.dead(failure),
            Verdict.discarded(),
            Verdict.released()
        }) {
            assertThat(TaskState.PROCESSING.canBecome(verdict.target()))
                    .as("%s", verdict)
                    .isTrue();
        }
    }
}
