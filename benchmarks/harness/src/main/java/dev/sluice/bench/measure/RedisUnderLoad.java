package dev.sluice.bench.measure;

import dev.sluice.testkit.RedisServer;
import io.lettuce.core.KeyScanCursor;
import io.lettuce.core.LettuceFutures;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisFuture;
import io.lettuce.core.ScanArgs;
import io.lettuce.core.ScanCursor;
import io.lettuce.core.api.StatefulRedisConnection;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The Redis that is loaded, looked at from outside: what it has spent, what it holds; and a foreign producer for it. */
public final class RedisUnderLoad implements AutoCloseable {
    private static final int PUSHES_PER_CALL = 200;
    private static final int CALLS_IN_FLIGHT = 64;

    private final RedisServer own;
    private final String uri;
    private final RedisClient client;
    private final StatefulRedisConnection<String, String> connection;

    private RedisUnderLoad(RedisServer own, String uri) {
        this.own = own;
        this.uri = uri;
        this.client = RedisClient.create(uri);
        this.connection = client.connect();
    }

    /** The Redis at {@code url}, or one of our own if that is null: with an append-only file, synced every second, or none. */
    public static RedisUnderLoad open(String url, boolean appendOnly) {
        if (url != null) {
            return new RedisUnderLoad(null, url);
        }
        RedisServer server = RedisServer.builder()
                .with("appendonly", appendOnly ? "yes" : "no")
                .with("appendfsync", "everysec")
                .start();
        return new RedisUnderLoad(server, server.uri());
    }

    public String uri() {
        return uri;
    }

    public boolean isOwn() {
        return own != null;
    }

    /** All fields of INFO. */
    public Map<String, String> info() {
        Map<String, String> fields = new HashMap<>();
        connection.sync().info().lines().filter(line -> line.indexOf(':') > 0).forEach(line -> {
            int colon = line.indexOf(':');
            fields.put(line.substring(0, colon), line.substring(colon + 1).strip());
        });
        return fields;
    }

    /** Pushes a task as any client would, and returns at once. */
    public void push(String queue, String statusKey, String id, String json) {
        ignoring(connection.async().rpush(queue, json));
        ignoring(connection.async().hset(statusKey, id, "queued"));
    }

    /** Fills a queue as any client would, many pushes a call; returns when Redis has them all. */
    public void fill(String queue, String statusKey, int tasks, String text) {
        List<RedisFuture<?>> sent = new ArrayList<>();
        for (int first = 0; first < tasks; first += PUSHES_PER_CALL) {
            int count = Math.min(PUSHES_PER_CALL, tasks - first);
            String[] elements = new String[count];
            Map<String, String> states = new HashMap<>();
            for (int i = 0; i < count; i++) {
                String id = "t" + (first + i);
                elements[i] = element(id, text);
                states.put(id, "queued");
            }
            sent.add(connection.async().rpush(queue, elements));
            sent.add(connection.async().hset(statusKey, states));
            if (sent.size() >= CALLS_IN_FLIGHT) {
                await(sent);
            }
        }
        await(sent);
    }

    public static String element(String id, String text) {
        return "{\"id\":\"" + id + "\",\"type\":\"noop\",\"payload\":\"" + text + "\"}";
    }

    /** How many connections listen to messages. */
    public long listeners() {
        return connection.sync().clientList().lines().filter(it -> it.contains(" flags=P")).count();
    }

    /** How many clients are connected, this one among them. */
    public int connections() {
        return Integer.parseInt(info().getOrDefault("connected_clients", "0"));
    }

    /** How many tasks have a status: those that have not ended. */
    public int statuses(String statusKey) {
        return connection.sync().hlen(statusKey).intValue();
    }

    /** Deletes every key of a queue. */
    public void clear(String queue) {
        ScanCursor at = ScanCursor.INITIAL;
        do {
            KeyScanCursor<String> page =
                    connection.sync().scan(at, ScanArgs.Builder.matches("*" + queue + "*").limit(1_000));
            if (!page.getKeys().isEmpty()) {
                connection.sync().unlink(page.getKeys().toArray(String[]::new));
            }
            at = page;
        } while (!at.isFinished());
    }

    @Override
    public void close() {
        connection.close();
        client.shutdown(Duration.ZERO, Duration.ofSeconds(2));
        if (own != null) {
            own.close();
        }
    }

    private static void await(List<RedisFuture<?>> sent) {
        if (!LettuceFutures.awaitAll(Duration.ofSeconds(60), sent.toArray(RedisFuture[]::new))) {
            throw new IllegalStateException("Redis did not take the tasks within 60 s");
        }
        sent.clear();
    }

    // A push that fails is a task that never arrives, and the run says so.
    private static void ignoring(RedisFuture<?> answer) {
        answer.whenComplete((value, failure) -> {});
    }
}
