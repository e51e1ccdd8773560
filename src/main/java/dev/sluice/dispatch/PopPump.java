package dev.sluice.dispatch;

import dev.sluice.codec.Envelope;
import dev.sluice.codec.EnvelopeException;
import dev.sluice.observe.Observer;
import dev.sluice.redis.Frame;
import dev.sluice.redis.Joined;
import dev.sluice.redis.PopStore;
import dev.sluice.redis.RedisLink;
import dev.sluice.redis.RedisLinks;
import dev.sluice.redis.Tokens;
import dev.sluice.redis.UpkeepReply;
import dev.sluice.task.Failure;
import dev.sluice.task.Queue;
import dev.sluice.task.StoreRefusedException;
import dev.sluice.task.TaskId;
import dev.sluice.task.Verdict;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;

/**
 * Consumes one queue with at-most-once delivery, by the literal protocol: {@code BLPOP} over both lists while there is
 * nothing to do, {@code LPOP n} from each while there is, {@code HSET processing} and {@code HDEL} as side effects, in batches.
 *
 * <p><b>Where is a task at every instant?</b> In a list until the server pops it; then only here. If this process dies,
 * or the connection between the pop and its answer, it is gone: that is what at-most-once means. What is not given away
 * is taken care of: nothing is popped that no slot is free for, nor more than about a megabyte at once; a pop is waited for as long as anything
 * comes of it, a wait is never cancelled but runs out, and what was
 * popped and never started goes back to the head of the ready list at the shutdown. A task that fails is not run again
 * but kept as a dead letter. Which tasks are here is written beside their words, for whoever finds this process dead.
 *
 * <p>All fields are confined to the loop thread unless volatile.
 */
final class PopPump implements Pump {
    private static final Logger log = LoggerFactory.getLogger(PopPump.class);
    private static final int MAX_BATCH = 256;
    private static final int FIRST_POP = 8; // nobody knows yet how long they are
    private static final long POP_BYTES = 1 << 20;
    private static final int POPS_PER_LIST = 2;
    private static final Duration WAIT = Duration.ofMillis(700); // an idle server ends it up to 100 ms late
    /** Nothing is popped unless the queue was seen open less than this before: with the wait, a pause holds within 1 s. */
    private static final long OPEN_FOR_NANOS = 100_000_000L;

    private static final long PAUSED_LOOK_NANOS = 400_000_000L;
    /** With this many failed tasks that could not be kept yet no more are taken. */
    static final int MOST_UNKEPT = 1024;

    private static final Duration ALL_WENT_WELL = Duration.ofSeconds(10);
    private static final Duration LAST_WORDS = Duration.ofSeconds(1); // and a second to leave, and to end a JVM
    private static final Duration TO_LEAVE = Duration.ofMillis(300);

    private enum Phase {
        NEW,
        OPEN,
        DRAINING,
        CLOSED
    }

    private final Queue queue;
    private final QueueSettings settings;
    private final EventLoop loop;
    private final Consumer consumer;
    private final Observer observer;
    private final boolean timesAttempts;
    private final Judge judge;
    private final RedisClock clock = new RedisClock();
    private final RedisLinks links;
    private final PopStore store;
    private final RedisLink waiting;
    private final Calls calls;
    private final java.util.Queue<Attempt> ended = new ConcurrentLinkedQueue<>();
    private final Permits permits;
    private final Holdings holdings;
    private final Presence presence;
    private final StatusWriter statuses;
    private final Burials burials;
    private final Birth birth;
    private final Source plain = new Source(true);
    private final Source ready = new Source(false);
    private Source favoured = ready;
    private final Backoff backoff = new Backoff();
    private final Outages.Outage outage;
    private final List<MonoSink<Void>> stopping = new ArrayList<>();
    private Phase phase = Phase.NEW;
    private @Nullable MonoSink<Void> starting;
    private long batches;
    private boolean introduced;
    private boolean awaiting;
    private boolean waitFails; // since one was answered last
    private boolean popFails;
    private long failedNanos = System.nanoTime();
    private boolean looking;
    private boolean paused;
    private boolean draining;
    private boolean timeIsUp;
    private long lookedNanos;
    private volatile boolean refusing;

