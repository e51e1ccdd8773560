package dev.sluice.bench.scenario;

import dev.sluice.Sluice;
import dev.sluice.bench.measure.Figures;
import dev.sluice.bench.measure.RedisUnderLoad;
import dev.sluice.client.AwaitOptions;
import dev.sluice.client.Cancellation;
import dev.sluice.client.TaskClient;
import dev.sluice.task.Queue;
import dev.sluice.task.Task;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;
import reactor.core.Disposable;

/**
 * How soon a running task stops after another process has cancelled it: from the call of {@code cancel} here to the disposal of
 * the handler's {@code Mono} in a dispatcher of a process of its own; and the same for the cancelling of an await. Both read the clock of one machine.
 */
final class Cancel implements Variant {
    private static final Queue QUEUE = Queue.named("sluice-bench-cancel");
    private static final long LONGEST_SECONDS = 30;
    private static final AwaitOptions CANCELLING =
            AwaitOptions.within(Duration.ofMinutes(1)).cancelsTask(true);

    private final RedisUnderLoad redis;
    private final Load load;
    private final boolean awaited;

    private Cancel(RedisUnderLoad redis, Load load, boolean awaited) {
        this.redis = redis;
        this.load = load;
        this.awaited = awaited;
    }

    static List<Variant> variants(RedisUnderLoad redis, Load load) {
        return List.of(new Cancel(redis, load, false), new Cancel(redis, load, true));
    }

    @Override
    public String name() {
        return "cancel " + (awaited ? "the await of " : "") + load.samples + " tasks that run in another process";
    }

    @Override
    public Figures run() throws Exception {
        redis.clear(QUEUE.name());
        Histogram stopped = new Histogram(TimeUnit.MINUTES.toMicros(1), 3);
        Histogram answered = new Histogram(TimeUnit.MINUTES.toMicros(1), 3);
        Sluice sluice = Sluice.connect(redis.uri());
        try (Child other = Child.of(Cancelled.class, redis.uri(), QUEUE.name())) {
            BlockingQueue<String> lines = linesOf(other);
            TaskClient client = sluice.client(QUEUE);
            for (int i = 0; i < load.samples; i++) {
                String id = "t" + i;
                Task<?> task = Task.of("stay", i).id(id);
                Disposable waiting = awaited
                        ? client.enqueueAndAwait(task, Void.class, CANCELLING).subscribe()
                        : client.enqueue(task).subscribe();
                next(lines, "started " + id);
                long asked = micros();
                if (awaited) {
                    waiting.dispose();
                } else if (client.cancel(id).block() != Cancellation.STOPPING) {
                    throw new IllegalStateException("a running task was not told to stop");
                }
                answered.recordValue(micros() - asked);
                stopped.recordValue(Math.max(0, next(lines, "stopped " + id) - asked));
            }
        } finally {
            sluice.close().block(Duration.ofSeconds(5));
            redis.clear(QUEUE.name());
        }
        Figures figures = new Figures();
        figures.put("ms to the stop", stopped, 50, 99);
        if (!awaited) {
            figures.put("ms to the answer", answered, 50, 99);
        }
        return figures;
    }

    private static BlockingQueue<String> linesOf(Child process) {
        BlockingQueue<String> lines = new LinkedBlockingQueue<>();
        Thread reader = new Thread(() -> {
            try (BufferedReader text =
                    new BufferedReader(new InputStreamReader(process.output(), StandardCharsets.UTF_8))) {
                text.lines().forEach(lines::add);
            } catch (IOException ended) {
                // whoever waits for a line says that it did not come
            }
        });
        reader.setDaemon(true);
        reader.start();
        return lines;
    }

    /** The time that the next line tells, which must begin like this. */
    private static long next(BlockingQueue<String> lines, String expected) throws InterruptedException {
        String line = lines.poll(LONGEST_SECONDS, TimeUnit.SECONDS);
        if (line == null || !line.startsWith(expected + " ")) {
            throw new IllegalStateException("'" + expected + "' was expected of the other process, was " + line);
        }
        return Long.parseLong(line.substring(expected.length() + 1));
    }

    static long micros() {
        Instant now = Instant.now();
        return TimeUnit.SECONDS.toMicros(now.getEpochSecond()) + now.getNano() / 1_000;
    }
}
