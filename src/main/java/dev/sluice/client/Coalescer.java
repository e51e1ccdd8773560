package dev.sluice.client;

import dev.sluice.redis.Dues;
import dev.sluice.task.QueueFullException;
import dev.sluice.task.SluiceException;
import dev.sluice.task.StoreUnavailableException;
import dev.sluice.task.Task;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscription;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;
import reactor.core.publisher.Operators;
import reactor.core.scheduler.Scheduler;
import reactor.util.concurrent.Queues;
import reactor.util.context.Context;

/*
 * Batching without a timer: a task goes out at once while fewer than two calls are on the way; what arrives meanwhile
 * waits, and goes with the next call, together. So a lone caller pays nothing, and the busier it is the larger the calls.
 *
 * Where a task is, and who owns it:
 *   waiting   in `line`, its frame in its Entry. Whoever takes the frame out of the Entry owns it: the sender or the
 *             canceller, never both. A cancelled Entry stays in line, empty and counted, until its turn comes.
 *   sent      in the Call. Cancelling its Mono only drops the answer.
 *   answered  handed to the scheduler, one hand-over per call, which signals one caller after the other.
 *
 * `turns` admits one sender at a time: a subscriber's thread, or the scheduler's, once it is handed an answer, before it
 * signals that. Never the Redis event loop itself: what that sends goes out at once, before what another thread has handed
 * it a moment ago, and tasks would change their order.
 *
 * Tasks of one caller are in line one behind the other, and their answers are put together again.
 *
 * The line is bounded by tasks and by bytes. At the bound a Mono fails and does not wait: a Mono has no back pressure to
 * slow its caller with, so waiting would only move the unbounded buffer into the caller. Streams have it: enqueueAll.
 *
 * Nothing waits for ever: as long as anybody waits, calls are on the way; each of them ends by its own deadline; and who
 * has waited longer than MAX_WAIT by then is told that his task was not sent.
 */

/** Puts tasks that arrive at the same time, one by one or a few together, into one call. */
final class Coalescer {
    private static final String HOLDER = "the buffer of this client, of 64 MiB,";
    static final long MAX_WAITING_BYTES = 64L * 1024 * 1024;
    static final Duration MAX_WAIT = Duration.ofSeconds(2);

    private final String queue;
    private final EnqueueCalls calls;
    private final Scheduler signals;
    private final int maxWaiting;
    private final LongSupplier nanos;
    private final Queue<Entry> line = Queues.<Entry>unboundedMultiproducer().get();
    private final AtomicInteger waiting = new AtomicInteger();
    private final AtomicLong waitingBytes = new AtomicLong();
    private final AtomicInteger inFlight = new AtomicInteger();
    private final AtomicInteger turns = new AtomicInteger();

    Coalescer(String queue, EnqueueCalls calls, Scheduler signals, int maxWaiting, LongSupplier nanos) {
        this.queue = queue;
        this.calls = calls;
        this.signals = signals;
        this.maxWaiting = maxWaiting;
        this.nanos = nanos;
    }

    /** Cold; sends {@code frame} once per subscription. */
    Mono<EnqueueResult> enqueue(String id, Supplier<byte[]> frame, LongSupplier due) {
        return enqueue(id, frame, due, told -> {});
    }

    /** The same; before its result {@code told} gets what {@link EnqueueCalls.Outcomes#told} says. */
    Mono<EnqueueResult> enqueue(String id, Supplier<byte[]> frame, LongSupplier due, LongConsumer told) {
        return Mono.create(sink -> {
            Caller caller = new Alone(sink, told);
            Entry entry = new Entry(id, due.getAsLong(), frame.get(), caller, 0, nanos.getAsLong());
            sink.onCancel(() -> take(entry));
            join(entry);
            send();
        });
    }

