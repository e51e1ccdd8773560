package dev.sluice.faults;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.faults.Fault.Kind;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** The checker is checked: what counts as the death of a worker, with a lease of 1 s. */
class HistoryTest {
    @Test
    void aKillExplainsACrashOfThatWorkerAfterIt() {
        Fault kill = fault(Kind.KILLED, "a", 1000, 1000);

        assertThat(explained("a", 2000, kill)).isTrue();
        assertThat(explained("a", 900, kill)).isFalse();
        assertThat(explained("b", 2000, kill)).isFalse();
        assertThat(explained(null, 2000, kill)).as("of whom nothing ever ran").isTrue();
    }

    @Test
    void anOutageOfRedisThatAllMustNoticeExplainsNoneNorDoesAStop() {
        assertThat(explained("a", 9000, fault(Kind.REDIS, "*", 7000, 9000))).isFalse();
        assertThat(explained("a", 9000, fault(Kind.REDIS, "*", 7700, 8900)))
                .as("no silence yet, but longer than a lease")
                .isTrue();
        assertThat(explained("a", 9000, fault(Kind.STOPPED, "a", 8000, 8000))).isFalse();
    }

    @Test
    void whoStoppedWhenNobodyCouldHearItWasHeldForDead() {
        Fault stop = fault(Kind.STOPPED, "a", 1000, 1000);

        assertThat(explained("a", 5000, stop, fault(Kind.REDIS, "*", 1200, 4900)))
                .isTrue();
        assertThat(explained("a", 5000, stop, fault(Kind.LINK, "b", 1200, 4900)))
                .isFalse();
        assertThat(explained("a", 5000, stop, fault(Kind.REDIS, "*", 0, 900))).isFalse();
    }

    @Test
    void whoStoodStillOrWasCutOffForHalfALeaseWasHeldForDead() {
        assertThat(explained("a", 2000, fault(Kind.FROZEN, "*", 1000, 1500))).isTrue();
        assertThat(explained("a", 2000, fault(Kind.LINK, "a", 1000, 1500))).isTrue();
        assertThat(explained("a", 2000, fault(Kind.LINK, "b", 1000, 1500))).isFalse();
        assertThat(explained("a", 2000, fault(Kind.LINK, "a", 1000, 1499))).isFalse();
        assertThat(explained("a", 3600, fault(Kind.LINK, "a", 1000, 1500)))
                .as("long ago")
                .isFalse();
        assertThat(explained("a", 1200, fault(Kind.LINK, "a", 1000, 1500)))
                .as("too soon")
                .isFalse();
    }

    @Test
    void faultsThatFollowEachOtherAreOneSilenceAndOthersAreNot() {
        Fault first = fault(Kind.LINK, "a", 1000, 1250);

        assertThat(explained("a", 2000, first, fault(Kind.FROZEN, "*", 1300, 1500)))
                .isTrue();
        assertThat(explained("a", 2000, first, fault(Kind.FROZEN, "*", 1400, 1650)))
                .isFalse();
    }

    @Test
    void whoWasCutOffUntilRedisWasAwayWasSilentAllTheTimeUnlessAllWere() {
        Fault alone = fault(Kind.LINK, "a", 1000, 1300);

        assertThat(explained("a", 2000, alone, fault(Kind.REDIS, "*", 1200, 1600)))
                .isTrue();
        assertThat(explained("b", 2000, alone, fault(Kind.REDIS, "*", 1200, 1600)))
                .isFalse();
        assertThat(explained("a", 4000, alone, fault(Kind.REDIS, "*", 1200, 3900)))
                .isFalse();
    }

    @Test
    void betweenTwoOutagesAnotherOneMayHaveBeenHeardThoughThisOneWasNot() {
        Fault first = fault(Kind.REDIS, "*", 1000, 2400);

        assertThat(explained("a", 4000, first, fault(Kind.REDIS, "*", 2450, 3900)))
                .isTrue();
        assertThat(explained("a", 4000, first, fault(Kind.REDIS, "*", 2400, 3900)))
                .isFalse();
    }

    @Test
    void anOutageThatWasNoticedSaysNothingOfTheNext() {
        Fault noticed = fault(Kind.REDIS, "*", 1000, 3500);

        assertThat(explained("a", 4500, noticed)).isFalse();
        assertThat(explained("a", 4500, noticed, fault(Kind.REDIS, "*", 3550, 4000)))
                .isFalse();
        assertThat(explained("a", 4500, noticed, fault(Kind.REDIS, "*", 3550, 4100)))
                .isTrue();
    }

    @Test
    void aKillExplainsASecondRunOfWhatHadJustEndedOrCouldNotBeTold() {
        Fault soon = fault(Kind.KILLED, "a", 1400, 1400);
        Fault late = fault(Kind.KILLED, "a", 1600, 1600);

        assertThat(secondRunIsExplained(soon)).isTrue();
        assertThat(secondRunIsExplained(late)).isFalse();
        assertThat(secondRunIsExplained(late, fault(Kind.LINK, "a", 900, 1200))).isTrue();
        assertThat(secondRunIsExplained(late, fault(Kind.LINK, "b", 900, 1200))).isFalse();
        assertThat(secondRunIsExplained(late, fault(Kind.LINK, "a", 900, 999))).isFalse();
        assertThat(secondRunIsExplained(fault(Kind.LINK, "a", 900, 5000))).isFalse();
    }

    @Test
    void whoStoodStillAndWasKilledBeforeItCouldTellOfALapseHadLostItsLife() {
        Fault still = fault(Kind.FROZEN, "a", 900, 3500);

        assertThat(secondRunIsExplained(still)).isFalse();
        assertThat(secondRunIsExplained(still, fault(Kind.KILLED, "a", 3200, 3200)))
                .isTrue();
        assertThat(secondRunIsExplained(still, fault(Kind.KILLED, "a", 4400, 4400)))
                .isTrue();
        assertThat(secondRunIsExplained(still, fault(Kind.KILLED, "a", 4600, 4600)))
                .isFalse();
        assertThat(secondRunIsExplained(still, fault(Kind.KILLED, "b", 3200, 3200)))
                .isFalse();
    }

    /** Of a task that ended in worker a after 1000 ms, and ran in worker b after 3000. */
    private static boolean secondRunIsExplained(Fault... faults) {
        List<Event> events = List.of(
                event("a", 990, Event.Kind.STARTED, 1),
                event("a", 1000, Event.Kind.DONE, 1),
                event("b", 3000, Event.Kind.STARTED, 2),
                event("b", 3010, Event.Kind.DONE, 2));
        return new History(events, List.of(faults), Duration.ofSeconds(1))
                .faultsInRuns(Set.of("t"), Set.of())
                .isEmpty();
    }

    private static Event event(String worker, long ms, Event.Kind kind, long fence) {
        return new Event(worker, ms * 1_000_000, kind, "t", fence);
    }

    private static boolean explained(@Nullable String worker, long atMs, Fault... faults) {
        return new History(List.of(), List.of(faults), Duration.ofSeconds(1))
                .explainsCrash(worker, atMs * 1_000_000, atMs * 1_000_000);
    }

    private static Fault fault(Kind kind, String worker, long fromMs, long toMs) {
        return new Fault(kind, worker, "", fromMs * 1_000_000, toMs * 1_000_000);
    }
}
