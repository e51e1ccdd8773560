package dev.sluice.faults;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Sluice;
import dev.sluice.client.Cancellation;
import dev.sluice.client.DeadLetterFilter;
import dev.sluice.dispatch.NothingDropped;
import dev.sluice.faults.Books.Life;
import dev.sluice.faults.Books.Step;
import dev.sluice.faults.Event.Kind;
import dev.sluice.task.Diagnosis;
import dev.sluice.task.QueueInfo;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.UnpackedRedis;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Flux;

/**
 * Redis and all dispatchers die in the same moment, while Redis writes down some step of a life: whichever that is and however
 * much of it is written, another dispatcher runs each task that lived before it, once if it keeps its lease, and the doctor finds nothing.
 *
 * <p>At each step of that life: {@code mvn test -Dtest=CrashPointsScenarioTest -Dsluice.faults.crashes=100000}.
 */
@ExtendWith(NothingDropped.class)
@Timeout(3600) // each crash has limits of its own
class CrashPointsScenarioTest {
    private static final int CRASHES = Integer.getInteger("sluice.faults.crashes", 16);
    private static final int PARALLEL = 12;
    private static final int TASKS = 60;
    private static final Duration LEASE = Schedule.LEASE;
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final Collection<Event> events = new ConcurrentLinkedQueue<>();
    private final Set<String> stopping = ConcurrentHashMap.newKeySet();

    @ParameterizedTest
    @ValueSource(strings = {"6.2", "7.0"})
    void whateverWasBeingWrittenWhatLivedIsRun(String version, @TempDir Path folder) throws Exception {
        Path life = Files.createDirectory(folder.resolve("life"));
        live(version, life);
        List<Step> steps = steps(life);
        ExecutorService pool = Executors.newFixedThreadPool(PARALLEL, work -> new Thread(work, "crashes"));
        try {
            List<Future<Integer>> runs = new ArrayList<>();
            for (Step step : steps) {
                Path copy = Files.createDirectory(folder.resolve("crash" + step.from()));
                runs.add(pool.submit(() -> goOn(version, life, copy, step)));
            }
            int tasks = 0;
            for (Future<Integer> run : runs) {
                tasks += run.get();
            }
            System.out.printf(
                    "crashes, Redis %s: at %d steps of %d kinds, %d tasks lived and were run once%n",
                    version,
                    steps.size(),
                    steps.stream().map(CrashPointsScenarioTest::kind).distinct().count(),
                    tasks);
        } finally {
            pool.shutdownNow();
        }
    }

    private static RedisServer.Builder server(String version, Path folder) {
        return UnpackedRedis.builder(version).dataDir(folder).appendOnly().with("appendfsync", "no");
    }

    /** Two dispatchers, of which one dies, tasks that end in each way, and an operator who cancels and redrives. */
    private void live(String version, Path folder) {
        try (RedisServer redis = server(version, folder).start();
                LocalNode first = node("n1", redis).started();
                LocalNode second = node("n2", redis).started()) {
            Sluice outside = Sluice.connect(redis.uri());
            Random works = new Random(7);
            List<String> ids = IntStream.range(0, TASKS).mapToObj(i -> "t" + i).toList();
            Flux.fromIterable(ids)
                    .map(id -> Schedule.numbered(Schedule.draw(id, works), 1))
                    .buffer(10)
                    .concatMap(ten -> outside.client(Node.QUEUE).enqueueAll(Flux.fromIterable(ten)))
                    .blockLast(PATIENCE);
            Flux.fromIterable(ids.subList(TASKS / 2, TASKS / 2 + TASKS / 6))
                    .concatMap(id -> outside.client(Node.QUEUE)
                            .cancel(id)
                            .filter(Cancellation.STOPPING::equals)
                            .doOnNext(stops -> stopping.add(id)))
                    .blockLast(PATIENCE);
            first.kill();
            eventually(PATIENCE, () -> assertDrained(outside));
            second.stop(LEASE).join();
            outside.close().block(PATIENCE);
        }
    }

