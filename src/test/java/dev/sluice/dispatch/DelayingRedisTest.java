package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.always;
import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.client.EnqueueResult;
import dev.sluice.client.TaskClient;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Task;
import dev.sluice.task.TaskState;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

/** A task for later starts at its time: not before, and not much after. */
@OnEveryRedis
class DelayingRedisTest extends DispatchCase {
    private static final Duration LATE_AT_MOST = Duration.ofMillis(50);

    private final Map<String, Long> starts = new ConcurrentHashMap<>();
    private final Runs<Object> runs =
            new Runs<>(task -> Mono.fromRunnable(() -> starts.put(task.id(), System.currentTimeMillis())));

    DelayingRedisTest(RedisServer redis) {
        super(redis);
    }

    @Tag("alone")
    @Test
    void aTaskForSoonStartsInTimeThoughEveryDispatcherSleeps() {
        running(runs);
        started(stoppedInTheEnd(
                sluice.dispatcher().queue(queue, settings).build().handler("t", Object.class, runs)));
        TaskClient client = sluice.client(queue);
        client.enqueue(task("far").delay(Duration.ofDays(365))).block(PATIENCE);
        List<Long> late = new ArrayList<>();

        for (int i = 0; i < 15; i++) {
            String id = "t" + i;
            long due = System.currentTimeMillis() + 200;
            client.enqueue(i % 2 == 0 ? task(id).delay(Duration.ofMillis(200)) : task(id).at(Instant.ofEpochMilli(due)))
                    .block(PATIENCE);
            eventually(() -> assertThat(starts).containsKey(id));
            late.add(starts.get(id) - due);
        }

        late.sort(null);
        assertThat(late.get(0)).isNotNegative();
        // The middle one: this machine may be busy with something else now and then.
        assertThat(late.get(7)).as(late.toString()).isLessThan(LATE_AT_MOST.toMillis());
        wire.call("FLUSHALL"); // the far one
    }

    @Test
    void eachOfManyRunsOnceAndNoneBeforeItsTime() {
        running(runs);
        Random random = new Random(7);
        List<Task<Object>> tasks = new ArrayList<>();
        for (int i = 0; i < 1500; i++) {
            Duration delay = Duration.ofMillis(random.nextInt(1500));
            tasks.add(i % 3 == 0 ? task("t" + i) : task("t" + i).delay(delay));
        }
        long before = System.currentTimeMillis();

        enqueue(tasks.toArray(Task[]::new));

        eventually(() -> assertThat(runs.tasks()).isEqualTo(1500));
        assertThat(runs.repeats()).isZero();
        for (Task<Object> task : tasks) {
            long delay = task.delay() == null ? 0 : task.delay().toMillis();
            assertThat(starts.get(task.id()) - before).isGreaterThanOrEqualTo(delay);
        }
        eventually(this::assertEmpty);
    }

    @Tag("alone")
    @Test
    void aScheduledTaskIsSeenExistsAndRunsAtOnceIfItsTimeIsOver() {
        TaskClient client = sluice.client(queue);

        client.enqueue(task("a").delay(Duration.ofMillis(400))).block(PATIENCE);
        assertThat(client.status("a").block(PATIENCE)).isEqualTo(TaskState.SCHEDULED);
        assertThat(client.enqueue(task("a")).block(PATIENCE).isExisting()).isTrue();
        assertThat(sluice.queue("q").block(PATIENCE).delayed()).isEqualTo(1);
        client.enqueue(task("b").at(Instant.MIN)).block(PATIENCE);
        assertThat(client.status("b").block(PATIENCE)).isEqualTo(TaskState.QUEUED);

        running(runs);
        eventually(() -> assertThat(starts).containsOnlyKeys("a", "b"));
    }

    @Test
    void anIdleDispatcherAsksAboutOncePerSecondThoughSomethingIsScheduled() {
        sluice.client(queue).enqueue(task("far").delay(Duration.ofHours(1))).block(PATIENCE);
        running(runs);
        wire.call("CONFIG", "RESETSTAT");
        long from = System.nanoTime();
        always(Duration.ofSeconds(3), () -> assertThat(runs.count()).isZero());
        double seconds = (System.nanoTime() - from) / 1e9;

        assertThat(evalshas() / seconds).isLessThan(3); // upkeep each second, a wait each 5 s
        wire.call("FLUSHALL");
    }

    @Test
    void anAtMostOnceQueueRefusesWhatIsForLater() {
        deliver(DeliveryMode.AT_MOST_ONCE);
        TaskClient client = sluice.client(queue);

        StepVerifier.create(client.enqueue(task("a").delay(Duration.ofSeconds(1))))
                .verifyErrorSatisfies(error -> assertThat(error)
                        .isInstanceOf(InvalidTaskException.class)
                        .hasMessageContaining("queue 'q' is at-most-once"));
        List<EnqueueResult> results = client.enqueueAll(
                        Flux.just(task("a").at(Instant.now().plusSeconds(9)), task("b")))
                .collectList()
                .block(PATIENCE);

        assertThat(results).extracting(EnqueueResult::isFailed).containsExactly(true, false);
        assertThat(waiting()).isEqualTo(1);
    }

    private int evalshas() {
        return wire.call("INFO", "commandstats")
                .toString()
                .lines()
                .filter(line -> line.startsWith("cmdstat_evalsha:"))
                .mapToInt(line -> Integer.parseInt(line.replaceAll(".*:calls=(\\d+),.*", "$1")))
                .sum();
    }
}
