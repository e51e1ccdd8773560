package dev.sluice.faults;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Sluice;
import dev.sluice.client.EnqueueResult;
import dev.sluice.client.TaskClient;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.dispatch.NothingDropped;
import dev.sluice.faults.Event.Kind;
import dev.sluice.task.Task;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.UnpackedRedis;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import reactor.core.publisher.Flux;

/** A master, its replica, and a Sentinel that puts the one in the other's place while tasks flow. */
@Tag("alone")
@ExtendWith(NothingDropped.class)
@Timeout(90)
class FailoverScenarioTest {
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final Duration GRACE = Duration.ofSeconds(1);
    private static final int PORTION = 10;
    private static final int TO_RESUME_MS = 3000;

    private final ExecutorService threads = Executors.newCachedThreadPool(work -> new Thread(work, "failovers"));

    @AfterEach
    void close() {
        threads.shutdownNow();
    }

    /** All at once: most of the time they wait for their sentinels. */
    @Test
    void workGoesOnWithTheNewMaster(@TempDir Path folder) throws Exception {
        List<Story> stories = new ArrayList<>();
        for (String version : List.of("6.2", "7.0")) {
            for (String fault : List.of("killed", "frozen", "demoted")) {
                stories.add(new Story(version, fault, Files.createDirectory(folder.resolve(version + fault))));
            }
        }

        List<Future<Void>> ends = threads.invokeAll(stories);

        for (int i = 0; i < stories.size(); i++) {
            assertThat(ends.get(i)).as(stories.get(i).toString()).succeedsWithin(Duration.ZERO);
        }
    }

    /** A frozen master keeps its connections open, and one that was told to step down answers READONLY to who stays. */
    private final class Story implements Callable<Void> {
        private final Collection<Event> events = new ConcurrentLinkedQueue<>();
        private final String version;
        private final String fault;
        private final Path folder;
        private volatile boolean producing = true;

        Story(String version, String fault, Path folder) {
            this.version = version;
            this.fault = fault;
            this.folder = folder;
        }

        @Override
        public Void call() throws Exception {
            try (RedisServer master = UnpackedRedis.builder(version).start();
                    RedisServer replica = UnpackedRedis.builder(version)
                            .with("replicaof", "127.0.0.1 " + master.port())
                            .start();
                    Sentinel sentinel = new Sentinel(master, folder)) {
                Sluice sluice = Sluice.connect(sentinel.uri());
                Dispatcher dispatcher =
                        sluice.dispatcher(Node.QUEUE).handler("t", String.class, new Journal("n", events::add));
                dispatcher.start().block(PATIENCE);
                Future<Set<String>> producer = threads.submit(() -> produce(sluice));
                eventually(PATIENCE, () -> assertThat(sentinel.saw("+slave")).isTrue());
                eventually(PATIENCE, () -> assertThat(sentinel.isHeard()).isTrue());
                awaitRuns(300);

                long from = System.nanoTime();
                switch (fault) {
                    case "killed" -> master.kill();
                    case "frozen" -> master.pause();
                    default -> sentinel.failOver();
                }
                eventually(
                        PATIENCE,
                        () -> assertThat(sentinel.saw("+switch-master"))
                                .as(sentinel::toString)
                                .isTrue());
                awaitRuns(runs() + 300);
                long pause = longestPauseMs(from);
                System.out.printf("failover, %s: longest pause %d ms%n", this, pause);

                if (fault.equals("demoted")) { // for seconds it still believes that it is master
                    eventually(
                            Duration.ofSeconds(3),
                            () -> assertThat((String) master.call("CLIENT", "LIST", "TYPE", "normal"))
                                    .as("connections to the old master")
                                    .doesNotContain("cmd=evalsha", "cmd=blpop", "cmd=blmove"));
                }

                // The old master comes back, knows nothing of the new one at first, and becomes its replica.
                if (fault.equals("killed")) {
                    master.restart();
                } else if (fault.equals("frozen")) {
                    master.resume();
                }
                eventually(
                        PATIENCE,
                        () -> assertThat(sentinel.saw("+convert-to-slave"))
                                .as(sentinel::toString)
                                .isTrue());
                awaitRuns(runs() + 300);
                producing = false;
                Set<String> accepted = producer.get();
                eventually(
                        PATIENCE,
                        () -> assertThat(replica.call("HLEN", "{q}:bodies")).isEqualTo(0L));
                dispatcher.stop(GRACE).then(sluice.close()).block(PATIENCE);

                assertThat(pause).isLessThan(Sentinel.DOWN_AFTER_MS + TO_RESUME_MS);
                accepted.removeAll(done());
                System.out.printf("  %s: accepted by the old master and lost: %d%n", this, accepted.size());
                if (fault.equals("demoted")) {
                    return null; // it accepts on while the other is being promoted: nobody but WAIT can know
                }
                assertThat(accepted.size())
                        .as("tasks the old master had accepted and not yet passed on: %s", accepted)
                        .isLessThanOrEqualTo(PORTION);
                return null;
            }
        }

        @Override
        public String toString() {
            return "Redis " + version + ", master " + fault;
        }

        /** Puts tasks in, a portion every 30 milliseconds, each again until it is accepted; returns their ids. */
        private Set<String> produce(Sluice sluice) {
            TaskClient client = sluice.client(Node.QUEUE);
            Set<String> accepted = new HashSet<>();
            for (int from = 0; producing; from += PORTION) {
                List<Task<?>> portion = IntStream.range(from, from + PORTION)
                        .<Task<?>>mapToObj(i -> Task.of("t", "5").id("t" + i))
                        .collect(Collectors.toList());
                while (!portion.isEmpty()) {
                    List<EnqueueResult> results = client.enqueueAll(Flux.fromIterable(List.copyOf(portion)))
                            .collectList()
                            .block(PATIENCE);
                    results.stream().filter(EnqueueResult::isAccepted).forEach(result -> accepted.add(result.id()));
                    portion.removeIf(task -> accepted.contains(task.id()));
                    LockSupport.parkNanos(30_000_000);
                }
            }
            return accepted;
        }

        private void awaitRuns(int count) {
            eventually(PATIENCE, () -> assertThat(runs()).isGreaterThan(count));
        }

        private int runs() {
            return (int)
                    events.stream().filter(event -> event.kind() == Kind.DONE).count();
        }

        private Set<String> done() {
            return events.stream()
                    .filter(event -> event.kind() == Kind.DONE)
                    .map(Event::id)
                    .collect(Collectors.toSet());
        }

        private long longestPauseMs(long fromNanos) {
            long[] starts = events.stream()
                    .filter(event -> event.kind() == Kind.STARTED)
                    .mapToLong(Event::nanos)
                    .filter(nanos -> nanos > fromNanos)
                    .sorted()
                    .toArray();
            long longest = 0;
            long before = fromNanos;
            for (long start : starts) {
                longest = Math.max(longest, start - before);
                before = start;
            }
            return longest / 1_000_000;
        }
    }
}
