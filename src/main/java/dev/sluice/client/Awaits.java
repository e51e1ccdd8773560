package dev.sluice.client;

import dev.sluice.redis.EventLink;
import dev.sluice.redis.LookReply;
import dev.sluice.redis.ProducerStore;
import dev.sluice.task.AwaitTimeoutException;
import dev.sluice.task.QueueFullException;
import dev.sluice.task.SluiceException;
import dev.sluice.task.StoreRefusedException;
import dev.sluice.task.StoreUnavailableException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Scheduler;

/*
 * A message says that a task has ended, never how: it is a hint. What became of it is read from Redis, by one call for all
 * that were heard of meanwhile. The same look serves each time the channel begins to be heard, for then messages may have
 * been missed: so whatever is lost, an end is found, at the latest when the link is back; and nothing is asked for as long
 * as it is up.
 *
 * Where an awaited task is:
 *   registered  in `byId`, before its task is enqueued: no end can come before somebody listens for it.
 *   enqueued    Redis has answered. Only from here on can a look say that nothing is known of it.
 *   to look     in `toLook`, once: heard of, or the channel had a gap. One call is under way at a time, and takes them all.
 * Who has ended, timed out or was cancelled leaves `byId` there and then; in `toLook` it is passed over.
 *
 * The channel is left when nobody has awaited anything for a while: then this holds no timer, and nothing holds this.
 */

/** Those in this process who await tasks of one queue. Thread-safe. */
final class Awaits {
    /** The most at a time. */
    static final int MOST = 262_144;

    private static final Duration TIME_TO_LISTEN = Duration.ofSeconds(2);
    private static final Duration CHECKED_EACH = Duration.ofSeconds(1);
    private static final int IDLE_CHECKS = 30;
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(1);

    private final ProducerStore store;
    private final StoreCalls calls;
    private final Scheduler signals;
    private final Map<String, List<Await>> byId = new ConcurrentHashMap<>();
    private final AtomicInteger count = new AtomicInteger();
    private final Queue<Await> toLook = new ConcurrentLinkedQueue<>();
    private final AtomicBoolean looking = new AtomicBoolean();
    private final AtomicInteger beginnings = new AtomicInteger();
    private int failures; // belongs to who is looking
    private @Nullable Channel channel;

    Awaits(ProducerStore store, Scheduler signals) {
        this.store = store;
        this.calls = new StoreCalls(store, 0);
        this.signals = signals;
    }

    /** Enqueues a task and emits how it ended. Cold. */
    Mono<TaskResult> enqueue(String id, Mono<EnqueueResult> enqueueing, Duration timeout, Reading reading) {
        return Mono.create(sink -> join(new Await(id, sink, reading), enqueueing, timeout));
    }

    /** How many wait. */
    int size() {
        return count.get();
    }

    /** How many tasks are waited for. */
    int ids() {
        return byId.size();
    }

    private void join(Await await, Mono<EnqueueResult> enqueueing, Duration timeout) {
        if (count.incrementAndGet() > MOST) {
            count.decrementAndGet();
            await.sink.error(new QueueFullException(store.queue().name(), MOST));
            return;
        }
        byId.merge(await.id, List.of(await), Awaits::joined);
        await.sink.onDispose(() -> leave(await));
        await.steps.add(
                signals.schedule(() -> await.fail(await.inTime(timeout)), timeout.toMillis(), TimeUnit.MILLISECONDS));
        int begun = beginnings.get();
        await.steps.add(listening().then(enqueueing).subscribe(result -> enqueued(await, result, begun), await::fail));
    }

    /** Lets go of one who waits no longer; false if that was done before. */
    private boolean leave(Await await) {
        if (await.ended.getAndSet(true)) {
            return false;
        }
        await.steps.dispose();
        byId.computeIfPresent(await.id, (id, all) -> without(all, await));
        count.decrementAndGet();
        return true;
    }

    private void enqueued(Await await, EnqueueResult result, int begun) {
        await.enqueued = true;
        if (result.isExisting() || await.word != null || begun != beginnings.get()) {
            look(await); // it may have ended already
        }
    }

    // ---- what is heard

    /** Completes when messages come. */
    private synchronized Mono<Void> listening() {
        Channel open = channel;
        if (open == null) {
            open = new Channel();
            open.listening = store.listenToEnds(this::heard, open::begun);
            open.ticking = signals.schedulePeriodically(
                    open::tick, CHECKED_EACH.toMillis(), CHECKED_EACH.toMillis(), TimeUnit.MILLISECONDS);
            channel = open;
        }
        if (open.isHeard) {
            return Mono.empty();
        }
        return open.ready
                .asMono()
                .timeout(TIME_TO_LISTEN, signals)
                .publishOn(signals) // from here on the callers' own code may run
                .onErrorMap(late -> new StoreUnavailableException(
                        "nothing was enqueued: the channel on which the end would be told could not be subscribed to",
                        late));
    }

    private void heard(String message) {
        int from = 0;
        while (from < message.length()) {
            int line = message.indexOf('\n', from);
            int end = line < 0 ? message.length() : line;
            int space = message.indexOf(' ', from);
            if (space > 0 && space < end) {
                List<Await> known = byId.get(message.substring(space + 1, end));
                if (known != null) {
                    String word = message.substring(from, space);
                    known.forEach(await -> await.heard(word));
                }
            }
            from = end + 1;
        }
    }

    private synchronized boolean leaveChannel(Channel left) {
        if (count.get() > 0 || channel != left) {
            return false;
        }
        channel = null;
        return true;
    }

