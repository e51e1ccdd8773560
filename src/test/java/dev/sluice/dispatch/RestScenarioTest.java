package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.client.EnqueueResult;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Task;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.Private;
import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * After a storm nothing is left but what was meant to stay. {@code -Dsluice.rest.tasks=1000000} makes it a long one; its
 * figures are printed.
 */
@OnEveryRedis
class RestScenarioTest extends DispatchCase {
    private static final int TASKS = Integer.getInteger("sluice.rest.tasks", 10_000);
    private static final int LONG_RUN = 100_000;
    private static final Duration LONG = Duration.ofMinutes(20);
    private static final int DEAD = 10;
    private static final long BUFFERS = 128 * 1024; // by which those of connections differ from moment to moment

    RestScenarioTest(@Private RedisServer redis) {
        super(redis);
    }

    @ParameterizedTest
    @EnumSource
    @Timeout(value = 30, unit = TimeUnit.MINUTES)
    void afterAStormAllKeysAreGoneAndTheMemoryIsBack(DeliveryMode mode) {
        deliver(mode);
        settings = settings.concurrency(256);
        AtomicInteger failures = new AtomicInteger();
        Dispatcher dispatcher = dispatcher()
                .handler("t", Object.class, task -> Mono.empty())
                .handler("retry", Object.class, task -> {
                    if (task.attempt() == 1) {
                        failures.incrementAndGet();
                        return Mono.error(new IllegalStateException("once"));
                    }
                    return Mono.empty();
                })
                .handler("die", Object.class, task -> Mono.error(new IllegalStateException("always")));
        started(dispatcher);
        wire.call("CONFIG", "SET", "slowlog-log-slower-than", "-1"); // it would keep what slow calls were given
        storm(500, mode, DEAD); // scripts, connections and the server's own books are there from here on
        rest();
        keys();
        incarnations();
        clearDeadLetters();
        long before = usedMemory();

        storm(TASKS, mode, DEAD);
        rest();

        assertThat(dead()).isEqualTo(DEAD);
        assertThat(keys()).isSubsetOf(keysThatMayStay());
        clearDeadLetters();
        eventually(() -> assertThat(usedMemory()).isLessThan(before * 105 / 100 + BUFFERS));
        System.out.printf(
                "state at rest: %s, %,d tasks, used_memory %,d B before, %,d B after (%+.2f %%), on Redis %s%n",
                mode.word(), TASKS, before, usedMemory(), 100.0 * (usedMemory() - before) / before, redis.version());
        rest();
        dispatcher.stop(GRACE).block(PATIENCE);
        assertThat(keys()).containsExactly(key("meta"));
    }

    /** Of ten tasks seven succeed, one is pushed by another client, one twice by it, and one is retried. */
    private void storm(int tasks, DeliveryMode mode, int dead) {
        boolean retries = mode == DeliveryMode.AT_LEAST_ONCE;
        Flux<Task<?>> own = Flux.range(0, tasks * 8 / 10)
                .map(i -> Task.of(retries && i % 8 == 7 ? "retry" : "t", "x".repeat(100))
                        .id("t" + i));
        putIn(own.concatWith(
                Flux.range(0, dead).map(i -> Task.of("die", i).id("d" + i).maxAttempts(1))));
        int foreign = tasks / 10;
        for (int from = 0; from < foreign; from += 500) {
            int to = Math.min(foreign, from + 500);
            int replies = 0;
            for (int i = from; i < to; i++) {
                String element = "{\"id\":\"f" + i + "\",\"type\":\"t\",\"payload\":\"" + "y".repeat(100) + "\"}";
                // Status second, as the quick start does it; and one of two is pushed twice.
                wire.send("RPUSH", queue.name(), element);
                wire.send("HSET", queue.statusKey(), "f" + i, "queued");
                replies += 2;
                if (i % 2 == 1) {
                    wire.send("RPUSH", queue.name(), element);
                    replies++;
                }
            }
            for (int i = 0; i < replies; i++) {
                wire.reply();
            }
        }
    }

    /** What is not known to be in, because a busy Redis did not answer in time, is put in again. */
    private void putIn(Flux<Task<?>> tasks) {
        for (Set<String> unknown = unknownOf(tasks); !unknown.isEmpty(); ) {
            Set<String> again = unknown;
            unknown = unknownOf(tasks.filter(task -> again.contains(task.id())));
        }
    }

    private Set<String> unknownOf(Flux<Task<?>> tasks) {
        return sluice.client(queue)
                .enqueueAll(tasks)
                .filter(result -> result.error() != null)
                .map(EnqueueResult::id)
                .collect(Collectors.toSet())
                .block(LONG);
    }

    /**
     * Late statuses are looked for until 80 s after a task; a short run lets these looks be the last at once, again and
     * again: at most once, an id may be noted when all else is gone.
     */
    private void rest() {
        eventually(LONG, this::assertEmptyButForLateOnes);
        eventually(LONG, () -> {
            if (TASKS < LONG_RUN) {
                lookForTheLastTime();
            }
            assertAtRest();
        });
    }

    private void lookForTheLastTime() {
        List<?> watched = (List<?>) wire.call("ZRANGE", key("late"), "0", "-1");
        watched.forEach(id -> wire.send("ZADD", key("late"), "XX", "3", (String) id));
        watched.forEach(id -> wire.reply());
    }

    private void assertEmptyButForLateOnes() {
        assertThat(waiting()).isZero();
        assertThat(claimed()).isZero();
        assertThat(hlen(key("bodies"))).isZero();
    }

    private void assertAtRest() {
        assertEmptyButForLateOnes();
        assertThat(hlen(queue.statusKey())).as("statuses").isEqualTo(dead());
        assertThat((Long) wire.call("ZCARD", key("delayed"))).isZero();
        assertThat((Long) wire.call("ZCARD", key("late")))
                .as("watched for late statuses")
                .isZero();
        assertThat(llen(key("suspects"))).isZero();
    }

    private void clearDeadLetters() {
        for (String id : deadIds()) {
            wire.call("HDEL", queue.statusKey(), id);
        }
        wire.call("DEL", key("dead"), key("dead:bodies"));
    }

    private Set<String> keysThatMayStay() {
        Set<String> keys = new TreeSet<>(List.of(
                key("meta"), key("dispatchers"), key("wake"), key("dead"), key("dead:bodies"), queue.statusKey()));
        incarnations().forEach(it -> keys.add(key("claimed:" + it))); // one field: the number of its last call
        if (queue.delivery() == DeliveryMode.AT_MOST_ONCE) { // until it stops: the number of its last burial
            List<?> numbers = (List<?>) wire.call("KEYS", key("buried:*"));
            assertThat(numbers).as("one dispatcher").hasSizeLessThanOrEqualTo(1);
            numbers.forEach(it -> keys.add((String) it));
        }
        return keys;
    }

    private Set<String> keys() {
        Set<String> keys = new TreeSet<>();
        ((List<?>) wire.call("KEYS", "*")).forEach(it -> keys.add((String) it));
        return keys;
    }

    private long usedMemory() {
        return ((String) wire.call("INFO", "memory"))
                .lines()
                .filter(line -> line.startsWith("used_memory:"))
                .mapToLong(line ->
                        Long.parseLong(line.substring("used_memory:".length()).strip()))
                .findFirst()
                .orElseThrow();
    }
}