    PopPump(DispatcherParts parts, Queue queue, QueueSettings settings, Consumer consumer) {
        this.queue = queue;
        this.settings = settings;
        this.loop = parts.loop();
        this.calls = new Calls(loop, () -> {}); // what it holds is lost if it ends, and goes on if it does not
        this.consumer = consumer;
        this.observer = parts.observer();
        this.timesAttempts = observer.wantsAttempts();
        this.judge = new Judge(queue.name(), false);
        this.outage = parts.outages().of(queue.name());
        this.links = parts.links();
        this.store = links.pops(queue);
        this.waiting = links.open("pop:" + queue.name());
        this.permits = new Permits(settings.concurrency(), parts.bytes());
        this.holdings = new Holdings(parts.pool());
        this.birth = new Birth(outage);
        this.presence = new Presence(queue.name(), store, calls, parts.lease(), this::writeAnew, this::failed);
        this.statuses = new StatusWriter(queue.name(), store, calls, presence, holdings, this::report);
        this.burials = new Burials(queue.name(), store, calls, presence, permits);
        this.lookedNanos = System.nanoTime() - OPEN_FOR_NANOS;
    }

    // ---- what others ask

    @Override
    public Queue queue() {
        return queue;
    }

    @Override
    public QueueSettings settings() {
        return settings;
    }

    @Override
    public boolean timesAttempts() {
        return timesAttempts;
    }

    @Override
    public RedisClock clock() {
        return clock;
    }

    @Override
    public Judge judge() {
        return judge;
    }

    @Override
    public boolean refusesStart(Attempt attempt, long nowNanos) {
        return refusing;
    }

    @Override
    public void ended(Attempt attempt, boolean wake) {
        ended.offer(attempt);
        if (wake) {
            loop.signal();
        }
    }

    /** There is no lease. */
    @Override
    public void endedLate() {}

    /** Nothing is kept: what a Redis knows of a task that was popped is one word. */
    @Override
    public void reported(Attempt attempt) {}

    @Override
    public void wake() {
        loop.signal();
    }

    @Override
    public void seen(UpkeepReply round) {
        clock.shows(round.nowMs());
        if (round.waiting() > 0) {
            loop.execute(this::bothMayGive);
        }
    }

    @Override
    public void concurrency(int limit) {
        loop.execute(() -> permits.limit(limit));
    }

    @Override
    public Mono<Void> start() {
        return Mono.create(sink -> loop.execute(() -> {
            if (phase != Phase.NEW) {
                sink.success();
                return;
            }
            phase = Phase.OPEN;
            starting = sink;
            loop.add(this);
            introduce();
        }));
    }

    @Override
    public Mono<Void> stop(Duration grace) {
        return Mono.create(sink -> loop.execute(() -> {
            if (phase == Phase.NEW) {
                phase = Phase.CLOSED;
                endWait();
            }
            if (phase == Phase.CLOSED) {
                sink.success();
                return;
            }
            stopping.add(sink);
            if (phase == Phase.OPEN) {
                phase = Phase.DRAINING;
                calls.after(grace, this::giveUp);
                calls.after(grace.plus(LAST_WORDS), () -> timeIsUp = true);
            }
        }));
    }

    // ---- the loop

    @Override
    public void turn() {
        settleEnded();
        statuses.flush();
        boolean behind = !presence.isKnown() || statuses.isBehind() || unkept() > MOST_UNKEPT;
        if (phase == Phase.OPEN && introduced && !outage.isOpen() && !behind) {
            take();
        }
        // Nobody is left to itself before it was told to stop, though the end of the grace is noticed late.
        if (phase == Phase.DRAINING && (timeIsUp || isDrained()) && holdings.haveLetGo(System.nanoTime())) {
            close();
        }
    }

