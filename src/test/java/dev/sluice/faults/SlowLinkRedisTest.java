package dev.sluice.faults;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.Sluice;
import dev.sluice.client.EnqueueResult;
import dev.sluice.client.TaskClient;
import dev.sluice.codec.JsonCodec;
import dev.sluice.dispatch.Blocking;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.dispatch.NothingDropped;
import dev.sluice.dispatch.QueueSettings;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Queue;
import dev.sluice.task.RetryPolicy;
import dev.sluice.task.StoreUnavailableException;
import dev.sluice.task.Task;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.RedisWire;
import io.lettuce.core.resource.ClientResources;
import io.lettuce.core.resource.DefaultClientResources;
import io.lettuce.core.resource.NettyCustomizer;
import io.netty.bootstrap.Bootstrap;
import io.netty.channel.ChannelOption;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * A network that loses nothing, but needs longer for an answer than a command is given.
 *
 * <p>It is slow rather than the texts long: a Redis that takes fresh memory from the system for each copy of a text
 * needs seconds for ten megabytes on a machine that is slow to give it, and is then what all wait for.
 */
@OnEveryRedis
@ExtendWith(NothingDropped.class)
class SlowLinkRedisTest {
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final FaultProxy proxy;
    private final RedisWire wire;
    private final Sluice sluice;
    private final Set<String> ran = ConcurrentHashMap.newKeySet();
    private Dispatcher dispatcher;

    SlowLinkRedisTest(RedisServer redis) {
        this.proxy = new FaultProxy(redis.port());
        this.wire = redis.wire();
        this.sluice = Sluice.builder()
                .uri(proxy.uri())
                .codec(JsonCodec.withLimit(10 * 1024 * 1024))
                .build();
    }

    @AfterEach
    void close() {
        proxy.mode(FaultProxy.Mode.PASS);
        if (dispatcher != null) {
            dispatcher.stop(Duration.ZERO).block(PATIENCE);
        }
        sluice.close().block(PATIENCE);
        proxy.close();
        wire.close();
    }

    /** What was popped is in no list any more: to give up its answer is to lose it. */
    @Test
    void anAtMostOnceQueueLosesNothing() {
        start(Queue.named("q").delivery(DeliveryMode.AT_MOST_ONCE));
        push(0, 500, 10); // so that the next are taken to be short, too
        eventually(PATIENCE, () -> assertThat(ran).hasSize(500));

        proxy.mode(FaultProxy.Mode.SLOW);
        String all = "local e=string.rep('x',25000) for i=500,579 do redis.call('RPUSH','q',"
                + "'{\"id\":\"t'..i..'\",\"type\":\"t\",\"payload\":\"'..e..'\"}') end";
        wire.call("EVAL", all, "0");

        eventually(PATIENCE, () -> assertThat(ran).hasSize(580));
    }

    @Test
    void aTaskThatNeedsLongerThanAnyCommandIsTaken() {
        start(Queue.named("q"));
        proxy.mode(FaultProxy.Mode.SLOW);
        push("large", 5_000_000); // 10 s
        push(0, 20, 10);

        eventually(PATIENCE, () -> assertThat(ran).hasSize(21).contains("large"));
    }

    @Test
    void aTaskThatNeedsLongerThanAnyCommandIsEnqueued() throws Exception {
        ClientResources resources = DefaultClientResources.builder()
                .nettyCustomizer(new SmallSendBuffer())
                .build();
        Sluice slow = Sluice.builder()
                .uri(proxy.uri())
                .codec(JsonCodec.withLimit(10 * 1024 * 1024))
                .clientResources(resources)
                .build();
        try {
            TaskClient client = slow.client(Queue.named("q"));
            client.enqueue(Task.of("t", "first")).block(PATIENCE);
            proxy.mode(FaultProxy.Mode.SLOW);

            EnqueueResult large = client.enqueue(
                            Task.of("t", "x".repeat(2_600_000)).id("large"))
                    .block(PATIENCE);

            assertThat(large).matches(EnqueueResult::isCreated);
            assertThat(wire.call("HGET", "{q}:status", "large")).isEqualTo("queued");
        } finally {
            proxy.mode(FaultProxy.Mode.PASS);
            slow.close().block(PATIENCE);
            resources.shutdown(0, 100, TimeUnit.MILLISECONDS).get();
        }
    }

    /** What the system keeps of a request has left as far as its sender can see: here it is gone in no time. */
    private static final class SmallSendBuffer implements NettyCustomizer {
        @Override
        public void afterBootstrapInitialized(Bootstrap bootstrap) {
            bootstrap.option(ChannelOption.SO_SNDBUF, 65_536);
        }
    }

