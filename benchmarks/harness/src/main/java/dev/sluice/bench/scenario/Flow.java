package dev.sluice.bench.scenario;

import dev.sluice.Sluice;
import dev.sluice.bench.measure.Effort;
import dev.sluice.bench.measure.Figures;
import dev.sluice.bench.measure.Memory;
import dev.sluice.bench.measure.RedisUnderLoad;
import dev.sluice.client.EnqueueResult;
import dev.sluice.dispatch.QueueSettings;
import dev.sluice.task.Queue;
import dev.sluice.task.Task;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/**
 * Tasks are put in and handled at once, by one process, as fast as it goes: whether the rate holds, and whether memory stays.
 *
 * <p>The producer waits while too many are in the queue: a rate with a queue that grows could not be held.
 */
final class Flow implements Variant {
    private static final int MOST_WAITING = 50_000;
    private static final int MORE_THAN_A_DRAIN = 5;
    private static final int SAMPLES_A_SECOND = 4;
    private static final long STANDSTILL_NANOS = TimeUnit.MINUTES.toNanos(1);
    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    private final RedisUnderLoad redis;
    private final Load load;
    private final int tasks;

    private Flow(RedisUnderLoad redis, Load load, int tasks) {
        this.redis = redis;
        this.load = load;
        this.tasks = tasks;
    }

    static List<Variant> mixed(RedisUnderLoad redis, Load load) {
        return List.of(new Flow(redis, load, Math.multiplyExact(load.tasks, MORE_THAN_A_DRAIN)));
    }

    static List<Variant> millions(RedisUnderLoad redis, Load load) {
        return List.of(new Flow(redis, load, load.many));
    }

    @Override
    public String name() {
        return "put in and drain " + tasks + " tasks at once";
    }

    @Override
    public Figures run() throws Exception {
        Queue queue = Queue.named("sluice-bench-flow");
        redis.clear(queue.name());
        Figures figures = new Figures();
        Sluice sluice = Sluice.connect(redis.uri());
        CountDownLatch left = new CountDownLatch(tasks);
        Worker worker = new Worker(
                sluice.dispatcher().queue(queue, QueueSettings.standard().concurrency(load.concurrency)), left, task -> {
                    left.countDown();
                    return Mono.empty();
                });
        try (worker) {
            worker.start();
            sluice.client(queue).status("t").block(); // connects
            Effort before = Effort.now(redis);
            CompletableFuture<Long> taken = put(sluice, queue, left).toFuture();
            List<Sample> samples;
            Effort after;
            try {
                samples = samples(left, taken);
                after = Effort.now(redis);
                taken.get(1, TimeUnit.MINUTES);
                checkTaken(taken);
            } finally {
                taken.cancel(true); // or the producer would wait for ever
            }
            after.since(before, tasks, after.secondsSince(before), figures);
            tell(samples, before, figures);
        } finally {
            sluice.close().block();
            redis.clear(queue.name());
        }
        return figures;
    }

    private Mono<Long> put(Sluice sluice, Queue queue, CountDownLatch left) {
        Task<String> task = Task.of("noop", load.text());
        Flux<Task<String>> all = Flux.range(0, tasks)
                .map(i -> {
                    while (i - handled(left) > MOST_WAITING && !Thread.currentThread().isInterrupted()) {
                        LockSupport.parkNanos(PAUSE_NANOS);
                    }
                    return task;
                })
                .subscribeOn(Schedulers.boundedElastic()); // which may wait
        return sluice.client(queue).enqueueAll(all).filter(EnqueueResult::isCreated).count();
    }

    /** Until all are handled; fails if some were not taken, or nothing goes on. */
    private List<Sample> samples(CountDownLatch left, CompletableFuture<Long> taken) throws InterruptedException {
        List<Sample> samples = new ArrayList<>();
        long movedNanos = System.nanoTime();
        int moved = 0;
        do {
            int handled = handled(left);
            long now = System.nanoTime();
            samples.add(new Sample(now, handled, Effort.now(redis).memory() / 1e6, Memory.resident() / 1e6));
            checkTaken(taken);
            if (handled > moved) {
                moved = handled;
                movedNanos = now;
            } else if (now - movedNanos > STANDSTILL_NANOS) {
                throw new IllegalStateException(
                        (tasks - handled) + " tasks were not handled, and none in the last minute");
            }
        } while (!left.await(1_000 / SAMPLES_A_SECOND, TimeUnit.MILLISECONDS));
        return samples;
    }

    private void checkTaken(CompletableFuture<Long> taken) {
        if (taken.isDone() && taken.join() != tasks) {
            throw new IllegalStateException((tasks - taken.join()) + " tasks were not taken");
        }
    }

    private int handled(CountDownLatch left) {
        return tasks - (int) left.getCount();
    }

    private void tell(List<Sample> samples, Effort before, Figures figures) {
        double slowest = Double.MAX_VALUE;
        for (int i = SAMPLES_A_SECOND; i < samples.size(); i++) {
            slowest = Math.min(slowest, samples.get(i).rateSince(samples.get(i - SAMPLES_A_SECOND)));
        }
        if (samples.size() > SAMPLES_A_SECOND) {
            figures.put("tasks/s in the slowest second", slowest);
        }
        figures.put(
                "Redis MB at most, more than before",
                samples.stream().mapToDouble(Sample::redisMegabytes).max().orElseThrow() - before.memory() / 1e6);
        Sample early = samples.stream().filter(it -> it.handled >= tasks / 10).findFirst().orElse(samples.get(0));
        figures.put("JVM RSS MB after a tenth", early.residentMegabytes);
        figures.put("JVM RSS MB at the end", samples.get(samples.size() - 1).residentMegabytes);
    }

    private record Sample(long nanos, int handled, double redisMegabytes, double residentMegabytes) {
        double rateSince(Sample earlier) {
            return (handled - earlier.handled) * 1e9 / (nanos - earlier.nanos);
        }
    }
}
