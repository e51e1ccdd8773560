package dev.sluice.client;

import dev.sluice.redis.Dues;
import dev.sluice.task.SluiceException;
import dev.sluice.task.Task;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import org.reactivestreams.Subscription;
import reactor.core.CoreSubscriber;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Operators;
import reactor.core.scheduler.Scheduler;
import reactor.util.concurrent.Queues;
import reactor.util.context.Context;

/*
 * One operator instead of a chain of them (buffer, flatMapSequential, flatMapIterable): per task it costs one slot in a
 * ring and one in a list; it can send a part of a batch when the source pauses, without a timer; and its demand is exact.
 *
 * Where a task is, and who owns it:
 *   asked for   in the source. Never more than the subscriber has asked for results, and never more than WINDOW tasks
 *               that are not answered downstream yet: the bound of everything below.
 *   arrived     in the ring `arrived`, as it came, not encoded. Cancel drops it.
 *   sent        in a Call in `calls`, which are in the order of the source. Encoded as late as here, so that at most
 *               MAX_IN_FLIGHT calls of encoded bytes exist. Cancel drops the answer, not the task.
 *   answered    still in its Call, until all before it are answered; then downstream, in order.
 *
 * `turns` admits one thread at a time, and that is always one of the scheduler: whoever has news (a request, a task, an
 * answer from the Redis event loop) rings, and goes. So encoding, the source and the subscriber never run on the event
 * loop, and a source that emits while it is asked fills the ring before a call is made of it.
 *
 * After a call that failed the next one waits a little, longer each time: a store that is down for seconds must not turn
 * a source of millions into errors within milliseconds.
 */

/** Enqueues what a source emits, in pipelined batches, and emits one result per task in the same order. */
final class BulkEnqueue extends Flux<EnqueueResult> {
    /** The most tasks between the source and the subscriber. */
    static final int WINDOW = EnqueueCalls.MAX_IN_FLIGHT * EnqueueCalls.MAX_TASKS;

    private static final int MAX_BACKOFF_MS = 1000;
    private static final int MAX_DOUBLINGS = 10;

    private final Publisher<? extends Task<?>> source;
    private final Framer framer;
    private final EnqueueCalls calls;
    private final Scheduler scheduler;

    BulkEnqueue(Publisher<? extends Task<?>> source, Framer framer, EnqueueCalls calls, Scheduler scheduler) {
        this.source = source;
        this.framer = framer;
        this.calls = calls;
        this.scheduler = scheduler;
    }

    @Override
    public void subscribe(CoreSubscriber<? super EnqueueResult> actual) {
        source.subscribe(new Run(actual));
    }

    /** One subscription. Fields without a concurrent type belong to the thread that has the turn. */
    private final class Run implements CoreSubscriber<Task<?>>, Subscription, Runnable {
        private final CoreSubscriber<? super EnqueueResult> actual;
        private final AtomicInteger turns = new AtomicInteger();
        private final AtomicLong unmet = new AtomicLong();
        private final Queue<Task<?>> arrived = Queues.<Task<?>>get(WINDOW).get();
        private final Deque<Call> sent = new ArrayDeque<>(EnqueueCalls.MAX_IN_FLIGHT);
        private final Disposable.Swap pause = Disposables.swap();
        private @Nullable Subscription upstream;
        private int unanswered;
        private int failures;
        private volatile boolean paused;
        private volatile boolean sourceEnded;
        private volatile @Nullable Throwable sourceError;
        private volatile boolean ended;

        Run(CoreSubscriber<? super EnqueueResult> actual) {
            this.actual = actual;
        }

        @Override
        public Context currentContext() {
            return actual.currentContext();
        }

        @Override
        public void onSubscribe(Subscription subscription) {
            if (Operators.validate(upstream, subscription)) {
                upstream = subscription;
                actual.onSubscribe(this);
            }
        }

        @Override
        public void onNext(Task<?> task) {
            if (ended || sourceEnded) {
                return;
            }
            if (!arrived.offer(task)) {
                upstream().cancel();
                onError(new IllegalStateException("the source emitted more tasks than it was asked for"));
                return;
            }
            ring();
        }

        @Override
        public void onError(Throwable error) {
            if (ended || sourceEnded) {
                Operators.onErrorDropped(error, currentContext());
                return;
            }
            sourceError = error;
            onComplete();
        }

        @Override
        public void onComplete() {
            sourceEnded = true;
            ring();
        }

        @Override
        public void request(long count) {
            if (Operators.validate(count)) {
                unmet.accumulateAndGet(count, Operators::addCap);
                ring();
            }
        }

        @Override
        public void cancel() {
            ended = true;
            upstream().cancel();
            pause.dispose();
            ring();
        }

        private Subscription upstream() {
            return Objects.requireNonNull(upstream);
        }

        private void ring() {
            if (turns.getAndIncrement() == 0) {
                scheduler.schedule(this);
            }
        }

        /** The turn: does whatever there is to do, until nobody has rung meanwhile. */
        @Override
        public void run() {
            int missed = turns.get();
            do {
                try {
                    turn();
                } catch (Throwable broken) { // an Error of the codec, a source or a subscriber that breaks its contract
                    fail(broken);
                }
                missed = turns.addAndGet(-missed);
            } while (missed != 0);
        }

        private void turn() {
            emitAnswers();
            if (!ended) {
                askSource();
                sendArrived();
                endIfDone();
            }
            if (ended) {
                arrived.clear();
                sent.clear();
            }
        }

