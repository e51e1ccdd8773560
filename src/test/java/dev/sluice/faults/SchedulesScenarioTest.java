package dev.sluice.faults;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Sluice;
import dev.sluice.client.Schedules;
import dev.sluice.faults.Event.Kind;
import dev.sluice.task.Misfire;
import dev.sluice.task.QueueInfo;
import dev.sluice.task.Schedule;
import dev.sluice.task.ScheduleInfo;
import dev.sluice.task.Task;
import dev.sluice.testkit.RedisServer;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Dispatcher processes fire the same schedules, and some of them die of kill -9 meanwhile.
 *
 * <p>{@code -Dsluice.schedules.processes=5 -Dsluice.schedules.ticks=600} lets five of them fire for ten minutes.
 */
@Timeout(900)
class SchedulesScenarioTest {
    private static final int PROCESSES = Integer.getInteger("sluice.schedules.processes", 3);
    private static final int KILLED = PROCESSES / 2;
    private static final int SCHEDULES = 10;
    private static final int TICKS = Integer.getInteger("sluice.schedules.ticks", 6);
    private static final Duration PATIENCE = Duration.ofSeconds(30).plusSeconds(TICKS);

    @TempDir
    private Path journals;

    @Test
    void eachTickIsFiredOnceThoughProcessesAreKilled() throws Exception {
        try (RedisServer redis = RedisServer.start()) {
            Sluice outside = Sluice.connect(redis.uri());
            Schedules schedules = outside.schedules(Node.QUEUE);
            List<ProcessNode> workers = new ArrayList<>();
            try {
                for (int i = 0; i < PROCESSES; i++) {
                    workers.add(new ProcessNode(
                            "w" + i, redis.port(), Duration.ofSeconds(1), 64, journals, ProcessNode.NOT_WATCHED));
                }
                for (ProcessNode worker : workers) {
                    worker.awaitReady();
                }
                for (int i = 0; i < SCHEDULES; i++) {
                    schedules
                            .create(Schedule.every("s" + i, Duration.ofSeconds(1), Task.of("t", "20"))
                                    .misfire(Misfire.catchUp(100)))
                            .block(PATIENCE);
                }

                for (int i = 1; i <= KILLED; i++) {
                    int before = SCHEDULES * TICKS * i / (KILLED + 1);
                    eventually(PATIENCE, () -> assertThat(started(workers)).hasSizeGreaterThan(before));
                    workers.get(i).kill();
                }
                eventually(PATIENCE, () -> assertThat(started(workers)).hasSizeGreaterThan(SCHEDULES * TICKS));
                for (int i = 0; i < SCHEDULES; i++) {
                    schedules.pause("s" + i).block(PATIENCE);
                }
                eventually(
                        PATIENCE,
                        () -> assertThat(outside.queue(Node.QUEUE.name()).block(PATIENCE))
                                .matches(SchedulesScenarioTest::isIdle));

                for (ScheduleInfo schedule : schedules.all().collectList().block(PATIENCE)) {
                    assertEachTickOnce(schedule, workers);
                }
                assertThat(outside.examine(Node.QUEUE).block(PATIENCE).isClean())
                        .isTrue();
            } finally {
                workers.forEach(ProcessNode::close);
                outside.close().block(PATIENCE);
            }
        }
    }

    /** No tick is missing from the first to the last, and none made a second task: each run has its own fencing number. */
    private static void assertEachTickOnce(ScheduleInfo schedule, List<ProcessNode> workers) {
        List<Event> runs = workers.stream()
                .flatMap(worker -> worker.events().stream())
                .filter(it -> it.kind() == Kind.STARTED && it.id().startsWith(schedule.name() + "@"))
                .toList();
        Set<Instant> ticks = runs.stream()
                .map(it -> Instant.parse(it.id().substring(schedule.name().length() + 1)))
                .collect(Collectors.toCollection(TreeSet::new));
        Instant first = ticks.iterator().next();
        assertThat(ticks)
                .containsExactlyElementsOf(IntStream.range(0, ticks.size())
                        .mapToObj(first::plusSeconds)
                        .toList());
        assertThat(ticks).last().isEqualTo(schedule.last());
        assertThat(runs).extracting(it -> it.id() + " " + it.fence()).doesNotHaveDuplicates();
    }

    private static Set<String> started(List<ProcessNode> workers) {
        return workers.stream()
                .flatMap(worker -> worker.events().stream())
                .filter(it -> it.kind() == Kind.STARTED)
                .map(Event::id)
                .collect(Collectors.toSet());
    }

    private static boolean isIdle(QueueInfo queue) {
        return queue.waiting() + queue.delayed() + queue.running().orElse(0) == 0;
    }
}
