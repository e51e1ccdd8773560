package dev.sluice.dispatch;

import dev.sluice.observe.Observer;
import dev.sluice.redis.ClaimStore;
import dev.sluice.redis.ExchangeCall;
import dev.sluice.redis.ExchangeReply;
import dev.sluice.redis.Frame;
import dev.sluice.redis.Joined;
import dev.sluice.redis.RedisLinks;
import dev.sluice.redis.Tokens;
import dev.sluice.redis.UpkeepReply;
import dev.sluice.task.Queue;
import dev.sluice.task.StoreRefusedException;
import dev.sluice.task.StoreUnavailableException;
import dev.sluice.task.TaskId;
import dev.sluice.task.Verdict;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;

/**
 * Consumes one queue with at-least-once delivery.
 *
 * <p><b>Where is a task at every instant?</b> In a list, until one exchange moves it, in one step inside Redis, into the
 * claimed hash of this incarnation. From then on it is ours, under a token that we chose, until one exchange settles
 * that token. Between the two it is also in {@link Holdings}: from the answer of its claim to the answer of its settle.
 *
 * <p><b>What if we die here?</b> In Redis it is claimed, and our lease lapses: others take it back. <b>What if an answer
 * is lost?</b> The call keeps its permits and is sent again with the same number until it is answered; Redis repeats the
 * answer instead of the deed. <b>What if Redis forgets</b> (a rollback)? Once a lease the tokens on both sides are
 * compared: what only Redis knows is given back, what only we know is cancelled. <b>What if we stall?</b> The lease is
 * renewed from this very loop, so that a loop that does not turn does not look alive; and a guard on another thread
 * cancels all handlers before the lease can lapse. <b>What if a step is cut off</b> by an error? This life ends, and gives
 * everything back: see {@link #broken}.
 *
 * <p><b>How much is claimed?</b> A call asks for at most the free permits. Several calls are in flight while there is
 * work; what ends meanwhile goes into the next call, so batches find their own size and no timer delays anything.
 * While there is none, one claim stands ready in Redis behind the wait for news: see {@link #claimAhead}.
 *
 * <p>All fields are confined to the loop thread unless volatile.
 */
final class ClaimPump implements Pump {
    private static final Logger log = LoggerFactory.getLogger(ClaimPump.class);
    private static final int CALLS_IN_FLIGHT = 4;
    private static final int WORTH_A_CALL = 64;
    private static final int MAX_BATCH = ExchangeCall.MAX_BATCH;
    private static final Duration PAUSED_LOOK = Duration.ofMillis(900); // a resume is noticed within 1 s by all
    private static final long SHORTEST_NAP_MS = 5; // what becomes due meanwhile goes into one claim
    private static final Duration TO_LET_GO = Duration.ofMillis(5); // of most handlers that are told to stop
    private static final Duration TO_BRING_AN_ANSWER = Duration.ofMillis(200);
    private static final Duration LAST_WORDS = Duration.ofSeconds(1);
    private static final Duration TO_LEAVE = Duration.ofMillis(300); // with those, and the end of a JVM, less than 2 s
    private static final Duration TO_START_OVER = Duration.ofSeconds(1);
    private static final Duration TO_HEAR_OF_CLAIMS = Duration.ofMillis(500);

    private enum Phase {
        NEW,
        OPEN,
        DRAINING,
        CLOSED
    }

