package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.client.CancelProgress;
import dev.sluice.client.TaskClient;
import dev.sluice.client.TaskFilter;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Task;
import dev.sluice.task.TaskState;
import dev.sluice.task.Verdict;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** Tasks that do not run are cancelled by what they are, step by step. */
@OnEveryRedis
class CancellingManyRedisTest extends DispatchCase {
    private static final int MANY = 10_000;
    private static final TaskFilter MAILS = TaskFilter.all().type("mail");

    CancellingManyRedisTest(RedisServer redis) {
        super(redis);
    }

    @Test
    void ofManyThoseOfOneTypeAreCancelledInBoundedSteps() {
        put(MANY);
        TaskClient client = sluice.client(queue);

        List<CancelProgress> steps = client.cancelAll(MAILS).collectList().block(PATIENCE);

        assertThat(steps.get(steps.size() - 1)).isEqualTo(new CancelProgress(MANY, MANY / 2, MANY / 2));
        assertThat(steps).hasSizeGreaterThanOrEqualTo(MANY / 256);
        assertThat(hlen(queue.statusKey())).isEqualTo(MANY / 2);
    }

    /** It would never come to the beginning of the list. */
    @Test
    void aWalkOverAListThatGrowsFasterThanThatEnds() {
        put(1_000);
        TaskClient client = sluice.client(queue);

        List<Task<?>> others = Collections.nCopies(300, Task.of("other", 1));
        List<CancelProgress> steps = client.count(MAILS)
                .concatMap(step -> client.enqueue(others).thenReturn(step), 1)
                .collectList()
                .block(PATIENCE);

        assertThat(steps).hasSizeBetween(128, 260);
    }

    @Test
    void aBurstOnTheWayCostsNoTaskItsTurn() {
        put(1_000);
        TaskClient client = sluice.client(queue);

        List<CancelProgress> steps = client.count(MAILS)
                .index()
                .concatMap(
                        step -> step.getT1() > 0
                                ? Mono.just(step.getT2())
                                : client.enqueueAll(Flux.range(0, 20_000).map(i -> Task.of("other", i)))
                                        .then(Mono.just(step.getT2())),
                        1)
                .collectList()
                .block(PATIENCE);

        assertThat(steps).hasSizeGreaterThan(64);
        assertThat(steps.get(steps.size() - 1).matched()).isGreaterThanOrEqualTo(500);
        assertThat(last(client.cancelAll(MAILS)).cancelled()).isEqualTo(500);
    }

    @Test
    void itGoesOnAfterALostConnectionAndAfterItsCallersDeath() {
        put(5_000);

        assertThat(last(sluice.client(queue).count(MAILS))).isEqualTo(new CancelProgress(5_000, 2_500, 0));
        CancelProgress before = sluice.client(queue).cancelAll(MAILS).take(5).blockLast(PATIENCE);
        CancelProgress after = door(redis.uri())
                .client(queue)
                .cancelAll(MAILS)
                .index()
                .publishOn(Schedulers.boundedElastic(), 1)
                .doOnNext(step -> {
                    if (step.getT1() == 10) {
                        wire.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
                    }
                })
                .blockLast(PATIENCE)
                .getT2();

        assertThat(before.cancelled()).isPositive();
        assertThat(before.cancelled() + after.cancelled()).isBetween(2_500L - 256, 2_500L);
        assertThat(hlen(queue.statusKey())).isEqualTo(2_500);
        assertThat(last(sluice.client(queue).cancelAll(MAILS)).matched()).isZero();
    }

