package dev.sluice.dispatch;

import dev.sluice.codec.PayloadCodec;
import dev.sluice.observe.Observer;
import dev.sluice.redis.RedisLinks;
import dev.sluice.redis.ServerFacts;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Queue;
import dev.sluice.task.StoreRefusedException;
import dev.sluice.task.StoreUnavailableException;
import dev.sluice.task.Task;
import dev.sluice.task.TaskId;
import java.lang.reflect.Type;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;
import reactor.util.retry.Retry;

/**
 * Takes tasks out of one or more queues, runs each through its handler or hands it to a subscriber, and settles it.
 *
 * <p>What is claimed is never more than what can run: for each queue at most its concurrency, and for a subscriber at
 * most what it requested. Register handlers, then {@link #start}; a queue that {@link #receive} names goes to that
 * subscriber instead of the handlers. Thread-safe. A dispatcher starts once and stops once; when its {@code Sluice} is
 * closed it stops, too, without a grace and without Redis.
 */
public final class Dispatcher implements HandlerRegistry {
    private static final Logger log = LoggerFactory.getLogger(Dispatcher.class);
    private static final Duration SERVER_CHECK = Duration.ofSeconds(5);
    private static final Duration LONGEST_GRACE = Duration.ofDays(365);
    private static final String CLOSED = "the Sluice of this dispatcher was closed";

    private final DispatcherParts parts;
    private final HandlerRunner handlers;
    private final Opening opening;
    private final Map<String, QueueSettings> settings = new LinkedHashMap<>();
    private final Map<String, Queue> queues = new LinkedHashMap<>();
    private final Map<String, Receiver<?>> receivers = new LinkedHashMap<>();
    private final Map<String, Pump> pumps = new LinkedHashMap<>();
    private final Chores chores;
    private final HealthWatch watch;
    private final Disposable.Composite running = Disposables.composite();
    private final Disposable.Swap stopping = Disposables.swap();
    private final Sinks.Empty<Void> begun = Sinks.empty();
    private final Sinks.Empty<Void> stopSignal = Sinks.empty();
    private final Sinks.Empty<Void> ended = Sinks.empty();
    private boolean started;
    private volatile boolean stopped;

    private Dispatcher(Builder builder) {
        this.parts = new DispatcherParts(
                builder.links,
                new EventLoop(),
                new HandlerPool(),
                HeldBytes.ofThisHeap(),
                builder.observer,
                new Outages(builder.observer),
                builder.lease,
                builder.crashLimit);
        TaskId.random(); // draws its first random numbers here, where that may block, and not on the loop
        this.opening = new Opening(builder.codec);
        this.handlers = new HandlerRunner(parts.pool(), opening);
        this.chores = builder.chores;
        this.watch = new HealthWatch(parts.loop(), parts.outages(), builder.observer);
        builder.queues.forEach((queue, its) -> {
            queues.put(queue.name(), queue);
            settings.put(queue.name(), its);
        });
    }

    /**
     * Registers the handler of a type, for every queue of this dispatcher. To be called before {@link #start}.
     *
     * @param payload what the payload is decoded to; {@code byte[]} takes its JSON untouched, {@code Void} ignores it
     * @throws InvalidTaskException if no task can have the type, see {@link Task#of}
     * @throws IllegalStateException if the type has a handler already, or the dispatcher was started
     */
    @Override
    public <T> Dispatcher handler(String type, Class<T> payload, TaskHandler<T> handler) {
        return handler(type, (Type) payload, handler);
    }

    /** The same for a generic payload type, such as a list of something. */
    @Override
    public synchronized <T> Dispatcher handler(String type, Type payload, TaskHandler<T> handler) {
        if (started) {
            throw new IllegalStateException("register handlers before start: '" + type + "' came after");
        }
        if (!handlers.register(Task.checkType(type), new HandlerRunner.Registration<>(payload, handler))) {
            throw new IllegalStateException("type '" + type + "' has a handler already");
        }
        return this;
    }

    /**
     * The tasks of a queue for one subscriber, who settles each through its {@link Delivery}. To be called before
     * {@link #start}; nothing is claimed before it is subscribed to.
     *
     * <p>Claimed and undelivered tasks are never more than what was requested, and unsettled ones never more than the
     * queue's concurrency: {@code request(Long.MAX_VALUE)} is safe. Deliveries may be settled in any order, from any
     * thread. Signals on a thread of its own; while a subscriber blocks that for more than 5 s, what it did not get goes back
     * and nothing is claimed for it. Completes when the dispatcher stops. Cancelling stops the claims: what was not delivered
     * goes back to the queue, what was delivered can still be settled; another may subscribe then. There is one subscriber at
     * a time, a second fails with {@link IllegalStateException}. A task whose payload cannot be read goes to the dead letters and is not delivered.
     *
     * @param payload what the payload is decoded to, as for a {@linkplain #handler(String, Class, TaskHandler) handler}
     * @throws InvalidTaskException if this dispatcher has no such queue
     * @throws IllegalStateException if the queue has a receiver already, or the dispatcher was started
     */
    public <T> Flux<Delivery<T>> receive(String queue, Class<T> payload) {
        return receive(queue, (Type) payload);
    }

