package dev.sluice.faults;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Sluice;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.dispatch.NothingDropped;
import dev.sluice.dispatch.QueueSettings;
import dev.sluice.dispatch.Together;
import dev.sluice.faults.FaultProxy.Mode;
import dev.sluice.task.Queue;
import dev.sluice.task.Task;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.RedisWire;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import reactor.core.publisher.Mono;

/** Whatever kept Redis, or the network before it, from answering: two seconds after that is over tasks are taken again. */
@Tag("alone")
@OnEveryRedis
@ExtendWith(NothingDropped.class)
@Timeout(120)
class ResumptionScenarioTest {
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final Duration PROMISED = Duration.ofSeconds(2);
    private static final Duration ALL_DEAD = Duration.ofSeconds(4);
    private static final int TROUBLE_MS = 3000; // longer than any command waits
    private static final int TASKS = 300;
    private static final int AT_ONCE = 10;
    private static final int LINKS = 5; // commands, heartbeats, messages, and two waits
    private static final String BUSY = """
            local function us() local t = redis.call('TIME') return t[1] * 1000000 + t[2] end
            local till = us() + tonumber(ARGV[1]) * 1000
            while us() < till do end
            """;

    private final RedisServer.Builder builder;

    ResumptionScenarioTest(RedisServer.Builder builder) {
        this.builder = builder;
    }

    /** What the server does not answer for. */
    enum Halt {
        CLIENT_PAUSE_ALL,
        CLIENT_PAUSE_WRITE,
        DEBUG_SLEEP,
        SCRIPT,
        SCRIPT_THAT_LEAVES_OTHERS_REFUSED,
        SIGSTOP
    }

    /** How a task comes, of which each has a wait of its own. */
    enum Way {
        PUSH,
        ENQUEUE
    }

    /** What happens to one dispatcher and its Redis. */
    private record Trouble(Object kind, boolean isBusy) {
        @Override
        public String toString() {
            return kind + (isBusy ? " while tasks ran" : " while it was idle");
        }
    }

    @Test
    void tasksAreTakenTwoSecondsAfterTheServerHungOrTheNetworkFailed() throws InterruptedException {
        List<Trouble> troubles = new ArrayList<>();
        Stream.of(Halt.values()).forEach(halt -> troubles.add(new Trouble(halt, true)));
        Stream.of(Halt.CLIENT_PAUSE_ALL, Halt.SIGSTOP).forEach(halt -> troubles.add(new Trouble(halt, false)));
        EnumSet.complementOf(EnumSet.of(Mode.PASS, Mode.SLOW)).forEach(mode -> troubles.add(new Trouble(mode, true)));
        Stream.of(Mode.HOLD, Mode.SWALLOW, Mode.REFUSE).forEach(mode -> troubles.add(new Trouble(mode, false)));

        Together.run(
                AT_ONCE,
                troubles.stream()
                        .map(trouble -> onStage(trouble, scene -> scene.resumeAfter(trouble)))
                        .toList());
    }

    @Test
    void tasksAreTakenInTwoSecondsThoughAConnectionIsDeadOfWhichNobodyIsTold() throws InterruptedException {
        List<Callable<Object>> losses = new ArrayList<>();
        for (int place = 0; place < LINKS; place++) {
            for (Way before : Way.values()) {
                for (Way after : Way.values()) {
                    int lost = place;
                    losses.add(onStage(
                            "the loss of connection " + place + ", between " + before + " and " + after,
                            scene -> scene.resumeWithout(lost, before, after)));
                }
            }
        }
        Together.run(AT_ONCE, losses);
    }

    /** Who rests says something once a second, and finds its connections dead when that was not answered for two. */
    @Test
    void tasksAreTakenSoonThoughAllConnectionsDieAtOnce() throws InterruptedException {
        List<Callable<Object>> losses = new ArrayList<>();
        for (Way before : Way.values()) {
            for (Way after : Way.values()) {
                losses.add(onStage(
                        "the loss of all connections, between " + before + " and " + after,
                        scene -> scene.resumeWithoutAny(before, after)));
            }
        }
        Together.run(AT_ONCE, losses);
    }

    private Callable<Object> onStage(Object story, Consumer<Scene> play) {
        return () -> {
            try (Scene scene = new Scene(builder.start())) {
                play.accept(scene);
            } catch (AssertionError | RuntimeException e) {
                throw new AssertionError("after " + story + ": " + e.getMessage(), e);
            }
            return story;
        };
    }

    /** One dispatcher, its Redis, and the network between them. */
    private static final class Scene implements AutoCloseable {
        private final RedisServer redis;
        private final RedisWire wire;
        private final FaultProxy proxy;
        private final Sluice sluice;
        private final Dispatcher dispatcher;
        private final Set<String> ran = ConcurrentHashMap.newKeySet();

