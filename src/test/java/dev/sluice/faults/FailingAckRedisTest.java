package dev.sluice.faults;

import static dev.sluice.dispatch.Eventually.always;
import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Sluice;
import dev.sluice.client.TaskClient;
import dev.sluice.dispatch.Delivery;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.dispatch.NothingDropped;
import dev.sluice.dispatch.QueueSettings;
import dev.sluice.observe.Observer;
import dev.sluice.observe.Outcome;
import dev.sluice.redis.RecoverReply;
import dev.sluice.redis.RedisLinks;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Queue;
import dev.sluice.task.Task;
import dev.sluice.task.Verdict;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.StoredStateMayBeBroken;
import io.lettuce.core.RedisURI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedTransferQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** An ack whose way is broken counts once or not at all, and its answer says which. */
@OnEveryRedis
@ExtendWith(NothingDropped.class)
class FailingAckRedisTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final Duration LEASE = Duration.ofSeconds(15);
    private static final String BURIED = "*2\r\n:0\r\n:1\r\n"; // the answer of a burial
    private static final String NOTHING_REFUSED_NOTHING_CLAIMED = "*0\r\n*0\r\n"; // how the answer of a settle ends

    private final RedisServer redis;
    private final FaultProxy proxy;
    private final Counts told = new Counts();
    private final List<Dispatcher> dispatchers = new ArrayList<>();
    private final List<Sluice> doors = new ArrayList<>();
    private Queue queue = Queue.named("q");
    private long demand = Long.MAX_VALUE;

    FailingAckRedisTest(RedisServer redis) {
        this.redis = redis;
        this.proxy = new FaultProxy(redis.port());
    }

    @AfterEach
    void close() {
        proxy.mode(FaultProxy.Mode.PASS);
        dispatchers.forEach(it -> it.stop(Duration.ZERO).block(PATIENCE));
        doors.forEach(it -> it.close().block(PATIENCE));
        proxy.close();
    }

    @Test
    void aSettleWhoseReplyIsLostCountsOnce() throws Exception {
        Delivery<Object> delivery = claimedThroughTheProxy(LEASE).take();

        proxy.mode(FaultProxy.Mode.SWALLOW_REPLIES);
        CompletableFuture<Boolean> ack = delivery.ack().toFuture();
        eventually(() -> assertThat(status()).isNull());
        assertThat(ack).isNotDone();
        proxy.mode(FaultProxy.Mode.PASS);

        assertThat(ack.get(20, TimeUnit.SECONDS)).isTrue();
        assertThat(told.succeeded).hasValue(1);
        assertThat(told.fenced).hasValue(0);
    }

    /** What somebody deleted while the answer of its claim was lost leaves its place, so that the others keep theirs. */
    @Test
    @StoredStateMayBeBroken("a task is deleted by hand")
    void theNeighboursOfATaskThatVanishedAsTheAnswerOfItsClaimWasLostAreSettled() throws Exception {
        TaskClient client = door(redis.uri()).client(queue);
        client.pause().block(PATIENCE);
        BlockingQueue<Delivery<Object>> got = receiving(proxy.uri(), LEASE);
        for (String id : List.of("a", "b", "c")) {
            enqueue(id);
        }
        proxy.mode(FaultProxy.Mode.SWALLOW_REPLIES);
        client.resume().block(PATIENCE);
        eventually(() -> assertThat(redis.call("HGET", "{q}:status", "c")).isEqualTo("processing"));
        redis.call("HDEL", "{q}:bodies", "a");
        redis.call("HDEL", "{q}:status", "a");
        proxy.mode(FaultProxy.Mode.PASS);

        Delivery<Object> b = got.take();
        Delivery<Object> c = got.take();
        assertThat(b.ack().block(PATIENCE)).isTrue();
        assertThat(c.isCancelled()).isFalse();
        assertThat(c.ack().block(PATIENCE)).isTrue();
        assertThat(told.succeeded).hasValue(2);
        assertThat(b.id() + c.id()).isEqualTo("bc");
    }

    @Test
    void aSettleThatIsRetriedUsesOneAttempt() throws Exception {
        Delivery<Object> delivery = claimedThroughTheProxy(LEASE).take();
        // The answer of a claim that brings nothing looks like that of the settle: from here on there is none.
        eventually(() -> assertThat((String) redis.call("CLIENT", "LIST")).matches("(?s).* flags=b .* flags=b .*"));

        FaultProxy.Trap torn = proxy.onReplyWith(NOTHING_REFUSED_NOTHING_CLAIMED, FaultProxy.Mode.TEAR, 3);
        CompletableFuture<Boolean> nack = delivery.nack(new IllegalStateException("not today"), Duration.ofHours(1))
                .toFuture();
        assertThat(torn.await()).isTrue();

        assertThat(nack.get(20, TimeUnit.SECONDS)).isTrue();
        assertThat(status()).isEqualTo("retrying");
        assertThat((String) redis.call("HGET", "{q}:bodies", "a")).startsWith("\u0001c1,0,1 a\u0002");
        assertThat(told.fenced).hasValue(0);
    }

    @Test
    void aSettleAfterTheLossOfItsLeaseIsRefused() throws Exception {
        BlockingQueue<Delivery<Object>> got = claimedThroughTheProxy(Duration.ofSeconds(1));
        Delivery<Object> lost = got.take();

        proxy.mode(FaultProxy.Mode.HOLD);
        eventually(() -> assertThat(lost.isCancelled()).isTrue());
        assertThat(lost.ack().block(PATIENCE)).isFalse();
        assertThat(status()).isEqualTo("processing");
        proxy.mode(FaultProxy.Mode.PASS);

        Delivery<Object> again = got.take();
        assertThat(again.fencingNumber()).isEqualTo(2);
        assertThat(lost.ack().block(PATIENCE)).isFalse();
        assertThat(again.ack().block(PATIENCE)).isTrue();
        assertThat(told.succeeded).hasValue(1);
        eventually(() -> assertThat(told.fenced).hasValue(1));
    }

    @Test
    void aSettleThatWaitedWhenItsLeaseWasLostIsNotSentInTheNextLife() throws Exception {
        BlockingQueue<Delivery<Object>> got = claimedThroughTheProxy(Duration.ofSeconds(1));
        enqueue("b");
        Delivery<Object> a = got.take();
        Delivery<Object> b = got.take();

        proxy.mode(FaultProxy.Mode.SWALLOW_REPLIES);
        CompletableFuture<Boolean> sent = a.ack().toFuture();
        eventually(() -> assertThat(status()).isNull());
        CompletableFuture<Boolean> waiting = b.ack().toFuture(); // until the call with the first is answered
        assertThat(sent.get(20, TimeUnit.SECONDS)).isFalse();
        assertThat(waiting.get(20, TimeUnit.SECONDS)).isFalse();
        proxy.mode(FaultProxy.Mode.PASS);

        Delivery<Object> again = got.take();
        assertThat(again.id()).isEqualTo("b");
        assertThat(again.ack().block(PATIENCE)).isTrue();
        assertThat(told.fenced).hasValue(2);
    }

    @Test
    void aSettleOnItsWayIsAwaitedByAStop() throws Exception {
        Delivery<Object> delivery = claimedThroughTheProxy(LEASE).take();

        proxy.mode(FaultProxy.Mode.SWALLOW_REPLIES);
        CompletableFuture<Boolean> ack = delivery.ack().toFuture();
        eventually(() -> assertThat(status()).isNull());
        CompletableFuture<Void> stopped =
                dispatchers.get(0).stop(Duration.ofSeconds(10)).toFuture();
        always(Duration.ofMillis(200), () -> assertThat(ack).isNotDone());
        proxy.mode(FaultProxy.Mode.PASS);

        assertThat(ack.get(20, TimeUnit.SECONDS)).isTrue();
        stopped.get(20, TimeUnit.SECONDS);
    }

    @Test
    void aSettleThatIsRefusedIsToldSoAndCountsForNothing() throws Exception {
        Delivery<Object> delivery = claimedThroughTheProxy(LEASE).take();
        redis.call(
                "HDEL", "{q}:claimed:" + incarnation(), "1.1", "2.1", "3.1"); // as after a Redis that went back in time
        redis.call("DEL", "{q}:bodies", "{q}:status");

        assertThat(delivery.ack().block(PATIENCE)).isFalse();

        assertThat(told.fenced).hasValue(1);
        assertThat(told.succeeded).hasValue(0);
    }

    @Test
    void aSettleThatLandsAfterTheRecoveryOfItsTaskIsRefused() throws Exception {
        Delivery<Object> late = claimedThroughTheProxy(LEASE).take();
        String stalled = incarnation();

        proxy.mode(FaultProxy.Mode.HOLD);
        CompletableFuture<Boolean> ack = late.ack().toFuture();
        recover(stalled);
        Delivery<Object> second = receiving(redis.uri(), LEASE).take();
        proxy.mode(FaultProxy.Mode.PASS);

        assertThat(ack.get(20, TimeUnit.SECONDS)).isFalse();
        assertThat(status()).isEqualTo("processing");
        assertThat(second.crashes()).isOne();
        assertThat(second.ack().block(PATIENCE)).isTrue();
        assertThat(told.succeeded).hasValue(1);
        assertThat(told.fenced).hasValue(1);
    }

    @Test
    void aBurialWhoseReplyIsLostDoesNotBuryWhatWasRedrivenMeanwhile() throws Exception {
        queue = queue.delivery(DeliveryMode.AT_MOST_ONCE);
        demand = 1; // a pop whose answer is lost is the end of its task
        Delivery<Object> delivery = claimedThroughTheProxy(LEASE).take();

        FaultProxy.Trap lost = proxy.onReplyWith(BURIED, FaultProxy.Mode.SWALLOW_REPLIES, 1);
        delivery.nack(new IllegalStateException("not today")).block(PATIENCE);
        assertThat(lost.await()).isTrue();
        assertThat(status()).isEqualTo("dead");
        door(redis.uri()).deadLetters(queue).redrive("a").block(PATIENCE);
        proxy.cut();
        dispatchers.get(0).stop(Duration.ofSeconds(10)).block(PATIENCE); // which waits for the burial

        assertThat(redis.call("ZCARD", "{q}:dead")).isEqualTo(0L);
        assertThat(status()).isEqualTo("queued");
    }

    /** It is nobody's who died: whoever found that dispatcher dead would free the id of a task that runs. */
    @Test
    void whatWasBuriedAndRunsElsewhereKeepsItsWordWhenTheFirstIsFoundDead() throws Exception {
        queue = queue.delivery(DeliveryMode.AT_MOST_ONCE);
        demand = 1;
        Delivery<Object> first = claimedThroughTheProxy(Duration.ofSeconds(1)).take();
        String dying = incarnation();
        eventually(() -> assertThat(status()).isEqualTo("processing"));

        FaultProxy.Trap lost = proxy.onReplyWith(BURIED, FaultProxy.Mode.SWALLOW_REPLIES, 1);
        first.nack(new IllegalStateException("not today")).block(PATIENCE);
        assertThat(lost.await()).isTrue();
        proxy.mode(FaultProxy.Mode.HOLD);
        BlockingQueue<Delivery<Object>> elsewhere = receiving(redis.uri(), Duration.ofSeconds(1));
        door(redis.uri()).deadLetters(queue).redrive("a").block(PATIENCE);
        Delivery<Object> second = elsewhere.take();
        eventually(() -> assertThat(status()).isEqualTo("processing"));

        eventually(
                () -> assertThat(redis.call("ZSCORE", "{q}:dispatchers", dying)).isNull());
        assertThat(status()).isEqualTo("processing");
        proxy.mode(FaultProxy.Mode.PASS); // and the first lives, under another name
        eventually(() -> assertThat(redis.call("ZCARD", "{q}:dispatchers")).isEqualTo(2L));
        always(Duration.ofMillis(500), () -> assertThat(status()).isEqualTo("processing"));
        assertThat(second.ack().block(PATIENCE)).isTrue();
        eventually(() -> assertThat(status()).isNull());
    }

    /** Byte after byte: what Redis said is asked for again, and answered as before. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    @Timeout(60)
    void whereverTheAnswerOfAClaimOrASettleIsCutItsTaskRunsOnce(boolean isClaim) throws Exception {
        List<String> ran = new CopyOnWriteArrayList<>();
        AtomicInteger at = new AtomicInteger();
        BlockingQueue<FaultProxy.Trap> cuts = new LinkedTransferQueue<>();
        Dispatcher dispatcher = door(proxy.uri()).dispatcher().queue(queue).build();
        dispatchers.add(dispatcher);
        dispatcher.handler(
                "t",
                Object.class,
                task -> Mono.fromRunnable(() -> {
                    ran.add(task.id());
                    if (!isClaim) {
                        cuts.add(proxy.cutReplyWith("*", at.get())); // what comes next
                    }
                }));
        dispatcher.start().block(PATIENCE);
        TaskClient client = door(redis.uri()).client(queue);

        List<String> all = new ArrayList<>();
        int most = isClaim ? 150 : 40; // what they have; more came together
        int length = isClaim ? 107 : 34; // of one alone, of which only a piece may be seen
        for (; at.get() <= Math.min(length, most); at.incrementAndGet()) {
            String id = String.format("cut-%03d", at.get());
            all.add(id);
            if (isClaim) {
                cuts.add(proxy.cutReplyWith(id, at.get()));
            }
            client.enqueue(Task.of("t", (Object) null).id(id)).block(PATIENCE);
            FaultProxy.Trap cut = cuts.take();
            assertThat(cut.await()).as(id).isTrue();
            length = Math.max(length, cut.firstPiece());
            eventually(() -> assertThat(redis.call("HGET", "{q}:status", id)).isNull());
        }

        assertThat(all).hasSizeGreaterThan(20);
        assertThat(ran).containsExactlyInAnyOrderElementsOf(all);
        eventually(() -> assertThat(told.succeeded).hasValue(all.size()));
        assertThat(told.fenced).hasValue(0);
    }

    /** A call that is full by its bytes is full: the next need not wait for its answer. */
    @Test
    void settlesOfLargeTasksDoNotWaitForOneAnother() {
        Sluice door = door(proxy.uri());
        Dispatcher dispatcher = door.dispatcher()
                // No more than these: else a claim may be under way, and be one of the four calls that are not
                // answered.
                .queue(queue, QueueSettings.standard().concurrency(40))
                .build();
        dispatchers.add(dispatcher);
        AtomicInteger running = new AtomicInteger();
        Sinks.One<Verdict> gate = Sinks.one();
        dispatcher.handler("t", Object.class, task -> gate.asMono().doOnSubscribe(it -> running.incrementAndGet()));
        dispatcher.start().block(PATIENCE);
        TaskClient client = door(redis.uri()).client(queue);
        for (int i = 0; i < 40; i++) {
            client.enqueue(Task.of("t", "x".repeat(200_000)).id("t" + i)).block(PATIENCE);
        }
        eventually(() -> assertThat(running).hasValue(40));

        proxy.mode(FaultProxy.Mode.SWALLOW_REPLIES);
        gate.tryEmitValue(Verdict.discarded()).orThrow();

        // Four calls, of which the first may have begun with a single one; the others have five.
        eventually(() -> assertThat((Long) redis.call("HLEN", "{q}:bodies")).isLessThanOrEqualTo(24L));
        proxy.mode(FaultProxy.Mode.PASS);
        eventually(() -> assertThat(redis.call("HLEN", "{q}:bodies")).isEqualTo(0L));
    }

    /** A dispatcher behind the proxy, and what it was given: task {@code a}. */
    private BlockingQueue<Delivery<Object>> claimedThroughTheProxy(Duration lease) {
        BlockingQueue<Delivery<Object>> got = receiving(proxy.uri(), lease);
        enqueue("a");
        eventually(() -> assertThat(got).hasSize(1));
        return got;
    }

    private void enqueue(String id) {
        Sluice door = door(redis.uri());
        door.client(queue).enqueue(Task.of("t", (Object) null).id(id)).block(PATIENCE);
    }

    private BlockingQueue<Delivery<Object>> receiving(String uri, Duration lease) {
        BlockingQueue<Delivery<Object>> got = new LinkedTransferQueue<>();
        Dispatcher dispatcher = door(uri)
                .dispatcher()
                .queue(queue, QueueSettings.standard().concurrency(32))
                .lease(lease)
                .build();
        dispatchers.add(dispatcher);
        dispatcher.receive("q", Object.class).take(demand).subscribe(got::add);
        dispatcher.start().block(PATIENCE);
        return got;
    }

    private Sluice door(String uri) {
        Sluice door = Sluice.builder().uri(uri).observer(told).build();
        doors.add(door);
        return door;
    }

    /** What another dispatcher does when a lease has run out though somebody was seen a moment ago. */
    private void recover(String incarnation) {
        List<?> time = (List<?>) redis.call("TIME");
        redis.call("HSET", "{q}:meta", "seen", time.get(0) + "000");
        redis.call("ZADD", "{q}:dispatchers", "XX", "1000", incarnation);
        RedisLinks links = RedisLinks.own(RedisURI.create(redis.uri()), null);
        try {
            assertThat(links.upkeep(queue, 3)
                            .recover(incarnation, RecoverReply.FIRST)
                            .block(PATIENCE)
                            .moved())
                    .isOne();
        } finally {
            links.close().block(PATIENCE);
        }
    }

    private String incarnation() {
        return (String) ((List<?>) redis.call("ZRANGE", "{q}:dispatchers", "0", "0")).get(0);
    }

    private String status() {
        return (String) redis.call("HGET", "{q}:status", "a");
    }

    private static final class Counts implements Observer {
        private final AtomicInteger succeeded = new AtomicInteger();
        private final AtomicInteger fenced = new AtomicInteger();

        @Override
        public void settled(String queue, Outcome outcome, int count) {
            if (outcome == Outcome.SUCCEEDED) {
                succeeded.addAndGet(count);
            }
        }

        @Override
        public void fenced(String queue, int count) {
            fenced.addAndGet(count);
        }
    }
}