    private final Queue queue;
    private final QueueSettings settings;
    private final Duration lease;
    private final int crashLimit;
    private final EventLoop loop;
    private final HandlerPool pool;
    private final Consumer consumer;
    private final Observer observer;
    private final boolean timesAttempts;
    private final Judge judge;
    private final RedisClock clock = new RedisClock();
    private final RedisLinks links;
    private final ClaimStore store;
    private final News news;
    private final Disposable.Swap dueTimer = Disposables.swap();
    private final Calls calls;
    private final ProgressReports progress;
    private final java.util.Queue<Attempt> ended = new ConcurrentLinkedQueue<>();
    private final AtomicInteger late = new AtomicInteger(); // verdicts about what was given up
    private final Deque<Attempt> unsettled = new ArrayDeque<>();
    private long unsettledBytes;
    private final Deque<Long> orphans = new ArrayDeque<>();
    private final Permits permits;
    private final Backoff backoff;
    private final Outages.Outage outage;
    private final List<MonoSink<Void>> stopping = new ArrayList<>();
    private final Birth birth;
    private final Set<String> unheard = new LinkedHashSet<>(); // lives that are over, of which Redis may not know
    private final Set<String> toCancel = new HashSet<>();
    private Phase phase = Phase.NEW;
    private @Nullable MonoSink<Void> starting;
    private @Nullable Incarnation joining;
    private Mono<Void> answered = Mono.empty(); // or failed: the last join
    private @Nullable Incarnation current;
    private @Nullable Incarnation lettingGo; // over, but its handlers may not know that yet
    private int inFlight;
    private boolean workKnown;
    private boolean paused;
    private boolean rung;
    private boolean resting;
    private News.Wait likeliest; // to return next: the one that told of the last task
    private long nextDueMs = -1;
    private @Nullable LeaseKeeper keeper;
    private boolean refusalTold;
    private boolean claimsAreAwaited = true;
    private boolean timeIsUp;
    private boolean startsOver;
    private @Nullable Incarnation hurt; // the life in which a step was cut off last

    ClaimPump(DispatcherParts parts, Queue queue, QueueSettings settings, Consumer consumer) {
        this.queue = queue;
        this.settings = settings;
        this.lease = parts.lease();
        this.crashLimit = parts.crashLimit();
        this.backoff = new Backoff(lease.dividedBy(4)); // one lease to be heard after an outage: a try may fail
        this.loop = parts.loop();
        this.calls = new Calls(loop, this::broken);
        this.pool = parts.pool();
        this.consumer = consumer;
        this.observer = parts.observer();
        this.timesAttempts = observer.wantsAttempts();
        this.judge = new Judge(queue.name(), true);
        this.outage = parts.outages().of(queue.name());
        this.birth = new Birth(outage);
        this.links = parts.links();
        this.store = links.claims(queue, crashLimit);
        this.progress = new ProgressReports(store, calls);
        this.news = new News(links, store, queue);
        this.likeliest = news.rings();
        this.permits = new Permits(settings.concurrency(), parts.bytes());
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
        return !attempt.holdings().mayStart(nowNanos);
    }

    @Override
    public void ended(Attempt attempt, boolean wake) {
        ended.offer(attempt);
        if (wake) {
            loop.signal();
        }
    }

    @Override
    public void endedLate() {
        late.incrementAndGet();
    }

    @Override
    public void reported(Attempt attempt) {
        progress.add(attempt);
    }

    @Override
    public void wake() {
        loop.signal();
    }