    /** The same for a generic payload type, such as a list of something. */
    public synchronized <T> Flux<Delivery<T>> receive(String queue, Type payload) {
        Queue known = known(queue);
        if (started || stopped || receivers.containsKey(queue)) {
            throw new IllegalStateException(
                    started || stopped
                            ? "ask to receive before start, and not after stop"
                            : "queue '" + queue + "' has a receiver already");
        }
        Receiver<T> receiver = new Receiver<>(parts.pool()::worker, opening, payload);
        Pump pump = pump(known, receiver);
        receiver.attach(pump);
        receivers.put(queue, receiver);
        pumps.put(queue, pump);
        return receiver;
    }

    /**
     * Begins to take tasks.
     *
     * <p>Cold, once. Completes when every queue was joined; while Redis is not there it keeps trying, so put a
     * {@code timeout} behind it where a start must not wait: {@link #health} says why it waits, and one line of the log
     * does. Fails with {@code StoreRefusedException} where somebody must change something: password, server version,
     * Redis Cluster, another delivery mode; then nothing runs, and the dispatcher is stopped. Fails with
     * {@code IllegalStateException} if {@link #stop} comes before that, or if its {@code Sluice} is closed, and then when
     * the stop has ended; and at once, without stopping it, if a queue has no receiver and there is no handler. Cancelling only ends the waiting: it goes on starting until it is stopped. Signals on Reactor's
     * parallel scheduler.
     */
    public Mono<Void> start() {
        return Mono.defer(() -> {
            begin(); // what this refuses must not stop what runs
            stopSignal.asMono().subscribe(nothing -> {}, none -> {}, () -> begun.tryEmitError(stoppedTooSoon()));
            running.add(parts.links().closing().subscribe(nothing -> {}, none -> {}, this::cutOff));
            checkServer()
                    .thenMany(Flux.fromIterable(pumps.values())
                            .takeWhile(pump -> !stopped)
                            .concatMap(Pump::start))
                    .then(Mono.<Void>fromRunnable(this::beginChores))
                    .subscribe(nothing -> {}, this::endBecause, begun::tryEmitEmpty);
            return begun.asMono()
                    .onErrorResume(failure -> stop(Duration.ZERO).then(Mono.error(failure)))
                    .publishOn(Schedulers.parallel());
        });
    }

    /**
     * Stops in good order: takes nothing more at once, lets running tasks finish within {@code grace} while their lease
     * is renewed, gives the rest back without using an attempt, and frees every thread and connection of its own. A grace
     * below zero is none, and one beyond 365 days is taken for that.
     *
     * <p>Cold; a second call completes with the first. Completes at most 2 s after the grace, whether Redis is there or
     * not, and never fails. Cancelling does not undo it. Signals on Reactor's parallel scheduler.
     */
    public Mono<Void> stop(Duration grace) {
        Duration atMost = grace.compareTo(LONGEST_GRACE) > 0 ? LONGEST_GRACE : grace;
        Duration within = atMost.isNegative() ? Duration.ZERO : atMost;
        return Mono.defer(() -> {
            if (beginStop()) {
                // Closing threads takes locks, and a shared thread may be blocked by handlers.
                Scheduler last = Schedulers.newBoundedElastic(1, Integer.MAX_VALUE, "sluice-end", 1, true);
                stopping.update(Flux.fromIterable(pumps.values())
                        .flatMap(pump -> pump.stop(within), Math.max(1, pumps.size())) // all of them at once
                        .then(parts.loop().halt())
                        .publishOn(last)
                        .doFinally(end -> release(last))
                        .subscribe(nothing -> {}, failure -> log.error("A queue did not stop in order", failure)));
            }
            return ended.asMono().publishOn(Schedulers.parallel());
        });
    }

    /**
     * Whether it works on each of its queues, and if not, since when and why. Cheap, never blocks, from any thread; an
     * outage shows as soon as a call fails, a loop that hangs after two seconds. Before {@link #start} it has only queues that
     * somebody receives.
     */
    public Map<String, Health> health() {
        return watch.health();
    }

