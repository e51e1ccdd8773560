package dev.sluice.client;

import dev.sluice.codec.PayloadCodec;
import dev.sluice.redis.CancelReply;
import dev.sluice.redis.ProducerStore;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Durability;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.NotDurableException;
import dev.sluice.task.PayloadTooLargeException;
import dev.sluice.task.Queue;
import dev.sluice.task.QueueDrainingException;
import dev.sluice.task.QueueFullException;
import dev.sluice.task.StoreRefusedException;
import dev.sluice.task.StoreUnavailableException;
import dev.sluice.task.Task;
import dev.sluice.task.TaskId;
import dev.sluice.task.TaskState;
import java.lang.reflect.Type;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;

/**
 * The producer's side of one queue: puts tasks in, and looks at them.
 *
 * <p>Share one instance; it is thread-safe and never blocks. It owns nothing that has to be closed: its connection belongs
 * to the {@code Sluice} that made it, and after that is closed every call fails with {@link StoreUnavailableException}.
 *
 * <p>All results and errors that come from Redis are signalled on Reactor's {@code parallel} scheduler, for many callers
 * one after the other on one thread: do not block there.
 *
 * <p>Before the first task is sent, the queue is asked whether this side fits: a queue that is run with another delivery
 * mode, status key or protocol version fails every call with {@link StoreRefusedException}, until that is put right.
 *
 * <h2>Enqueueing again</h2>
 *
 * {@link StoreUnavailableException} means that the outcome is unknown: the task may be in the queue, only the answer was
 * lost. Enqueue it again <em>with the same id</em>: while the task lives, or its result is kept, that changes nothing and answers
 * {@link EnqueueResult#isExisting() existing}. (After that its id is free, and enqueueing runs it anew.)
 *
 * <h2>Order</h2>
 *
 * Tasks that one thread enqueues are in the queue in their order, one by one, in a list, or of a stream. Those that are on the
 * way in the moment in which the queue keeps its first result, or in which somebody empties Redis' scripts, may change places
 * with those behind them; and the first that are awaited after half a minute without are overtaken by those that are not, for
 * they wait until their ends can be heard of.
 *
 * <h2>Durability</h2>
 *
 * An answer means that the task, whether created now or existing, is as durable as this client's {@link Durability} asks:
 * by default in the memory of the master. {@link NotDurableException} means that the master has answered for it and too
 * few others in time: it may be run, and a failover now may lose it. Enqueue it again with the same id. Tasks that are
 * enqueued at the same time are confirmed together, through a connection of their own that holds up nobody else.
 */
public final class TaskClient {
    private static final Scheduler SIGNALS = Schedulers.parallel();

    private final PayloadCodec codec;
    private final Framer framer;
    private final StoreCalls calls;
    private final Coalescer coalescer;
    private final Awaits awaits;
    private final Listeners listeners;
    private final ProducerStore store;
    private final Queue queue;
    private final ClientOptions options;
    private final Map<Durability, TaskClient> clients; // one for each durability that was asked for, shared by all

    private TaskClient(
            ProducerStore store,
            Queue queue,
            PayloadCodec codec,
            ClientOptions options,
            Awaits awaits,
            Listeners listeners,
            Map<Durability, TaskClient> clients) {
        this.store = store;
        this.queue = queue;
        this.codec = codec;
        this.framer = new Framer(codec, queue, options.enqueuedAt());
        this.options = options;
        this.awaits = awaits;
        this.listeners = listeners;
        this.clients = clients;
        this.calls = new StoreCalls(store.with(options.durability()), options.maxQueueLength());
        this.coalescer = new Coalescer(queue.name(), calls, SIGNALS, options.maxWaiting(), System::nanoTime);
    }

    /**
     * A client of {@code queue} over {@code store}. Internal: for the root package, which hands out clients; no API for
     * users.
     */
    public static TaskClient over(ProducerStore store, Queue queue, PayloadCodec codec, ClientOptions options) {
        Map<Durability, TaskClient> clients = new ConcurrentHashMap<>();
        Awaits awaits = new Awaits(store, SIGNALS);
        Listeners listeners = new Listeners(store, SIGNALS);
        TaskClient client = new TaskClient(store, queue, codec, options, awaits, listeners, clients);
        clients.put(options.durability(), client);
        return client;
    }

