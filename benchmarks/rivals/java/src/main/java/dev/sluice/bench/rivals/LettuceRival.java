package dev.sluice.bench.rivals;

import io.lettuce.core.KeyValue;
import io.lettuce.core.LettuceVersion;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisFuture;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.async.RedisAsyncCommands;
import io.lettuce.core.api.sync.RedisCommands;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.function.Consumer;

/**
 * The plain loop: BLPOP, HSET the status, handle, HDEL it. The status goes out without waiting for the answer, and the
 * blocking command has a connection of its own: https://redis.github.io/lettuce/advanced-usage/ (Pipelining and command
 * flushing) and https://github.com/redis/lettuce/wiki/Frequently-Asked-Questions (blocking commands).
 */
final class LettuceRival implements Rival {
    private static final String QUEUE = "sluice-bench";
    private static final String STATUS = "sluice-bench-status";
    private static final int PUSHES_PER_CALL = 1_000;

    private final RedisClient client;
    private final RedisAsyncCommands<String, String> commands;
    private long lastId;

    LettuceRival(String url) {
        client = RedisClient.create(url);
        commands = client.connect().async();
    }

    @Override
    public String version() {
        return "Lettuce " + LettuceVersion.getVersion();
    }

    @Override
    public void fill(int tasks, String payload) throws ExecutionException, InterruptedException {
        List<RedisFuture<?>> sent = new ArrayList<>();
        for (int first = 0; first < tasks; first += PUSHES_PER_CALL) {
            String[] elements = new String[Math.min(PUSHES_PER_CALL, tasks - first)];
            Map<String, String> states = new LinkedHashMap<>();
            for (int i = 0; i < elements.length; i++) {
                String id = nextId();
                elements[i] = id + ' ' + payload;
                states.put(id, "queued");
            }
            sent.add(commands.hset(STATUS, states));
            sent.add(commands.rpush(QUEUE, elements));
        }
        for (RedisFuture<?> answer : sent) {
            answer.get();
        }
    }

    @Override
    public void enqueue(String payload) {
        String id = nextId();
        commands.hset(STATUS, id, "queued");
        commands.rpush(QUEUE, id + ' ' + payload);
    }

    @Override
    public void work(Consumer<String> handler) {
        StatefulRedisConnection<String, String> blocking = client.connect();
        Thread loop = new Thread(() -> loop(blocking.sync(), handler), "loop");
        loop.setDaemon(true);
        loop.start();
    }

    private void loop(RedisCommands<String, String> blocking, Consumer<String> handler) {
        while (true) {
            KeyValue<String, String> popped = blocking.blpop(1, QUEUE);
            if (popped == null) {
                continue;
            }
            String element = popped.getValue();
            int space = element.indexOf(' ');
            String id = element.substring(0, space);
            commands.hset(STATUS, id, "processing");
            handler.accept(element.substring(space + 1));
            commands.hdel(STATUS, id);
        }
    }

    private String nextId() {
        return "t" + ++lastId;
    }

    @Override
    public void close() {
        // The process ends, and its loop with it.
    }
}
