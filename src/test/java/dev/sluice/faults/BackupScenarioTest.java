package dev.sluice.faults;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Sluice;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.dispatch.NothingDropped;
import dev.sluice.dispatch.TaskContext;
import dev.sluice.task.Task;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.UnpackedRedis;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** A snapshot taken while tasks flow is a whole queue: every task in it is run where it is restored. */
@ExtendWith(NothingDropped.class)
@Timeout(90)
class BackupScenarioTest {
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final Duration LEASE = Duration.ofSeconds(2);

    @ParameterizedTest
    @ValueSource(strings = {"6.2", "7.0"})
    void whatACopyHoldsIsRunOnAFreshServerAndTheDoctorIsClean(String version, @TempDir Path folder) throws Exception {
        try (RedisServer source = UnpackedRedis.builder(version).start()) {
            Worker worker = new Worker(source);
            CompletableFuture<Void> load = worker.sluice
                    .client(Node.QUEUE)
                    .enqueueAll(Flux.range(0, 10_000).map(i -> Task.of("t", i).id("t" + i)))
                    .then()
                    .toFuture();
            eventually(PATIENCE, () -> assertThat(worker.done).hasSizeGreaterThan(300));
            eventually(
                    PATIENCE,
                    () -> assertThat(source.call("ZCARD", "{q}:delayed")).isNotEqualTo(0L)); // some are to be retried

            source.call("BGSAVE");
            eventually(
                    PATIENCE,
                    () -> assertThat((String) source.call("INFO", "persistence"))
                            .contains("rdb_bgsave_in_progress:0", "rdb_last_bgsave_status:ok")
                            .doesNotContain("rdb_last_bgsave_time_sec:-1"));
            Files.copy(source.dataDir().resolve("dump.rdb"), folder.resolve("dump.rdb"));
            load.get();
            worker.stop();
        }

        try (RedisServer restored =
                UnpackedRedis.builder(version).dataDir(folder).start()) {
            List<?> statuses = (List<?>) restored.call("HGETALL", "{q}:status");
            Set<Object> held = statuses.stream()
                    .filter(it -> ((String) it).startsWith("t"))
                    .collect(Collectors.toSet());
            assertThat(statuses.contains("queued")).isTrue();
            assertThat(statuses.contains("processing")).isTrue();
            assertThat(statuses.contains("retrying")).isTrue();
            Worker worker = new Worker(restored);

            eventually(PATIENCE, () -> assertThat(worker.done).containsAll(cast(held)));
            eventually(
                    LEASE,
                    () -> assertThat(restored.call("EXISTS", "{q}:status", "{q}:bodies", "{q}:delayed"))
                            .isEqualTo(0L));
            assertThat(worker.done).hasSameSizeAs(held);
            eventually(
                    LEASE,
                    () -> assertThat(worker.sluice.examine(Node.QUEUE).block(PATIENCE))
                            .satisfies(diagnosis ->
                                    assertThat(diagnosis.findings()).isEmpty())
                            .satisfies(
                                    diagnosis -> assertThat(diagnosis.doubts()).isEmpty()));
            System.out.printf("backup, Redis %s: %d tasks in the copy, all run%n", version, held.size());
            worker.stop();
        }
    }

    private static Set<String> cast(Set<Object> words) {
        return words.stream().map(String.class::cast).collect(Collectors.toSet());
    }

    /** A dispatcher; of every seventh task the first attempt fails. */
    private static final class Worker {
        private final Set<String> done = ConcurrentHashMap.newKeySet();
        private final Sluice sluice;
        private final Dispatcher dispatcher;

        Worker(RedisServer redis) {
            sluice = Sluice.connect(redis.uri());
            dispatcher = sluice.dispatcher()
                    .queue(Node.QUEUE)
                    .lease(LEASE)
                    .build()
                    .handler("t", Integer.class, this::handle);
            dispatcher.start().block(PATIENCE);
        }

        private Mono<?> handle(TaskContext<Integer> task) {
            if (task.payload() % 7 == 0 && task.attempt() == 1) {
                return Mono.error(new IllegalStateException("the first attempt"));
            }
            return Mono.delay(Duration.ofMillis(5)).doOnNext(now -> done.add(task.id()));
        }

        void stop() {
            dispatcher.stop(PATIENCE).then(sluice.close()).block(PATIENCE);
        }
    }
}