    @Test
    void stateAndTimeNarrowIt() {
        enqueue(
                task("soon").delay(Duration.ofMinutes(1)),
                task("late").delay(Duration.ofHours(2)),
                task("later").delay(Duration.ofHours(3)));
        Dispatcher dispatcher = running(task -> Mono.just(Verdict.retry(Duration.ofHours(1), "no")));
        enqueue(task("retrying"));
        eventually(() -> assertThat(status("retrying")).isEqualTo("retrying"));
        dispatcher.stop(GRACE).block(PATIENCE);
        enqueue(task("queued"));
        TaskClient client = sluice.client(queue);
        TaskFilter scheduled = TaskFilter.all().state(TaskState.SCHEDULED);

        assertThat(last(client.cancelAll(TaskFilter.all().dueBefore(Instant.MIN)))
                        .cancelled())
                .isZero();
        assertThat(last(client.cancelAll(scheduled.dueBefore(Instant.now().plusSeconds(600))))
                        .cancelled())
                .isEqualTo(1);
        assertThat(status("soon")).isNull();
        assertThat(last(client.cancelAll(scheduled.dueBefore(Instant.MAX))).cancelled())
                .isEqualTo(2);
        assertThat(last(client.cancelAll(scheduled)).cancelled()).isZero();
        assertThat(last(client.cancelAll(TaskFilter.all().state(TaskState.RETRYING)))
                        .cancelled())
                .isEqualTo(1);
        assertThat(status("queued")).isEqualTo("queued");
        assertThat(last(client.cancelAll(TaskFilter.all().state(TaskState.QUEUED)))
                        .cancelled())
                .isEqualTo(1);
        assertThat(last(client.cancelAll(TaskFilter.all()))).isEqualTo(new CancelProgress(1, 0, 0));
        assertThatThrownBy(() -> TaskFilter.all().state(TaskState.PROCESSING))
                .isInstanceOf(InvalidTaskException.class)
                .hasMessageContaining("queued, scheduled or retrying");
    }

    @Test
    void whatIsMeantNeverRunsAndTheRestDoesForeignTasksToo() {
        TaskClient client = sluice.client(queue);
        enqueue(0, 300);
        enqueue(Task.of("mail", 1).id("own"));
        push("foreign", "{\"payload\":1,\"id\":\"foreign\",\"type\":\"mail\"}");
        wire.call("RPUSH", queue.name(), "{\"id\":\"unannounced\",\"type\":\"mail\"}");
        push("other");
        wire.call("RPUSH", queue.name(), "no task");

        assertThat(last(client.cancelAll(MAILS))).isEqualTo(new CancelProgress(305, 3, 2));
        enqueue(Task.of("mail", 2).id("own")); // another, which nobody cancelled
        Runs<Object> runs = Runs.succeeding();
        Runs<Object> mails = Runs.succeeding();
        started(dispatcher().handler("t", Object.class, runs).handler("mail", Object.class, mails));

        eventually(() -> assertThat(runs.count()).isEqualTo(301));
        eventually(() -> assertThat(mails.count()).isEqualTo(2));
        assertThat(mails.count("own")).isEqualTo(1);
        assertThat(mails.count("unannounced")).isEqualTo(1);
        eventually(() -> assertThat(wire.call("EXISTS", key("cancelled"))).isEqualTo(0L));
    }

    @Test
    void anAtMostOnceQueueRefusesIt() {
        deliver(DeliveryMode.AT_MOST_ONCE);

        assertThatThrownBy(() -> sluice.client(queue).cancelAll(MAILS).blockLast(PATIENCE))
                .isInstanceOf(InvalidTaskException.class)
                .hasMessageContaining("at-most-once");
    }

    /** Half of them mails; of each half two in five for later. */
    private void put(int tasks) {
        assertThat(sluice.client(queue)
                        .enqueueAll(Flux.range(0, tasks).map(i -> {
                            Task<?> task = Task.of(i % 2 == 0 ? "mail" : "t", i).id("t" + i);
                            return i % 5 < 2 ? task.delay(Duration.ofHours(1)) : task;
                        }))
                        .filter(it -> it.isCreated())
                        .count()
                        .block(PATIENCE))
                .isEqualTo(tasks);
    }

    private static CancelProgress last(Flux<CancelProgress> progress) {
        return progress.blockLast(PATIENCE);
    }
}
