package dev.sluice.client;

import dev.sluice.redis.EventLink;
import dev.sluice.redis.ProducerStore;
import dev.sluice.redis.ProgressReport;
import dev.sluice.task.StoreRefusedException;
import dev.sluice.task.TaskProgress;
import dev.sluice.task.TaskState;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.FluxSink;
import reactor.core.scheduler.Scheduler;

/*
 * Moves are told only while the queue knows that somebody listens, so two things have to hold: the channel is subscribed to,
 * and the queue was told so less than TOLD_FOR ago. They come in this order, and then a listener begins. Either can be lost
 * alone: of a lost connection the channel tells when it is back, and of a lost mark the renewal, which is answered since when
 * there is one without a break. Each time everybody begins anew, and hears no move before that.
 *
 * The thread of a message only puts what it says into the buffer of each listener; a buffer that is full loses its oldest.
 * Each listener is served from its own buffer by a thread of `signals`, as far as it asks. So nobody waits for anybody.
 */

/** Those in this process who listen to the moves of one queue's tasks. Thread-safe. */
final class Listeners {
    /** The most events that wait for one listener. */
    static final int BUFFERED = 4_096;

    private static final Duration TOLD_FOR = Duration.ofSeconds(10);
    private static final Duration CHECKED_EACH = Duration.ofSeconds(1);
    private static final int CHECKS_OF_A_MARK = 3;

    private final ProducerStore store;
    private final StoreCalls calls;
    private final Scheduler signals;
    private final List<Listener> all = new CopyOnWriteArrayList<>();
    private @Nullable Channel channel;

    Listeners(ProducerStore store, Scheduler signals) {
        this.store = store;
        this.calls = new StoreCalls(store, 0);
        this.signals = signals;
    }

    /** What is heard from the subscription on. Cold. */
    Flux<QueueEvent> events() {
        return Flux.create(
                sink -> join(new Listener(sink)), FluxSink.OverflowStrategy.IGNORE); // asked before each event
    }

    private synchronized void join(Listener listener) {
        listener.sink.onRequest(more -> listener.wake());
        listener.sink.onDispose(() -> leave(listener));
        if (listener.sink.isCancelled()) {
            return;
        }
        all.add(listener);
        Channel open = channel;
        if (open == null) {
            open = new Channel();
            channel = open;
            open.open();
        } else if (open.isTold) {
            listener.begin();
        }
    }

    private synchronized void leave(Listener listener) {
        Channel open = channel;
        if (all.remove(listener) && all.isEmpty() && open != null) {
            channel = null;
            open.close();
        }
    }

    private void heard(String message) {
        List<QueueEvent> events = read(message);
        all.forEach(listener -> listener.addAll(events));
    }

    /** What a later version may say as well is passed over. */
    private static List<QueueEvent> read(String message) {
        List<QueueEvent> events = new ArrayList<>();
        int from = message.indexOf('\n') + 1;
        Instant at = timeOf(message, from - 1);
        while (at != null && from < message.length()) {
            int line = message.indexOf('\n', from);
            int end = line < 0 ? message.length() : line;
            QueueEvent event = event(message.substring(from, end), at);
            if (event != null) {
                events.add(event);
            }
            from = end + 1;
        }
        return events;
    }

    private static @Nullable QueueEvent event(String line, Instant at) {
        int space = line.indexOf(' ');
        if (space < 0) {
            return null;
        }
        String word = line.substring(0, space);
        String rest = line.substring(space + 1);
        if (word.equals("progress")) {
            int tab = rest.indexOf('\t'); // in no id
            TaskProgress progress = tab < 0 ? null : ProgressReport.read(rest.substring(tab + 1), 0);
            return progress == null
                    ? null
                    : new QueueEvent.Progressed(rest.substring(0, tab), progress.percent(), progress.text(), at);
        }
        TaskState state = TaskState.ofWord(word);
        return state == null ? null : new QueueEvent.Moved(rest, state, at);
    }

    private static @Nullable Instant timeOf(String message, int end) {
        try {
            return Instant.ofEpochMilli(Long.parseLong(message, 0, Math.max(0, end), 10));
        } catch (NumberFormatException foreign) { // any client may say anything on any channel
            return null;
        }
    }

    /** The time in which messages are listened to. */
    private final class Channel {
        private EventLink.@Nullable Listening listening;
        private @Nullable Disposable ticking;
        private int beginnings; // how often messages began to come
        private int ticks; // since the mark was set
        private boolean isTold; // messages come, and the queue knows that somebody listens
        private long toldSince;