    /**
     * This client with another durability, and all else as it is. The same instance each time, so that
     * {@code client.with(Durability.replicated(1)).enqueue(task)} is the way to ask for it for one task: those that ask
     * for the same share calls.
     */
    public TaskClient with(Durability durability) {
        return clients.computeIfAbsent(
                durability,
                it -> new TaskClient(
                        store, queue, codec, options.toBuilder().durability(it).build(), awaits, listeners, clients));
    }

    /**
     * Puts a task at the end of the queue, or aside until it is due, if it has a {@linkplain Task#delay(Duration) delay} or a
     * {@linkplain Task#at(Instant) time}.
     *
     * <p>Cold: each subscription encodes the payload on the subscribing thread and sends it once. If the task has no id,
     * one is made now, once: however often the returned Mono is subscribed to, it is the same task, so {@code .retry()}
     * behind it never makes a second one.
     *
     * <p>Tasks that many callers enqueue at the same time share calls of up to 256 tasks or about 1 MiB; a lone one goes
     * out at once. Emits {@link EnqueueResult.Outcome#CREATED}, {@link EnqueueResult.Outcome#EXISTING} or
     * {@link EnqueueResult.Outcome#FULL}.
     *
     * <p>Cancelling before the task is sent takes it back; afterwards it drops the answer and does not undo anything.
     *
     * <p>Signals on the {@code parallel} scheduler; errors that need no Redis, on the subscribing thread. Fails with
     * {@link InvalidTaskException} (the payload cannot be written; a delay in an at-most-once queue), {@link PayloadTooLargeException} (256 KiB unless the
     * codec is told otherwise), {@link StoreRefusedException}: all final, and nothing was enqueued; with
     * {@link QueueDrainingException} while the queue {@linkplain #drain is drained}: nothing was enqueued; with
     * {@link QueueFullException} if {@linkplain ClientOptions.Builder#maxWaiting too many tasks wait} in memory: nothing
     * was enqueued, retry later; with {@link StoreUnavailableException}: outcome unknown, safe to retry. It comes after at
     * most 2 s of waiting and 2 s for the call, or 6 s to 8 s where a {@link Durability} is to be confirmed; then
     * {@link NotDurableException} can come too.
     */
    public Mono<EnqueueResult> enqueue(Task<?> task) {
        String id = Framer.idOf(task);
        return coalescer.enqueue(id, () -> framer.frame(id, task), () -> framer.due(task));
    }

    /**
     * Puts these tasks at the end of the queue, in their order, one behind the other in one call where it has room for them,
     * and emits the results of all, in their order.
     *
     * <p>Cold, and each task without an id gets one now, as {@link #enqueue(Task)} says; the calls are those of all its
     * callers. A task that cannot be enqueued is a {@link EnqueueResult.Outcome#FAILED} result, with the errors of
     * {@link #enqueue(Task)}, and the others go on: filter for {@link EnqueueResult#isRetryable()}, and enqueue those again
     * under the id of the result. Emits when all are answered; an empty list at once. For as many tasks as the caller has in
     * memory anyway: each counts for {@link ClientOptions.Builder#maxWaiting}. More come by the other way, {@link #enqueueAll}.
     *
     * <p>Cancelling takes back the tasks that are not sent, and drops the answers of the others. Signals on the
     * {@code parallel} scheduler, or on the subscribing thread if no task had to be sent. Does not fail.
     */
    public Mono<List<EnqueueResult>> enqueue(List<? extends Task<?>> tasks) {
        List<? extends Task<?>> all = List.copyOf(tasks);
        return coalescer.enqueue(all.stream().map(Framer::idOf).toList(), all, framer);
    }

