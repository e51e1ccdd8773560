package dev.sluice.faults;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.Sluice;
import dev.sluice.client.ClientOptions;
import dev.sluice.client.EnqueueResult;
import dev.sluice.client.TaskClient;
import dev.sluice.dispatch.NothingDropped;
import dev.sluice.task.Durability;
import dev.sluice.task.NotDurableException;
import dev.sluice.task.StoreRefusedException;
import dev.sluice.task.Task;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.Private;
import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** A task is answered for when it is as durable as its producer asked, and not before. */
@OnEveryRedis
@ExtendWith(NothingDropped.class)
@Timeout(90)
class DurabilityScenarioTest {
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final Pattern CALLS = Pattern.compile("cmdstat_(?i:wait):calls=(\\d+)");

    private RedisServer master;
    private FaultProxy replication;
    private RedisServer replica;
    private Sluice sluice;
    private TaskClient client;

    @BeforeEach
    void replicate(@Private RedisServer redis, RedisServer.Builder builder) {
        master = redis;
        replication = new FaultProxy(master.port());
        replica = builder.with("replicaof", "127.0.0.1 " + replication.port()).start();
        eventually(
                PATIENCE,
                () -> assertThat((String) replica.call("INFO", "replication")).contains("master_link_status:up"));
        sluice = Sluice.connect(master.uri());
        client = sluice.client(
                Node.QUEUE,
                ClientOptions.builder().durability(Durability.replicated(1)).build());
    }

    @AfterEach
    void close() {
        sluice.close().block(PATIENCE);
        replica.close();
        replication.close();
    }

    @Test
    void whatIsAnsweredIsOnTheReplica() {
        for (int i = 1; i <= 50; i++) {
            assertThat(enqueue(client, "t" + i).isCreated()).isTrue();
            assertThat(replica.call("LLEN", "{q}:ready")).isEqualTo((long) i);
        }
        assertThat(enqueue(client, "t7").isExisting()).isTrue();
    }

    @Test
    void whatNoReplicaAcknowledgesIsNotAnsweredForUntilOneDoes() {
        enqueue(client, "before");
        replication.mode(FaultProxy.Mode.HOLD);

        assertThatThrownBy(() -> enqueue(client, "t1")).isInstanceOfSatisfying(NotDurableException.class, error -> {
            assertThat(error.acknowledged()).isZero();
            assertThat(error.wanted()).isEqualTo(1);
            assertThat(error.retryable()).isTrue();
        });
        assertThatThrownBy(() -> enqueue(client, "t1")).isInstanceOf(NotDurableException.class); // it exists, and yet
        assertThat(master.call("HGET", "{q}:status", "t1")).isEqualTo("queued");
        assertThat(replica.call("HGET", "{q}:status", "t1")).isNull();

        replication.mode(FaultProxy.Mode.PASS);
        assertThat(Mono.defer(() -> client.enqueue(task("t1")))
                        .retry()
                        .block(PATIENCE)
                        .isExisting())
                .isTrue();
        assertThat(replica.call("HGET", "{q}:status", "t1")).isEqualTo("queued");
        assertThat(master.call("LLEN", "{q}:ready")).isEqualTo(2L);
    }

    @Test
    void moreReplicasThanThereAreAreNeverEnough() {
        TaskClient asking = client.with(Durability.replicated(2));

        assertThatThrownBy(() -> enqueue(asking, "t1"))
                .isInstanceOfSatisfying(
                        NotDurableException.class,
                        error -> assertThat(error.acknowledged()).isEqualTo(1))
                .hasMessageContaining("1 of 2");
        List<EnqueueResult> results = asking.enqueueAll(Flux.just(task("t2"), task("t3")))
                .collectList()
                .block(PATIENCE);

        assertThat(results).allMatch(it -> it.isFailed() && it.isRetryable());
        assertThat(client.with(Durability.replicated(2))).isSameAs(asking);
        assertThat(asking.with(Durability.replicated(1))).isSameAs(client);
        assertThat(enqueue(client, "t3").isExisting()).isTrue();
    }

