package dev.sluice.faults;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import dev.sluice.dispatch.NothingDropped;
import java.nio.channels.FileLock;
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
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/**
 * Whatever happens in whatever order: nothing is lost, nothing is stuck, and every second run has a reason. Three classes
 * share the seeds of a build, so that three JVMs can; together they run no more at a time than one would.
 */
@ExtendWith(NothingDropped.class)
abstract class RandomFaults {
    private static final int SCHEDULES = Integer.getInteger("sluice.faults.schedules", 100);
    private static final int PARALLEL = Integer.getInteger("sluice.faults.parallel", 12);
    private static final boolean PROCESSES = Boolean.getBoolean("sluice.faults.processes");

    private final long firstSeed;

    /** Which share of the seeds it takes, 0 for the first. */
    RandomFaults(int share) {
        firstSeed = Long.getLong("sluice.faults.seed", 1) + (long) share * SCHEDULES;
    }

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
    }

    private List<Schedule.Report> run(Path folder) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(PARALLEL, work -> new Thread(work, "schedules"));
        try (Stalls stalls = new Stalls();
                Turns turns = new Turns(Path.of("target", "schedules.lock"), PARALLEL)) {
            List<Future<Schedule.Report>> runs = LongStream.range(firstSeed, firstSeed + SCHEDULES)
                    .mapToObj(seed -> pool.submit(() -> {
                        try (FileLock turn = turns.next()) {
                            assertThat(turn.isValid()).isTrue();
                            Path own = Files.createDirectory(folder.resolve(String.valueOf(seed)));
                            return Schedule.run(seed, PROCESSES, stalls, own);
                        }
                    }))
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

    private String summary(List<Schedule.Report> reports, Duration took) {
        Schedule.Report worst = reports.stream()
                .max(Comparator.comparing(Schedule.Report::recovery))
                .orElseThrow();
        return String.format(
                "%d schedules, %d faults, %d tasks, %d moves, %d cancellations, %d pauses and drains: %d lost, %d stuck, %d duplicate runs, %d settles refused, worst recovery"
                        + " %d ms (seed %d), seeds %d to %d, %d s",
                reports.size(),
                reports.stream().mapToInt(Schedule.Report::strikes).sum(),
                reports.stream().mapToInt(Schedule.Report::tasks).sum(),
                reports.stream().mapToInt(Schedule.Report::moves).sum(),
                reports.stream().mapToInt(Schedule.Report::cancellations).sum(),
                reports.stream().mapToInt(Schedule.Report::pauses).sum(),
                reports.stream().mapToInt(Schedule.Report::lost).sum(),
                reports.stream().mapToInt(Schedule.Report::stuck).sum(),
                reports.stream().mapToInt(Schedule.Report::repeats).sum(),
                reports.stream().mapToLong(Schedule.Report::fenced).sum(),
                worst.recovery().toMillis(),
                worst.seed(),
                firstSeed,
                firstSeed + SCHEDULES - 1,
                took.toSeconds());
    }
}
