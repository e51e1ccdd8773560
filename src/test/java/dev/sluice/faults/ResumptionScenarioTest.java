package dev.sluice.faults;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.Sluice;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.dispatch.NothingDropped;
import dev.sluice.dispatch.QueueSettings;
import dev.sluice.dispatch.Together;
import dev.sluice.faults.FaultProxy.Mode;
import dev.sluice.task.Task;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.RedisServerException;
import dev.sluice.testkit.RedisWire;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import reactor.core.publisher.Mono;

/**
 * Whatever kept Redis, or the network before it, from answering: two seconds after that is over tasks are taken again.
 * {@code -Dsluice.faults.trouble-ms=60000} makes it last that long; {@code src/docs/faults.md} has the figures.
 */
@Tag("alone")
@OnEveryRedis
@ExtendWith(NothingDropped.class)
@Timeout(value = 10, unit = TimeUnit.MINUTES) // for troubles of minutes; whatever is waited for has a bound, too
class ResumptionScenarioTest {
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final Duration PROMISED = Duration.ofSeconds(2);
    private static final int TROUBLE_MS =
            Integer.getInteger("sluice.faults.trouble-ms", 3000); // no command waits longer
    private static final int LONG_MS = 6000;
    private static final int[] SHORT_MS = {2500, 1000, 300}; // commands still wait
    private static final int TASKS = 300;
    private static final int FEW_TASKS = 100; // run before what comes after a trouble, and no part of the promise
    private static final int AT_ONCE = 10;
    private static final int FEW_AT_ONCE = 6;
    private static final int LOGGED = 12_000; // a server that loads answers once in 1,024 commands
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

    /** How it comes back that was killed. */
    enum Return {
        RESTARTED,
        RESTARTED_WITH_MUCH_TO_LOAD
    }

    /** How a task comes, of which each has a wait of its own. */
    enum Way {
        PUSH,
        ENQUEUE
    }

    /** What happens to one dispatcher and its Redis. */
    private record Trouble(Object kind, int ms, boolean isBusy) {
        @Override
        public String toString() {
            return kind + " for " + ms + " ms" + (isBusy ? " while tasks ran" : " while it was idle");
        }
    }

    @Test
    void tasksAreTakenTwoSecondsAfterTheServerHungOrTheNetworkFailed() throws InterruptedException {
        List<Trouble> troubles = new ArrayList<>();
        Stream.of(Halt.values()).forEach(halt -> troubles.add(new Trouble(halt, TROUBLE_MS, true)));
        Stream.of(Halt.CLIENT_PAUSE_ALL, Halt.SIGSTOP)
                .forEach(halt -> troubles.add(new Trouble(halt, TROUBLE_MS, false)));
        EnumSet.complementOf(EnumSet.of(Mode.PASS, Mode.SLOW))
                .forEach(mode -> troubles.add(new Trouble(mode, TROUBLE_MS, true)));
        Stream.of(Mode.HOLD, Mode.SWALLOW, Mode.REFUSE)
                .forEach(mode -> troubles.add(new Trouble(mode, TROUBLE_MS, false)));

        resumeAfterEach(troubles);
    }

    /** After a short one commands are answered late, or lost and not known to be; after a long one all have been given up. */
    @Test
    void tasksAreTakenTwoSecondsAfterTroublesThatNoCommandOrEveryCommandIsGivenUpIn() throws InterruptedException {
        List<Trouble> troubles = new ArrayList<>();
        Stream.of(Halt.CLIENT_PAUSE_ALL, Halt.SIGSTOP, Mode.HOLD, Mode.SWALLOW)
                .forEach(kind -> troubles.add(new Trouble(kind, LONG_MS, true)));
        for (int ms : SHORT_MS) {
            Stream.of(Halt.CLIENT_PAUSE_ALL, Halt.SIGSTOP, Mode.HOLD, Mode.SWALLOW, Mode.SWALLOW_REPLIES, Mode.REFUSE)
                    .forEach(kind -> troubles.add(new Trouble(kind, ms, true)));
        }

        resumeAfterEach(FEW_AT_ONCE, troubles); // short ones: the machine is busier with all that begins and ends
    }

