package dev.sluice.redis;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.redis.OneQueue.Held;
import dev.sluice.redis.OneQueue.Worker;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.Private;
import dev.sluice.testkit.RedisServer;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a live task with a payload of 100 bytes takes of Redis, printed: the README's figures are these. */
@OnEveryRedis
class MemoryRedisTest {
    private static final int TASKS = 5120;

    private final OneQueue q;

    MemoryRedisTest(@Private RedisServer redis) {
        q = new OneQueue(redis);
    }

    @AfterEach
    void close() {
        q.close();
    }

    @Test
    @Timeout(120)
    void aLiveTaskTakesLessThanHalfAKilobyte() {
        Worker worker = q.worker("w");
        q.enqueue("warm");
        worker.drain();
        long before = usedMemory();
        byte[] body = ("{\"type\":\"mail.send\",\"payload\":\"" + "x".repeat(98) + "\"}").getBytes(UTF_8);
        for (int at = 0; at < TASKS; at += 256) {
            List<String> ids = new ArrayList<>();
            List<byte[]> frames = new ArrayList<>();
            for (int i = at; i < at + 256; i++) {
                ids.add("%014d".formatted(i)); // as long as an id of ours
                frames.add(Frame.ofClient(ids.get(i - at), body));
            }
            OneQueue.await(q.producer.enqueue(ids, frames, new Dues(), 0));
        }
        long waiting = (usedMemory() - before) / TASKS;

        List<Held> held = new ArrayList<>();
        while (held.size() < TASKS) {
            held.addAll(worker.claim(256));
        }
        long processing = (usedMemory() - before) / TASKS;

        for (int at = 0; at < TASKS; at += 256) {
            List<Held> some = held.subList(at, at + 256);
            worker.settle(it -> some.forEach(one -> it.retry(one.token(), 3_600_000, "{}")));
        }
        long retrying = (usedMemory() - before) / TASKS;

        System.out.printf(
                "bytes of Redis memory per live task, payload 100 bytes: waiting %d, processing %d, retrying %d, on Redis %s%n",
                waiting, processing, retrying, q.redis.version());
        assertThat(List.of(waiting, processing, retrying)).allMatch(bytes -> bytes > 100 && bytes < 512);
    }

    /** Of the keys alone: what a whole server uses holds the buffers of connections too, for as long as it likes. */
    private long usedMemory() {
        return ((List<?>) q.wire.call("KEYS", "*"))
                .stream()
                        .mapToLong(key -> (Long) q.wire.call("MEMORY", "USAGE", (String) key, "SAMPLES", "0"))
                        .sum();
    }
}