        private void emitAnswers() {
            for (Call call = sent.peek(); call != null && call.isAnswered(); call = sent.peek()) {
                sent.remove();
                pauseAfter(call);
                unanswered -= call.size();
                for (int i = 0; i < call.size() && !ended; i++) {
                    actual.onNext(call.result(i));
                }
            }
        }

        private void pauseAfter(Call call) {
            if (call.error == null) {
                failures = 0;
            } else if (!paused) {
                paused = true;
                int ceiling = Math.min(MAX_BACKOFF_MS, 10 << Math.min(failures++, MAX_DOUBLINGS));
                int wait = ThreadLocalRandom.current().nextInt(ceiling / 2, ceiling);
                pause.replace(scheduler.schedule(this::resume, wait, TimeUnit.MILLISECONDS));
            }
        }

        private void resume() {
            paused = false;
            ring();
        }

        /** Asks in batches where only the window limits, and for all that is wanted where the subscriber does. */
        private void askSource() {
            long wanted = unmet.get();
            int room = WINDOW - unanswered;
            if (wanted > 0 && !sourceEnded && (wanted <= room || room >= EnqueueCalls.MAX_TASKS)) {
                int count = (int) Math.min(wanted, room);
                unanswered += count;
                if (wanted != Long.MAX_VALUE) {
                    unmet.addAndGet(-count);
                }
                upstream().request(count);
            }
        }

        private void sendArrived() {
            while (!paused && mayCall() && !arrived.isEmpty()) {
                Call call = new Call(arrived.size());
                for (Task<?> task; call.hasRoom() && (task = arrived.poll()) != null; ) {
                    call.add(task);
                }
                if (call.size() == 0) {
                    return; // a task was polled before the queue counted it; who added it rings when that is done
                }
                sent.add(call);
                call.start();
            }
        }

        private boolean mayCall() {
            return sent.size() < EnqueueCalls.EAGER_IN_FLIGHT
                    || (sent.size() < EnqueueCalls.MAX_IN_FLIGHT
                            && (sourceEnded || arrived.size() >= EnqueueCalls.MAX_TASKS));
        }

        private void endIfDone() {
            if (sourceEnded && arrived.isEmpty() && sent.isEmpty()) {
                ended = true;
                pause.dispose();
                Throwable error = sourceError;
                if (error != null) {
                    actual.onError(error);
                } else {
                    actual.onComplete();
                }
            }
        }

        private void fail(Throwable broken) {
            if (ended) {
                Operators.onErrorDropped(broken, currentContext());
                return;
            }
            ended = true;
            pause.dispose();
            arrived.clear();
            sent.clear();
            upstream().cancel();
            actual.onError(broken); // fatal ones too: an answer that never comes is worse
        }

        /** Tasks that share one call, the bad ones among them too, which are never sent. */
        private final class Call extends BaseSubscriber<EnqueueCalls.Outcomes> {
            private final List<String> ids; // of those that are sent
            private final List<byte[]> frames;
            private final Dues dues = new Dues();
            private final List<Object>
                    slots; // in the source's order: an id that is sent, or the result of one that is not
            private int bytes;
            private int next;
            private EnqueueCalls.@Nullable Outcomes outcomes;
            private @Nullable SluiceException error;
            private volatile boolean answered;

            /** {@code expected} may be negative: see {@link #sendArrived}. */
            Call(int expected) {
                int capacity = Math.max(0, Math.min(expected, EnqueueCalls.MAX_TASKS));
                ids = new ArrayList<>(capacity);
                frames = new ArrayList<>(capacity);
                slots = new ArrayList<>(capacity);
            }

            boolean hasRoom() {
                return slots.size() < EnqueueCalls.MAX_TASKS && bytes < EnqueueCalls.MAX_BYTES;
            }

            int size() {
                return slots.size();
            }

            void add(Task<?> task) {
                String id = Framer.idOf(task);
                try {
                    long due = framer.due(task);
                    byte[] frame = framer.frame(id, task);
                    dues.add(ids.size(), due);
                    ids.add(id);
                    frames.add(frame);
                    slots.add(id);
                    bytes += frame.length;
                } catch (SluiceException bad) {
                    slots.add(EnqueueResult.failed(id, bad));
                }
            }

            void start() {
                if (ids.isEmpty()) {
                    answered = true;
                    ring();
                } else {
                    Mono<EnqueueCalls.Outcomes> answer = calls.send(ids, frames, dues);
                    answer.subscribe(this);
                }
            }

            boolean isAnswered() {
                return answered;
            }

            /** The result of the task at {@code slot}; asked for once each, in order. */
            EnqueueResult result(int slot) {
                if (slots.get(slot) instanceof EnqueueResult bad) {
                    return bad;
                }
                int index = next++;
                String id = ids.get(index);
                SluiceException failed = error;
                return failed != null
                        ? EnqueueResult.failed(id, failed)
                        : Objects.requireNonNull(outcomes).of(id, index);
            }

            @Override
            protected void hookOnSubscribe(Subscription subscription) {
                requestUnbounded();
            }

            @Override
            protected void hookOnNext(EnqueueCalls.Outcomes told) {
                outcomes = told;
                answered = true;
                ring();
            }

            @Override
            protected void hookOnError(Throwable failed) {
                error = (SluiceException) failed;
                answered = true;
                ring();
            }
        }
    }
}
