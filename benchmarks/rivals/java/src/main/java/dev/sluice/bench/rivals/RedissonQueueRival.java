package dev.sluice.bench.rivals;

import java.util.Collections;
import java.util.function.Consumer;
import org.redisson.Redisson;
import org.redisson.api.RBlockingQueue;
import org.redisson.api.RedissonClient;
import org.redisson.client.codec.StringCodec;
import org.redisson.config.Config;

/**
 * {@code RBlockingQueue}: filled by {@code addAll}, taken from by several threads, as text and not by the default codec
 * for objects: https://redisson.pro/docs/data-and-services/queues/ (Blocking Queue).
 */
final class RedissonQueueRival implements Rival {
    private static final int PUSHES_PER_CALL = 1_000;
    private static final int THREADS = 16;

    private final RBlockingQueue<String> queue;

    RedissonQueueRival(String url) {
        queue = connect(url).getBlockingQueue("sluice-bench", StringCodec.INSTANCE);
    }

    static RedissonClient connect(String url) {
        Config config = new Config();
        config.useSingleServer().setAddress(url);
        return Redisson.create(config);
    }

    static String redisson() {
        return "Redisson " + Redisson.class.getPackage().getImplementationVersion();
    }

    @Override
    public String version() {
        return redisson();
    }

    @Override
    public void fill(int tasks, String payload) {
        for (int first = 0; first < tasks; first += PUSHES_PER_CALL) {
            queue.addAll(Collections.nCopies(Math.min(PUSHES_PER_CALL, tasks - first), payload));
        }
    }

    @Override
    public void enqueue(String payload) {
        queue.offerAsync(payload);
    }

    @Override
    public void work(Consumer<String> handler) {
        for (int i = 0; i < THREADS; i++) {
            Thread taker = new Thread(() -> take(handler), "taker-" + i);
            taker.setDaemon(true);
            taker.start();
        }
    }

    private void take(Consumer<String> handler) {
        try {
            while (true) {
                handler.accept(queue.take());
            }
        } catch (InterruptedException ended) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        // The process ends, and its threads with it.
    }
}