    /**
     * Sets how many tasks of a queue may be held at once, from now on until this dispatcher ends; it is not stored. Lowering it
     * interrupts nothing. Any thread.
     *
     * @param limit 1 to 100,000
     * @throws InvalidTaskException if it is outside of that, or this dispatcher has no such queue
     */
    public void concurrency(String queue, int limit) {
        QueueSettings checked = QueueSettings.standard().concurrency(limit);
        Queue known = known(queue);
        synchronized (this) {
            Pump pump = pumps.get(known.name());
            if (pump != null) {
                pump.concurrency(checked.concurrency());
            } else {
                settings.computeIfPresent(queue, (name, its) -> its.concurrency(limit));
            }
        }
    }

    /** It can reach Redis no more. */
    private void cutOff() {
        if (!endBecause(new IllegalStateException(CLOSED))) {
            log.warn("The Sluice of this dispatcher was closed while it ran: it stops, and others run what it held"
                    + " when its lease is over. Stop a dispatcher before its Sluice");
        }
    }

    /** Stops, and says why to whoever waits for the start; false if it had begun. */
    private boolean endBecause(Throwable failure) {
        boolean told = begun.tryEmitError(failure).isSuccess();
        // Here, too: nobody may be waiting for the start any more.
        stop(Duration.ZERO).subscribe(nothing -> {}, stuck -> log.error("A dispatcher did not end", stuck));
        return told;
    }

    private static IllegalStateException stoppedTooSoon() {
        return new IllegalStateException("the dispatcher was stopped before it had started");
    }

    private synchronized void begin() {
        if (started || stopped) {
            throw new IllegalStateException("a dispatcher starts once");
        }
        checkHandlers();
        started = true;
        for (Queue queue : queues.values()) {
            pumps.computeIfAbsent(queue.name(), name -> pump(queue, handlers));
        }
        parts.loop().begin();
        watch.begin();
    }

    /** Without any handler each task would be a dead letter. */
    private void checkHandlers() {
        List<String> unserved = queues.keySet().stream()
                .filter(queue -> !receivers.containsKey(queue))
                .toList();
        if (handlers.isEmpty() && !unserved.isEmpty()) {
            throw new IllegalStateException("nobody would run the tasks of " + unserved
                    + ": register a handler, or receive() the queue, before start");
        }
    }

    private void beginChores() {
        if (stopped) {
            throw stoppedTooSoon();
        }
        for (Pump pump : pumps.values()) {
            running.add(chores.of(
                            pump.queue(),
                            pump.settings(),
                            parts.lease(),
                            parts.crashLimit(),
                            parts.pool().aside(),
                            pump::seen)
                    .subscribe(
                            nothing -> {},
                            failure ->
                                    log.error("Upkeep of {} ended", pump.queue().name(), failure)));
        }
    }

    private boolean beginStop() {
        synchronized (this) {
            if (stopped) {
                return false;
            }
            stopped = true;
        }
        stopSignal.tryEmitEmpty();
        running.dispose();
        receivers.values().forEach(Receiver::finish);
        return true;
    }

    /** On {@code last}, which ends after all others: to dispose of it interrupts this very thread. */
    private void release(Scheduler last) {
        try {
            watch.end();
            parts.loop().close();
            parts.pool().close();
            parts.outages().close();
        } finally {
            ended.tryEmitEmpty();
            last.dispose();
        }
    }

    private Pump pump(Queue queue, Consumer consumer) {
        QueueSettings its = settingsOf(queue);
        return queue.delivery() == DeliveryMode.AT_MOST_ONCE
                ? new PopPump(parts, queue, its, consumer)
                : new ClaimPump(parts, queue, its, consumer);
    }

    private QueueSettings settingsOf(Queue queue) {
        return settings.getOrDefault(queue.name(), QueueSettings.standard());
    }

    private Queue known(String queue) {
        Queue known = queues.get(queue);
        if (known == null) {
            throw new InvalidTaskException(
                    "queue", "this dispatcher has no queue '" + queue + "', only " + queues.keySet());
        }
        return known;
    }

    private Mono<Void> checkServer() {
        return parts.links()
                .server()
                .timeout(SERVER_CHECK, Mono.error(Dispatcher::silent))
                .retryWhen(Retry.backoff(Long.MAX_VALUE, Duration.ofMillis(50))
                        .maxBackoff(Duration.ofSeconds(1))
                        .filter(failure -> !stopped && !(failure instanceof StoreRefusedException))
                        .doBeforeRetry(failed -> waitsFor(failed.failure())))
                .map(ServerFacts::check)
                .doOnNext(Dispatcher::warn)
                .then();
    }

    private static StoreUnavailableException silent() {
        return new StoreUnavailableException("Redis did not answer in time", null);
    }

    private void waitsFor(Throwable reason) {
        parts.loop().execute(() -> parts.outages().cannotStart(reason));
    }