    /** It comes back with all that was written, and begins to listen at some moment that no attempt to connect knows of. */
    @Test
    void tasksAreTakenTwoSecondsAfterAServerThatWasKilledAnswersAgain() throws InterruptedException {
        builder.appendOnly();
        List<Trouble> troubles = new ArrayList<>();
        for (int ms : new int[] {TROUBLE_MS, 0}) {
            Stream.of(true, false).forEach(isBusy -> troubles.add(new Trouble(Return.RESTARTED, ms, isBusy)));
        }

        resumeAfterEach(troubles);
    }

    /** It takes connections and refuses every command, but for the long spans in which it does not answer at all. */
    @Test
    void tasksAreTakenTwoSecondsAfterAServerHasLoadedItsLog() throws InterruptedException {
        builder.appendOnly()
                .with("key-load-delay", String.valueOf(TROUBLE_MS * 1000 / LOGGED)) // in microseconds
                .timeToStart(PATIENCE.plusMillis(2L * TROUBLE_MS));

        resumeAfterEach(Stream.of(true, false)
                .map(isBusy -> new Trouble(Return.RESTARTED_WITH_MUCH_TO_LOAD, TROUBLE_MS, isBusy))
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

    /** Who rests says something once a second, and asks the same through a new connection if that is not answered. */
    @Test
    void tasksAreTakenInTwoSecondsThoughAllConnectionsDieAtOnce() throws InterruptedException {
        List<Callable<Object>> losses = new ArrayList<>();
        Queue<Long> waits = new ConcurrentLinkedQueue<>();
        for (Way before : Way.values()) {
            for (Way after : Way.values()) {
                losses.add(onStage(
                        "the loss of all connections, between " + before + " and " + after,
                        scene -> waits.add(scene.resumeWithoutAny(before, after).toMillis())));
            }
        }
        Together.run(AT_ONCE, losses);
        System.out.printf(
                "resumption: all connections dead; tasks taken %d to %d ms later%n",
                Collections.min(waits), Collections.max(waits));
    }

    private void resumeAfterEach(List<Trouble> troubles) throws InterruptedException {
        resumeAfterEach(AT_ONCE, troubles);
    }

    private void resumeAfterEach(int atOnce, List<Trouble> troubles) throws InterruptedException {
        Queue<Long> waits = new ConcurrentLinkedQueue<>();

        Together.run(
                atOnce,
                troubles.stream()
                        .map(trouble -> onStage(
                                trouble,
                                scene -> waits.add(scene.resumeAfter(trouble).toMillis())))
                        .toList());
        System.out.printf(
                "resumption: %d troubles, the longest of %d ms; tasks taken %d to %d ms after them%n",
                waits.size(),
                troubles.stream().mapToInt(Trouble::ms).max().orElseThrow(),
                Collections.min(waits),
                Collections.max(waits));
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
        private RedisWire wire;
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
                    .queue(Node.QUEUE, QueueSettings.standard().concurrency(16))
                    .build()
                    .handler(
                            "t",
                            Object.class,
                            task -> Mono.delay(Duration.ofMillis(20)).doOnNext(done -> ran.add(task.id())));
        }

        /** How long after the trouble a task was taken that came then. */
        Duration resumeAfter(Trouble trouble) {
            dispatcher.start().block(PATIENCE);
            if (trouble.isBusy) {
                pushMany(trouble.ms == TROUBLE_MS ? TASKS : FEW_TASKS);
            }
            if (trouble.kind instanceof Mode mode) {
                proxy.mode(mode);
                park(trouble.ms);
                proxy.mode(Mode.PASS);
            } else if (trouble.kind instanceof Halt halt) {
                halt(halt, trouble.ms);
            } else {
                killAndRestart((Return) trouble.kind, trouble.ms);
            }
            push("after");
            return assertTaken("after", PROMISED);
        }

        /** The network forgets of one connection: nothing comes through it any more, either way. */
        void resumeWithout(int place, Way before, Way after) {
            rest(before);

            proxy.links().get(place).mode(Mode.SWALLOW);

            put("after", after);
            assertTaken("after", PROMISED);
        }

        Duration resumeWithoutAny(Way before, Way after) {
            rest(before);

            proxy.links().forEach(link -> link.mode(Mode.SWALLOW));

            put("after", after);
            return assertTaken("after", PROMISED);
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
            other.client(Node.QUEUE).enqueue(Task.of("t", "").id(id)).block(PATIENCE);
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

        private void halt(Halt halt, int howLong) {
            String ms = String.valueOf(howLong);
            switch (halt) {
                case CLIENT_PAUSE_ALL -> {
                    wire.call("CLIENT", "PAUSE", ms, "ALL");
                    park(howLong);
                }
                case CLIENT_PAUSE_WRITE -> {
                    wire.call("CLIENT", "PAUSE", ms, "WRITE");
                    park(howLong);
                }
                case DEBUG_SLEEP -> occupy("DEBUG", "SLEEP", String.valueOf(howLong / 1000.0));
                case SCRIPT -> occupy("EVAL", BUSY, "0", ms);
                case SCRIPT_THAT_LEAVES_OTHERS_REFUSED -> {
                    wire.call("CONFIG", "SET", "lua-time-limit", "100");
                    occupy("EVAL", BUSY, "0", ms);
                }
                case SIGSTOP -> {
                    redis.pause();
                    park(howLong);
                    redis.resume();
                }
            }
        }

        /** With one command; one that takes more than five seconds is given up by the wire, and not by Redis. */
        private void occupy(String... words) {
            try {
                redis.call(words);
            } catch (RedisServerException silent) {
                assertThat(silent).hasMessage("Redis did not answer");
                eventually(
                        PATIENCE.plusMillis(TROUBLE_MS),
                        () -> assertThat(answers()).isTrue());
            }
        }

        private boolean answers() {
            try {
                return "PONG".equals(redis.call("PING"));
            } catch (RedisServerException notYet) {
                return false;
            }
        }

        private void killAndRestart(Return how, int ms) {
            if (how == Return.RESTARTED) {
                redis.kill();
                park(ms);
                redis.restart();
            } else {
                IntStream.range(0, LOGGED).forEach(i -> wire.send("SET", "logged", "" + i));
                IntStream.range(0, LOGGED).forEach(i -> wire.reply());
                redis.kill();
                CompletableFuture<Void> back = CompletableFuture.runAsync(redis::restart);
                eventually(
                        PATIENCE,
                        () -> assertThatThrownBy(() -> redis.call("GET", "x")).hasMessageStartingWith("LOADING"));
                back.join();
            }
            wire.close();
            wire = redis.wire();
            assertThat(wire.call("PING")).isEqualTo("PONG");
        }

        private static void park(int ms) {
            LockSupport.parkNanos(ms * 1_000_000L);
        }

        private void pushMany(int tasks) {
            IntStream.range(0, tasks).forEach(i -> push("t" + i));
            eventually(PATIENCE, () -> assertThat(ran).isNotEmpty());
        }

        private void push(String id) {
            wire.call("RPUSH", "q", "{\"id\":\"" + id + "\",\"type\":\"t\"}");
        }

        private Duration assertTaken(String id, Duration limit) {
            long over = System.nanoTime();
            eventually(PATIENCE, () -> assertThat(ran).contains(id));
            Duration taken = Duration.ofNanos(System.nanoTime() - over);
            assertThat(taken).isLessThan(limit);
            eventually(
                    PATIENCE,
                    () -> assertThat((Long) wire.call("HLEN", "{q}:bodies")).isZero());
            return taken;
        }
    }
}