    // ---- the look

    private void look(Await await) {
        if (await.enqueued && !await.sought.getAndSet(true)) {
            toLook.add(await);
            lookOnce();
        }
    }

    private void lookOnce() {
        if (!looking.compareAndSet(false, true)) {
            return;
        }
        List<Await> asked = new ArrayList<>();
        for (Await await; asked.size() < ProducerStore.MAX_BATCH && (await = toLook.poll()) != null; ) {
            await.sought.set(false);
            if (!await.ended.get()) {
                asked.add(await);
            }
        }
        if (asked.isEmpty()) {
            looking.set(false);
            if (!toLook.isEmpty()) {
                lookOnce();
            }
            return;
        }
        calls.look(asked.stream().map(await -> await.id).toList())
                .publishOn(signals) // from here on the callers' own code may run
                .subscribe(reply -> looked(asked, reply), failure -> notLooked(asked, failure));
    }

    private void looked(List<Await> asked, LookReply reply) {
        failures = 0;
        asked.subList(reply.size(), asked.size()).forEach(this::look);
        looking.set(false);
        lookOnce();
        for (int i = 0; i < reply.size(); i++) {
            int index = i;
            Coalescer.signal(() -> asked.get(index).looked(reply, index));
        }
    }

    private void notLooked(List<Await> asked, Throwable failure) {
        if (failure instanceof StoreRefusedException) { // it would be for ever
            looking.set(false);
            lookOnce();
            asked.forEach(await -> Coalescer.signal(() -> await.fail(failure)));
        } else {
            lookAgain(asked);
        }
    }

    /** Redis is away: what was asked is asked until it answers, or nobody waits any more. */
    private void lookAgain(List<Await> asked) {
        int pause = (int) Math.min(LONGEST_PAUSE.toMillis(), 20L << Math.min(failures++, 8));
        signals.schedule(
                () -> {
                    asked.forEach(this::look);
                    looking.set(false);
                    lookOnce();
                },
                pause,
                TimeUnit.MILLISECONDS);
    }

    private static List<Await> joined(List<Await> some, List<Await> more) {
        List<Await> all = new ArrayList<>(some);
        all.addAll(more);
        return List.copyOf(all);
    }

    private static @Nullable List<Await> without(List<Await> all, Await left) {
        List<Await> others = all.stream().filter(await -> await != left).toList();
        return others.isEmpty() ? null : others;
    }

    /** Makes a result of what Redis keeps; null if it keeps nothing. */
    @FunctionalInterface
    interface Reading {
        @Nullable
        TaskResult of(LookReply reply, int index);
    }

    /** The time in which messages are listened to. */
    private final class Channel {
        private final Sinks.Empty<Void> ready = Sinks.empty();
        private EventLink.@Nullable Listening listening;
        private @Nullable Disposable ticking;
        private Disposable checking = Disposables.disposed();
        private volatile boolean isHeard;
        private int idle; // checks since somebody waited

        /** Messages may have been missed before this. */
        void begun() {
            beginnings.incrementAndGet();
            isHeard = true;
            ready.tryEmitEmpty();
            if (count.get() > 0) {
                signals.schedule(() -> byId.values().forEach(all -> all.forEach(Awaits.this::look)));
            }
        }

        void tick() {
            EventLink.Listening open = listening;
            Disposable timer = ticking;
            if (open == null || timer == null) { // it is being opened
                return;
            }
            if (isIdle() && leaveChannel(this)) {
                timer.dispose();
                open.dispose();
            } else if (checking.isDisposed()) {
                checking = open.check().subscribe(nothing -> {}, this::end);
            }
        }

        /** Nothing is heard any more, whoever waits. */
        private void end(Throwable closed) {
            byId.values().forEach(all -> all.forEach(await -> Coalescer.signal(() -> await.fail(closed))));
        }

        private boolean isIdle() {
            idle = count.get() > 0 ? 0 : idle + 1;
            return idle > IDLE_CHECKS;
        }
    }

    /** One who waits. */
    private final class Await {
        private final String id;
        private final MonoSink<TaskResult> sink;
        private final Reading reading;
        private final Disposable.Composite steps = Disposables.composite();
        private final AtomicBoolean sought = new AtomicBoolean();
        private final AtomicBoolean ended = new AtomicBoolean();
        private volatile boolean enqueued;
        private volatile @Nullable String word;

        Await(String id, MonoSink<TaskResult> sink, Reading reading) {
            this.id = id;
            this.sink = sink;
            this.reading = reading;
        }

        void heard(String itsWord) {
            word = itsWord;
            look(this);
        }

        /** What to say when its time is over. */
        SluiceException inTime(Duration timeout) {
            return enqueued
                    ? new AwaitTimeoutException(id, timeout)
                    : new StoreUnavailableException(
                            "whether task '" + id + "' was enqueued is not known after " + timeout.toMillis()
                                    + " ms; repeat it with this id",
                            null);
        }

        void looked(LookReply reply, int index) {
            TaskResult result;
            try {
                result = reading.of(reply, index);
            } catch (RuntimeException unreadable) {
                fail(unreadable);
                return;
            }
            if (result != null) {
                succeed(result);
            } else if (reply.fate(index) == LookReply.Fate.UNKNOWN) {
                fail(Endings.ofNothing(id, word));
            }
        }

        private void succeed(TaskResult result) {
            if (leave(this)) {
                sink.success(result);
            }
        }

        void fail(Throwable failure) {
            if (leave(this)) {
                sink.error(failure);
            }
        }
    }
}
