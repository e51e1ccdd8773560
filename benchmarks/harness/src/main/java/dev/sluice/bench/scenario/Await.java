package dev.sluice.bench.scenario;

import dev.sluice.Sluice;
import dev.sluice.bench.measure.Figures;
import dev.sluice.bench.measure.Memory;
import dev.sluice.bench.measure.RedisUnderLoad;
import dev.sluice.client.TaskClient;
import dev.sluice.client.Waiters;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.dispatch.QueueSettings;
import dev.sluice.dispatch.TaskHandler;
import dev.sluice.task.Queue;
import dev.sluice.task.StoreUnavailableException;
import dev.sluice.task.Task;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.HdrHistogram.Histogram;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.util.retry.Retry;

/** What awaiting a task costs: time beyond that of running it, and what is left of those who waited in vain. */
abstract class Await implements Variant {
    private static final Queue QUEUE = Queue.named("sluice-bench-await");
    private static final Duration LONGEST = Duration.ofMinutes(2);

    final RedisUnderLoad redis;
    final Load load;

    private Await(RedisUnderLoad redis, Load load) {
        this.redis = redis;
        this.load = load;
    }

    static List<Variant> variants(RedisUnderLoad redis, Load load) {
        return List.of(new OneByOne(redis, load), new AtOnce(redis, load), new InVain(redis, load));
    }

    @Override
    public final Figures run() throws Exception {
        redis.clear(QUEUE.name());
        Sluice sluice = Sluice.connect(redis.uri());
        try {
            return measure(sluice);
        } finally {
            sluice.close().block(Duration.ofSeconds(5));
            redis.clear(QUEUE.name());
        }
    }

    abstract Figures measure(Sluice sluice) throws Exception;

    static Dispatcher running(Sluice sluice, int concurrency, TaskHandler<Object> handler) {
        Dispatcher dispatcher = sluice.dispatcher()
                .queue(QUEUE, QueueSettings.standard().concurrency(concurrency))
                .build()
                .handler("t", Object.class, handler);
        dispatcher.start().block(LONGEST);
        return dispatcher;
    }

    static Task<Object> task(String id) {
        return Task.of("t", (Object) null).id(id);
    }

    /** One after the other: until the task has run, and until its value is there. */
    private static final class OneByOne extends Await {
        OneByOne(RedisUnderLoad redis, Load load) {
            super(redis, load);
        }

        @Override
        public String name() {
            return "await " + load.samples + " tasks, one after the other";
        }

        @Override
        Figures measure(Sluice sluice) throws InterruptedException {
            BlockingQueue<Long> ends = new LinkedBlockingQueue<>();
            Dispatcher dispatcher = running(sluice, load.concurrency, task -> Mono.fromSupplier(() -> {
                ends.add(System.nanoTime());
                return task.id();
            }));
            TaskClient client = sluice.client(QUEUE);
            Histogram plain = new Histogram(TimeUnit.MINUTES.toMicros(1), 3);
            Histogram awaited = new Histogram(TimeUnit.MINUTES.toMicros(1), 3);
            Histogram behind = new Histogram(TimeUnit.MINUTES.toMicros(1), 3);
            for (int i = -load.samples / 4; i < load.samples; i++) { // the first ones warm up
                long began = System.nanoTime();
                client.enqueue(task("p" + i)).block(LONGEST);
                long ran = ends.take() - began;
                began = System.nanoTime();
                client.enqueueAndAwait(task("a" + i), String.class, LONGEST).block(LONGEST);
                long now = System.nanoTime();
                long end = ends.take();
                if (i >= 0) {
                    plain.recordValue(ran / 1_000);
                    awaited.recordValue((now - began) / 1_000);
                    behind.recordValue((now - end) / 1_000);
                }
            }
            dispatcher.stop(Duration.ZERO).block(LONGEST);
            Figures figures = new Figures();
            for (int percent : new int[] {50, 99}) {
                double has = awaited.getValueAtPercentile(percent) / 1e3;
                double runs = plain.getValueAtPercentile(percent) / 1e3;
                figures.put("p" + percent + " ms added by awaiting", has - runs);
                figures.put("p" + percent + " ms until it has run", runs);
                figures.put("p" + percent + " ms until its value is there", has);
                figures.put("p" + percent + " ms from its end to its value", behind.getValueAtPercentile(percent) / 1e3);
            }
            return figures;
        }
    }

