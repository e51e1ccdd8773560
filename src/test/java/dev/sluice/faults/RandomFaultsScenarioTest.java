package dev.sluice.faults;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import dev.sluice.dispatch.NothingDropped;
import dev.sluice.faults.Schedule.Processes;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/**
 * Whatever happens in whatever order: nothing is lost, nothing is stuck, and every second run has a reason.
 *
 * <p>A soak: {@code mvn test -Dtest=RandomFaultsScenarioTest -Dsluice.faults.schedules=10000}; system properties, all
 * beginning with {@code sluice.faults.}: {@code schedules}, how many; {@code seed}, the first one; {@code parallel}, how
 * many at a time; {@code processes}, {@code all} for dispatchers in processes of their own, {@code one} for one of these,
 * {@code none} for none: otherwise each 25th seed has one.
 */
@ExtendWith(NothingDropped.class)
class RandomFaultsScenarioTest {
    private static final int MANY = 100; // of which some lose a lease while a verdict is on its way
    private static final int SCHEDULES = Integer.getInteger("sluice.faults.schedules", 300);
    private static final int PARALLEL = Integer.getInteger("sluice.faults.parallel", 14);
    private static final long FIRST_SEED = Long.getLong("sluice.faults.seed", 1);
    private static final String PROCESSES = System.getProperty("sluice.faults.processes");
    private static final int ONE_IN = 25;

    /** Thousands of connections are broken here: nobody needs to read of each. */
    @BeforeAll
    static void beQuiet() {
        logLevel(Level.ERROR);
    }

    @AfterAll
    static void speakAgain() {
        logLevel(null);
    }

    private static void logLevel(Level level) {
        List.of("io.lettuce", "dev.sluice")
                .forEach(name -> ((LoggerContext) LoggerFactory.getILoggerFactory())
                        .getLogger(name)
                        .setLevel(level));
    }

    @Test
    @Timeout(value = 1, unit = TimeUnit.DAYS) // a soak takes hours; each schedule has limits of its own
    void randomFaultsLoseNothingAndLeaveNothingBehind(@TempDir Path folder) throws Exception {
        long began = System.nanoTime();
        List<Schedule.Report> reports = run(folder);
        System.out.println(summary(reports, Duration.ofNanos(System.nanoTime() - began)));

        assertThat(reports.stream().filter(it -> !it.wrong().isEmpty()).map(Schedule.Report::story))
                .isEmpty();
        assertThat(reports).allMatch(it -> it.tasks() == Schedule.TASKS);
        if (SCHEDULES >= MANY) {
            assertThat(reports.stream().mapToLong(Schedule.Report::fenced).sum())
                    .as("verdicts that came too late and were counted")
                    .isPositive();
        }
        assertThat(reports).allMatch(it -> it.processes() == processes(it.seed()));
        assertThat(reports.stream().filter(RandomFaultsScenarioTest::hasProcesses))
                .as("schedules with processes, of which one was killed and one stopped for a while")
                .allMatch(it -> it.faults().stream().anyMatch(fault -> fault.kind() == Fault.Kind.KILLED))
                .allMatch(it ->
                        it.faults().stream().anyMatch(fault -> fault.what().equals(Schedule.FROZEN)));
    }

    private static LongStream seeds() {
        return LongStream.range(FIRST_SEED, FIRST_SEED + SCHEDULES);
    }

    private static Processes processes(long seed) {
        if (PROCESSES == null) {
            return seed % ONE_IN == 0 ? Processes.ONE : Processes.NONE;
        }
        return Stream.of(Processes.values())
                .filter(it -> it.name().equalsIgnoreCase(PROCESSES))
                .findAny()
                .orElseThrow(() -> new IllegalArgumentException(
                        "-Dsluice.faults.processes is '" + PROCESSES + "': it may be none, one or all"));
    }

    private static boolean hasProcesses(Schedule.Report report) {
        return report.processes() != Processes.NONE;
    }

    private static List<Schedule.Report> run(Path folder) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(PARALLEL, work -> new Thread(work, "schedules"));
        try (Stalls stalls = new Stalls()) {
            List<Future<Schedule.Report>> runs = seeds().mapToObj(seed -> pool.submit(() -> Schedule.run(
                            seed,
                            processes(seed),
                            stalls,
                            Files.createDirectory(folder.resolve(String.valueOf(seed))))))
                    .toList();
            List<Schedule.Report> reports = new ArrayList<>();
            for (Future<Schedule.Report> run : runs) {
                reports.add(run.get());
                Schedule.Report last = reports.get(reports.size() - 1);
                if (!last.wrong().isEmpty()) {
                    System.out.println(last.story());
                }
            }
            System.out.println(stalls);
            return reports;
        } finally {
            pool.shutdownNow();
        }
    }

    private static String summary(List<Schedule.Report> reports, Duration took) {
        Schedule.Report worst = reports.stream()
                .max(Comparator.comparing(Schedule.Report::recovery))
                .orElseThrow();
        return String.format(
                "%d schedules (%d with processes), %d faults (%d failovers), %d tasks, %d moves, %d cancellations, %d pauses and drains: %d lost, %d stuck, %d duplicate runs, %d crashes counted, %d settles refused, worst recovery"
                        + " %d ms (seed %d), seeds %d to %d, %d s",
                reports.size(),
                reports.stream().filter(RandomFaultsScenarioTest::hasProcesses).count(),
                reports.stream().mapToInt(Schedule.Report::strikes).sum(),
                reports.stream()
                        .flatMap(it -> it.faults().stream())
                        .filter(fault -> fault.what().equals(Schedule.FAILOVER))
                        .count(),
                reports.stream().mapToInt(Schedule.Report::tasks).sum(),
                reports.stream().mapToInt(Schedule.Report::moves).sum(),
                reports.stream().mapToInt(Schedule.Report::cancellations).sum(),
                reports.stream().mapToInt(Schedule.Report::pauses).sum(),
                reports.stream().mapToInt(Schedule.Report::lost).sum(),
                reports.stream().mapToInt(Schedule.Report::stuck).sum(),
                reports.stream().mapToInt(Schedule.Report::repeats).sum(),
                reports.stream().mapToInt(Schedule.Report::crashes).sum(),
                reports.stream().mapToLong(Schedule.Report::fenced).sum(),
                worst.recovery().toMillis(),
                worst.seed(),
                FIRST_SEED,
                FIRST_SEED + SCHEDULES - 1,
                took.toSeconds());
    }
}
