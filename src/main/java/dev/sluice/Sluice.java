package dev.sluice;

import dev.sluice.client.ClientOptions;
import dev.sluice.client.DeadLetters;
import dev.sluice.client.Schedules;
import dev.sluice.client.TaskClient;
import dev.sluice.codec.JsonCodec;
import dev.sluice.codec.PayloadCodec;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.observe.MicrometerObserver;
import dev.sluice.observe.Observer;
import dev.sluice.redis.RedisLinks;
import dev.sluice.redis.RedisUrl;
import dev.sluice.redis.ServerFacts;
import dev.sluice.task.Diagnosis;
import dev.sluice.task.DispatcherInfo;
import dev.sluice.task.Explanation;
import dev.sluice.task.Queue;
import dev.sluice.task.QueueInfo;
import dev.sluice.task.QueuePage;
import dev.sluice.task.StoreRefusedException;
import dev.sluice.task.TaskId;
import dev.sluice.task.TaskInfo;
import dev.sluice.upkeep.Ticks;
import dev.sluice.upkeep.Upkeep;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisURI;
import io.lettuce.core.resource.ClientResources;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/**
 * A connection to one Redis, and the place where clients and dispatchers come from.
 *
 * <p>Creating one connects to nothing; the first command does. What it hands out shares its connections for commands, so
 * one instance for each Redis and process is enough. {@link #close} closes what this class created and nothing else: a
 * Lettuce client, resources or a meter registry that the caller brought stay open. Thread-safe.
 */
public final class Sluice {
    private final RedisLinks links;
    private final PayloadCodec codec;
    private final Observer observer;

    private Sluice(RedisLinks links, PayloadCodec codec, Observer observer) {
        this.links = links;
        this.codec = codec;
        this.observer = observer;
    }

    /**
     * The Redis at {@code uri}, such as {@code redis://:password@localhost:6379/0} or {@code redis-sentinel://…}, with the
     * defaults.
     *
     * @throws IllegalArgumentException if that is no Redis URL; the message says why, without the password
     */
    public static Sluice connect(String uri) {
        return builder().uri(uri).build();
    }

    /** What differs from the defaults. */
    public static Builder builder() {
        return new Builder();
    }

    /** A client that puts tasks into {@code queue}. */
    public TaskClient client(Queue queue) {
        return client(queue, ClientOptions.defaults());
    }

    /** A client that puts tasks into {@code queue}, with options of its own. */
    public TaskClient client(Queue queue, ClientOptions options) {
        return TaskClient.over(links.producer(queue), queue, codec, options);
    }

    /** The dead letters of {@code queue}: to look at, to redrive, to purge. */
    public DeadLetters deadLetters(Queue queue) {
        return DeadLetters.over(links.producer(queue), links.dead(queue));
    }

    /** The schedules of {@code queue}: to declare, to look at, to pause, to trigger, to remove. */
    public Schedules schedules(Queue queue) {
        return Schedules.over(
                links.producer(queue),
                links.schedules(queue),
                codec,
                (timing, after) -> Ticks.of(timing).next(after));
    }

    /** Begins a dispatcher: add queues, build it, register handlers, start it. */
    public Dispatcher.Builder dispatcher() {
        return Dispatcher.over(
                links,
                codec,
                observer,
                (queue, settings, lease, crashLimit, aside, onRound) -> new Upkeep(
                                links.upkeep(queue, crashLimit),
                                links.schedules(queue),
                                observer,
                                queue.name(),
                                lease,
                                settings.deadLetters(),
                                settings.maxLength(),
                                aside)
                        .run(onRound));
    }

    /** A dispatcher of one queue with the standard settings. */
    public Dispatcher dispatcher(Queue queue) {
        return dispatcher().queue(queue).build();
    }

    /**
     * The queue of this name as Redis has it, with its counts.
     *
     * <p>Cold: a few commands per subscription, which change nothing. Completes empty if no client or dispatcher has worked
     * on it yet. Cancelling drops the answer. Signals on Reactor's parallel scheduler. Fails with
     * {@code InvalidTaskException} if {@code name} can be no queue's, {@code StoreRefusedException}, or
     * {@code StoreUnavailableException} (safe to retry).
     */
    public Mono<QueueInfo> queue(String name) {
        return Mono.defer(() -> links.directory().one(name))
                .publishOn(Schedulers.parallel())
                .doOnNext(observer::counted)
                .switchIfEmpty(Mono.fromRunnable(() -> observer.uncounted(name)))
                .doOnError(StoreRefusedException.class, refused -> observer.uncounted(name));
    }

    /**
     * The dispatchers that have a lease on a queue, with how long it runs and how many tasks each holds: the longest lease
     * first, at most 1,000.
     *
     * <p>Cold: three commands per subscription and one or two more for each dispatcher, which change nothing; what moves
     * meanwhile may be counted twice or not at all. Empty for a queue that nobody serves. Cancelling ends the reading. Signals
     * and errors as for {@link #queue}.
     */
    public Flux<DispatcherInfo> dispatchers(Queue queue) {
        return Flux.defer(() -> links.directory().dispatchers(queue)).publishOn(Schedulers.parallel());
    }