    /**
     * Puts the tasks of {@code tasks} at the end of the queue, in their order, and emits one result for each, in their
     * order.
     *
     * <p>Cold. Sends up to four calls of 256 tasks or about 1 MiB at a time; a part of a call is sent when the source has
     * no more just now. Asks the source for no more tasks than results were asked for, and for at most 1024 beyond those
     * answered; so a subscriber that stops asking stops the source and the enqueueing, and {@code take(10)} enqueues ten.
     *
     * <p>A task that cannot be enqueued is a {@link EnqueueResult.Outcome#FAILED} result, with the errors of
     * {@link #enqueue(Task)}, and the others go on. So is each task of a call that Redis did not answer, and then the next call
     * waits 5 ms to 1 s, so that a short outage costs few tasks: filter for {@link EnqueueResult#isRetryable()}, and enqueue
     * those again under the id of the result. The Flux itself fails only if the source does, with the source's error,
     * after the results of all tasks before it. A retry of the whole Flux takes the tasks from the source again; those
     * without an id of their own are new tasks then.
     *
     * <p>Cancelling cancels the source and drops what is not sent; up to 1024 tasks on the way are not undone.
     *
     * <p>The source is subscribed to on the subscribing thread; it is asked for tasks, they are encoded, and the results
     * signalled on the {@code parallel} scheduler. Put {@code subscribeOn} behind a source that blocks.
     */
    public Flux<EnqueueResult> enqueueAll(Publisher<? extends Task<?>> tasks) {
        return new BulkEnqueue(Objects.requireNonNull(tasks, "tasks"), framer, calls, SIGNALS);
    }

    /**
     * The state of a task, as the status hash shows it: one that lives, or a dead letter.
     *
     * <p>Cold: one command per subscription. Completes empty if the queue does not know the id: the task has ended, or
     * there never was one. A moment later the answer may be another. Cancelling drops the answer. Signals on the
     * {@code parallel} scheduler. Fails with {@link InvalidTaskException} if {@code id} can be no id,
     * {@link StoreRefusedException}, or {@link StoreUnavailableException} (safe to retry).
     */
    public Mono<TaskState> status(String id) {
        return Mono.defer(() -> calls.status(TaskId.check(id)))
                .publishOn(SIGNALS); // what the caller does with it must not hold up the Redis event loop
    }

    /**
     * Enqueues a task and emits the value that its handler emits, wherever it runs; completes empty if that emits none.
     *
     * <p>Cold: each subscription enqueues once, as {@link #enqueue(Task)} does, after it listens for the end of the task. Nobody
     * asks Redis meanwhile: it tells of the end, and what may have been missed while the connection was lost is looked for
     * once it is back. The result of the task is kept for {@code timeout} at least, so that it is found then. If a task of
     * this id lives already or has its result kept, that one's end is waited for, which is told only if its result is kept.
     *
     * <p>Cancelling ends the waiting and nothing else, unless {@link AwaitOptions#cancelsTask(boolean)} is asked for. Signals on the {@code parallel}
     * scheduler, for many callers one after the other. At most 262,144 may wait for tasks of one queue in a process; more
     * fail with {@link QueueFullException}, as do those whose task finds the queue full.
     *
     * <p>Fails with all that {@link #enqueue(Task)} fails with, and then nothing is waited for; with
     * {@link dev.sluice.task.TaskFailedException}, {@link dev.sluice.task.TaskExpiredException} or
     * {@link dev.sluice.task.TaskDeadException} if the task becomes a dead letter, with
     * {@link dev.sluice.task.TaskCancelledException} or {@link dev.sluice.task.TaskDiscardedException}; with
     * {@link dev.sluice.task.ResultMissingException} if it has ended and its value cannot be had: all final; with
     * {@link dev.sluice.task.AwaitTimeoutException} if it has not ended in time: it goes on, and can be awaited again by the
     * same call if the task has an id of its own; with {@link StoreUnavailableException} if it is not known whether it was
     * enqueued in that time, or if Sluice was closed meanwhile. A retry of the handler is no end.
     *
     * @param value what the value is read as; {@code byte[]} for its JSON, {@code Void} for none
     * @param timeout of the whole, 1 ms to 365 days
     */
    public <R> Mono<R> enqueueAndAwait(Task<?> task, Class<R> value, Duration timeout) {
        return enqueueAndAwait(task, (Type) value, timeout);
    }