    @Override
    public void tick(long nowNanos) {
        permits.tell(observer, queue.name());
        boolean asks = phase == Phase.OPEN && !paused && !outage.isOpen();
        permits.look(nowNanos, asks ? consumer.demand() : 0, queue.name());
        if (introduced) {
            presence.tick(nowNanos);
        }
        holdings.look(nowNanos, consumer);
        // What came onto a list that was empty must not wait until the other one is empty, too.
        boolean busy = plain.gives || ready.gives;
        plain.gives = busy;
        ready.gives = busy;
    }

    /** Pops from both lists while they give full batches; once neither does, one blocking pop waits on both. */
    private void take() {
        boolean waits = awaiting && !plain.gives && !ready.gives;
        if (waits || permits.free(consumer.demand()) == 0 || !isSeenOpen(System.nanoTime())) {
            return;
        }
        popMany(plain, ready);
        popMany(ready, plain);
        boolean idle = !plain.gives && !ready.gives && plain.pops + ready.pops == 0;
        if (idle && !awaiting && permits.free(consumer.demand()) > 0) {
            awaiting = true;
            permits.reserve(1);
            run(store.pop(waiting, WAIT), this::waited, 1, null);
        }
    }

    /** Whether the queue was not paused a moment ago; looks again when that is a while ago. A pop runs no script that would know. */
    private boolean isSeenOpen(long nowNanos) {
        long age = nowNanos - lookedNanos;
        if (!looking && age > (paused ? PAUSED_LOOK_NANOS : OPEN_FOR_NANOS / 2)) {
            looking = true;
            calls.run(
                    store.look(),
                    look -> {
                        PopStore.Gate gate = look.gate();
                        looking = false;
                        lookedNanos = System.nanoTime();
                        boolean resumed = paused && gate != PopStore.Gate.PAUSED;
                        plain.gives |= resumed;
                        ready.gives |= resumed;
                        paused = gate == PopStore.Gate.PAUSED;
                        draining = gate == PopStore.Gate.DRAINING;
                        if (look.bornMs() > 0) {
                            birth.seen(look.bornMs());
                        } else {
                            calls.run(store.introduce(), this::known, this::failed);
                        }
                    },
                    failure -> {
                        looking = false;
                        failed(failure);
                    });
        }
        return !paused && age < OPEN_FOR_NANOS;
    }

    private void bothMayGive() {
        plain.gives = true;
        ready.gives = true;
    }

    private void popMany(Source source, Source other) {
        while (source.gives && source.pops < POPS_PER_LIST) {
            int room = permits.free(consumer.demand());
            // Both lists get their half while both give; the odd place goes to each in turn.
            boolean odd = other.gives && room % 2 == 1;
            int share = other.gives ? room / 2 + (odd && source == favoured ? 1 : 0) : room;
            int count = Math.min(source.fitting(), share);
            if (count == 0) {
                return;
            }
            if (odd && source == favoured) {
                favoured = other;
            }
            source.pops++;
            permits.reserve(count);
            run(
                    store.popMany(source.isPlain, count),
                    popped -> {
                        source.pops--;
                        source.gives = popped.elements().size() == count;
                        source.learn(popped.elements());
                    },
                    count,
                    source);
        }
    }

    private void waited(PopStore.Popped popped) {
        awaiting = false;
        if (!popped.elements().isEmpty()) {
            bothMayGive();
        }
    }

    private void run(
            Mono<PopStore.Popped> pop,
            java.util.function.Consumer<PopStore.Popped> onAnswer,
            int reserved,
            @Nullable Source source) {
        java.util.function.Consumer<PopStore.Popped> arrived = popped -> {
            succeeded(source);
            onAnswer.accept(popped);
            accept(popped, reserved);
        };
        calls.run(pop, arrived, failure -> {
            permits.fulfil(reserved, 0);
            if (source == null) {
                awaiting = false;
                waitFails = true;
            } else {
                source.pops--;
                popFails = true;
            }
            failed(failure);
        });
    }