    /**
     * Every queue that a client or dispatcher has worked on, once, in no order.
     *
     * <p>Cold. Walks all keys of the database in steps of 1000, of which each takes Redis about a millisecond: among
     * millions of keys that takes seconds, so put {@code take} or {@code timeout} behind it. A step is taken when it is
     * asked for; memory grows with the number of queues. Cancelling stops the walk. Signals and errors as for
     * {@link #queue}; a {@code StoreRefusedException} says of which queue. A list that only foreign producers have touched is
     * not known as a queue.
     */
    public Flux<QueueInfo> queues() {
        return links.directory()
                .all()
                .publishOn(Schedulers.parallel(), 1)
                .doOnNext(observer::counted)
                .doOnError(StoreRefusedException.class, this::tell);
    }

    /**
     * A part of {@link #queues}, for a caller who wants an answer soon: it ends with 50,000 keys, with about 200 queues, or
     * after 100 ms, whichever comes first.
     *
     * <p>Cold; emits one page, which may be empty though its cursor leads on. Cancelling drops it. Signals and errors as for
     * {@link #queues()}; {@code InvalidTaskException} if {@code cursor} is no cursor.
     *
     * @param cursor that of the page before; null = from the beginning
     */
    public Mono<QueuePage> queues(@Nullable String cursor) {
        return Mono.defer(() -> links.directory().page(cursor))
                .publishOn(Schedulers.parallel())
                .doOnNext(page -> page.queues().forEach(observer::counted))
                .doOnError(StoreRefusedException.class, this::tell);
    }

    private void tell(StoreRefusedException refused) {
        String queue = refused.queue();
        if (queue != null) {
            observer.uncounted(queue);
        }
    }

    /**
     * A task that lives, or a dead letter, as Redis has it at a moment.
     *
     * <p>Cold: one call per subscription, whose cost does not grow with the queue, and which changes nothing. Completes empty
     * if the queue does not know the id: the task has ended, or there never was one. Cancelling drops the answer. Signals on
     * Reactor's parallel scheduler. Fails with {@code InvalidTaskException} if {@code id} can be no task's,
     * {@code StoreRefusedException}, or {@code StoreUnavailableException} (safe to retry).
     */
    public Mono<TaskInfo> task(Queue queue, String id) {
        return Mono.defer(() -> links.explainer(queue).find(TaskId.check(id))).publishOn(Schedulers.parallel());
    }

    /**
     * Every queue that {@link #examine} can look at, once, in no order: unlike {@link #queues} also one whose settings are
     * damaged, or in whose way another program's key is. What cannot be read of it is the default.
     *
     * <p>Cold. Walks all keys as {@link #queues} does; signals and errors as there.
     */
    public Flux<Queue> examinable() {
        return links.directory().examinable().publishOn(Schedulers.parallel(), 1);
    }

    /**
     * The same for the queue of this name; completes empty if no client or dispatcher has worked on it yet.
     *
     * <p>Cold; one command. Signals and errors as for {@link #queue}.
     */
    public Mono<Queue> examinable(String name) {
        return Mono.defer(() -> links.directory().examinable(name)).publishOn(Schedulers.parallel());
    }

    /**
     * Checks the stored invariants of a queue without changing anything, also while it is at work: each live id in exactly
     * one place, every claimed or delayed task with its body and its owner, every dead letter with its record, and statuses
     * that agree. What looks wrong is looked at again, and only what is still wrong a moment later is reported.
     *
     * <p>Cold. Reads in steps of at most 256 elements and about a megabyte. Memory is 16 to 32 bytes for each waiting or
     * claimed id, for at most two million of them at a time. Cancelling stops the reading. Signals on a Redis event loop or
     * on Reactor's parallel scheduler. Fails with {@code StoreRefusedException} or {@code StoreUnavailableException} (safe
     * to retry).
     */
    public Mono<Diagnosis> examine(Queue queue) {
        return links.doctor(queue).examine();
    }

    /**
     * The same, and puts in order what it can of what it found, each in a script that looks again first. Nothing is lost: a
     * task that nobody holds goes back to the ready list, and what is left of a task that somebody deleted is removed and
     * counted. What it mends may uncover something else: repair until nothing is repaired.
     *
     * <p>Cold. Emits what was found; {@link dev.sluice.task.Finding#repaired} says what is in order now. Cancelling leaves
     * done what is done. Otherwise as {@link #examine}; a retry is safe.
     */
    public Mono<Diagnosis> repair(Queue queue) {
        return links.doctor(queue).repair();
    }