    /** Cold; sends the frames of these tasks one behind the other, once per subscription, and emits a result for each in its place. */
    Mono<List<EnqueueResult>> enqueue(List<String> ids, List<? extends Task<?>> tasks, Framer framer) {
        if (ids.isEmpty()) {
            return Mono.just(List.of());
        }
        return Mono.create(sink -> {
            Together caller = new Together(sink, ids.size());
            List<Entry> entries = new ArrayList<>(ids.size());
            long bytes = 0;
            for (int i = 0; i < ids.size(); i++) {
                Task<?> task = tasks.get(i);
                try {
                    if (hasNoRoomFor(entries.size(), bytes)) {
                        throw full(); // before it takes memory, too
                    }
                    Entry entry = new Entry(
                            ids.get(i), framer.due(task), framer.frame(ids.get(i), task), caller, i, nanos.getAsLong());
                    entries.add(entry);
                    bytes += entry.length;
                } catch (SluiceException bad) {
                    caller.fail(ids.get(i), i, bad);
                }
            }
            sink.onCancel(() -> entries.forEach(this::take));
            entries.forEach(this::join);
            send();
        });
    }

    private boolean hasNoRoomFor(int tasks, long bytes) {
        int all = waiting.get() + tasks;
        return all >= maxWaiting || (all > 0 && waitingBytes.get() + bytes >= MAX_WAITING_BYTES);
    }

    private QueueFullException full() {
        return QueueFullException.of(HOLDER, queue, maxWaiting);
    }

    /** How many tasks are in line, the cancelled among them included. */
    int waiting() {
        return waiting.get();
    }

    private void join(Entry entry) {
        int tasks = waiting.incrementAndGet();
        long bytes = waitingBytes.addAndGet(entry.length);
        if (tasks > maxWaiting || (tasks > 1 && bytes > MAX_WAITING_BYTES)) {
            waiting.decrementAndGet();
            take(entry);
            entry.fail(full());
        } else {
            line.add(entry);
        }
    }

    /** The frame, for the one who comes first; null for the other. */
    private byte @Nullable [] take(Entry entry) {
        byte[] frame = entry.getAndSet(null);
        if (frame != null) {
            waitingBytes.addAndGet(-entry.length);
        }
        return frame;
    }

    private void send() {
        if (turns.getAndIncrement() != 0) {
            return;
        }
        int missed = 1;
        do {
            signal(() -> {
                while (mayCall() && call()) {}
            });
            missed = turns.addAndGet(-missed);
        } while (missed != 0);
    }

    private boolean mayCall() {
        int flying = inFlight.get();
        return flying < EnqueueCalls.EAGER_IN_FLIGHT
                || (flying < EnqueueCalls.MAX_IN_FLIGHT
                        && (waiting.get() >= EnqueueCalls.MAX_TASKS || waitingBytes.get() >= EnqueueCalls.MAX_BYTES));
    }

    /** Sends one call; false if nobody waits. */
    private boolean call() {
        Call call = new Call();
        List<Entry> late = new ArrayList<>(0);
        long tooLong = nanos.getAsLong() - MAX_WAIT.toNanos();
        int bytes = 0;
        Entry entry;
        while (call.size() < EnqueueCalls.MAX_TASKS
                && bytes < EnqueueCalls.MAX_BYTES
                && (entry = line.poll()) != null) {
            waiting.decrementAndGet();
            byte[] frame = take(entry);
            if (frame == null) {
                continue;
            }
            if (entry.since - tooLong < 0) {
                late.add(entry);
            } else {
                call.add(entry, frame);
                bytes += frame.length;
            }
        }
        giveUp(late);
        if (call.size() > 0) {
            inFlight.incrementAndGet();
            call.startOrFail();
        }
        return call.size() > 0 || !late.isEmpty();
    }

    private void giveUp(List<Entry> late) {
        if (!late.isEmpty()) {
            SluiceException error = new StoreUnavailableException(
                    "the task was not sent: Redis did not answer the ones before it for " + MAX_WAIT.toSeconds() + " s",
                    null);
            signals.schedule(() -> late.forEach(entry -> signal(() -> entry.fail(error))));
        }
    }