    private static void warn(ServerFacts facts) {
        if (facts.mayEvict()) {
            log.atWarn()
                    .addKeyValue("maxmemory-policy", facts.evictionPolicy())
                    .log("This Redis may delete tasks when its memory is full: set maxmemory-policy noeviction");
        } else if (facts.isSilentOnEviction()) {
            log.atInfo()
                    .addKeyValue("maxmemory-policy", facts.evictionPolicy())
                    .log("This Redis does not say whether it may delete tasks when its memory is full: it must not");
        }
    }

    /** Starts a builder; {@code links} stay the caller's to close. Internal by rule: users ask {@code Sluice}. */
    public static Builder over(RedisLinks links, PayloadCodec codec, Observer observer, Chores chores) {
        return new Builder(links, codec, observer, chores);
    }

    /** What a dispatcher consists of. Not thread-safe. */
    public static final class Builder {
        private static final Duration SHORTEST_LEASE = Duration.ofMillis(500);
        private static final Duration LONGEST_LEASE = Duration.ofMinutes(10);

        private final RedisLinks links;
        private final PayloadCodec codec;
        private final Observer observer;
        private final Chores chores;
        private final Map<Queue, QueueSettings> queues = new LinkedHashMap<>();
        private Duration lease = Duration.ofSeconds(15);
        private int crashLimit = 3;

        private Builder(RedisLinks links, PayloadCodec codec, Observer observer, Chores chores) {
            this.links = links;
            this.codec = codec;
            this.observer = observer;
            this.chores = chores;
        }

        /** Adds a queue with the standard settings. */
        public Builder queue(Queue queue) {
            return queue(queue, QueueSettings.standard());
        }

        /**
         * Adds a queue. Two queues of one name, or with one status key, are refused, and so are results and callbacks of an
         * at-most-once queue.
         *
         * @throws InvalidTaskException if it is refused
         */
        public Builder queue(Queue queue, QueueSettings settings) {
            if (queues.keySet().stream().anyMatch(known -> known.name().equals(queue.name()))) {
                throw new InvalidTaskException("queue", "queue '" + queue.name() + "' is there twice");
            }
            queues.keySet().stream()
                    .filter(known -> known.statusKey().equals(queue.statusKey()))
                    .findFirst()
                    .ifPresent(known -> {
                        throw new InvalidTaskException(
                                "statusKey",
                                "queues '" + known.name() + "' and '" + queue.name() + "' have one status key, '"
                                        + queue.statusKey() + "': each would remove the other's statuses");
                    });
            boolean keepsResults = !settings.results().maxAge().isZero();
            if (keepsResults && queue.delivery() == DeliveryMode.AT_MOST_ONCE) {
                throw new InvalidTaskException(
                        "results",
                        "queue '" + queue.name() + "' is at-most-once, which keeps no results: leave their age at 0, or"
                                + " use an at-least-once queue");
            }
            if (!settings.callbacks().isEmpty() && queue.delivery() == DeliveryMode.AT_MOST_ONCE) {
                throw new InvalidTaskException(
                        "callback",
                        "queue '" + queue.name()
                                + "' is at-most-once, which has no callbacks: use an at-least-once queue");
            }
            queues.put(queue, settings);
            return this;
        }

        /**
         * How long others wait before they take the tasks of a dispatcher that went silent: 500 ms to 10 min, default
         * 15 s. Renewed three times in that span with one call for all tasks of a queue.
         *
         * @throws InvalidTaskException if outside of that
         */
        public Builder lease(Duration length) {
            if (length.compareTo(SHORTEST_LEASE) < 0 || length.compareTo(LONGEST_LEASE) > 0) {
                throw new InvalidTaskException("lease", "the lease must be 500 ms to 10 min, was " + length);
            }
            lease = length;
            return this;
        }

        /**
         * After how many deaths of its dispatcher a task is dead itself: 1 to 100, default 3. The last of them counts only
         * if no other suspect was held with it, so that a limit of 1 takes two.
         *
         * @throws InvalidTaskException if outside of that
         */
        public Builder crashLimit(int crashes) {
            if (crashes < 1 || crashes > 100) {
                throw new InvalidTaskException("crashLimit", "the crash limit must be 1 to 100, was " + crashes);
            }
            crashLimit = crashes;
            return this;
        }

        /**
         * The dispatcher. It connects to nothing before it is started.
         *
         * @throws InvalidTaskException if it has no queue
         */
        public Dispatcher build() {
            if (queues.isEmpty()) {
                throw new InvalidTaskException("queue", "a dispatcher needs at least one queue");
            }
            return new Dispatcher(this);
        }
    }
}
