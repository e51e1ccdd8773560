package dev.sluice.faults;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Sluice;
import dev.sluice.client.Cancellation;
import dev.sluice.client.DeadLetterFilter;
import dev.sluice.client.EnqueueResult;
import dev.sluice.dispatch.NothingDropped;
import dev.sluice.faults.Event.Kind;
import dev.sluice.task.QueueInfo;
import dev.sluice.task.Task;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.UnpackedRedis;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import reactor.core.publisher.Flux;

/**
 * Dispatchers in processes of their own: killed, frozen, restarted one after the other.
 *
 * <p>{@code -Dsluice.faults.in-flight=20000} lets the one that is killed hold as many tasks;
 * {@code -Dsluice.faults.long-task-ms=600000 -Dsluice.faults.long-lease-ms=5000} lets the long task take so long, with such a lease.
 */
@Tag("alone")
@ExtendWith(NothingDropped.class)
@Timeout(120)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class ProcessesScenarioTest {
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final Duration LEASE = Duration.ofSeconds(1);
    private static final Duration LONG_TASK = Duration.ofMillis(Long.getLong("sluice.faults.long-task-ms", 15_000));
    private static final Duration TIMEOUT = LONG_TASK.plusMinutes(5);
    private static final Duration LONG_LEASE =
            Duration.ofMillis(Long.getLong("sluice.faults.long-lease-ms", LEASE.toMillis()));
    private static final int IN_FLIGHT = Integer.getInteger("sluice.faults.in-flight", 1000);

    private static Stage longRunning;

    @TempDir
    private static Path longJournals;

    @TempDir
    private Path journals;

    private Stage stage;

    /** Beside all other tests: it takes fifteen seconds, in which the one of the two that does not run it could take it. */
    @BeforeAll
    static void startALongTask() throws Exception {
        longRunning = new Stage(longJournals, LONG_LEASE);
        ProcessNode one = longRunning.worker("one", 4);
        longRunning.worker("other", 4).awaitReady();
        one.awaitReady();
        longRunning.put(IntStream.of(0), String.valueOf(LONG_TASK.toMillis()));
    }

    @AfterAll
    static void endTheLongTask() {
        longRunning.close();
    }

    @BeforeEach
    void begin() {
        stage = new Stage(journals, LEASE);
    }

    @AfterEach
    void end() {
        stage.close();
    }

    @Test
    @Order(Integer.MAX_VALUE) // by then there is next to nothing left to wait for
    @Timeout(value = 1, unit = TimeUnit.HOURS) // it takes as long as it was told to
    void aTaskFifteenTimesAsLongAsItsLeaseRunsOnce() {
        eventually(
                LONG_TASK.plus(PATIENCE),
                () -> assertThat(longRunning.count(Kind.SUCCEEDED)).isOne());

        assertThat(longRunning.outside.dispatchers(Node.QUEUE).collectList().block(PATIENCE))
                .as("both are still there")
                .hasSize(2);
        assertThat(longRunning.count(Kind.STARTED)).isOne();
        assertThat(longRunning.count(Kind.LAPSED)).isZero();
        longRunning.assertAllIsWell();
    }

    @Test
    void theTasksOfAKilledProcessRunElsewhereWithinItsLeaseAndASecond() throws Exception {
        ProcessNode victim = stage.worker("victim", IN_FLIGHT).awaitReady();
        stage.put(IntStream.range(0, IN_FLIGHT), "60000/5"); // they end in their second life only
        eventually(PATIENCE, () -> assertThat(started(victim)).hasSizeGreaterThanOrEqualTo(IN_FLIGHT));
        ProcessNode heir = stage.worker("heir", IN_FLIGHT);
        stage.worker("other heir", IN_FLIGHT).awaitReady();
        heir.awaitReady();
        // Heirs that have been at work: what is measured is the recovery, and not how fast a new JVM is.
        stage.put(IntStream.range(IN_FLIGHT, 3 * IN_FLIGHT), "1");
        eventually(
                PATIENCE,
                () -> assertThat(stage.info())
                        .matches(it -> it.waiting() == 0 && it.running().orElse(0) == IN_FLIGHT));
        stage.put(IntStream.range(3 * IN_FLIGHT, 3 * IN_FLIGHT + 200), "5");

        long killed = stage.kill(victim);

        stage.awaitTheEnd();
        History history = stage.history();
        List<Duration> recoveries = history.recoveriesOf("victim", killed);
        assertThat(recoveries).hasSizeBetween(IN_FLIGHT, IN_FLIGHT + 200);
        assertThat(recoveries.get(recoveries.size() * 99 / 100))
                .as("the first after %s, half after %s", recoveries.get(0), recoveries.get(recoveries.size() / 2))
                .isLessThan(LEASE.plusSeconds(1));
        assertThat(history.repeats()).isEqualTo(recoveries.size());
        stage.assertAllIsWell();
    }

    /** Two of its three processes die with all its neighbours in their hands: a third crash of theirs would make them dead, too. */
    @Test
    void aTaskThatKillsThreeProcessesIsDeadAndNoneOfItsNeighboursIs() throws Exception {
        String poison = "halt:500;halt:500;halt:0"; // the third time none could end beside it
        String neighbour = "2000;2000;1"; // so long that all of them run beside it, twice
        stage.put(IntStream.range(0, 250), neighbour);
        stage.put(IntStream.of(250), poison);
        stage.put(IntStream.range(251, 500), neighbour);

        for (String victim : List.of("first", "second", "third")) {
            stage.awaitDeath(stage.worker(victim, 500));
        }
        stage.worker("last", 500).awaitReady();

        eventually(
                PATIENCE,
                () -> assertThat(stage.info())
                        .matches(
                                it -> it.waiting() + it.delayed() + it.running().orElse(0) == 0));
        assertThat(stage.outside
                        .deadLetters(Node.QUEUE)
                        .newest(DeadLetterFilter.all())
                        .collectList()
                        .block(PATIENCE))
                .singleElement()
                .matches(it -> it.id().equals("t250") && it.crashes() == 3 && it.attempts() == 0)
                .matches(it -> it.failure().reason().equals("crash-limit"));
        eventually(() -> assertThat(stage.history().undone(stage.accepted)).containsExactly("t250"));
        eventually(() -> {
            History history = stage.history();
            assertThat(history.faultsInRuns(stage.accepted, Set.of())).isEmpty();
            assertThat(history.faultsInSuccesses(499, 499)).isEmpty();
        });
        Map<String, Long> told = stage.history().told();
        assertThat(told.entrySet())
                .filteredOn(it -> it.getKey().startsWith("t250#"))
                .extracting(Map.Entry::getValue)
                .containsExactlyInAnyOrder(0L, 1L, 2L);
        assertThat(told.values())
                .filteredOn(crashes -> crashes == 2)
                .as("neighbours that two of them died with, and the task")
                .hasSizeGreaterThan(250);
        eventually(() -> assertThat(stage.outside.examine(Node.QUEUE).block(PATIENCE))
                .matches(it -> it.isClean() && it.liveTasks() == 1));
    }

    @Test
    void cancelledTasksOfTwoProcessesAreDisposedInTime() throws Exception {
        ProcessNode one = stage.worker("one", 60);
        ProcessNode two = stage.worker("two", 60).awaitReady();
        one.awaitReady();
        stage.put(IntStream.range(0, 100), "never");
        eventually(
                PATIENCE,
                () -> assertThat(ids(stage.events(), Kind.STARTED, Long.MIN_VALUE))
                        .hasSize(100));
        Map<String, Long> asked = new HashMap<>();
        long from = System.nanoTime();

        for (int i = 0; i < 100; i++) {
            asked.put("t" + i, System.nanoTime());
            assertThat(stage.outside.client(Node.QUEUE).cancel("t" + i).block(PATIENCE))
                    .isIn(
                            Cancellation.STOPPING,
                            Cancellation.CANCELLED); // the latter if its process was stalled meanwhile
        }

        eventually(() -> assertThat(stage.outside.examine(Node.QUEUE).block(PATIENCE))
                .matches(it -> it.isClean() && it.liveTasks() == 0));
        List<Long> ms = stage.events().stream()
                .filter(it -> it.kind() == Kind.CANCELLED && it.nanos() > asked.get(it.id()))
                .map(it -> (it.nanos() - asked.get(it.id())) / 1_000_000)
                .sorted()
                .toList();
        // The middle one: the last ones say how busy this machine is with other tests.
        assertThat(ms.get(ms.size() / 2)).as(ms.toString()).isLessThan(200);
        assertThat(List.of(one, two))
                .allMatch(it -> !ids(it.events(), Kind.CANCELLED, from).isEmpty());
        assertThat(stage.info().dead()).isZero();
    }

    private static Set<String> ids(List<Event> events, Kind kind, long from) {
        return events.stream()
                .filter(it -> it.kind() == kind && it.nanos() > from)
                .map(Event::id)
                .collect(Collectors.toSet());
    }

    @Test
    void aFrozenProcessLosesItsTasksAndBeginsANewLifeWhenItComesBack() throws Exception {
        ProcessNode zombie = stage.worker("zombie", 16).awaitReady();
        stage.put(IntStream.range(0, 8), "60000/5"); // they run when it comes back
        eventually(PATIENCE, () -> assertThat(started(zombie)).hasSize(8));
        stage.worker("heir", 16).awaitReady();
        stage.put(IntStream.range(8, 40), "700/5"); // these end while it is frozen
        eventually(PATIENCE, () -> assertThat(started(zombie)).hasSizeGreaterThan(8));

        long frozen = stage.freeze(zombie);
        eventually(
                PATIENCE,
                () -> assertThat(stage.history().undone(stage.accepted)).isEmpty());
        stage.thaw(zombie, frozen);

        eventually(PATIENCE, () -> assertThat(zombie.events()).anyMatch(it -> it.kind() == Kind.REJOINED));
        stage.awaitTheEnd();
        assertThat(zombie.events())
                .filteredOn(it -> it.kind() == Kind.CANCELLED)
                .extracting(Event::id)
                .contains("t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7");
        assertThat(stage.count(Kind.LAPSED)).isOne();
        assertThat(stage.count(Kind.SUCCEEDED)).isEqualTo(40);
        stage.put(IntStream.range(100, 132), "50"); // more than the heir can hold
        stage.awaitTheEnd();
        assertThat(zombie.events())
                .as("the zombie works again")
                .anyMatch(it -> it.kind() == Kind.STARTED && it.id().length() == 4);
        stage.assertAllIsWell();
    }

    @Test
    void aRollingRestartUnderLoadLosesNothingAndRunsHardlyAnythingTwice() throws Exception {
        int tasks = 3000;
        ProcessNode old = stage.worker("old 1", 32);
        ProcessNode older = stage.worker("old 2", 32).awaitReady();
        old.awaitReady();
        Thread producer = new Thread(() -> {
            for (int from = 0; from < tasks; from += 50) {
                stage.put(IntStream.range(from, from + 50), "10");
                LockSupport.parkNanos(40_000_000);
            }
        });
        producer.start();

        for (ProcessNode leaving : List.of(old, older)) {
            stage.worker("new for " + leaving.name(), 32).awaitReady();
            Duration grace = Duration.ofSeconds(1);
            assertThat(stage.stop(leaving, grace)).isLessThan(grace.plusSeconds(2));
            assertThat(leaving.ended().get(60, TimeUnit.SECONDS)).isLessThan(grace.plusSeconds(3));
        }

        producer.join();
        stage.awaitTheEnd();
        assertThat(stage.history().repeats()).isLessThanOrEqualTo(tasks / 100);
        assertThat(stage.count(Kind.SUCCEEDED)).isEqualTo(tasks);
        stage.assertAllIsWell();
    }

    private static List<Event> started(ProcessNode node) {
        return node.events().stream().filter(it -> it.kind() == Kind.STARTED).toList();
    }

    /** A Redis, the processes that work on it, and what was put in and done to them. */
    private static final class Stage implements AutoCloseable {
        private final RedisServer redis = UnpackedRedis.builder("7.0").start();
        private final RedisServer calm = UnpackedRedis.builder("7.0").start();
        private final Sluice outside = Sluice.connect(redis.uri());
        private final Path folder;
        private final Duration lease;
        private final List<ProcessNode> workers = new ArrayList<>();
        private final List<Fault> faults = new ArrayList<>();
        private final Set<String> accepted = new HashSet<>();

        Stage(Path folder, Duration lease) {
            this.folder = folder;
            this.lease = lease;
        }

        ProcessNode worker(String name, int concurrency) {
            ProcessNode worker = new ProcessNode(name, redis.port(), lease, concurrency, folder, calm.uri());
            workers.add(worker);
            return worker;
        }

        synchronized void put(IntStream numbers, String work) {
            List<EnqueueResult> results = outside.client(Node.QUEUE)
                    .enqueueAll(Flux.fromStream(
                            numbers.mapToObj(i -> Task.of("t", work).id("t" + i).timeout(TIMEOUT))))
                    .collectList()
                    .block(PATIENCE);
            assertThat(results).allMatch(EnqueueResult::isCreated);
            results.forEach(result -> accepted.add(result.id()));
        }

        long kill(ProcessNode worker) {
            worker.kill();
            long now = System.nanoTime();
            faults.add(new Fault(Fault.Kind.KILLED, worker.name(), "kill -9", now, now));
            return now;
        }

        /** Returns when a task has ended this process. */
        void awaitDeath(ProcessNode worker) throws Exception {
            assertThat(worker.awaitEnd()).as(worker.said()).isEqualTo(WorkerMain.HALTED);
            long now = System.nanoTime();
            faults.add(new Fault(Fault.Kind.KILLED, worker.name(), "its task", now, now));
        }

        long freeze(ProcessNode worker) {
            worker.freeze();
            return System.nanoTime();
        }

        void thaw(ProcessNode worker, long since) {
            worker.thaw();
            faults.add(new Fault(Fault.Kind.FROZEN, worker.name(), "SIGSTOP", since, System.nanoTime()));
        }

        Duration stop(ProcessNode worker, Duration grace) throws Exception {
            long now = System.nanoTime();
            faults.add(new Fault(Fault.Kind.STOPPED, worker.name(), "stop", now, now));
            return worker.stop(grace).get(60, TimeUnit.SECONDS);
        }

        List<Event> events() {
            return workers.stream().flatMap(worker -> worker.events().stream()).toList();
        }

        long count(Kind kind) {
            return history().count(kind);
        }

        History history() {
            List<Fault> all = new ArrayList<>(faults);
            workers.forEach(worker -> all.addAll(worker.stalls()));
            return new History(events(), all, lease);
        }

        synchronized void awaitTheEnd() {
            eventually(
                    PATIENCE,
                    () -> assertThat(info())
                            .matches(it ->
                                    it.waiting() + it.delayed() + it.running().orElse(0) == 0));
            // The last answers are on their way, and so is what the observer is told of them.
            eventually(() -> assertThat(history().undone(accepted)).isEmpty());
        }

        synchronized void assertAllIsWell() {
            // A worker is told of its last successes after Redis has them, and this process hears of it later still;
            // what
            // is wrong for another reason stays wrong.
            eventually(() -> assertThat(history().faultsFound(accepted)).isEmpty());
            assertThat(info().dead()).isZero();
            eventually(() -> assertThat(outside.examine(Node.QUEUE).block(PATIENCE))
                    .matches(it -> it.isClean() && it.liveTasks() == 0));
        }

        private QueueInfo info() {
            return Objects.requireNonNull(outside.queue(Node.QUEUE.name()).block(PATIENCE));
        }

        @Override
        public void close() {
            workers.forEach(ProcessNode::close);
            outside.close().block(PATIENCE);
            redis.close();
            calm.close();
        }
    }
}