    private LocalNode node(String name, RedisServer redis) {
        return new LocalNode(name, redis.port(), LEASE, 8, events::add);
    }

    /** All, or some, so that each kind is among them. */
    private static List<Step> steps(Path folder) throws IOException {
        Map<String, List<Step>> kinds = new LinkedHashMap<>();
        for (Step step : Books.steps(Books.file(folder))) {
            kinds.computeIfAbsent(kind(step), any -> new ArrayList<>()).add(step);
        }
        Random drawn = new Random(11);
        kinds.values().forEach(same -> Collections.shuffle(same, drawn));
        List<List<Step>> shuffled = new ArrayList<>(kinds.values());
        Collections.shuffle(shuffled, drawn);
        int most = kinds.values().stream().mapToInt(List::size).max().orElseThrow();
        return IntStream.range(0, most)
                .boxed()
                .flatMap(i -> shuffled.stream().filter(same -> same.size() > i).map(same -> same.get(i)))
                .limit(CRASHES)
                .toList();
    }

    private static String kind(Step step) {
        return step.commands().stream()
                .distinct()
                .collect(Collectors.joining(" "))
                .replaceAll(":claimed:\\S+", "");
    }

    /** Goes on from there; returns how many tasks were left. */
    private int goOn(String version, Path life, Path folder, Step step) throws IOException {
        int written = new Random(step.from()).nextInt(step.from() + 1, step.to());
        copy(life, folder, written);
        Set<String> left = Books.read(life, step.from()).lives().stream()
                .filter(it -> it.end() == null && !stopping.contains(it.id()))
                .map(Life::name)
                .collect(Collectors.toSet());
        String name = folder.getFileName().toString();
        try (RedisServer redis = server(version, folder).start();
                LocalNode node = node(name, redis).started()) {
            Sluice outside = Sluice.connect(redis.uri());
            eventually(PATIENCE, () -> assertDrained(outside));
            eventually(
                    LEASE.plusSeconds(3),
                    () -> assertThat(outside.examine(Node.QUEUE).block(PATIENCE))
                            .as("after %d bytes of %s", written - step.from(), step)
                            .matches(Diagnosis::isClean));
            outside.close().block(PATIENCE);
            List<String> ended = events.stream()
                    .filter(it -> it.worker().equals(node.name()) && hasEnded(it))
                    .map(Event::id)
                    .filter(it -> !stopping.contains(it.substring(0, it.indexOf('@'))))
                    .toList();
            assertThat(ended)
                    .as("after %d bytes of %s", written - step.from(), step)
                    .hasSameElementsAs(left);
            if (!hasLapsed(node.name())) { // this machine may stand still for longer than a lease
                assertThat(ended)
                        .as("after %d bytes of %s", written - step.from(), step)
                        .doesNotHaveDuplicates();
            }
            return left.size();
        }
    }

    private boolean hasLapsed(String worker) {
        return events.stream().anyMatch(it -> it.worker().equals(worker) && it.kind() == Kind.LAPSED);
    }

    private static boolean hasEnded(Event event) {
        return event.kind() == Kind.DONE || event.kind() == Kind.DISCARDED;
    }

    private static void copy(Path from, Path to, int bytes) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Path copy = to.resolve(from.relativize(file));
                Files.createDirectories(copy.getParent());
                Files.copy(file, copy);
            }
        }
        try (RandomAccessFile file = new RandomAccessFile(Books.file(to).toFile(), "rw")) {
            file.setLength(bytes);
        }
    }

    /** The dead are redriven, for each of these tasks ends in some claim. */
    private static void assertDrained(Sluice outside) {
        outside.deadLetters(Node.QUEUE).redriveAll(DeadLetterFilter.all()).blockLast(PATIENCE);
        QueueInfo info = outside.queue("q").block(PATIENCE);
        if (info != null) { // it is gone when nothing is left
            assertThat(info.waiting()
                            + info.delayed()
                            + info.dead()
                            + info.running().orElse(0))
                    .as(info.toString())
                    .isZero();
        }
    }
}