    /**
     * Says where a task is and why it does not run: which list and how far from its head, which dispatcher holds it, when
     * it is due, why it is dead, and what keeps the whole queue.
     *
     * <p>Cold. Reads only, one instant after the other, at most 10,000 elements of each list and of the claims; the answer
     * says if it is not complete. Never empty: of an id that nobody knows it says so. Cancelling stops the reading. Signals
     * on a Redis event loop. Fails with {@code InvalidTaskException} if {@code id} can be no task's,
     * {@code StoreRefusedException}, or {@code StoreUnavailableException} (safe to retry).
     */
    public Mono<Explanation> explain(Queue queue, String id) {
        return Mono.defer(() -> links.explainer(queue).explain(TaskId.check(id)));
    }

    /**
     * What the server says about itself.
     *
     * <p>Cold: three commands per subscription. Cancelling drops the answer. Signals on Reactor's parallel scheduler. Fails with
     * {@code StoreRefusedException} if Sluice cannot work with it (older than 6.2, Redis Cluster, password), or with
     * {@code StoreUnavailableException} (safe to retry).
     */
    public Mono<ServerInfo> server() {
        return links.server()
                .map(ServerFacts::check)
                .flatMap(facts -> Mono.zip(links.setting("appendfsync"), links.setting("min-replicas-to-write"))
                        .map(settings -> new ServerInfo(
                                facts.version(),
                                facts.product(),
                                facts.evictionPolicy(),
                                facts.appendOnly(),
                                settings.getT1(),
                                facts.role(),
                                facts.replicas(),
                                settings.getT2())))
                .publishOn(Schedulers.parallel());
    }

    /**
     * Closes the connections, and Lettuce's threads if they were made here. Stop dispatchers first: those that run are stopped
     * without a grace, and their running tasks wait for another dispatcher to recover them.
     *
     * <p>Cold. Completes when every socket and thread of its own is gone, usually at once, at the latest after about 7 s; never
     * fails. Signals on one of Lettuce's event loops, or on the thread that ended them; cancelling does not undo it.
     */
    public Mono<Void> close() {
        return links.close();
    }

    /** Collects what differs from the defaults. Not thread-safe. */
    public static final class Builder {
        private @Nullable RedisURI uri;
        private @Nullable RedisClient client;
        private @Nullable ClientResources resources;
        private PayloadCodec codec = JsonCodec.standard();
        private Observer observer = Observer.none();

        private Builder() {}

        /**
         * Where Redis is; default {@code redis://localhost:6379}.
         *
         * @throws IllegalArgumentException if that is no Redis URL; the message says why, without the password
         */
        public Builder uri(String redis) {
            return uri(RedisUrl.of(redis).uri());
        }

        /** Where Redis is, with all that a Lettuce URI can say. */
        public Builder uri(RedisURI redis) {
            uri = Objects.requireNonNull(redis, "redis");
            return this;
        }

        /**
         * Connects with the threads and options of a Lettuce client of the caller's, which stays open; needs {@link #uri},
         * too. Its options are those it has when this is built, but for three: a lost connection is opened again; what was
         * under way then fails instead of being sent a second time, which might run a task twice; and commands have the
         * deadlines of Sluice alone. The connections are not the client's own, so listeners that were added to it hear
         * nothing of them.
         */
        public Builder redisClient(RedisClient callers) {
            client = Objects.requireNonNull(callers, "callers");
            return this;
        }

        /** Runs on threads of the caller's, which stay open; without effect beside {@link #redisClient}. */
        public Builder clientResources(ClientResources callers) {
            resources = Objects.requireNonNull(callers, "callers");
            return this;
        }

        /** How payloads become bytes; default JSON through Jackson, at most 256 KiB. */
        public Builder codec(PayloadCodec payloads) {
            codec = Objects.requireNonNull(payloads, "payloads");
            return this;
        }

        /** Who is told what happens; default nobody. */
        public Builder observer(Observer listener) {
            observer = listener.guarded();
            return this;
        }

        /**
         * Keeps meters in the caller's registry, which stays open. Takes the place of {@link #observer}, and the other way round; for
         * both use {@code observer(MicrometerObserver.of(registry).and(mine))}.
         */
        public Builder meterRegistry(MeterRegistry callers) {
            return observer(MicrometerObserver.of(callers));
        }

        /** The front door; connects to nothing yet. */
        public Sluice build() {
            RedisClient borrowed = client;
            RedisURI named = uri;
            if (borrowed != null && named == null) {
                throw new IllegalStateException(
                        "name the uri beside redisClient: a Lettuce client does not tell its own");
            }
            RedisURI redis =
                    named == null ? RedisUrl.of("redis://localhost:6379").uri() : named;
            RedisLinks links =
                    borrowed == null ? RedisLinks.own(redis, resources) : RedisLinks.borrowed(borrowed, redis);
            return new Sluice(links, codec, observer);
        }
    }
}
