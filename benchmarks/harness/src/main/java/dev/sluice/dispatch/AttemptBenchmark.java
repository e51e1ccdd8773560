package dev.sluice.dispatch;

import dev.sluice.redis.Frame;
import dev.sluice.task.Verdict;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import reactor.core.publisher.Mono;

/** The life of one attempt, its timeout, its place in a batch and its permit; beside it what a timer per task would cost. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@State(Scope.Thread)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class AttemptBenchmark {
    private static final long TIMEOUT_NANOS = Duration.ofMinutes(5).toNanos();
    private static final int BATCH = 256;

    private final Frame frame =
            Frame.read("\u0001c welcome-17\n{\"type\":\"t\"}".getBytes(StandardCharsets.UTF_8));
    private final NoPump pump = new NoPump();
    private final HandlerPool pool = new HandlerPool();
    private final Holdings holdings = new Holdings(pool);
    private final Permits permits = new Permits(BATCH, HeldBytes.ofThisHeap());
    private final Mono<Void> noop = Mono.empty();
    private ScheduledThreadPoolExecutor timers;

    @Setup
    public void open() {
        timers = new ScheduledThreadPoolExecutor(1);
        timers.setRemoveOnCancelPolicy(true);
    }

    @TearDown
    public void close() {
        timers.shutdownNow();
        pool.close();
    }

    /** An attempt without the question whether it took too long. */
    @Benchmark
    public Object attempt() {
        Attempt attempt = new Attempt(pump, holdings, frame, 1);
        attempt.start(System.nanoTime());
        attempt.end(Verdict.succeeded());
        return attempt;
    }

    /** The same with a timeout, and one tick that looks at it. */
    @Benchmark
    public Object attemptWithTimeout() {
        Attempt attempt = new Attempt(pump, holdings, frame, 1);
        attempt.start(System.nanoTime());
        attempt.timeout(TIMEOUT_NANOS);
        if (attempt.isOverdue(System.nanoTime())) {
            throw new IllegalStateException("overdue");
        }
        attempt.end(Verdict.succeeded());
        return attempt;
    }

    /** What {@code Mono.timeout} would cost each task. */
    @Benchmark
    public Object timeoutOperatorPerTask() {
        return noop.timeout(Duration.ofMinutes(5)).subscribe();
    }

    /** What a timer would cost each task. */
    @Benchmark
    public boolean timerPerTask() {
        ScheduledFuture<?> timer = timers.schedule(() -> {}, 5, TimeUnit.MINUTES);
        return timer.cancel(false);
    }

    /** 256 tasks through a batch. */
    @Benchmark
    public Object batchOf256() {
        Attempt[] attempts = new Attempt[BATCH];
        for (int i = 0; i < BATCH; i++) {
            attempts[i] = new Attempt(pump, holdings, frame, i);
        }
        Batch batch = new Batch(attempts);
        for (Attempt attempt = batch.takeNext(); attempt != null; attempt = batch.takeNext()) {
            attempt.start(System.nanoTime());
            attempt.timeout(TIMEOUT_NANOS);
            attempt.end(Verdict.succeeded());
        }
        for (int i = 0; i < BATCH; i++) {
            batch.settled(i);
        }
        return batch;
    }

    /** The permits of one exchange: asked for, taken, brought, returned. */
    @Benchmark
    public int permits() {
        int free = permits.freeAfter(0, Long.MAX_VALUE);
        permits.reserve(free);
        permits.fulfil(free, free);
        permits.release(free);
        return free;
    }
}