    /** The same for a value of a generic type, such as a list of something. */
    @SuppressWarnings("TypeParameterUnusedInFormals") // R is what `value` says, as in PayloadCodec
    public <R> Mono<R> enqueueAndAwait(Task<?> task, Type value, Duration timeout) {
        return enqueueAndAwait(task, value, AwaitOptions.within(timeout));
    }

    /** The same, with more than a timeout to say: cancelling the {@code Mono} may cancel the task. */
    public <R> Mono<R> enqueueAndAwait(Task<?> task, Class<R> value, AwaitOptions options) {
        return enqueueAndAwait(task, (Type) value, options);
    }

    /** The same for a value of a generic type. */
    @SuppressWarnings("TypeParameterUnusedInFormals") // R is what `value` says, as in PayloadCodec
    public <R> Mono<R> enqueueAndAwait(Task<?> task, Type value, AwaitOptions options) {
        Objects.requireNonNull(options, "options");
        String id = Framer.idOf(task);
        return Mono.defer(() -> {
            Task<?> awaited = task.keepResultForAwait(options.timeout());
            // Here, though it may have to wait for its turn: what is written may need this thread.
            byte[] frame = framer.frame(id, awaited);
            Awaits.Enqueueing enqueueing = told -> coalescer
                    .enqueue(id, () -> frame, () -> framer.due(awaited), told)
                    .flatMap(this::taken);
            return awaits.enqueue(id, enqueueing, options, (reply, index) -> TaskResult.of(id, reply, index, codec))
                    .flatMap(result -> Endings.valueOf(result, value));
        });
    }

    private Mono<EnqueueResult> taken(EnqueueResult result) {
        return result.isFull()
                ? Mono.error(new QueueFullException(queue.name(), options.maxQueueLength()))
                : Mono.just(result);
    }

    /**
     * Emits how the task of this id ends, as soon as it has, whoever enqueued it.
     *
     * <p>Cold: listens for its end, and then looks once, so that one which has ended and of which that is kept is answered at
     * once. Nobody asks Redis meanwhile. A success is told only if its result is kept: of a task for which neither its queue
     * nor whoever enqueued it asked for that, this runs into its timeout. If an id has several lives, the first end that is
     * told or kept counts.
     *
     * <p>Cancelling ends the waiting and leaves the task alone. Signals on the {@code parallel} scheduler. What is emitted may
     * be a dead letter or a value that could not be kept. Fails with {@link dev.sluice.task.TaskCancelledException} or
     * another {@link dev.sluice.task.TaskEndedException} if it has ended and nothing is kept of it, or nothing was ever known
     * of it; with {@link dev.sluice.task.AwaitTimeoutException} if it has not ended in time; with
     * {@link InvalidTaskException} if {@code id} can be no id, or the queue is at-most-once; with {@link QueueFullException}
     * as {@link #enqueueAndAwait(Task, Class, Duration)}; with {@link StoreRefusedException}; with
     * {@link StoreUnavailableException} (safe to retry).
     *
     * @param timeout of the whole, 1 ms to 365 days
     */
    public Mono<TaskResult> await(String id, Duration timeout) {
        AwaitOptions options = AwaitOptions.within(timeout);
        return Mono.defer(() -> {
            if (queue.delivery() == DeliveryMode.AT_MOST_ONCE) {
                throw new InvalidTaskException(
                        "queue", "queue '" + queue.name() + "' is at-most-once: nobody can tell how its tasks end");
            }
            String own = TaskId.check(id);
            return awaits.end(own, options, (reply, index) -> TaskResult.of(own, reply, index, codec));
        });
    }

    /** How many wait for tasks of this queue, through this client and those made of it. */
    int awaiting() {
        return awaits.size();
    }

