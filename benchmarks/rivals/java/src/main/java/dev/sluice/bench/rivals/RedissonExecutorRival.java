package dev.sluice.bench.rivals;

import java.io.Serializable;
import java.util.Arrays;
import java.util.function.Consumer;
import org.redisson.api.RExecutorService;
import org.redisson.api.WorkerOptions;

/**
 * {@code RExecutorService}: tasks are submitted in batches and run by registered workers:
 * https://redisson.pro/docs/data-and-services/services/ (Executor service).
 */
final class RedissonExecutorRival implements Rival {
    private static final int TASKS_PER_CALL = 100;
    private static final int WORKERS = 16;

    private static volatile Consumer<String> handler = payload -> {};

    private final RExecutorService executor;

    RedissonExecutorRival(String url) {
        executor = RedissonQueueRival.connect(url).getExecutorService("sluice-bench");
    }

    @Override
    public String version() {
        return RedissonQueueRival.redisson();
    }

    @Override
    public void fill(int tasks, String payload) {
        for (int first = 0; first < tasks; first += TASKS_PER_CALL) {
            Runnable[] batch = new Runnable[Math.min(TASKS_PER_CALL, tasks - first)];
            Arrays.fill(batch, new Job(payload));
            executor.execute(batch);
        }
    }

    @Override
    public void enqueue(String payload) {
        executor.submitAsync(new Job(payload));
    }

    @Override
    public void work(Consumer<String> handler) {
        RedissonExecutorRival.handler = handler;
        executor.registerWorkers(WorkerOptions.defaults().workers(WORKERS));
    }

    @Override
    public void close() {
        // The process ends, and its workers with it.
    }

    /** What is stored in Redis and run by a worker. */
    static final class Job implements Runnable, Serializable {
        private static final long serialVersionUID = 1;

        private final String payload;

        Job(String payload) {
            this.payload = payload;
        }

        @Override
        public void run() {
            handler.accept(payload);
        }
    }
}