    @Override
    public void seen(UpkeepReply round) {
        clock.shows(round.nowMs());
        calls.later(() -> {
            leaveUnheard();
            if (round.waiting() >= 0) {
                rung |= round.waiting() > 0 && !workKnown && !paused;
                checkWait();
            }
        });
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
            news.start(calls, this::returned, this::report);
            calls.keep(news::stop);
            calls.keep(dueTimer);
            calls.keep(links.events().listen(links.cancelChannel(queue), id -> calls.later(() -> toCancel.add(id))));
            join();
        }));
    }

    @Override
    public Mono<Void> stop(Duration grace) {
        return Mono.create(sink -> loop.execute(() -> {
            if (phase == Phase.NEW) {
                phase = Phase.CLOSED;
                endNews();
            }
            if (phase == Phase.CLOSED) {
                sink.success();
                return;
            }
            stopping.add(sink);
            if (phase == Phase.OPEN) {
                drain(grace);
            }
        }));
    }

    // ---- the loop

    @Override
    public void turn() {
        if (!toCancel.isEmpty()) {
            cancelAsked();
        }
        Incarnation now = current;
        collectEnded(now);
        if (now != null && !outage.isOpen()) {
            exchange(now);
            awaitNews(now);
        }
        if (phase == Phase.DRAINING && (timeIsUp || isDrained()) && haveLetGo()) {
            close();
        }
    }

    @Override
    public void tick(long nowNanos) {
        resting = false;
        calls.look();
        permits.tell(observer, queue.name());
        boolean asks = phase == Phase.OPEN && !paused && !outage.isOpen();
        permits.look(nowNanos, asks ? consumer.demand() : 0, queue.name());
        tellFenced(late.getAndSet(0));
        Incarnation now = current;
        if (now == null) {
            return;
        }
        now.holdings().look(nowNanos, consumer);
        LeaseKeeper keeping = keeper;
        if (keeping != null) {
            keeping.tick(nowNanos, !outage.isOpen());
        }
        if (!outage.isOpen()) {
            progress.tick(nowNanos, now);
        }
    }

    private void collectEnded(@Nullable Incarnation now) {
        int strays = 0;
        for (Attempt attempt = ended.poll(); attempt != null; attempt = ended.poll()) {
            if (now != null && attempt.holdings() == now.holdings()) {
                unsettled.add(attempt);
                unsettledBytes += settleBytes(attempt);
            } else if (!attempt.isReleased()) {
                strays++;
            }
        }
        tellFenced(strays);
    }

    /**
     * Sends calls while they are worth it: the first always, a further one when it carries a batch of its own. What is claimed
     * under a lease that may be over would only be given back, and claimed again.
     */
    private void exchange(Incarnation now) {
        Holdings holdings = now.holdings();
        boolean open = phase == Phase.OPEN && !holdings.isAbandoned() && holdings.isSure(System.nanoTime());
        while (inFlight < CALLS_IN_FLIGHT) {
            int held = settleable();
            int settles = Math.min(MAX_BATCH, held + orphans.size());
            int room = open ? Math.min(MAX_BATCH, permits.freeAfter(held, consumer.demand())) : 0;
            boolean claims = open && (rung || (workKnown && room > 0 && !resting));
            if (settles == 0 && !claims) {
                return;
            }
            int worth = Math.min(WORTH_A_CALL, Math.max(1, permits.limit() / 4));
            boolean isFull = held < Math.min(MAX_BATCH, unsettled.size()); // by the bytes of the next
            if (inFlight > 0 && settles < worth && !isFull && (!workKnown || room < worth)) {
                return;
            }
            send(now, compose(now, held, settles - held, room));
        }
    }

    /** How many of the ended tasks go into one call; large ones that Redis has to look at, and large results, make it fewer. */
    private int settleable() {
        int most = Math.min(MAX_BATCH, unsettled.size());
        if (unsettledBytes <= ExchangeCall.MAX_BYTES) {
            return most;
        }
        int count = 0;
        long bytes = 0;
        for (Attempt attempt : unsettled) {
            bytes += settleBytes(attempt);
            if (count == most || (count > 0 && bytes > ExchangeCall.MAX_BYTES)) {
                break;
            }
            count++;
        }
        return count;
    }

    /**
     * About what Redis has to read and to write: the task, but for a success, and a value only of that: whoever was cut may yet
     * be given one. A callback has the value, too, and the task's headers.
     */
    private static long settleBytes(Attempt attempt) {
        Verdict verdict = attempt.verdict();
        boolean succeeded = verdict instanceof Verdict.Succeeded;
        long frame = attempt.frame().bytes().length;
        long moved = succeeded ? 0 : frame;
        KeptResult kept = attempt.kept();
        if (kept == null) {
            return moved;
        }
        long value = succeeded ? kept.length() : 0;
        return kept.callback() == null ? moved + value : moved + 2 * value + frame;
    }

    private Incarnation.Sent compose(Incarnation now, int settles, int releases, int room) {
        boolean suspectWanted = room > 0 && now.suspects() == 0;
        ExchangeCall call = new ExchangeCall(now.nextCall(), room, suspectWanted);
        List<Attempt> attempts = new ArrayList<>(settles);
        for (int i = 0; i < settles; i++) {
            Attempt attempt = unsettled.remove();
            unsettledBytes -= settleBytes(attempt);
            attempts.add(attempt);
            write(call, attempt);
        }
        for (int i = 0; i < releases; i++) {
            call.release(orphans.remove());
        }
        permits.release(attempts.size());
        permits.reserve(room);
        if (suspectWanted) {
            now.suspects(1);
        }
        rung = false;
        return new Incarnation.Sent(call, attempts, suspectWanted);
    }

    private void write(ExchangeCall call, Attempt attempt) {
        Verdict verdict = attempt.verdict();
        long token = attempt.token();
        if (verdict instanceof Verdict.Succeeded) {
            call.succeeded(token, attempt.frame().awaitsStatus());
            keep(call, attempt);
        } else if (verdict instanceof Verdict.Retry retry) {
            call.retry(token, retry.delay().toMillis(), FailureLine.of(retry.failure()));
        } else if (verdict instanceof Verdict.Snooze snooze) {
            call.snooze(token, snooze.delay().toMillis());
        } else if (verdict instanceof Verdict.Dead dead) {
            call.dead(token, FailureLine.of(dead.failure()));
        } else if (verdict instanceof Verdict.Discarded) {
            call.discard(token);
            keep(call, attempt);
        } else if (verdict instanceof Verdict.Cancelled && attempt.isCut()) {
            call.cancelled(token);
        } else if (verdict instanceof Verdict.Cancelled) {
            call.cancelledByItself(token);
        } else {
            call.release(token);
        }
        callBack(call, attempt);
    }

    private static void callBack(ExchangeCall call, Attempt attempt) {
        KeptResult kept = attempt.kept();
        Callback callback = kept == null ? null : kept.callback();
        byte[] element = callback == null ? null : callback.element(attempt);
        if (element != null) {
            call.follow(attempt.token(), TaskId.random(), element);
        }
    }

    private static void keep(ExchangeCall call, Attempt attempt) {
        KeptResult kept = attempt.kept();
        if (kept != null && kept.keptMs() > 0) {
            byte[] record = kept.record(attempt.number(), attempt.ranNanos());
            call.keep(attempt.token(), attempt.frame().id(), kept.keptMs(), record);
        }
    }

    private void send(Incarnation now, Incarnation.Sent sent) {
        now.unanswered().add(sent);
        transmit(now, sent);
    }

    private void transmit(Incarnation now, Incarnation.Sent sent) {
        boolean isFirst = sent.sentNanos == 0;
        inFlight++;
        sent.sentNanos = System.nanoTime();
        calls.run(
                isFirst
                        ? store.exchange(now.id(), now.keys(), sent.call)
                        : store.exchangeAgain(now.id(), now.keys(), sent.call),
                reply -> answered(now, sent, reply),
                failure -> failed(now, failure));
    }

    private void answered(Incarnation from, Incarnation.Sent sent, ExchangeReply reply) {
        if (from != current || sent.isVoid) {
            return;
        }
        inFlight--;
        if (reply.lapsed()) {
            lose(from, "others have recovered its tasks");
            return;
        }
        if (!from.hasSent(reply.lastCall())) { // then Redis takes each call for a repetition, and claims nothing
            lose(from, "somebody else wrote into its hash of claimed tasks");
            return;
        }
        from.unanswered().remove(sent);
        takeBack(from, from.voided(sent, reply.lastCall()));
        settled(from, sent, reply);
        claimed(from, sent, reply);
        observer.exchange(
                queue.name(), System.nanoTime() - sent.sentNanos, reply.frames().size(), sent.call.settles());
        mend(from);
    }

    private void settled(Incarnation from, Incarnation.Sent sent, ExchangeReply reply) {
        if (sent.settles.isEmpty()) {
            return;
        }
        Tally tally = new Tally(observer, queue.name(), timesAttempts, consumer);
        for (Attempt attempt : sent.settles) {
            from.holdings().settled(attempt);
            permits.bytes(-attempt.frame().bytes().length);
            if (isSuspect(attempt.frame())) {
                from.suspects(-1);
            }
            if (isCounted(attempt, reply)) {
                tally.add(attempt);
            }
        }
        tally.tell();
        tellFenced(reply.refused().size());
        sent.settles.forEach(
                attempt -> attempt.answered(isCounted(attempt, reply))); // whoever hears it finds it counted
    }

    /** What was reserved for a claim that will bring nothing is free at once, and not when the wait before it has returned. */
    private void takeBack(Incarnation from, Incarnation.@Nullable Sent nothing) {
        if (nothing != null) {
            permits.fulfil(nothing.call.wanted(), 0);
            from.suspects(nothing.suspectWanted ? -1 : 0);
        }
    }

    private void tellFenced(long verdicts) {
        if (verdicts > 0) {
            observer.fenced(queue.name(), (int) verdicts);
        }
    }

    private static boolean isCounted(Attempt attempt, ExchangeReply reply) {
        return reply.refused().isEmpty() || !reply.refused().contains(attempt.token());
    }

    private void claimed(Incarnation from, Incarnation.Sent sent, ExchangeReply reply) {
        @Nullable Attempt[] attempts = new Attempt[reply.frames().size()]; // each in the place that its token names
        Attempt last = null;
        int count = 0;
        int suspects = 0;
        for (int i = 0; i < attempts.length; i++) {
            Frame frame = Frame.read(reply.frames().get(i));
            if (frame != null) {
                last = new Attempt(this, from.holdings(), frame, Tokens.of(sent.call.number(), i + 1));
                attempts[i] = last;
                count++;
                permits.bytes(frame.bytes().length);
                suspects += isSuspect(frame) ? 1 : 0;
            }
        }
        from.suspects(suspects - (sent.suspectWanted ? 1 : 0));
        permits.fulfil(sent.call.wanted(), count);
        if (last == null && sent.behind != null && from.hasOvertaken(sent)) {
            rung = true; // it was void
            return;
        }
        paused = reply.paused();
        nextDueMs = paused ? PAUSED_LOOK.toMillis() : reply.nextDueMs();
        workKnown = reply.workRemains() && !paused;
        if (last != null) {
            Batch batch = new Batch(attempts);
            from.holdings().add(sent.call.number(), batch);
            observer.claimed(queue.name(), count);
            likeliest = last.frame().isForeign() ? news.pushes() : news.rings();
            consumer.accept(batch);
        } else if (sent.call.wanted() > 0 && workKnown && !reply.dropped()) {
            resting = true;
        }
    }

    private boolean isSuspect(Frame frame) {
        return frame.crashes() >= Math.max(1, crashLimit - 1);
    }

    /** Waits for what comes due; and, while there is room, for news. */
    private void awaitNews(Incarnation now) {
        boolean idle = phase == Phase.OPEN && inFlight == 0 && !workKnown && !rung;
        if (!idle) {
            return;
        }
        if (nextDueMs >= 0 && nextDueMs < ReadySource.LONGEST.toMillis()) {
            // A timer of our own: on an idle server a blocking wait runs out up to 100 ms late. Also without a free
            // slot: nobody else may know of this time, and this dispatcher can promote and ring.
            dueTimer.update(loop.after(Duration.ofMillis(Math.max(SHORTEST_NAP_MS, nextDueMs)), this::due));
            nextDueMs = -1;
        }
        if (permits.free(consumer.demand()) > 0) {
            news.rings().begin();
            if (settings.foreign() && !paused) { // else it would move, and ask about, one push after the other
                news.pushes().begin();
            }
            claimAhead(now);
        }
    }

    /**
     * Sends a claim of one task behind a wait that is pending, one for each wait: Redis runs it as soon as that returns, so that a lone task
     * comes in the same answer. While anything is held the next call is a settle, which would overtake this one and make it
     * void; and of a single permit nothing is reserved for a claim that may not run for seconds.
     */
    private void claimAhead(Incarnation now) {
        News.Wait wait = likeliest;
        if (paused || !wait.canBeFollowed() || !permits.isIdle() || permits.free(consumer.demand()) < 2) {
            return;
        }
        Incarnation.Sent sent = compose(now, 0, 0, 1);
        sent.behind = wait;
        now.ahead(sent);
        calls.run(
                store.exchangeBehind(wait.follow(), ReadySource.LONGEST, now.id(), now.keys(), sent.call),
                reply -> {
                    catchUp(now, sent);
                    answered(now, sent, reply);
                },
                failure -> {
                    catchUp(now, sent);
                    sendAgain(now, sent);
                });
    }

    /** What it was sent behind is over: from here on it is a call like any other. */
    private void catchUp(Incarnation from, Incarnation.Sent sent) {
        if (from == current && from.ahead() == sent) {
            from.ahead(null);
            from.unanswered().add(sent);
            inFlight++;
            sent.sentNanos = System.nanoTime();
        }
    }

    /** Its link is lost, which says nothing of the one that all others go through. */
    private void sendAgain(Incarnation from, Incarnation.Sent sent) {
        if (from != current || sent.isVoid) {
            return;
        }
        inFlight--;
        if (outage.isOpen()) {
            mend(from);
        } else {
            transmit(from, sent);
        }
    }

    /**
     * Makes sure that the claim behind a wait was not answered into the void. Whoever waits has nothing to say, so that a connection of
     * which the network forgot is not found dead by itself.
     */
    private void checkWait() {
        Incarnation now = current;
        Incarnation.Sent ahead = now == null ? null : now.ahead();
        if (now == null || ahead == null) {
            return;
        }
        calls.run(
                store.lastCall(now.id()),
                last -> {
                    if (last >= ahead.call.number()) {
                        calls.after(TO_BRING_AN_ANSWER, () -> {
                            if (now == current && now.ahead() == ahead) {
                                Objects.requireNonNull(ahead.behind).renew();
                            }
                        });
                    }
                },
                this::report);
    }

    private void due() {
        rung = true;
    }

    private void returned(News.Wait wait) {
        wait.returned();
        Incarnation now = current;
        Incarnation.Sent ahead = now == null ? null : now.ahead();
        if (now != null && ahead != null && ahead.behind == wait) {
            catchUp(now, ahead);
        } else {
            rung = true;
        }
    }

    // ---- when Redis does not answer

    private void failed(Incarnation from, Throwable failure) {
        if (from != current) {
            return;
        }
        inFlight--;
        outage.begin(failure);
        mend(from);
    }

    /** After a failure every unanswered call goes out again, in order, before any new one does. */
    private void mend(Incarnation from) {
        if (!outage.isOpen() || inFlight > 0) {
            return;
        }
        if (from.unanswered().isEmpty()) {
            recovered();
            return;
        }
        calls.after(backoff.next(), () -> {
            if (from == current && inFlight == 0) {
                for (Incarnation.Sent sent : from.unanswered()) {
                    transmit(from, sent);
                }
            }
        });
    }

    private void recovered() {
        backoff.reset();
        outage.end();
    }

    // ---- the lease

    /** Not without the last words of the lives before, which are heard also where the answer is lost. */
    private void join() {
        leaveUnheard();
        Incarnation next = new Incarnation(store::keysOf, new Holdings(pool));
        long sent = System.nanoTime();
        joining = next;
        Mono<Joined> join = store.join(next.id(), lease).cache();
        answered = join.then().onErrorComplete();
        calls.run(join, answer -> joined(next, sent, answer), failure -> notJoined(next, failure));
    }

    private void joined(Incarnation next, long sentNanos, Joined answer) {
        clock.shows(answer.nowMs());
        if (phase != Phase.OPEN || next != joining) {
            return;
        }
        joining = null;
        long tookNanos = System.nanoTime() - sentNanos;
        // Its lease may be over before another answer, as late as this, renews it.
        if (tookNanos > LeaseKeeper.sureNanos(lease) / 2) {
            unheard.add(next.id());
            outage.cannotJoin(tooLate(Duration.ofNanos(tookNanos)));
            joinLater(null);
            return;
        }
        keeper = new LeaseKeeper(
                next,
                store,
                calls,
                pool,
                links.events(),
                outage,
                lease,
                sentNanos,
                why -> lose(next, why),
                () -> introduce(next),
                this::adopt);
        current = next;
        refusalTold = false;
        inFlight = 0;
        recovered();
        birth.seen(answer.bornMs());
        rung = true;
        MonoSink<Void> starter = starting;
        starting = null;
        if (starter != null) {
            starter.success();
        } else {
            observer.lease(queue.name(), false);
        }
    }

    private StoreUnavailableException tooLate(Duration took) {
        return new StoreUnavailableException(
                "a join was answered after " + took.toMillis() + " ms, too late for a lease of " + lease.toMillis()
                        + " ms",
                null);
    }

    private void notJoined(Incarnation next, Throwable failure) {
        if (phase != Phase.OPEN || next != joining) {
            return;
        }
        outage.cannotJoin(failure);
        boolean isRefusal = failure instanceof StoreRefusedException;
        MonoSink<Void> starter = starting;
        if (starter != null && isRefusal) {
            refuseStart(starter, failure);
            return;
        }
        boolean isFirst = isRefusal && !refusalTold;
        refusalTold |= isFirst;
        log.atLevel(isFirst ? Level.WARN : Level.DEBUG)
                .addKeyValue("queue", queue.name())
                .addKeyValue("reason", failure.getMessage())
                .log("Cannot join the queue; trying on");
        joinLater(next);
    }

    /** After a pause, unless another than {@code last} is joining by then, or has joined. */
    private void joinLater(@Nullable Incarnation last) {
        calls.after(backoff.next(), () -> {
            if (phase == Phase.OPEN && current == null && joining == last) {
                join();
            }
        });
    }

    private void refuseStart(MonoSink<Void> starter, Throwable failure) {
        starting = null;
        phase = Phase.CLOSED;
        loop.remove(this);
        permits.tellEnd(observer, queue.name());
        endNews();
        calls.close();
        starter.error(failure);
    }

    /** Somebody removed what the queue has in Redis beside its tasks: an evicting server, or a hand. Members stay members. */
    private void introduce(Incarnation member) {
        calls.run(
                store.join(member.id(), lease),
                joined -> {
                    birth.anew(joined.bornMs());
                    outage.settingsGone();
                },
                failure -> log.debug("Cannot introduce the queue now; the next heartbeat tells", failure));
    }

    /** What was held is not ours any more: every handler is stopped, nothing is said, and a new life begins. */
    private void lose(Incarnation lost, String why) {
        if (lost != current) {
            return;
        }
        outage.leaseLost(permits.held(), why);
        lettingGo = lost; // from here on it is over, wherever this may be cut off
        endLease();
        lost.holdings().abandonAll();
        collectEnded(lost);
        Stream<Attempt> unheard = lost.unanswered().stream().flatMap(sent -> sent.settles.stream());
        tellFenced(Stream.concat(unsettled.stream(), unheard)
                .filter(attempt -> !attempt.isReleased())
                .count());
        holdNothing();
        observer.lease(queue.name(), true);
        succeed(lost);
    }

    private void holdNothing() {
        unsettled.clear();
        unsettledBytes = 0;
        orphans.clear();
        permits.clear();
        inFlight = 0;
        workKnown = false;
    }

    /** Another life begins after this one, which gives back what it has once its handlers have let go of that. */
    private void succeed(Incarnation last) {
        lettingGo = last;
        if (!last.holdings().haveLetGo(System.nanoTime())) {
            calls.after(TO_LET_GO, () -> {
                if (lettingGo == last) {
                    succeed(last);
                }
            });
            return;
        }
        last.holdings().letGoOfAll();
        lettingGo = null;
        unheard.add(last.id());
        if (phase == Phase.OPEN) {
            join();
        }
    }

    /**
     * Says of lives that are over that they are, until it is heard, which takes longer after every outage that outlasts a lease.
     * Nobody crashed, and nobody has to wait until others find their leases lapsed.
     */
    private void leaveUnheard() {
        for (String life : unheard) {
            calls.run(store.leave(life).thenReturn(true), left -> unheard.remove(life), failure -> {
                if (failure instanceof StoreRefusedException && current != null) { // else all is refused, for now
                    unheard.remove(life);
                }
            });
        }
    }

    /**
     * Somebody cancelled running tasks, perhaps some of ours: all that were told of at once, for each look goes through all that is
     * held. If that was the one before it, its settle gives this back.
     */
    private void cancelAsked() {
        Incarnation now = current;
        LeaseKeeper keeping = keeper;
        if (now != null && keeping != null && now.holdings().cancel(toCancel) < toCancel.size()) {
            keeping.beatSoon();
        }
        toCancel.clear();
    }

    private void endLease() {
        current = null;
        LeaseKeeper keeping = keeper;
        keeper = null;
        if (keeping != null) {
            keeping.end();
        }
    }

    private void adopt(List<Long> found) {
        orphans.addAll(found);
        observer.orphans(queue.name(), found.size());
    }

    /**
     * A step was cut off in the middle, by an error of the machine or a bug: what is noted here of tasks and permits may be
     * wrong by now, and the tasks in between would be nobody's while the lease is renewed. So this life ends, and gives back
     * all that it has; after a moment, for whatever it was may come again.
     */
    @Override
    public void broken() {
        hurt = current;
        if (!startsOver) {
            calls.after(TO_START_OVER, this::startOver);
            startsOver = true;
        }
    }

    /** Its loss, or the next join, may have been cut off as well. */
    private void startOver() {
        startsOver = false;
        Incarnation now = current;
        Incarnation last = lettingGo;
        Incarnation next = joining;
        Incarnation cut = hurt;
        hurt = null; // with all that it held
        if (now != null && now == cut) {
            lose(now, "a step of the dispatcher failed");
        } else if (now == null && last != null) {
            last.holdings().abandonAll();
            holdNothing();
            succeed(last);
        } else if (now == null && phase == Phase.OPEN) {
            holdNothing();
            if (next != null) {
                unheard.add(next.id());
            }
            join();
        }
    }

    // ---- the end

    private void drain(Duration grace) {
        phase = Phase.DRAINING;
        Incarnation now = current;
        if (now != null) {
            now.holdings().close();
            calls.after(grace, () -> now.holdings().endAll(Verdict.released()));
        }
        endNews();
        calls.after(TO_HEAR_OF_CLAIMS, () -> claimsAreAwaited = false);
        calls.after(grace.plus(LAST_WORDS), () -> timeIsUp = true);
        loop.signal();
    }

    /** Frees the links that only the waits for news need; they were given before the start. */
    private void endNews() {
        news.stop();
        calls.run(news.close(), done -> {}, this::report);
    }

    private boolean isDrained() {
        Incarnation now = current;
        return now == null || (permits.held() == 0 && unsettled.isEmpty() && hasHeardOf(now));
    }

    /** Nothing is left to others before that, though the end of the grace is noticed late. */
    private boolean haveLetGo() {
        Incarnation last = latest();
        return last == null || last.holdings().haveLetGo(System.nanoTime());
    }

    /**
     * Whether no more answers are worth waiting for. Of a claim that stays unanswered nothing is known, and nothing is to be
     * done: what it took, if anything, the leave gives back.
     */
    private boolean hasHeardOf(Incarnation now) {
        return claimsAreAwaited
                ? now.ahead() == null && now.unanswered().isEmpty()
                : now.unanswered().stream().allMatch(sent -> sent.call.settles() == 0);
    }

    private void close() {
        Incarnation last = latest();
        phase = Phase.CLOSED;
        loop.remove(this);
        permits.tellEnd(observer, queue.name());
        endLease();
        if (last != null) {
            unheard.add(last.id());
        }
        // A leave overtakes no join: where connections come and go the order of sending is not that of asking.
        Mono<Void> leaves = answered.thenMany(Flux.fromIterable(List.copyOf(unheard)))
                .flatMap(store::leave)
                .then();
        Mono<Void> left = leaves.cache().timeout(TO_LEAVE); // who is late leaves unheard
        calls.run(left.onErrorComplete().thenReturn(true), done -> closed(last), failure -> closed(last));
    }

    /** The life that is, is about to begin, or was the last. */
    private @Nullable Incarnation latest() {
        if (current != null) {
            return current;
        }
        return joining == null ? lettingGo : joining;
    }

    private void closed(@Nullable Incarnation last) {
        if (last != null) {
            last.holdings().abandonAll();
        }
        calls.close();
        MonoSink<Void> starter = starting;
        if (starter != null) {
            starter.success();
        }
        stopping.forEach(MonoSink::success);
        stopping.clear();
    }

    // ---- plumbing

    private void report(Throwable failure) {
        log.atDebug().addKeyValue("queue", queue.name()).log("A call failed that nobody waits for", failure);
    }
}
