package dev.sluice.client;

import dev.sluice.redis.EventLink;
import dev.sluice.redis.LookReply;
import dev.sluice.redis.ProducerStore;
import dev.sluice.task.AwaitTimeoutException;
import dev.sluice.task.NotDurableException;
import dev.sluice.task.QueueFullException;
import dev.sluice.task.SluiceException;
import dev.sluice.task.StoreRefusedException;
import dev.sluice.task.StoreUnavailableException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;
import reactor.core.scheduler.Scheduler;

/*
 * A message says that a task has ended. What became of it is read from Redis, by one call for all that were heard of
 * meanwhile. The same look serves each time the channel is heard again, for then messages may have been missed: so
 * whatever is lost, an end is found, at the latest when the link is back; and nothing is asked for as long as it is up. That
 * includes a task that is new, for the answer of a look might overtake the message that says how it ended.
 *
 * An id may have a next life before the look: who was cancelled must not be given the value of the next task of his id. So
 * messages are numbered, and the answer of an enqueue says how many there were: the first end of the id with a higher number
 * is the end of the task that was awaited, and what is read counts only if it is an end of that kind. Any other message, of
 * an earlier life or without a number, is a hint to look.
 *
 * Where an awaited task is:
 *   registered  in `byId`, before its task is enqueued: no end can come before somebody listens for it.
 *   enqueued    Redis has answered. Only from here on is an end its own, and can a look say that nothing is known of it.
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
    private static final int MOST_EARLY = 16;
    private static final long NO_NUMBER = -1;
    private static final Pattern NUMBER = Pattern.compile("[0-9]{1,18}");
    private static final Logger LOG = LoggerFactory.getLogger(Awaits.class);

    private final ProducerStore store;
    private final StoreCalls calls;
    private final Scheduler signals;
    private final Map<String, Await> byId = new ConcurrentHashMap<>(); // the last who came; the earlier ones hang on it
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
    Mono<TaskResult> enqueue(String id, Enqueueing enqueueing, AwaitOptions options, Reading reading) {
        return Mono.create(sink -> join(new Await(id, sink, reading, false), enqueueing, options));
    }

    /** Emits how a task ended that is there already. Cold. */
    Mono<TaskResult> end(String id, AwaitOptions options, Reading reading) {
        Mono<EnqueueResult> there = Mono.just(EnqueueResult.of(id, EnqueueResult.Outcome.EXISTING));
        return Mono.create(sink -> join(new Await(id, sink, reading, true), told -> there, options));
    }

    /** How many wait. */
    int size() {
        return count.get();
    }

    /** How many tasks are waited for. */
    int ids() {
        return byId.size();
    }

    private void join(Await await, Enqueueing enqueueing, AwaitOptions options) {
        if (count.incrementAndGet() > MOST) {
            count.decrementAndGet();
            await.sink.error(QueueFullException.of(
                    "the list of those awaited by this client", store.queue().name(), MOST));
            return;
        }
        byId.compute(await.id, (id, last) -> await.after(last));
        if (options.cancelsTask()) {
            await.sink.onCancel(() -> disown(await));
        }
        await.sink.onDispose(() -> leave(await));
        Duration timeout = options.timeout();
        await.timer.update(
                signals.schedule(() -> await.fail(await.inTime(timeout)), timeout.toMillis(), TimeUnit.MILLISECONDS));
        Mono<EnqueueResult> sending = Mono.defer(() -> {
            await.begun = beginnings.get();
            return await.mayBegin() ? enqueueing.telling(await::enqueuedAfter) : Mono.empty();
        });
        await.sending.update(listening()
                .onErrorMap(failure -> unheard(await, failure))
                .then(sending)
                .subscribe(result -> enqueued(await, result), failure -> notEnqueued(await, failure)));
    }

    /** Lets go of one who waits no longer; false if that was done before. */
    private boolean leave(Await await) {
        if (await.ended.getAndSet(true)) {
            return false;
        }
        await.timer.dispose();
        if (!await.isDisowned()) {
            await.sending.dispose();
        }
        byId.computeIfPresent(await.id, (id, last) -> await.without(last));
        count.decrementAndGet();
        return true;
    }

    private void enqueued(Await await, EnqueueResult result) {
        Await.Enqueued now = await.enqueued();
        if (now == Await.Enqueued.UNWANTED) {
            cancel(await.id);
        } else if (result.isExisting() || now == Await.Enqueued.HEARD_OF || await.begun != beginnings.get()) {
            look(await); // it may have ended already
        }
    }

    private void notEnqueued(Await await, Throwable failure) {
        if (await.isDisowned()
                && (failure instanceof StoreUnavailableException || failure instanceof NotDurableException)) {
            cancel(await.id); // for it may be there
        }
        await.fail(failure);
    }

    /** Who awaited it is gone, and nobody wants it any more. A task that may be on its way is cancelled when it is there. */
    private void disown(Await await) {
        if (await.disown()) {
            cancel(await.id);
        }
    }

    private void cancel(String id) {
        calls.cancel(id)
                .subscribe(
                        reply -> {},
                        failure -> LOG.atDebug()
                                .addKeyValue("task.id", id)
                                .addKeyValue("queue", store.queue().name())
                                .setCause(failure)
                                .log("A task that nobody awaits any more could not be cancelled: it goes on"));
    }

    // ---- what is heard

    /** Completes when messages come. */
    private synchronized Mono<Void> listening() {
        Channel open = channel;
        if (open == null) {
            open = new Channel();
            open.listening = store.listenToEnds(this::heard, open::begun, open::refused);
            open.ticking = signals.schedulePeriodically(
                    open::tick, CHECKED_EACH.toMillis(), CHECKED_EACH.toMillis(), TimeUnit.MILLISECONDS);
            channel = open;
        }
        return open.ready.isFree() ? Mono.empty() : open.ready.pass(TIME_TO_LISTEN);
    }

    private SluiceException unheard(Await await, Throwable failure) {
        String soFar = await.enqueued ? "" : "; nothing was enqueued";
        if (failure instanceof StoreRefusedException refusal) {
            return new StoreRefusedException(
                    refusal.reason(),
                    "the channel on which the end would be told is not this user's" + soFar + ": give it &{"
                            + store.queue().name() + "}:* and &sluice:pulse (" + refusal.getMessage() + ")",
                    refusal);
        }
        return new StoreUnavailableException(
                "the channel on which the end would be told could not be subscribed to" + soFar, failure);
    }

    private void heard(String message) {
        long number = numberOf(message);
        int from = 0;
        while (from < message.length()) {
            int line = message.indexOf('\n', from);
            int end = line < 0 ? message.length() : line;
            int space = message.indexOf(' ', from);
            if (space > 0 && space < end) {
                String id = message.substring(space + 1, end);
                if (byId.containsKey(id)) {
                    String word = message.substring(from, space);
                    waitingFor(id).forEach(await -> await.heard(word, number));
                }
            }
            from = end + 1;
        }
    }

    /** The number of the message, which is its last line; anybody may send what he likes. */
    private static long numberOf(String message) {
        String last = message.substring(message.lastIndexOf('\n') + 1);
        return NUMBER.matcher(last).matches() ? Long.parseLong(last) : NO_NUMBER;
    }

    private List<Await> waitingFor(String id) {
        List<Await> all = new ArrayList<>();
        byId.computeIfPresent(id, (same, last) -> {
            for (Await await = last; await != null; await = await.earlier) {
                all.add(await);
            }
            return last;
        });
        return all;
    }

    private void all(Consumer<Await> action) {
        byId.keySet().forEach(id -> waitingFor(id).forEach(action));
    }

    private synchronized void forget(Channel refused) {
        if (channel == refused) {
            channel = null;
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
        Map<String, Asked> byAskedId = new LinkedHashMap<>(); // many may await one, and its value is read once
        for (Await await; byAskedId.size() < ProducerStore.MAX_BATCH && (await = toLook.poll()) != null; ) {
            await.sought.set(false);
            if (!await.ended.get()) {
                byAskedId.computeIfAbsent(await.id, Asked::new).add(await);
            }
        }
        List<Asked> asked = List.copyOf(byAskedId.values());
        if (asked.isEmpty()) {
            looking.set(false);
            if (!toLook.isEmpty()) {
                lookOnce();
            }
            return;
        }
        calls.look(asked.stream().map(Asked::id).toList())
                .publishOn(signals) // from here on the callers' own code may run
                .subscribe(reply -> looked(asked, reply), failure -> notLooked(asked, failure));
    }

    private void looked(List<Asked> asked, LookReply reply) {
        failures = 0;
        asked.subList(reply.size(), asked.size()).forEach(this::lookAgain);
        looking.set(false);
        lookOnce();
        for (int i = 0; i < reply.size(); i++) {
            int index = i;
            asked.get(i).each((await, afterItsEnd) -> Coalescer.signal(() -> await.looked(reply, index, afterItsEnd)));
        }
    }

    private void notLooked(List<Asked> asked, Throwable failure) {
        if (failure instanceof StoreRefusedException) { // it would be for ever
            looking.set(false);
            lookOnce();
            asked.forEach(one -> one.each((await, any) -> Coalescer.signal(() -> await.fail(failure))));
        } else {
            lookLater(asked);
        }
    }

    private void lookAgain(Asked asked) {
        asked.each((await, any) -> look(await));
    }

    /** Redis is away: what was asked is asked until it answers, or nobody waits any more. */
    private void lookLater(List<Asked> asked) {
        int pause = (int) Math.min(LONGEST_PAUSE.toMillis(), 20L << Math.min(failures++, 8));
        signals.schedule(
                () -> {
                    asked.forEach(this::lookAgain);
                    looking.set(false);
                    lookOnce();
                },
                pause,
                TimeUnit.MILLISECONDS);
    }

    /** Sends a task, and says before its answer how many messages had told of ends by then. */
    @FunctionalInterface
    interface Enqueueing {
        Mono<EnqueueResult> telling(LongConsumer told);
    }

    /** Makes a result of what Redis keeps; null if it keeps nothing. */
    @FunctionalInterface
    interface Reading {
        @Nullable
        TaskResult of(LookReply reply, int index);
    }

    /** The time in which messages are listened to. */
    private final class Channel {
        private final Turnstile ready = new Turnstile(signals);
        private EventLink.@Nullable Listening listening;
        private @Nullable Disposable ticking;
        private Disposable checking = Disposables.disposed();
        private volatile boolean isHeard;
        private int idle; // checks since somebody waited

        /** Messages may have been missed before this; at first none that matters, for nothing was sent yet. */
        void begun() {
            beginnings.incrementAndGet();
            if (isHeard) {
                signals.schedule(() -> all(Awaits.this::look));
            }
            isHeard = true;
            ready.open();
        }

        /** The next who comes asks again: somebody may have given the right meanwhile. */
        void refused(StoreRefusedException refusal) {
            signals.schedule(() -> {
                forget(this);
                Objects.requireNonNull(ticking).dispose();
                Objects.requireNonNull(listening).dispose();
                if (isHeard) { // the right was taken away, or another server does not give it
                    all(await -> Coalescer.signal(
                            () -> await.fail(await.enqueued ? unheard(await, refusal) : await.inDoubt(refusal))));
                } else {
                    ready.close(refusal);
                }
            });
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
            all(await -> Coalescer.signal(() -> await.fail(closed)));
        }

        private boolean isIdle() {
            idle = count.get() > 0 ? 0 : idle + 1;
            return idle > IDLE_CHECKS;
        }
    }

    /** An id that is asked about, and of each who awaits it whether its own end was heard of before. */
    private static final class Asked {
        private final String id;
        private final List<Await> awaits = new ArrayList<>();
        private final List<Boolean> afterItsEnd = new ArrayList<>();

        Asked(String id) {
            this.id = id;
        }

        String id() {
            return id;
        }

        void add(Await await) {
            awaits.add(await);
            afterItsEnd.add(await.end != null);
        }

        void each(BiConsumer<Await, Boolean> action) {
            for (int i = 0; i < awaits.size(); i++) {
                action.accept(awaits.get(i), afterItsEnd.get(i));
            }
        }
    }

    /** What was heard of an id. */
    private record Told(String word, long number) {}

    /** One who waits. */
    private final class Await {
        private final String id;
        private final MonoSink<TaskResult> sink;
        private final Reading reading;
        private final Disposable.Swap timer = Disposables.swap();
        private final Disposable.Swap sending = Disposables.swap();
        private final AtomicBoolean sought = new AtomicBoolean();
        private final AtomicBoolean ended = new AtomicBoolean();
        private @Nullable Await earlier; // these two: inside a computation of `byId` for this id only
        private @Nullable Await later;
        private List<Told> early = List.of(); // heard before it was known which of them are of an earlier life
        private long since;
        private volatile int begun; // how often messages had begun to come when it was sent
        private boolean disowned;
        private volatile boolean enqueued;
        private volatile @Nullable String end; // the word of its own end
        private volatile @Nullable String hint; // a word that may be of another life of the id

        Await(String id, MonoSink<TaskResult> sink, Reading reading, boolean enqueued) {
            this.id = id;
            this.sink = sink;
            this.reading = reading;
            this.enqueued = enqueued;
        }

        Await after(@Nullable Await last) {
            earlier = last;
            if (last != null) {
                last.later = this;
            }
            return this;
        }

        /** The last of those who are left. */
        @Nullable
        Await without(Await last) {
            if (earlier != null) {
                earlier.later = later;
            }
            if (later != null) {
                later.earlier = earlier;
            }
            return last == this ? earlier : last;
        }

        synchronized boolean mayBegin() {
            return !disowned;
        }

        synchronized boolean isDisowned() {
            return disowned;
        }

        /** Whether its task is there. */
        synchronized boolean disown() {
            disowned = true;
            return enqueued;
        }

        synchronized void enqueuedAfter(long told) {
            since = told;
        }

        /** Either this tells that nobody wants its task any more, or {@link #disown} that it is there: one cancels, and once. */
        synchronized Enqueued enqueued() {
            enqueued = true;
            early.forEach(this::note);
            boolean heardOf = !early.isEmpty();
            early = List.of();
            return disowned ? Enqueued.UNWANTED : heardOf ? Enqueued.HEARD_OF : Enqueued.UNHEARD_OF;
        }

        /** What is known of a task when it has been enqueued. */
        enum Enqueued {
            UNWANTED,
            HEARD_OF,
            UNHEARD_OF
        }

        void heard(String word, long number) {
            remember(new Told(word, number));
            look(this);
        }

        private synchronized void remember(Told told) {
            if (enqueued) {
                note(told);
            } else if (early.size() < MOST_EARLY) { // so many lives in the time of one call: the first decide
                early = new ArrayList<>(early);
                early.add(told);
            }
        }

        private void note(Told told) {
            if (end != null) {
                return;
            } else if (told.number > since) {
                end = told.word;
            } else {
                hint = told.word;
            }
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

        /** What to say when nothing is heard any more while its task may be on its way. */
        SluiceException inDoubt(Throwable why) {
            return new StoreUnavailableException(
                    "whether task '" + id + "' was enqueued is not known; repeat it with this id", why);
        }

        void looked(LookReply reply, int index, boolean afterItsEnd) {
            TaskResult result;
            try {
                result = reading.of(reply, index);
            } catch (RuntimeException unreadable) {
                fail(unreadable);
                return;
            }
            String own = end;
            if (result != null && (own == null || own.equals(result.state().word()))) {
                succeed(result);
            } else if (afterItsEnd
                    || result != null // of another life, and its own was over before
                    || reply.fate(index) == LookReply.Fate.UNKNOWN) {
                fail(Endings.ofNothing(id, own == null ? hint : own));
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