    /**
     * Runs what a caller has chained to his answer; it may throw, even an error of the machine: the others of its call must
     * hear their answer all the same.
     */
    static void signal(Runnable signal) {
        try {
            signal.run();
        } catch (Throwable broken) {
            Operators.onErrorDropped(broken, Context.empty());
        }
    }

    /** A task of a caller. Holds the frame while it waits; exactly one gets it out. */
    private static final class Entry extends AtomicReference<byte @Nullable []> {
        private static final long serialVersionUID = 1L;

        final transient String id;
        final long due;
        final transient Caller caller;
        final int place;
        final int length;
        final long since;

        Entry(String id, long due, byte[] frame, Caller caller, int place, long since) {
            super(frame);
            this.id = id;
            this.due = due;
            this.caller = caller;
            this.place = place;
            this.length = frame.length;
            this.since = since;
        }

        void fail(SluiceException error) {
            caller.fail(id, place, error);
        }
    }

    /** Who hears what became of the tasks that it brought, each at a place of its own. */
    private interface Caller {
        void answer(int place, EnqueueResult result, long told);

        void fail(String id, int place, SluiceException error);
    }

    /** One with a single task. */
    private record Alone(MonoSink<EnqueueResult> sink, LongConsumer told) implements Caller {
        @Override
        public void answer(int place, EnqueueResult result, long count) {
            told.accept(count);
            SluiceException refused = result.error();
            if (refused == null) {
                sink.success(result);
            } else {
                sink.error(refused);
            }
        }

        @Override
        public void fail(String id, int place, SluiceException error) {
            sink.error(error);
        }
    }

    /** One with several, which may be in several calls: then their answers come on several threads at a time. */
    private static final class Together implements Caller {
        private final MonoSink<List<EnqueueResult>> sink;
        private final EnqueueResult[] results;
        private final AtomicInteger missing;

        Together(MonoSink<List<EnqueueResult>> sink, int count) {
            this.sink = sink;
            this.results = new EnqueueResult[count];
            this.missing = new AtomicInteger(count);
        }

        @Override
        public void answer(int place, EnqueueResult result, long told) {
            results[place] = result;
            if (missing.decrementAndGet() == 0) {
                sink.success(List.of(results));
            }
        }

        @Override
        public void fail(String id, int place, SluiceException error) {
            answer(place, EnqueueResult.failed(id, error), 0);
        }
    }

    /** One call on its way. */
    private final class Call extends BaseSubscriber<EnqueueCalls.Outcomes> {
        private final List<Entry> entries = new ArrayList<>();
        private final List<String> ids = new ArrayList<>();
        private List<byte[]> frames = new ArrayList<>();
        private final Dues dues = new Dues();

        int size() {
            return entries.size();
        }

        void add(Entry entry, byte[] frame) {
            dues.add(ids.size(), entry.due);
            entries.add(entry);
            ids.add(entry.id);
            frames.add(frame);
        }

        /** What is thrown, an error of the machine perhaps, nobody else would tell those who wait for this. */
        void startOrFail() {
            try {
                Mono<EnqueueCalls.Outcomes> answer = calls.send(ids, frames, dues);
                answer.subscribe(this);
            } catch (Throwable broken) {
                cancel();
                hookOnError(new StoreUnavailableException("the call could not be sent", broken));
            }
        }

        @Override
        protected void hookOnSubscribe(Subscription subscription) {
            requestUnbounded();
        }

        @Override
        protected void hookOnNext(EnqueueCalls.Outcomes outcomes) {
            signals.schedule(() -> {
                end();
                for (int i = 0; i < entries.size(); i++) {
                    Entry entry = entries.get(i);
                    EnqueueResult result = outcomes.of(entry.id, i);
                    signal(() -> entry.caller.answer(entry.place, result, outcomes.told()));
                }
            });
        }

        @Override
        protected void hookOnError(Throwable error) {
            signals.schedule(() -> {
                end();
                entries.forEach(entry -> signal(() -> entry.fail((SluiceException) error)));
            });
        }

        private void end() {
            frames = List.of();
            inFlight.decrementAndGet();
            send();
        }
    }
}
