package dev.sluice.faults;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Sluice;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.dispatch.NothingDropped;
import dev.sluice.dispatch.TaskHandler;
import dev.sluice.faults.FaultProxy.Mode;
import dev.sluice.observe.Observer;
import dev.sluice.task.Queue;
import dev.sluice.task.Task;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.RedisWire;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Who has trouble in coming back after an outage that outlasted its lease is not held for dead: what it had is no crash. */
@Tag("alone")
@OnEveryRedis
@ExtendWith(NothingDropped.class)
@Timeout(60)
class LateReturnScenarioTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final Duration LEASE = Duration.ofSeconds(1);
    private static final Queue QUEUE = Queue.named("q");
    private static final String JOINED = "*4\r\n:0\r\n:0\r\n:1"; // how the answer to a join begins

    private final RedisServer redis;
    private final FaultProxy proxy;
    private final AtomicInteger lapses = new AtomicInteger();
    private final AtomicInteger returns = new AtomicInteger();
    private final Collection<Integer> crashes = new ConcurrentLinkedQueue<>();
    private final Sluice late;
    private final Sluice other;
    private final List<Dispatcher> started = new ArrayList<>();

    LateReturnScenarioTest(RedisServer.Builder builder) {
        redis = builder.appendOnly().start();
        proxy = new FaultProxy(redis.port());
        late = door(proxy.uri());
        other = door(redis.uri());
    }

    private Sluice door(String uri) {
        return Sluice.builder()
                .uri(uri)
                .observer(new Observer() {
                    @Override
                    public void lease(String queue, boolean lost) {
                        (lost ? lapses : returns).incrementAndGet();
                    }
                })
                .build();
    }

    @AfterEach
    void close() {
        started.forEach(it -> it.stop(Duration.ZERO).block(PATIENCE));
        late.close().block(PATIENCE);
        other.close().block(PATIENCE);
        proxy.close();
        redis.close();
    }

    @Test
    void whoDoesNotHearThatItJoinedHasGivenBackWhatItHad() throws InterruptedException {
        holdsFourTasks();
        redis.kill();
        untilTheLeasesAreOver();
        FaultProxy.Trap lost = proxy.onReplyWith(JOINED, Mode.SWALLOW_REPLIES, 1);
        redis.restart();

        assertThat(lost.await()).isTrue();
        assertThatAllRanAgainWithoutACrash();
    }

    @Test
    void whoseNetworkIsBackAMomentLaterIsBackInTime() {
        holdsFourTasks();
        redis.kill();
        untilTheLeasesAreOver();
        proxy.mode(Mode.REFUSE);
        redis.restart();
        eventually(() -> assertThat(returns).hasValue(1));
        LockSupport.parkNanos(500_000_000L); // from then on each has one lease to be heard
        proxy.mode(Mode.PASS);

        assertThatAllRanAgainWithoutACrash();
    }

    /** What refuses last words while nobody may join is not what they ask for. */
    @Test
    void whoWasRefusedForAWhileIsBackInTime() {
        try (RedisWire operator = redis.wire()) {
            holdsFourTasks();
            operator.call("CONFIG", "SET", "requirepass", "another");
            operator.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
            untilTheLeasesAreOver();
            operator.call("CONFIG", "SET", "requirepass", "");

            assertThatAllRanAgainWithoutACrash();
        }
    }

    private void assertThatAllRanAgainWithoutACrash() {
        eventually(() -> assertThat(crashes).hasSize(8));
        assertThat(crashes).containsOnly(0);
    }

    private void holdsFourTasks() {
        start(late, context -> {
            crashes.add(context.crashes());
            return Mono.never();
        });
        late.client(QUEUE)
                .enqueueAll(Flux.range(0, 4).map(i -> Task.of("t", "").id("t" + i)))
                .blockLast(PATIENCE);
        eventually(() -> assertThat(crashes).hasSize(4));
        start(other, context -> {
            crashes.add(context.crashes());
            return Mono.empty();
        });
    }

    private void untilTheLeasesAreOver() {
        eventually(() -> assertThat(lapses).hasValue(2));
        LockSupport.parkNanos(1_500_000_000L); // with the lease, more than what passes for no silence
    }

    private void start(Sluice door, TaskHandler<Object> handler) {
        Dispatcher dispatcher =
                door.dispatcher().queue(QUEUE).lease(LEASE).build().handler("t", Object.class, handler);
        started.add(dispatcher);
        dispatcher.start().block(PATIENCE);
    }
}
