package dev.sluice.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Visits every state of the model: no promise is broken in any, and from each there is a way to the end of all tasks that
 * needs no further fault. Then takes one rule away at a time, and finds it missing. {@code -Dsluice.model=large} gives
 * every question more room, for minutes and some gigabytes; {@code src/docs/model.md} has the figures.
 */
@Timeout(value = 30, unit = TimeUnit.MINUTES) // for the large ones; the number of states is bounded, too
class ProtocolModelTest {
    private static final boolean LARGE = "large".equals(System.getProperty("sluice.model"));
    private static final int MOST_STATES = LARGE ? 40_000_000 : 3_000_000;

    @Test
    void nothingIsLostAndNothingIsStuckWhenDispatchersAreKilledAndStall() {
        holds("killed and stalled", 80_000, scope().crashes(2).stalls(Scope.ANY).maxAttempts(2));
    }

    @Test
    void nothingIsLostAndNothingIsStuckWhenSeveralTasksAreHeldAndTakenBackOneByOne() {
        holds(
                "two tasks each",
                200_000,
                scope().permits(2).crashes(2).stalls(LARGE ? 2 : 1).maxAttempts(2));
    }

    @Test
    void nothingIsLostAndNothingIsStuckWhenDispatchersStopInGoodOrder() {
        holds("stopped", 90_000, scope().permits(2).crashes(1).stalls(1).stops(LARGE ? 2 : 1));
    }

    @Test
    void nothingIsLostAndNothingIsStuckWhenOldCopiesOfCallsAreStillExecuted() {
        holds(
                "old copies of calls",
                450_000,
                scope().permits(2).crashes(2).stalls(LARGE ? 2 : 1).stale(1));
    }

    @Test
    void nothingIsLostAndNothingIsStuckWhenCallsOvertakeEachOther() {
        holds(
                "two calls in flight",
                95_000,
                scope().permits(2).callsInFlight(2).crashes(2).stalls(1).stale(LARGE ? 1 : 0));
    }

    @Test
    void noStatusStaysWhenForeignProducersWriteItLate() {
        holds(
                "late statuses",
                330_000,
                scope().foreign(true).enqueuedAgain(LARGE ? 2 : 1).crashes(1).stalls(1));
    }

    @Test
    void nothingIsLostAndNothingIsStuckWhenRedisForgets() {
        holds("Redis forgets", 850_000, scope().rollbacks(1).crashes(1).stalls(LARGE ? 2 : 1));
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
    void aRuleThatIsTakenAwayIsMissed(Mutant mutant) {
        Scope.Builder scope = scope().stalls(1);
        switch (mutant) {
            case STATUS_DECIDES, NO_LATE_STATUS_CARE -> scope.foreign(true);
            case NO_RECONCILE -> scope.rollbacks(1).stalls(0);
            case SERVER_TOKENS -> scope.rollbacks(1).permits(2);
            case MEMBER_REMOVED_EARLY, NO_MARK -> scope.permits(2);
            default -> {}
        }

        Search.Result found = Search.of(scope.build(), mutant, MOST_STATES);

        System.out.printf("model without a rule, %s: %,d states%n%s%n", mutant, found.states(), found.violation());
        assertThat(found.violation()).endsWith("=> " + mutant.violation() + "\n");
    }

    /** Fewer states than {@code atLeast}: the model has lost something of what can happen, and proves as much less. */
    private static void holds(String what, int atLeast, Scope.Builder scope) {
        Search.Result found = Search.of(scope.build(), Mutant.NONE, MOST_STATES);

        System.out.printf(
                "model, %s: %,d states, %,d steps, %,d good last states, %,d ms%n",
                what, found.states(), found.steps(), found.good(), found.millis());
        assertThat(found.violation()).isNull();
        assertThat(found.states()).isGreaterThan(atLeast);
        assertThat(found.good()).isPositive();
    }

    /** One permit and one call each, no fault but lost answers; a task that fails once is dead, two crashes kill it. */
    private static Scope.Builder scope() {
        return new Scope.Builder();
    }
}
