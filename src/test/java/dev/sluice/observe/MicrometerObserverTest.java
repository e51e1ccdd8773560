package dev.sluice.observe;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.task.Queue;
import dev.sluice.task.QueueInfo;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class MicrometerObserverTest {

    private static final Path TABLE = Path.of("src/docs/metrics.md");

    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final Observer observer = MicrometerObserver.withAttempts(registry);

    @Test
    void countsAddUpByQueue() {
        observer.claimed("a", 3);
        observer.claimed("a", 4);
        observer.claimed("b", 5);

        assertThat(counter("sluice.claimed", "queue", "a")).isEqualTo(7);
        assertThat(counter("sluice.claimed", "queue", "b")).isEqualTo(5);
    }

    @Test
    void settledTasksAreCountedByOutcome() {
        for (Outcome outcome : Outcome.values()) {
            observer.settled("a", outcome, outcome.word().length());
            observer.settled("a", outcome, 10);
        }

        for (Outcome outcome : Outcome.values()) {
            assertThat(counter("sluice.settled", "queue", "a", "outcome", outcome.word()))
                    .isEqualTo(outcome.word().length() + 10);
        }
    }

    @Test
    void anExchangeIsTimedAndItsYieldSummed() {
        observer.exchange("a", 2_000_000, 10, 0);
        observer.exchange("a", 4_000_000, 0, 7);

        assertThat(registry.get("sluice.exchange").tag("queue", "a").timer().totalTime(TimeUnit.MILLISECONDS))
                .isEqualTo(6);
        assertThat(registry.get("sluice.exchange.claimed")
                        .tag("queue", "a")
                        .summary()
                        .mean())
                .isEqualTo(5);
    }

    @Test
    void rareEventsAreCounted() {
        everythingOnce(observer, "a");

        for (String name : new String[] {
            "sluice.fenced", "sluice.recovered", "sluice.lost", "sluice.orphans", "sluice.statuses.late"
        }) {
            assertThat(counter(name, "queue", "a")).as(name).isEqualTo(2);
        }
    }

    @Test
    void aCounterIsThereBeforeItsEvent() {
        observer.health("a", true);

        for (String name : List.of(
                "fenced",
                "recovered",
                "lost",
                "orphans",
                "statuses.late",
                "dead.trimmed",
                "leases.lapsed",
                "claimed")) {
            assertThat(counter("sluice." + name, "queue", "a")).isZero();
        }
        assertThat(counter("sluice.settled", "queue", "a", "outcome", "dead")).isZero();
    }

    @Test
    void onlyALapseOfALeaseCounts() {
        observer.lease("a", true);
        observer.lease("a", false);
        observer.lease("a", true);

        assertThat(counter("sluice.leases.lapsed", "queue", "a")).isEqualTo(2);
    }

    @Test
    void dispatchersThatWorkAreCounted() {
        observer.health("a", true);
        observer.health("a", true);
        observer.health("a", false);

        assertThat(registry.get("sluice.dispatchers.up")
                        .tag("queue", "a")
                        .gauge()
                        .value())
                .isEqualTo(1);
    }

    @Test
    void linksThatAreDownAreShownUntilTheyAreUp() {
        observer.link("events", true);
        observer.link("wake", false);
        observer.link("wake", false);
        observer.link("command", false);
        observer.link("wake", true);

        assertThat(registry.get("sluice.links.down").gauge().value()).isEqualTo(2);
        assertThat(counter("sluice.links.lost")).isEqualTo(3);
    }

    @Test
    void theAgeOfTheOldestIsZeroWhereNoneWaitsAndNoNumberWhereItIsUnknown() {
        observer.counted(waiting(3, Optional.of(Duration.ofMillis(1_500))));
        assertThat(registry.get("sluice.oldest").tags("queue", "a").gauge().value())
                .isEqualTo(1.5);

        observer.counted(waiting(3, Optional.empty()));
        assertThat(registry.get("sluice.oldest").gauge().value()).isNaN();

        observer.counted(waiting(0, Optional.empty()));
        assertThat(registry.get("sluice.oldest").gauge().value()).isZero();
    }

    @Test
    void whatRedisRefusesToCountIsNoNumberUntilItIsCountedAgain() {
        observer.uncounted("a");
        assertThat(registry.find("sluice.tasks").gauges()).isEmpty();

        observer.counted(waiting(3, Optional.of(Duration.ofMillis(1_500))));
        observer.uncounted("b");
        assertThat(registry.get("sluice.tasks").tags("state", "waiting").gauge().value())
                .isEqualTo(3);

        observer.uncounted("a");
        assertThat(registry.get("sluice.tasks").gauges())
                .allSatisfy(gauge -> assertThat(gauge.value()).isNaN());
        assertThat(registry.get("sluice.oldest").gauge().value()).isNaN();

        observer.counted(waiting(2, Optional.empty()));
        assertThat(registry.get("sluice.tasks").tags("state", "waiting").gauge().value())
                .isEqualTo(2);
    }

    @Test
    void attemptsAreTimedOnlyIfAskedFor() {
        observer.attempt("a", "email.send", Outcome.SUCCEEDED, 1_000_000);

        assertThat(registry.get("sluice.attempt")
                        .tags("queue", "a", "type", "email.send", "outcome", "succeeded")
                        .timer()
                        .count())
                .isEqualTo(1);
        assertThat(observer.wantsAttempts()).isTrue();
        assertThat(MicrometerObserver.of(new SimpleMeterRegistry()).wantsAttempts())
                .isFalse();
    }

    @Test
    void deliveriesAreTimedByTargetAndOutcome() {
        observer.delivered("http://a", Outcome.SUCCEEDED, 1_000_000);
        observer.delivered("http://a", Outcome.RETRIED, 3_000_000);

        assertThat(registry.get("sluice.push")
                        .tags("target", "http://a", "outcome", "retried")
                        .timer()
                        .totalTime(TimeUnit.MILLISECONDS))
                .isEqualTo(3);
    }

    @Test
    void manyTypesMakeNoMoreThan201Tags() {
        for (int i = 0; i < 1000; i++) {
            observer.attempt("a", "type-" + i, Outcome.SUCCEEDED, 1);
            observer.attempt("a", "type-0", Outcome.DEAD, 1);
            observer.waited("a", "type-" + i, 1);
            observer.ended("a", "type-" + i, Outcome.SUCCEEDED, 1);
        }

        Set<String> types = registry.getMeters().stream()
                .map(meter -> meter.getId().getTag("type"))
                .filter(type -> type != null)
                .collect(Collectors.toSet());
        assertThat(types).hasSize(201).contains("other", "type-0", "type-199");
        for (String timer : List.of("sluice.attempt", "sluice.queueing", "sluice.end.to.end")) {
            assertThat(registry.get(timer).tag("type", "other").timer().count()).isEqualTo(800);
        }
    }

    @Test
    void tagsAreQueueTypeTargetStateAndOutcomeOnly() {
        everythingOnce(observer, "a");

        Set<String> tags = registry.getMeters().stream()
                .flatMap(meter -> meter.getId().getTags().stream())
                .map(Tag::getKey)
                .collect(Collectors.toSet());
        assertThat(tags).containsExactlyInAnyOrder("queue", "type", "target", "state", "outcome");
    }

    @Test
    void everyMeterIsInTheTableOfTheDocs() throws IOException {
        everythingOnce(observer, "a");
        Set<String> kept = registry.getMeters().stream()
                .map(Meter::getId)
                .map(Meter.Id::getName)
                .collect(Collectors.toCollection(TreeSet::new));

        Set<String> documented = Pattern.compile("(?m)^\\| `(sluice[a-z.]+)` \\|")
                .matcher(Files.readString(TABLE, StandardCharsets.UTF_8))
                .results()
                .map(row -> row.group(1))
                .collect(Collectors.toCollection(TreeSet::new));

        assertThat(documented).isEqualTo(kept);
    }

    @Test
    void threadsMayShareIt() {
        IntStream.range(0, 10_000).parallel().forEach(i -> {
            observer.claimed("q" + i % 7, 1);
            observer.settled("q" + i % 7, Outcome.SUCCEEDED, 1);
            observer.attempt("q" + i % 7, "t" + i % 5, Outcome.SUCCEEDED, 1);
        });

        assertThat(registry.find("sluice.claimed").counters().stream()
                        .mapToDouble(c -> c.count())
                        .sum())
                .isEqualTo(10_000);
        assertThat(registry.find("sluice.attempt").timers().stream()
                        .mapToLong(t -> t.count())
                        .sum())
                .isEqualTo(10_000);
    }

    /** Has every meter appear. */
    static void everythingOnce(Observer observer, String queue) {
        observer.health(queue, true);
        observer.crowded(queue, 2);
        observer.claimed(queue, 2);
        observer.settled(queue, Outcome.SUCCEEDED, 2);
        observer.exchange(queue, 1, 2, 2);
        observer.fenced(queue, 2);
        observer.recovered(queue, 2);
        observer.lost(queue, 2);
        observer.orphans(queue, 2);
        observer.lateStatuses(queue, 2);
        observer.trimmed(queue, 2);
        observer.link("wake", false);
        observer.lease(queue, true);
        observer.attempt(queue, "t", Outcome.SUCCEEDED, 1);
        observer.slots(queue, 8, 1);
        observer.waited(queue, "t", 1);
        observer.ended(queue, "t", Outcome.SUCCEEDED, 1);
        observer.delivered("http://a", Outcome.SUCCEEDED, 1);
        observer.counted(new QueueInfo(
                Queue.named(queue),
                7,
                0,
                2,
                OptionalLong.of(4),
                1,
                OptionalLong.empty(),
                false,
                false,
                0,
                Optional.empty()));
        observer.uncounted(queue);
    }

    private static QueueInfo waiting(long tasks, Optional<Duration> oldest) {
        OptionalLong none = OptionalLong.empty();
        return new QueueInfo(Queue.named("a"), tasks, 0, 0, none, 0, none, false, false, 0, oldest);
    }

    private double counter(String name, String... tags) {
        return registry.get(name).tags(tags).counter().count();
    }
}