    /** WAIT on a new connection answers at once that all is well: it knows of no write. */
    @Test
    void aConnectionThatIsCutBetweenTheTaskAndItsConfirmationConfirmsNothing() {
        enqueue(client, "before");
        replication.mode(FaultProxy.Mode.HOLD);

        for (int round = 0; round < 40; round++) {
            int from = round * 5;
            CompletableFuture<List<EnqueueResult>> results = client.enqueueAll(
                            Flux.range(from, 5).map(i -> task("t" + i)))
                    .collectList()
                    .toFuture();
            List<CompletableFuture<EnqueueResult>> singles = IntStream.range(from, from + 5)
                    .mapToObj(i -> client.enqueue(task("s" + i)).toFuture())
                    .toList();
            while (!results.isDone() || !singles.stream().allMatch(CompletableFuture::isDone)) {
                master.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
            }
            assertThat(results.join()).noneMatch(EnqueueResult::isAccepted);
            assertThat(singles).allMatch(CompletableFuture::isCompletedExceptionally);
        }

        replication.mode(FaultProxy.Mode.PASS);
        eventually(
                PATIENCE,
                () -> assertThat(client.enqueueAll(
                                        Flux.range(0, 200).flatMap(i -> Flux.just(task("t" + i), task("s" + i))))
                                .collectList()
                                .block(PATIENCE))
                        .allMatch(EnqueueResult::isAccepted));
        assertThat(master.call("LLEN", "{q}:ready")).isEqualTo(401L);
        assertThat(replica.call("LLEN", "{q}:ready")).isEqualTo(401L);
    }

    @Test
    void manyShareOneConfirmation() {
        enqueue(client, "before");
        long before = waits();

        List<EnqueueResult> singles = Flux.range(0, 5000)
                .flatMap(i -> client.enqueue(task("s" + i)), 2048)
                .collectList()
                .block(PATIENCE);
        long forSingles = waits() - before;
        List<EnqueueResult> bulk = client.enqueueAll(Flux.range(0, 20_000).map(i -> task("b" + i)))
                .collectList()
                .block(PATIENCE);
        long forBulk = waits() - before - forSingles;

        assertThat(singles).hasSize(5000).allMatch(EnqueueResult::isCreated);
        assertThat(bulk).hasSize(20_000).allMatch(EnqueueResult::isCreated);
        assertThat(forSingles).isBetween(1L, 500L);
        assertThat(forBulk).isBetween(1L, 200L);
        assertThat(replica.call("LLEN", "{q}:ready")).isEqualTo(25_001L);
    }

    @Test
    void aConfirmationThatIsWaitedForHoldsUpNobodyElse() {
        TaskClient plain = client.with(Durability.memory());
        enqueue(client, "before");
        enqueue(plain, "too");
        replication.mode(FaultProxy.Mode.HOLD);
        CompletableFuture<EnqueueResult> held = client.enqueue(task("t1")).toFuture();
        eventually(() -> assertThat((String) master.call("CLIENT", "LIST")).contains("cmd=wait"));

        for (int i = 0; i < 20; i++) {
            enqueue(plain, "p" + i);
        }

        assertThat(held).isNotDone();
        assertThat(held).failsWithin(PATIENCE).withThrowableThat().withCauseInstanceOf(NotDurableException.class);
    }

    @Test
    void fsyncIsRefusedBelowSevenTwoAndNothingIsEnqueued() {
        TaskClient asking = sluice.client(Node.QUEUE).with(Durability.fsync());

        assertThatThrownBy(() -> enqueue(asking, "t1"))
                .isInstanceOfSatisfying(
                        StoreRefusedException.class,
                        refusal -> assertThat(refusal.reason()).isEqualTo("version"))
                .hasMessageContaining("WAITAOF, which Redis has since 7.2")
                .hasMessageContaining(master.version().toString());

        assertThat(master.call("EXISTS", "{q}:ready", "{q}:status")).isEqualTo(0L);
    }

    private long waits() {
        Matcher calls = CALLS.matcher((String) master.call("INFO", "commandstats"));
        return calls.find() ? Long.parseLong(calls.group(1)) : 0;
    }

    private static EnqueueResult enqueue(TaskClient client, String id) {
        return client.enqueue(task(id)).block(PATIENCE);
    }

    private static Task<String> task(String id) {
        return Task.of("t", "0").id(id);
    }
}