        Scene(RedisServer redis) {
            this.redis = redis;
            this.wire = redis.wire();
            this.proxy = new FaultProxy(redis.port());
            this.sluice = Sluice.connect(proxy.uri());
            this.dispatcher = sluice.dispatcher()
                    .queue(Queue.named("q"), QueueSettings.standard().concurrency(16))
                    .build()
                    .handler(
                            "t",
                            Object.class,
                            task -> Mono.delay(Duration.ofMillis(20)).doOnNext(done -> ran.add(task.id())));
        }

        void resumeAfter(Trouble trouble) {
            dispatcher.start().block(PATIENCE);
            if (trouble.isBusy) {
                pushMany();
            }
            if (trouble.kind instanceof Mode mode) {
                proxy.mode(mode);
                park();
                proxy.mode(Mode.PASS);
            } else {
                halt((Halt) trouble.kind);
            }
            push("after");
            assertTakenInTime("after");
        }

        /** The network forgets of one connection: nothing comes through it any more, either way. */
        void resumeWithout(int place, Way before, Way after) {
            rest(before);

            proxy.links().get(place).mode(Mode.SWALLOW);

            put("after", after);
            assertTakenInTime("after");
        }

        void resumeWithoutAny(Way before, Way after) {
            rest(before);

            proxy.links().forEach(link -> link.mode(Mode.SWALLOW));

            put("after", after);
            assertTaken("after", ALL_DEAD);
        }

        /** Until all connections are there, and the next claim stands behind the wait that told of this task. */
        private void rest(Way way) {
            dispatcher.start().block(PATIENCE);
            put("before", way);
            eventually(PATIENCE, () -> assertThat(ran).contains("before"));
            eventually(PATIENCE, () -> assertThat(proxy.links()).hasSize(LINKS));
            eventually(PATIENCE, () -> assertThat(waitsWithAClaimBehind()).isPositive());
        }

        /** How many connections are blocked, and have something behind the command that blocks them. */
        private long waitsWithAClaimBehind() {
            String clients = (String) wire.call("CLIENT", "LIST");
            return clients.lines()
                    .filter(it -> it.contains(" flags=b ") && !it.contains(" qbuf=0 "))
                    .count();
        }

        private void put(String id, Way way) {
            if (way == Way.PUSH) {
                push(id);
                return;
            }
            Sluice other = Sluice.connect(redis.uri());
            other.client(Queue.named("q")).enqueue(Task.of("t", "").id(id)).block(PATIENCE);
            other.close().block(PATIENCE);
        }

        @Override
        public void close() {
            redis.resume();
            proxy.mode(Mode.PASS);
            dispatcher.stop(Duration.ZERO).block(PATIENCE);
            sluice.close().block(PATIENCE);
            proxy.close();
            wire.close();
            redis.close();
        }

        private void halt(Halt halt) {
            String ms = String.valueOf(TROUBLE_MS);
            switch (halt) {
                case CLIENT_PAUSE_ALL -> {
                    wire.call("CLIENT", "PAUSE", ms, "ALL");
                    park();
                }
                case CLIENT_PAUSE_WRITE -> {
                    wire.call("CLIENT", "PAUSE", ms, "WRITE");
                    park();
                }
                case DEBUG_SLEEP -> wire.call("DEBUG", "SLEEP", String.valueOf(TROUBLE_MS / 1000));
                case SCRIPT -> wire.call("EVAL", BUSY, "0", ms);
                case SCRIPT_THAT_LEAVES_OTHERS_REFUSED -> {
                    wire.call("CONFIG", "SET", "lua-time-limit", "100");
                    wire.call("EVAL", BUSY, "0", ms);
                }
                case SIGSTOP -> {
                    redis.pause();
                    park();
                    redis.resume();
                }
            }
        }

        private static void park() {
            LockSupport.parkNanos(TROUBLE_MS * 1_000_000L);
        }

        private void pushMany() {
            IntStream.range(0, TASKS).forEach(i -> push("t" + i));
            eventually(PATIENCE, () -> assertThat(ran).isNotEmpty());
        }

        private void push(String id) {
            wire.call("RPUSH", "q", "{\"id\":\"" + id + "\",\"type\":\"t\"}");
        }

        private void assertTakenInTime(String id) {
            assertTaken(id, PROMISED);
        }

        private void assertTaken(String id, Duration limit) {
            long over = System.nanoTime();
            eventually(PATIENCE, () -> assertThat(ran).contains(id));
            assertThat(Duration.ofNanos(System.nanoTime() - over)).isLessThan(limit);
            eventually(
                    PATIENCE,
                    () -> assertThat((Long) wire.call("HLEN", "{q}:bodies")).isZero());
        }
    }
}