    /** Of the two ways to pop one may go on failing while the other does not: what is asked then says nothing of that. */
    private void succeeded(@Nullable Source source) {
        waitFails &= source != null;
        popFails &= source == null;
        if (!waitFails && !popFails) {
            backoff.reset();
        }
    }

    private void accept(PopStore.Popped popped, int reserved) {
        List<byte[]> elements = popped.elements();
        if (elements.isEmpty()) {
            permits.fulfil(reserved, 0);
            return;
        }
        long call = ++batches;
        Attempt[] attempts = new Attempt[elements.size()];
        int pushed = 0;
        long bytes = 0;
        try {
            for (int i = 0; i < attempts.length; i++) {
                Frame frame = popped.plain() ? null : Frame.readPushed(elements.get(i));
                if (frame == null) {
                    frame = made(elements.get(i));
                    pushed++;
                }
                attempts[i] = new Attempt(this, holdings, frame, Tokens.of(call, i + 1));
                bytes += frame.bytes().length;
            }
        } catch (Throwable noRoom) { // they were taken, and are gone; their places are not
            permits.fulfil(reserved, 0);
            observer.lost(queue.name(), attempts.length);
            throw noRoom;
        }
        permits.fulfil(reserved, attempts.length);
        for (Attempt attempt : attempts) {
            statuses.taken(attempt);
        }
        if (draining && pushed > 0) {
            calls.run(store.drainedForeign(pushed).thenReturn(true), counted -> {}, this::report);
        }
        Batch batch = new Batch(attempts);
        holdings.add(call, batch);
        permits.bytes(bytes);
        observer.claimed(queue.name(), attempts.length);
        if (refusing) {
            giveUp(); // it came after the end of the grace, and would be begun by nobody
        } else {
            consumer.accept(batch);
        }
    }

    /** A raw element gets a frame of its own here; what has no id that can be read gets one of our making. */
    private static Frame made(byte[] element) {
        String id = null;
        try {
            id = Envelope.read(element, 0, element.length).id();
        } catch (EnvelopeException | Error unreadable) {
            // The attempt reads it again and says why it cannot be read, and be it that there is no room for it.
        }
        Frame made = Frame.read(Frame.ofForeign(id == null ? TaskId.random() : id, element));
        if (made == null) {
            throw new IllegalStateException("a frame that was just made cannot be read");
        }
        return made;
    }

    private void settleEnded() {
        Tally tally = new Tally(observer, queue.name(), timesAttempts, consumer);
        List<Attempt> settled = new ArrayList<>();
        for (Attempt attempt = ended.poll(); attempt != null; attempt = ended.poll()) {
            permits.release(1);
            holdings.settled(attempt);
            tally.add(attempt);
            settle(attempt);
            settled.add(attempt);
        }
        tally.tell();
        settled.forEach(attempt -> attempt.answered(true)); // whoever hears it finds it counted
    }

    private void settle(Attempt attempt) {
        Verdict verdict = attempt.verdict();
        if (verdict instanceof Verdict.Dead dead) {
            keep(attempt, new PopStore.Burial(attempt.token(), attempt.frame(), FailureLine.of(dead.failure())));
        } else if (verdict instanceof Verdict.Released) {
            keep(attempt, PopStore.Burial.notRun(attempt.token(), attempt.frame()));
        } else {
            permits.bytes(-attempt.frame().bytes().length);
            statuses.ended(attempt);
        }
    }

    private void keep(Attempt attempt, PopStore.Burial burial) {
        statuses.overruled(attempt, () -> burials.add(burial));
    }

    /** How many tasks Redis has not confirmed to keep. */
    private int unkept() {
        return statuses.overruled() + burials.unconfirmed();
    }

    // ---- the ends

    private void introduce() {
        calls.run(
                presence.join(),
                joined -> {
                    recovered();
                    known(joined);
                    introduced = true;
                    started(MonoSink::success);
                },
                failure -> {
                    if (phase != Phase.OPEN) { // a stop is under way, and ends by itself
                        return;
                    }
                    outage.cannotJoin(failure);
                    if (failure instanceof StoreRefusedException) {
                        phase = Phase.CLOSED;
                        loop.remove(this);
                        permits.tellEnd(observer, queue.name());
                        endWait();
                        calls.close();
                        started(starter -> starter.error(failure));
                    } else {
                        calls.after(backoff.next(), this::introduce);
                    }
                });
    }