    /**
     * How a task has ended, if that is kept: its result for as long as its queue or the task asks for, and its dead letter
     * for as long as there is one.
     *
     * <p>Cold: one call per subscription. Completes empty while the task lives, and if nothing is known of it: its result is
     * not kept or not any more, it was cancelled, or there never was such a task. Cancelling drops the answer. Signals on the
     * {@code parallel} scheduler. Fails with {@link InvalidTaskException} if {@code id} can be no id,
     * {@link StoreRefusedException}, or {@link StoreUnavailableException} (safe to retry).
     */
    public Mono<TaskResult> result(String id) {
        return Mono.defer(() -> calls.look(List.of(TaskId.check(id))))
                .publishOn(SIGNALS)
                .mapNotNull(reply -> TaskResult.of(id, reply, 0, codec));
    }

    /**
     * What happens to the tasks of this queue, on every node, as long as somebody listens: a stream of hints, and no log.
     *
     * <p>Cold, and endless. Emits {@link QueueEvent.Began} as soon as it hears anything, and then a {@link QueueEvent.Moved}
     * for each task that a client or a dispatcher moves to another state, in the order in which Redis did it. Nothing is told
     * of before that, and nothing twice. After a lost connection it goes on by itself and emits {@code Began} once more: what
     * happened meanwhile is not told. What a foreign client
     * pushes is first heard of when a dispatcher takes it.
     *
     * <p>Up to 4,096 events wait for a subscriber that does not ask for them; then the oldest are dropped, and a
     * {@link QueueEvent.Missed} in their place says how many. It slows nobody, neither the queue nor other listeners.
     *
     * <p>While nobody listens nothing is told and nothing is paid; up to 10 s after the last one left, it is still told.
     * Cancelling leaves. Signals on the {@code parallel} scheduler. Fails with {@link InvalidTaskException} if the queue is
     * at-most-once, where no script sees a task move; with {@link StoreRefusedException}; with
     * {@link StoreUnavailableException} if Sluice is closed, and only then: while Redis is away it waits.
     */
    public Flux<QueueEvent> events() {
        return queue.delivery() == DeliveryMode.AT_MOST_ONCE
                ? Flux.error(new InvalidTaskException(
                        "queue",
                        "queue '" + queue.name() + "' is at-most-once: its tasks are popped by one command, and nobody"
                                + " can tell what becomes of them"))
                : listeners.events();
    }

    /**
     * Cancels a task by its id, wherever it is and whoever runs it.
     *
     * <p>One that waits is taken out, or will be dropped where it lies; it never runs, and its id is free at once: a task
     * enqueued with it afterwards runs. One that runs is told to stop: its {@code Mono} is cancelled where it runs, and
     * this does not wait for that. Cold: one call per subscription. Emits what it was. Cancelling before it is sent sends
     * nothing; afterwards it drops the answer and does not undo anything. Signals on the {@code parallel} scheduler. Fails
     * with {@link InvalidTaskException} if {@code id} can be no id, or the queue is at-most-once, where nobody can tell what
     * waits; with {@link QueueFullException} if a million cancelled tasks wait to be dropped (retry later);
     * {@link StoreRefusedException}; {@link StoreUnavailableException}: the outcome is unknown, and it is safe to retry
     * unless the id was enqueued anew meanwhile; the answer may then be {@link Cancellation#UNKNOWN}.
     */
    public Mono<Cancellation> cancel(String id) {
        return Mono.defer(() -> calls.cancel(cancellable(id)))
                .map(this::cancellation)
                .publishOn(SIGNALS);
    }

    /**
     * Cancels all tasks that {@code filter} means and that do not run: queued, scheduled and retrying ones.
     *
     * <p>Cold. Looks at 256 tasks or about 1 MiB in each call, one after the other, so that a million of them takes time but
     * holds up nobody. Emits running counts after each call, at least once; the last has the totals. What begins to run
     * meanwhile runs; what is enqueued meanwhile may be met or not. Asks for the next call only if counts were asked for, so
     * put {@code onBackpressureLatest} behind it for a slow subscriber. Cancelling stops before the next call; what was done
     * stays done. Signals on the {@code parallel} scheduler.
     *
     * <p>A call whose answer is lost is repeated, for about 40 s, and then it goes on where it was; what it had cancelled by
     * then is cancelled and in no count. Fails with {@link InvalidTaskException} if the queue is at-most-once, with
     * {@link QueueFullException} if a million cancelled tasks wait to be dropped, with {@link StoreRefusedException}, or with
     * {@link StoreUnavailableException} if Redis was not there for the first call or for that long. A retry, also by
     * another process, begins anew and does what is left.
     *
     * <p>What a foreign client pushed is met too, if its id can be read and its status is written already.
     */
    public Flux<CancelProgress> cancelAll(TaskFilter filter) {
        return walk(filter, true);
    }

