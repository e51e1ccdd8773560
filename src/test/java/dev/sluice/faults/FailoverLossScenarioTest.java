package dev.sluice.faults;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Sluice;
import dev.sluice.client.EnqueueResult;
import dev.sluice.client.TaskClient;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.dispatch.NothingDropped;
import dev.sluice.task.Durability;
import dev.sluice.task.Task;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.UnpackedRedis;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * How many accepted tasks a failover loses if replication stood still before it: under load the link to the replica is frozen
 * that is to become master, the master is killed, the replica becomes master. Two failovers of each kind with one replica in
 * the build, and one of each with two of them; {@code -Dsluice.failovers=20} runs as many and prints each.
 */
@ExtendWith(NothingDropped.class)
@Timeout(900)
class FailoverLossScenarioTest {
    private static final Integer FAILOVERS = Integer.getInteger("sluice.failovers");
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final int ENOUGH = 500;
    private static final int MORE = 5000;

    @ParameterizedTest
    @CsvSource({"6.2, 1", "7.0, 1", "6.2, 2", "7.0, 2"})
    void nothingThatAllReplicasHadAcknowledgedIsLost(String version, int replicas) throws Exception {
        int lost = 0;
        for (int i = 0; i < failovers(replicas); i++) {
            lost += lostInOneFailover(version, replicas, Durability.replicated(replicas), i);
        }
        assertThat(lost)
                .as("accepted tasks lost in %d failovers", failovers(replicas))
                .isZero();
    }

    /** The control: without it the other test would prove nothing. */
    @ParameterizedTest
    @CsvSource({"6.2, 1", "7.0, 1", "6.2, 2", "7.0, 2"})
    void whatOnlyTheMasterHadAcknowledgedIsLost(String version, int replicas) throws Exception {
        for (int i = 0; i < failovers(replicas); i++) {
            assertThat(lostInOneFailover(version, replicas, Durability.memory(), i))
                    .isPositive();
        }
    }

    /** Why all replicas are to be asked for: the other one acknowledges what the next master never saw. */
    @ParameterizedTest
    @ValueSource(strings = {"6.2", "7.0"})
    void whatOnlyOneOfTwoReplicasHadAcknowledgedIsLostIfTheOtherBecomesMaster(String version) throws Exception {
        for (int i = 0; i < failovers(2); i++) {
            assertThat(lostInOneFailover(version, 2, Durability.replicated(1), i))
                    .isPositive();
        }
    }

    private static int failovers(int replicas) {
        return FAILOVERS != null ? FAILOVERS : replicas == 1 ? 2 : 1;
    }

    private static int lostInOneFailover(String version, int replicas, Durability durability, int seed)
            throws Exception {
        try (RedisServer master = UnpackedRedis.builder(version).start();
                FaultProxy replication = new FaultProxy(master.port());
                RedisServer replica = replicaOf(replication.port(), version);
                RedisServer other = replicas == 1 ? null : replicaOf(master.port(), version)) {
            eventually(
                    PATIENCE,
                    () -> assertThat(master.call("WAIT", String.valueOf(replicas), "100"))
                            .isEqualTo((long) replicas));
            Random random = new Random(seed);
            int toFreeze = ENOUGH + random.nextInt(MORE);
            Load load = new Load(master, durability);
            eventually(PATIENCE, () -> assertThat(load.accepted.size()).isGreaterThan(toFreeze));

            replication.mode(FaultProxy.Mode.SWALLOW);
            int before = load.accepted.size();
            if (durability.replicas() < replicas) {
                eventually(PATIENCE, () -> assertThat(load.accepted.size()).isGreaterThan(before + ENOUGH));
            }
            LockSupport.parkNanos(random.nextInt(300_000_000));
            master.kill();
            replica.call("REPLICAOF", "NO", "ONE");
            if (other != null) {
                other.call("REPLICAOF", "127.0.0.1", String.valueOf(replica.port()));
            }

            Set<String> accepted = load.stop();
            int lost = accepted.size() - run(replica, accepted);
            System.out.printf(
                    "failover %d, Redis %s, %d replicas, %s: %d accepted, %d of them lost%n",
                    seed + 1, version, replicas, durability, accepted.size(), lost);
            return lost;
        }
    }

    private static RedisServer replicaOf(int port, String version) {
        RedisServer replica = UnpackedRedis.builder(version)
                .with("replicaof", "127.0.0.1 " + port)
                .start();
        eventually(
                PATIENCE,
                () -> assertThat((String) replica.call("INFO", "replication")).contains("master_link_status:up"));
        return replica;
    }

    /** Runs all that this server holds; answers how many of {@code accepted} were among it. */
    private static int run(RedisServer redis, Set<String> accepted) {
        Set<String> done = ConcurrentHashMap.newKeySet();
        Sluice sluice = Sluice.connect(redis.uri());
        Dispatcher dispatcher = sluice.dispatcher(Node.QUEUE).handler("t", Object.class, task -> {
            done.add(task.id());
            return Mono.empty();
        });
        dispatcher.start().block(PATIENCE);
        eventually(
                PATIENCE,
                () -> assertThat(redis.call("EXISTS", "{q}:status", "{q}:ready", "{q}:bodies"))
                        .isEqualTo(0L));
        dispatcher.stop(PATIENCE).then(sluice.close()).block(PATIENCE);
        done.retainAll(accepted);
        return done.size();
    }

    /** A producer that goes on until it is stopped, and remembers what was answered for. */
    private static final class Load {
        private static final int MOST = 50_000;

        private final Set<String> accepted = ConcurrentHashMap.newKeySet();
        private final Sluice sluice;
        private final CompletableFuture<List<EnqueueResult>> ended;
        private volatile boolean producing = true;

        Load(RedisServer master, Durability durability) {
            sluice = Sluice.connect(master.uri());
            TaskClient client = sluice.client(Node.QUEUE).with(durability);
            ended = client.enqueueAll(Flux.range(0, MOST)
                            .takeWhile(i -> producing)
                            .map(i -> Task.of("t", i).id("t" + i)))
                    .filter(EnqueueResult::isAccepted)
                    .doOnNext(result -> accepted.add(result.id()))
                    .collectList()
                    .toFuture();
        }

        Set<String> stop() throws Exception {
            producing = false;
            ended.get();
            sluice.close().block(PATIENCE);
            return accepted;
        }
    }
}
