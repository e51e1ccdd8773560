package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.client.QueueEvent;
import dev.sluice.client.QueueEvent.Moved;
import dev.sluice.client.QueueEvent.Progressed;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Explanation;
import dev.sluice.task.StoreUnavailableException;
import dev.sluice.task.TaskInfo;
import dev.sluice.task.TaskProgress;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** A handler says how far it is; whoever looks sees it while the attempt runs, and only then. */
@OnEveryRedis
class ProgressingRedisTest extends DispatchCase {
    private final Sinks.One<Boolean> end = Sinks.one();

    ProgressingRedisTest(RedisServer redis) {
        super(redis);
    }

    @Test
    void itIsSeenWhileTheAttemptRunsAndNotAfterwards() {
        running(task -> {
            task.progress(10);
            task.progress(40, "page 2\tof 5\n");
            return end.asMono();
        });
        enqueue(task("a"));

        eventually(() -> assertThat(progress("a")).isNotNull());
        TaskProgress seen = progress("a");
        assertThat(seen.percent()).isEqualTo(40);
        assertThat(seen.text()).isEqualTo("page 2 of 5 ");
        assertThat(seen.ago()).isLessThan(Duration.ofSeconds(10));
        Explanation told = sluice.explain(queue, "a").block(PATIENCE);
        assertThat(told.facts()).containsEntry("percent", 40).containsEntry("progress", "page 2 of 5 ");
        assertThat(told.sentences())
                .last()
                .asString()
                .matches("Its handler said [0-9]+ m?s ago: 40 %, page 2 of 5 \\.");

        end.tryEmitValue(true);
        eventually(this::assertEmpty);
        assertThat(wire.call("EXISTS", key("progress"))).isEqualTo(0L);
    }

    @Test
    void theNextAttemptBeginsWithoutOne() {
        running(task -> {
            if (task.attempt() > 1) {
                return end.asMono();
            }
            task.progress(90);
            return Mono.delay(Duration.ofMillis(300)).then(Mono.error(new IllegalStateException("no")));
        });
        enqueue(task("a"));

        eventually(() -> assertThat(progress("a")).isNotNull());
        eventually(() ->
                assertThat(sluice.task(queue, "a").block(PATIENCE).attempts()).isEqualTo(1));
        eventually(() -> assertThat(status("a")).isEqualTo("processing"));

        assertThat(progress("a")).isNull();
        end.tryEmitValue(true);
        eventually(this::assertEmpty);
    }

    @Test
    void manyReportsAreFewCallsAndTheLastOneArrives() {
        Queue<QueueEvent> heard = new ConcurrentLinkedQueue<>();
        Disposable listening = sluice.client(queue).events().subscribe(heard::add);
        eventually(() -> assertThat(heard).isNotEmpty());
        running(task -> Flux.range(0, 10_000)
                .doOnNext(i -> task.progress(i / 100, "row " + i))
                .then(end.asMono()));
        enqueue(task("a"), task("b"));

        eventually(() -> assertThat(reports(heard))
                .filteredOn(it -> it.text().equals("row 9999"))
                .hasSize(2));
        end.tryEmitValue(true);
        eventually(() -> assertThat(heard).filteredOn(it -> isEnd(it)).hasSize(2));
        listening.dispose();

        assertThat(reports(heard)).hasSizeLessThan(200);
        assertThat(List.copyOf(heard).subList(heard.size() - 2, heard.size())).allMatch(it -> isEnd(it));
        assertThat(reports(heard))
                .filteredOn(it -> it.id().equals("a"))
                .isSortedAccordingTo((one, other) -> Integer.compare(one.percent(), other.percent()));
    }

    @Test
    void aReportThatALostConnectionSwallowedIsToldAgain() {
        Sinks.Many<Integer> steps = Sinks.many().unicast().onBackpressureBuffer();
        running(task -> steps.asFlux().doOnNext(task::progress).then());
        enqueue(task("a"));
        eventually(() -> assertThat(status("a")).isEqualTo("processing"));

        for (int i = 1; i <= 100; i++) {
            steps.tryEmitNext(i);
            wire.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
        }

        eventually(() -> assertThat(progress("a")).isNotNull().matches(it -> it.percent() == 100));
        steps.tryEmitComplete();
        eventually(this::assertEmpty);
    }

    @Test
    void aPercentThatIsNoneFailsTheAttemptAndALongTextIsCut() {
        running(task -> {
            task.progress(50, "x".repeat(199) + "😀 and more");
            if (task.id().equals("wrong")) {
                task.progress(101);
            }
            return end.asMono();
        });
        enqueue(task("long"), task("wrong").maxAttempts(1));

        assertThat(deadLetter("wrong")).contains("percent must be 0 to 100, was 101");
        eventually(() -> assertThat(progress("long")).isNotNull());
        assertThat(progress("long").text()).isEqualTo("x".repeat(199));
        end.tryEmitValue(true);
    }

    @Test
    void anAtMostOnceQueueKeepsNone() {
        deliver(DeliveryMode.AT_MOST_ONCE);
        running(task -> {
            task.progress(50);
            return Mono.delay(Duration.ofMillis(300));
        });

        enqueue(task("a"));
        eventually(() -> assertThat(status("a")).isEqualTo("processing"));
        eventually(this::assertEmpty);

        assertThat(wire.call("EXISTS", key("progress"))).isEqualTo(0L);
    }

    private TaskProgress progress(String id) {
        TaskInfo info = sluice.task(queue, id)
                .onErrorComplete(StoreUnavailableException.class) // its connection was cut a moment ago
                .block(PATIENCE);
        return info == null ? null : info.progress();
    }

    private static boolean isEnd(QueueEvent event) {
        return event instanceof Moved moved && !moved.state().isLive();
    }

    private static List<Progressed> reports(Queue<QueueEvent> heard) {
        return heard.stream()
                .filter(Progressed.class::isInstance)
                .map(Progressed.class::cast)
                .toList();
    }
}