    /**
     * Counts the tasks that {@link #cancelAll} would cancel, and changes nothing.
     *
     * <p>Cold; counts, cancelling, signals, errors and retries as there.
     */
    public Flux<CancelProgress> count(TaskFilter filter) {
        return walk(filter, false);
    }

    private Flux<CancelProgress> walk(TaskFilter filter, boolean acts) {
        Objects.requireNonNull(filter, "filter");
        return Flux.defer(() -> {
            checkCancellable();
            return new CancelWalk(calls, store, filter, acts, SIGNALS).progress();
        });
    }

    private String cancellable(String id) {
        checkCancellable();
        return TaskId.check(id);
    }

    private void checkCancellable() {
        if (queue.delivery() == DeliveryMode.AT_MOST_ONCE) {
            throw new InvalidTaskException(
                    "queue",
                    "queue '" + queue.name() + "' is at-most-once: its tasks are popped by one command and cannot be"
                            + " cancelled");
        }
    }

    private Cancellation cancellation(CancelReply reply) {
        return switch (reply) {
            case UNKNOWN -> Cancellation.UNKNOWN;
            case CANCELLED -> Cancellation.CANCELLED;
            case STOPPING -> Cancellation.STOPPING;
            case DEAD -> Cancellation.DEAD;
            case TOO_MANY ->
                throw QueueFullException.of("the list of the cancelled", queue.name(), ProducerStore.MOST_CANCELLED);
        };
    }

    /**
     * Pauses the queue: from at most 1 s later on no dispatcher on any node takes a task from it, until {@link #resume}.
     *
     * <p>Running tasks go on and end as ever; what is enqueued waits; what becomes due waits. It is kept in Redis, so it
     * outlives every dispatcher and a restart. Cold: one call per subscription. Emits whether this call paused it, false if
     * it was paused already. Cancelling before it is sent sends nothing; afterwards it drops the answer and does not undo
     * anything. Signals on the {@code parallel} scheduler. Fails with {@link StoreRefusedException}, or
     * {@link StoreUnavailableException} (safe to retry).
     */
    public Mono<Boolean> pause() {
        return calls.pause(true).publishOn(SIGNALS);
    }

    /**
     * Resumes the queue, paused or draining: it takes new tasks again at once, and within 1 s dispatchers take tasks from it.
     *
     * <p>Emits whether this call changed that, false if it was neither. In all else as {@link #pause}.
     */
    public Mono<Boolean> resume() {
        return calls.pause(false).publishOn(SIGNALS);
    }

    /**
     * Drains the queue: from now on it takes no new task, and dispatchers go on until nothing is left, until {@link #resume}.
     *
     * <p>What every {@code TaskClient} of any node enqueues from then on is refused with {@link QueueDrainingException}, what
     * a handler enqueues too; a task that lives there already is answered as existing. All that is there is run: what waits,
     * what is scheduled, what fails and is to be retried, a dead letter that is redriven, and what a foreign client pushes,
     * which nobody can refuse. A queue that was paused is not any more; {@link #pause} halts a drain, and another
     * {@code drain} goes on with it. It is kept in Redis, so it outlives every dispatcher and a restart. How much is left:
     * {@link dev.sluice.task.QueueInfo#left}.
     *
     * <p>Cold: one call per subscription. Does not wait for the end. Emits whether this call changed anything, false if it was
     * draining already. In all else as {@link #pause}.
     */
    public Mono<Boolean> drain() {
        return calls.drain().publishOn(SIGNALS);
    }
}