    /** All tasks are held until all of them are awaited, and then end at once. */
    private static final class AtOnce extends Await {
        private static final int MANY = 10_000;

        AtOnce(RedisUnderLoad redis, Load load) {
            super(redis, load);
        }

        @Override
        public String name() {
            return "await " + MANY + " tasks at once";
        }

        @Override
        Figures measure(Sluice sluice) throws Exception {
            Sinks.Empty<Void> end = Sinks.empty();
            AtomicInteger started = new AtomicInteger();
            CompletableFuture<Void> allStarted = new CompletableFuture<>();
            Dispatcher dispatcher = running(sluice, MANY, task -> {
                if (started.incrementAndGet() == MANY) {
                    allStarted.complete(null);
                }
                return end.asMono().thenReturn(task.id());
            });
            TaskClient client = sluice.client(QUEUE);
            CompletableFuture<Long> values = Flux.range(0, MANY)
                    .flatMap(i -> until(client, task("t" + i)), MANY)
                    .distinct()
                    .count()
                    .toFuture();
            allStarted.get(LONGEST.toSeconds(), TimeUnit.SECONDS);
            double links = redis.listeners();
            long began = System.nanoTime();
            end.tryEmitEmpty();
            if (values.get(LONGEST.toSeconds(), TimeUnit.SECONDS) != MANY) {
                throw new IllegalStateException("values were missing");
            }
            double took = (System.nanoTime() - began) / 1e6;
            dispatcher.stop(Duration.ZERO).block(LONGEST);
            Figures figures = new Figures();
            figures.put("ms until all values are there", took);
            figures.put("links that listen", links);
            return figures;
        }

        /** A busy machine may not send all of them in the time that a task waits for its turn. */
        private static Mono<String> until(TaskClient client, Task<?> task) {
            return client.enqueueAndAwait(task, String.class, LONGEST)
                    .retryWhen(Retry.indefinitely().filter(StoreUnavailableException.class::isInstance));
        }
    }

    /** Nobody runs the tasks: half of those who await one cancel, half have no time left. */
    private static final class InVain extends Await {
        private static final int MANY = 100_000;
        private static final int PART = 10_000;
        private static final Duration TIMEOUT = Duration.ofMinutes(1);

        InVain(RedisUnderLoad redis, Load load) {
            super(redis, load);
        }

        @Override
        public String name() {
            return "await " + MANY + " tasks in vain";
        }

        @Override
        Figures measure(Sluice sluice) throws Exception {
            TaskClient client = sluice.client(QUEUE);
            inVain(client, 0, PART); // loads what is loaded once
            double before = Memory.live();
            inVain(client, PART, PART + MANY);
            Figures figures = new Figures();
            figures.put("MB of live heap more than before", (Memory.live() - before) / 1e6);
            figures.put("who still wait", (double) Waiters.of(client));
            return figures;
        }

        private static void inVain(TaskClient client, int from, int to) throws Exception {
            List<Disposable> cancelled = new ArrayList<>();
            AtomicInteger left = new AtomicInteger();
            CompletableFuture<Void> timedOut = new CompletableFuture<>();
            for (int i = from; i < to; i++) {
                Mono<String> awaited = client.enqueueAndAwait(task("t" + i), String.class, TIMEOUT);
                if (i % 2 == 0) {
                    cancelled.add(awaited.subscribe(value -> {}, failure -> {}));
                } else {
                    left.incrementAndGet();
                    awaited.subscribe(value -> {}, failure -> {
                        if (left.decrementAndGet() == 0) {
                            timedOut.complete(null);
                        }
                    });
                }
                if (i % PART == PART - 1) {
                    client.enqueue(task("last" + i)).block(LONGEST); // behind them: they are there
                }
            }
            cancelled.forEach(Disposable::dispose);
            timedOut.get(LONGEST.toSeconds(), TimeUnit.SECONDS);
        }
    }
}