        void open() {
            listening = store.listenToMoves(Listeners.this::heard, this::begun, this::refused);
            ticking = signals.schedulePeriodically(
                    this::tick, CHECKED_EACH.toMillis(), CHECKED_EACH.toMillis(), TimeUnit.MILLISECONDS);
        }

        void close() {
            if (ticking != null) {
                ticking.dispose();
            }
            if (listening != null) {
                listening.dispose();
            }
        }

        /** Messages may have been missed before this. */
        private void begun() {
            synchronized (Listeners.this) {
                if (channel == this) {
                    beginnings++;
                    isTold = false;
                    all.forEach(Listener::pause);
                    mark();
                }
            }
        }

        private void tick() {
            synchronized (Listeners.this) {
                EventLink.Listening open = listening;
                if (channel != this || open == null) {
                    return;
                }
                open.check().subscribe(nothing -> {}, this::end);
                ticks++;
                if (beginnings > 0 && (!isTold || ticks >= CHECKS_OF_A_MARK)) {
                    mark();
                }
            }
        }

        private void mark() {
            int current = beginnings;
            ticks = 0;
            calls.haveMovesTold(TOLD_FOR).subscribe(since -> marked(current, since), failure -> {
                if (failure instanceof StoreRefusedException) { // it would be for ever
                    end(failure);
                } // else the next tick tries again
            });
        }

        private void marked(int then, long since) {
            synchronized (Listeners.this) {
                if (channel == this && then == beginnings && !(isTold && since == toldSince)) {
                    isTold = true;
                    toldSince = since;
                    all.forEach(Listener::begin);
                }
            }
        }

        /** Told by whoever may hold a lock of the link, which is taken here while ours is held. */
        private void refused(StoreRefusedException refusal) {
            signals.schedule(() -> end(refusal));
        }

        /** Whoever comes after this, and be it as it hears of it, opens another. */
        private void end(Throwable failure) {
            List<Listener> those;
            synchronized (Listeners.this) {
                if (channel != this) {
                    return;
                }
                channel = null;
                those = List.copyOf(all);
                all.clear();
            }
            close();
            those.forEach(listener -> listener.fail(failure));
        }
    }

    /** One who listens. */
    private final class Listener {
        private final FluxSink<QueueEvent> sink;
        private final AtomicInteger wakes = new AtomicInteger();
        private final Deque<QueueEvent> waiting = new ArrayDeque<>(); // guarded by this, as all below
        private boolean hasBegun;
        private boolean beganMeanwhile; // among what was dropped
        private long missed;
        private @Nullable Throwable failure;
        private boolean hasFailed; // belongs to who serves this

        Listener(FluxSink<QueueEvent> sink) {
            this.sink = sink;
        }

        synchronized void begin() {
            hasBegun = true;
            put(QueueEvent.Began.INSTANCE);
            wake();
        }

        synchronized void pause() {
            hasBegun = false;
        }

        synchronized void addAll(List<QueueEvent> events) {
            if (hasBegun) {
                events.forEach(this::put);
                wake();
            }
        }

        synchronized void fail(Throwable why) {
            failure = why;
            wake();
        }

        /** Has a thread serve this, unless one is about to. */
        void wake() {
            if (wakes.getAndIncrement() == 0) {
                signals.schedule(this::serve);
            }
        }

        private void put(QueueEvent event) {
            if (waiting.size() == BUFFERED) {
                if (waiting.remove() instanceof QueueEvent.Began) {
                    beganMeanwhile = true;
                } else {
                    missed++;
                }
            }
            waiting.add(event);
        }

        private void serve() {
            int seen;
            do {
                seen = wakes.get();
                QueueEvent event;
                while (sink.requestedFromDownstream() > 0 && (event = next()) != null) {
                    sink.next(event);
                }
                Throwable end = failure();
                if (end != null && !hasFailed) {
                    hasFailed = true;
                    sink.error(end);
                }
            } while (wakes.addAndGet(-seen) != 0);
        }

        private synchronized @Nullable QueueEvent next() {
            if (beganMeanwhile) {
                beganMeanwhile = false;
                return QueueEvent.Began.INSTANCE;
            }
            if (missed > 0) {
                QueueEvent gap = new QueueEvent.Missed(missed);
                missed = 0;
                return gap;
            }
            return waiting.poll();
        }

        private synchronized @Nullable Throwable failure() {
            return failure;
        }
    }
}
