package dev.sluice.upkeep;

import dev.sluice.observe.Observer;
import dev.sluice.redis.RecoverReply;
import dev.sluice.redis.ScheduleStore;
import dev.sluice.redis.UpkeepReply;
import dev.sluice.redis.UpkeepStore;
import dev.sluice.task.DeadLetterRetention;
import dev.sluice.task.StoreRefusedException;
import dev.sluice.task.StoreUnavailableException;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;
import reactor.util.context.Context;
import reactor.util.retry.Retry;

/**
 * Keeps one queue in order for as long as it is subscribed to: about once a second with jitter, and whenever a lease has
 * just ended that nobody renewed, so that the tasks of a dead dispatcher wait no longer than its lease.
 *
 * <p>Schedules fire beside that, at their own times, so that no chore makes a tick late.
 *
 * <p>Each round is one bounded script; what it finds lapsed is then recovered in slices, and the next round follows in a
 * tenth of a second, for it rings again. A round that fails is followed by the next, at once after one that succeeded, for then
 * only its connection may have been dead, else a second later; and if that goes on for a minute the log is told: nothing here
 * ends but by cancellation, and a round cut in the middle has done whole steps.
 */
public final class Upkeep {
    private static final Logger log = LoggerFactory.getLogger(Upkeep.class);

    /** Reactor's hook for these chains: a recovery that fails as it is given up would be told as an error of the program. */
    private static final Context ENDED = Context.of("reactor.onErrorDropped.local", (Consumer<Throwable>)
            failure -> log.debug("A chore failed that nobody waits for any more", failure));

    private static final long ROUND_MS = 1000;
    private static final long SHORTEST_PAUSE_MS = 100;
    private static final Duration UNTIL_NEXT_TRY = Duration.ofSeconds(1);
    private static final Duration LONGEST_UNTIL_NEXT_TRY = Duration.ofMinutes(1);
    private static final int ROUNDS_IN_A_ROW = 64;

    private final UpkeepStore store;
    private final Observer observer;
    private final String queue;
    private final Duration lease;
    private final Trimming trimming;
    private final long maxLength;
    private final Crowding crowding;
    private final Scheduling scheduling;
    private final Complaint complaint;
    private String cursor = "0";
    private long nextEndMs = -1;
    private boolean failed;
    private boolean soon;
    private boolean refusalTold;

    /** The chores of {@code queue}; nothing runs before {@link #run}. */
    public Upkeep(
            UpkeepStore store,
            ScheduleStore schedules,
            Observer observer,
            String queue,
            Duration lease,
            DeadLetterRetention deadLetters,
            long maxLength,
            Scheduler aside) {
        this.store = store;
        this.observer = observer;
        this.queue = queue;
        this.lease = lease;
        this.trimming = new Trimming(store, observer, queue, deadLetters);
        this.maxLength = maxLength;
        this.crowding = new Crowding(observer, queue, maxLength);
        this.scheduling = new Scheduling(schedules, queue, aside);
        this.complaint = new Complaint(
                queue,
                "Upkeep",
                "tasks of silent dispatchers may not be taken back, and schedules not fire",
                System::nanoTime);
    }

    /**
     * Runs until cancelled. Subscribe once. Never completes and never fails. Tells {@code onRound} of each round, on the thread of its
     * answer.
     */
    public Mono<Void> run(Consumer<UpkeepReply> onRound) {
        Mono<Void> rounds = Flux.defer(() -> Mono.delay(pause()).then(round(onRound)))
                .repeat()
                .then();
        return Mono.when(rounds, searches(), scheduling.run()).doFinally(end -> crowding.end());
    }

    private Mono<Void> round(Consumer<UpkeepReply> onRound) {
        return Flux.defer(() -> chores(onRound))
                .repeat(ROUNDS_IN_A_ROW)
                .takeWhile(UpkeepReply::more)
                .then()
                // One that cannot be recovered is to keep nothing else from being done.
                .onErrorResume(
                        failure -> !(failure instanceof StoreUnavailableException),
                        refused -> Mono.defer(trimming::round).then(Mono.error(refused)))
                .then(Mono.defer(trimming::round))
                .doOnSuccess(done -> {
                    complaint.done();
                    failed = false;
                })
                .onErrorResume(failure -> {
                    complaint.failed(failure);
                    nextEndMs = -1;
                    soon = !failed;
                    failed = true;
                    return Mono.empty();
                });
    }

