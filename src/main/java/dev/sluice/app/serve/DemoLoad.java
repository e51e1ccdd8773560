package dev.sluice.app.serve;

import dev.sluice.app.console.RedisAddress;
import dev.sluice.client.EnqueueResult;
import dev.sluice.client.TaskClient;
import dev.sluice.task.Queue;
import dev.sluice.task.Task;
import java.io.IOException;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;

/**
 * The tasks of a demo on their way into the queue, in both ways at once: one half as a stranger would push them,
 * {@code RPUSH} then {@code HSET} for each over a plain socket, the other through the client.
 */
final class DemoLoad implements AutoCloseable {
    private static final int TASKS_PER_FLUSH = 500;
    private static final Pattern ANY_DEMO = Pattern.compile("demo-[0-9a-z]{8,9}-[0-9]+");

    private final RedisAddress redis;
    private final Queue queue;
    private final int tasks;
    private final int foreign;
    private final String prefix = "demo-" + Long.toString(System.currentTimeMillis(), 36) + "-";
    private final AtomicLongArray sentNanos;
    private final AtomicInteger enqueued = new AtomicInteger();
    private final Thread stranger = new Thread(this::push, "sluice-demo-producer");
    private @Nullable Disposable client;
    private volatile int pushed;
    private volatile boolean closed;
    private volatile @Nullable Exception failure;

    DemoLoad(RedisAddress redis, Queue queue, int tasks) {
        this.redis = redis;
        this.queue = queue;
        this.tasks = tasks;
        this.foreign = (tasks + 1) / 2;
        this.sentNanos = new AtomicLongArray(tasks);
        stranger.setDaemon(true);
    }

    /** Both halves begin. */
    void start(TaskClient own) {
        stranger.start();
        client = own.enqueueAll(Flux.range(foreign, tasks - foreign).map(this::task))
                .subscribe(this::count, this::fail);
    }

    int tasks() {
        return tasks;
    }

    boolean isSent() {
        return pushed + enqueued.get() == tasks;
    }

    /** Why not all of them get there, or null. */
    @Nullable
    Exception failure() {
        return failure;
    }

    boolean owns(String id) {
        return id.startsWith(prefix);
    }

    /** Whether it is a task of another demo, which was interrupted. */
    boolean isOfAnother(String id) {
        return !owns(id) && ANY_DEMO.matcher(id).matches();
    }

    /** When a task of this load was sent, in {@link System#nanoTime}; 0 if it was asked before. Any thread. */
    long takeSentNanos(String id) {
        return sentNanos.getAndSet(Integer.parseInt(id, prefix.length(), id.length(), 10), 0);
    }

    /** How many went which way. */
    String[] account() {
        return new String[] {
            String.format(Locale.ROOT, "  by RPUSH/HSET    %,d over a plain socket", pushed),
            String.format(Locale.ROOT, "  by the client    %,d through TaskClient.enqueueAll", enqueued.get())
        };
    }

    /** Sends no more. */
    @Override
    public void close() {
        closed = true;
        Disposable running = client;
        if (running != null) {
            running.dispose();
        }
    }

    private void push() {
        try (ForeignWire wire = ForeignWire.connect(redis)) {
            for (int first = 0; first < foreign && !closed; first += TASKS_PER_FLUSH) {
                int from = first;
                int end = Math.min(foreign, first + TASKS_PER_FLUSH);
                for (int number = from; number < end; number++) {
                    String id = prefix + number;
                    wire.add(
                            "RPUSH",
                            queue.name(),
                            "{\"id\":\"" + id + "\",\"type\":\"echo\",\"payload\":{\"number\":" + number + "}}");
                    wire.add("HSET", queue.statusKey(), id, "queued");
                }
                wire.flush(now -> {
                    for (int number = from; number < end; number++) {
                        sentNanos.set(number, now);
                    }
                });
                pushed = end;
            }
        } catch (IOException e) {
            fail(e);
        }
    }

    // Its time begins before the client writes it: what the client makes it wait is part of what is shown.
    private Task<Map<String, Integer>> task(int number) {
        sentNanos.set(number, System.nanoTime());
        return Task.of("echo", Map.of("number", number)).id(prefix + number);
    }

    private void count(EnqueueResult result) {
        if (result.isAccepted()) {
            enqueued.incrementAndGet();
        } else {
            fail(result.error() == null ? new IOException("the queue is full") : result.error());
        }
    }

    private void fail(Throwable reason) {
        failure = reason instanceof Exception known ? known : new IllegalStateException(reason);
    }
}