    private void known(Joined joined) {
        clock.shows(joined.nowMs());
        birth.seen(joined.bornMs());
    }

    private void started(java.util.function.Consumer<MonoSink<Void>> answer) {
        MonoSink<Void> starter = starting;
        starting = null;
        if (starter != null) {
            answer.accept(starter);
        }
    }

    private void failed(Throwable failure) {
        if (!outage.isOpen()) {
            long now = System.nanoTime();
            if (now - failedNanos > ALL_WENT_WELL.toNanos()) { // though a wait that failed then was not needed since
                backoff.reset();
            }
            failedNanos = now;
            outage.begin(failure);
            again();
        }
    }

    /** Asks for nothing but an answer until one comes: a pop must not be the probe. */
    private void again() {
        calls.after(
                backoff.next(),
                () -> calls.run(
                        store.introduce(),
                        joined -> {
                            known(joined);
                            if (presence.isKnown()) {
                                recovered();
                            } else {
                                again(); // nothing can be taken before it has a name
                            }
                        },
                        failure -> again()));
    }

    private void recovered() {
        bothMayGive();
        outage.end();
    }

    /** Others have taken the words of what is held here for those of a dead one. */
    private void writeAnew() {
        statuses.writeAnew();
    }

    private boolean isDrained() {
        return permits.isIdle() && statuses.isIdle() && unkept() == 0;
    }

    /** The grace is over: what was never started goes back, what still runs is cancelled and kept as a dead letter. */
    private void giveUp() {
        refusing = true;
        holdings.endAll(Verdict.dead(Failure.of("shutdown", "it still ran when the dispatcher had to stop")));
    }

    private void close() {
        holdings.letGoOfAll();
        settleEnded();
        phase = Phase.CLOSED;
        loop.remove(this);
        boolean holdsNothing = isDrained(); // else its lease is to lapse, and somebody takes the words of the rest away
        permits.tellEnd(observer, queue.name());
        holdings.abandonAll();
        int unkept = unkept();
        if (unkept > 0) {
            log.atError()
                    .addKeyValue("queue", queue.name())
                    .addKeyValue("tasks", unkept)
                    .log("Redis has not confirmed that it keeps these tasks, and the time to stop is over");
        }
        Mono<Void> gone = holdsNothing ? presence.leave().cache() : Mono.empty(); // if late, unheard
        Mono<Void> left = Mono.when(burials.end(), gone).timeout(TO_LEAVE).onErrorComplete();
        calls.run(
                Mono.when(left, links.close(waiting)).thenReturn(true),
                done -> {
                    calls.close();
                    started(MonoSink::success);
                    stopping.forEach(MonoSink::success);
                    stopping.clear();
                },
                this::report);
    }

    /** Frees the link of the waits, which was given before the start. */
    private void endWait() {
        calls.run(links.close(waiting), closed -> {}, this::report);
    }

    private void report(Throwable failure) {
        log.atDebug().addKeyValue("queue", queue.name()).log("A call failed that nobody waits for", failure);
    }

    /** One of the two lists. */
    private static final class Source {
        final boolean isPlain;
        boolean gives;
        int pops;

        private long typicalBytes = POP_BYTES / FIRST_POP;

        Source(boolean isPlain) {
            this.isPlain = isPlain;
        }

        /** How many elements are about a megabyte, if they are as long as the last ones were. */
        int fitting() {
            return (int) Math.max(1, Math.min(MAX_BATCH, POP_BYTES / typicalBytes));
        }

        void learn(List<byte[]> elements) {
            if (!elements.isEmpty()) {
                long bytes = elements.stream().mapToLong(it -> it.length).sum();
                typicalBytes = Math.max(1, Math.max(bytes / elements.size(), typicalBytes / 4));
            }
        }
    }
}