    /** Beside the rounds: a walk through all keys may take long, and a server may forbid it, and neither is to cost a round. */
    private Mono<Void> searches() {
        return Mono.defer(store::adoptStrays)
                .doOnError(this::tellOfSearch)
                .retryWhen(Retry.backoff(Long.MAX_VALUE, UNTIL_NEXT_TRY).maxBackoff(LONGEST_UNTIL_NEXT_TRY))
                .then(Mono.defer(() -> Mono.delay(store.betweenSearches())))
                .repeat()
                .then();
    }

    private void tellOfSearch(Throwable failure) {
        boolean news = failure instanceof StoreRefusedException && !refusalTold;
        refusalTold |= news;
        log.atLevel(news ? Level.WARN : Level.DEBUG)
                .addKeyValue("queue", queue)
                .addKeyValue("reason", failure.getMessage())
                .log("The search for forgotten claims failed; it is tried again");
    }

    private Mono<UpkeepReply> chores(Consumer<UpkeepReply> onRound) {
        return store.round(lease, cursor, maxLength)
                .publishOn(Schedulers.parallel()) // an observer may be slow, and Redis' event loop is everybody's
                .flatMap(reply -> {
                    cursor = reply.cursor();
                    nextEndMs = reply.nextEndMs();
                    scheduling.expect(reply.nextTickMs());
                    crowding.round(reply.over());
                    onRound.accept(reply);
                    if (reply.removedStatuses() > 0) {
                        observer.lateStatuses(queue, reply.removedStatuses());
                    }
                    // One that cannot be recovered comes first each time, and is to keep nobody else from it.
                    return Flux.fromIterable(reply.lapsed())
                            .concatMapDelayError(this::recover)
                            .then(Mono.just(reply));
                })
                .contextWrite(ENDED);
    }

    private Mono<Void> recover(String incarnation) {
        AtomicReference<RecoverReply> all = new AtomicReference<>(RecoverReply.NOTHING);
        return store.recover(incarnation, RecoverReply.FIRST)
                .expand(slice -> slice.more() ? store.recover(incarnation, slice.next()) : Mono.empty())
                .publishOn(Schedulers.parallel())
                .doOnNext(slice -> {
                    int tasks = slice.moved() + slice.dead();
                    if (tasks > 0) {
                        soon = true; // whoever went silent may still wait, and take the ring for these
                        observer.recovered(queue, tasks);
                    }
                    if (slice.lost() > 0) {
                        observer.lost(queue, slice.lost());
                    }
                    all.accumulateAndGet(slice, RecoverReply::plus);
                })
                .doFinally(end -> tell(incarnation, Objects.requireNonNull(all.get())))
                .then();
    }

    /** One line for all slices up to the end, or up to the one that failed; none for what others took back. */
    private void tell(String incarnation, RecoverReply all) {
        if (all.moved() + all.dead() > 0) {
            log.atWarn()
                    .addKeyValue("queue", queue)
                    .addKeyValue("dispatcher", incarnation)
                    .addKeyValue("moved", all.moved())
                    .addKeyValue("dead", all.dead())
                    .log("Took back the tasks of a dispatcher that went silent");
        }
        if (all.lost() > 0) {
            log.atWarn()
                    .addKeyValue("queue", queue)
                    .addKeyValue("dispatcher", incarnation)
                    .addKeyValue("lost", all.lost())
                    .log("A dispatcher went silent, and what it had taken is lost: at-most-once");
        }
    }

    // With jitter: dispatchers that all come at once find the work of one.
    private Duration pause() {
        ThreadLocalRandom random = ThreadLocalRandom.current();
        long ms = soon ? SHORTEST_PAUSE_MS : ROUND_MS * 4 / 5 + random.nextLong(ROUND_MS * 2 / 5);
        soon = false;
        if (nextEndMs >= 0) {
            ms = Math.min(ms, Math.max(SHORTEST_PAUSE_MS, nextEndMs) + random.nextLong(SHORTEST_PAUSE_MS));
        }
        return Duration.ofMillis(ms);
    }
}