    /** The timer and the socket wake up together, and whoever is first must not decide. */
    @Test
    void anAnswerThatCameWhileTheProcessStoodStillIsRead() throws Exception {
        ClientResources resources = DefaultClientResources.create();
        Sluice still =
                Sluice.builder().uri(proxy.uri()).clientResources(resources).build();
        try {
            TaskClient client = still.client(Queue.named("q"));
            long lateNanos;
            do {
                client.enqueue(Task.of("t", "first")).block(PATIENCE);
                AtomicBoolean goesOn = new AtomicBoolean();
                resources.timer().newTimeout(over -> Blocking.until(goesOn), 0, TimeUnit.MILLISECONDS);
                proxy.mode(FaultProxy.Mode.HOLD);
                CompletableFuture<EnqueueResult> answer =
                        client.enqueue(Task.of("t", "second")).toFuture();
                LockSupport.parkNanos(2_500_000_000L); // longer than a call is given
                long from = System.nanoTime();
                goesOn.set(true);
                LockSupport.parkNanos(10_000_000);
                proxy.mode(FaultProxy.Mode.PASS);
                lateNanos = System.nanoTime() - from;

                if (lateNanos < 30_000_000) {
                    assertThat(answer.get(20, TimeUnit.SECONDS)).matches(EnqueueResult::isCreated);
                } else { // the machine itself stood still
                    answer.exceptionally(lost -> null).get(20, TimeUnit.SECONDS);
                }
            } while (lateNanos >= 30_000_000);
        } finally {
            proxy.mode(FaultProxy.Mode.PASS);
            still.close().block(PATIENCE);
            resources.shutdown(0, 100, TimeUnit.MILLISECONDS).get();
        }
    }

    @Test
    void requestsThatOnlyLeaveAreNoSignOfLife() {
        assertGivenUpWithin(Duration.ofSeconds(4), FaultProxy.Mode.SWALLOW, Duration.ofMillis(200), 100_000);
    }

    @Test
    void aRequestThatFillsTheBufferIsNoSignOfLife() {
        assertGivenUpWithin(Duration.ofSeconds(3), FaultProxy.Mode.HOLD, Duration.ofMillis(700), 6_000_000);
    }

    /** As a paused Redis does, and a proxy whose server has gone. */
    @Test
    void whoTakesRequestAfterRequestAndAnswersNoneIsGivenUp() {
        assertGivenUpWithin(Duration.ofSeconds(15), FaultProxy.Mode.SWALLOW, Duration.ofSeconds(1), 6_000_000);
    }

    private void assertGivenUpWithin(Duration limit, FaultProxy.Mode mode, Duration pause, int length) {
        TaskClient client = sluice.client(Queue.named("q"));
        client.enqueue(Task.of("t", "first")).block(PATIENCE);
        String payload = "x".repeat(length);
        proxy.mode(mode);
        Disposable others = Flux.interval(pause)
                .flatMap(i -> client.enqueue(Task.of("t", payload)).onErrorComplete())
                .subscribe();
        try {
            assertThatThrownBy(() -> client.enqueue(Task.of("t", "x")).block(limit))
                    .isInstanceOf(StoreUnavailableException.class);
        } finally {
            others.dispose();
        }
    }

    @Test
    void whatNoDispatcherWouldTakeIsADeadLetterThatNeverTravelled() {
        push("large", 18 * 1024 * 1024);
        push(0, 20, 10);
        proxy.mode(FaultProxy.Mode.SLOW);
        start(Queue.named("q"));

        eventually(Duration.ofSeconds(15), () -> assertThat(ran).hasSize(20)); // to travel it would need 37 s
        assertThat((String) wire.call("HGET", "{q}:status", "large")).isEqualTo("dead");
        assertThat((String) wire.call("HGET", "{q}:dead:bodies", "large")).startsWith("{\"reason\":\"too-large\"");
    }

    private void start(Queue queue) {
        dispatcher = sluice.dispatcher()
                .queue(queue, QueueSettings.standard().retry(RetryPolicy.never()))
                .build()
                .handler("t", String.class, task -> Mono.fromRunnable(() -> ran.add(task.id())));
        dispatcher.start().block(PATIENCE);
    }

    private void push(int from, int to, int length) {
        for (int i = from; i < to; i++) {
            push("t" + i, length);
        }
    }

    private void push(String id, int length) {
        wire.call("RPUSH", "q", "{\"id\":\"" + id + "\",\"type\":\"t\",\"payload\":\"" + "x".repeat(length) + "\"}");
    }
}
