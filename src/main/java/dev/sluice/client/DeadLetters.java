package dev.sluice.client;

import dev.sluice.client.DeadWalk.Way;
import dev.sluice.redis.DeadPage;
import dev.sluice.redis.DeadRecord;
import dev.sluice.redis.DeadStore;
import dev.sluice.redis.DeadStore.Fate;
import dev.sluice.redis.ProducerStore;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.StoreRefusedException;
import dev.sluice.task.StoreUnavailableException;
import dev.sluice.task.TaskId;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;

/**
 * The dead letters of one queue: the tasks that ended badly. Look at them, run them again, or throw them away.
 *
 * <p>Everything is done in calls of at most 256 dead letters or about 1 MiB, one after the other, so that a million of them
 * takes time but holds up nobody. Share one instance; it is thread-safe, never blocks, and owns nothing that has to be
 * closed. The queue is first asked whether this side fits, as by {@link TaskClient}.
 *
 * <p>All results and errors that come from Redis are signalled on Reactor's {@code parallel} scheduler. Every call fails with
 * {@link StoreRefusedException} (final) or {@link StoreUnavailableException}: the outcome of the last step is unknown, and
 * all of them are safe to repeat, for what was redriven or purged is no dead letter any more.
 */
public final class DeadLetters {
    private static final Scheduler SIGNALS = Schedulers.parallel();

    private final StoreCalls calls;
    private final DeadStore store;

    private DeadLetters(ProducerStore producer, DeadStore store) {
        this.calls = new StoreCalls(producer, 0);
        this.store = store;
    }

    /** What a redrive of one task came to. */
    public enum Redrive {
        /** It waits in the queue again. */
        REDRIVEN,
        /** Nothing was changed: a task with this id lives. After a lost answer that is the one that was redriven. */
        LIVE,
        /** There is no dead letter with this id. */
        UNKNOWN,
        /** Nothing was changed: what is kept of it is not what Sluice writes. It can be looked at and purged. */
        UNREADABLE
    }

    /** The dead letters behind {@code store}. Internal: for the root package; no API for users. */
    public static DeadLetters over(ProducerStore producer, DeadStore store) {
        return new DeadLetters(producer, store);
    }

    /**
     * The dead letters that {@code filter} means, the latest death first.
     *
     * <p>Cold. Emits those that are there when it is subscribed to, in an order that never changes: by time of death, at equal
     * times by id. What is redriven, purged or trimmed meanwhile may be missing. Reads a page when the one before is consumed,
     * so {@code take(10)} of a million costs one page; memory is bounded by a page. Cancelling stops the reading. Signals and
     * errors as for the class; a retry begins anew, or after a cursor with {@link #newest(DeadLetterFilter, String)}.
     */
    public Flux<DeadLetter> newest(DeadLetterFilter filter) {
        return list(filter, Way.NEWEST_FIRST, null);
    }

    /**
     * {@link #newest(DeadLetterFilter)}, going on after the dead letter with this {@linkplain DeadLetter#cursor cursor},
     * which may be gone.
     *
     * <p>Starts, emits, signals, fails and is cancelled as that; fails with {@link InvalidTaskException} too, if that is no cursor.
     */
    public Flux<DeadLetter> newest(DeadLetterFilter filter, String cursor) {
        return list(filter, Way.NEWEST_FIRST, Objects.requireNonNull(cursor, "cursor"));
    }

    /** {@link #newest(DeadLetterFilter)} in the opposite order: the earliest death first. */
    public Flux<DeadLetter> oldest(DeadLetterFilter filter) {
        return list(filter, Way.OLDEST_FIRST, null);
    }

    /** {@link #newest(DeadLetterFilter, String)} in the opposite order: the earliest death first. */
    public Flux<DeadLetter> oldest(DeadLetterFilter filter, String cursor) {
        return list(filter, Way.OLDEST_FIRST, Objects.requireNonNull(cursor, "cursor"));
    }

    /**
     * A part of {@link #newest(DeadLetterFilter)}, for a caller who wants an answer soon: it ends with {@code limit} letters,
     * with 50,000 that were looked at, with about 4 MiB of those that are meant, or after 100 ms, whichever comes first.
     *
     * <p>Cold; emits one page, which may be empty though its cursor leads on. Cancelling drops it. Signals and errors as for
     * the class, and {@link InvalidTaskException} if {@code cursor} is no cursor; safe to repeat.
     *
     * @param cursor that of the page before; null = from the beginning
     * @param limit the most letters, at least 1
     */
    public Mono<DeadLetterPage> page(DeadLetterFilter filter, @Nullable String cursor, int limit) {
        if (limit < 1) {
            throw new InvalidTaskException("limit", "a page has at least 1 dead letter, was " + limit);
        }
        Objects.requireNonNull(filter, "filter");
        return Mono.defer(() -> {
            Paging<DeadLetter> paging = new Paging<>(limit);
            return walked(filter, Way.NEWEST_FIRST, cursor)
                    .takeUntil(letter ->
                            paging.isFullWith(filter.matches(letter) ? letter : null, letter.size(), letter::cursor))
                    .then(Mono.fromSupplier(
                            () -> new DeadLetterPage(paging.meant(), paging.scanned(), paging.cursor())));
        });
    }

    /**
     * The dead letter of a task.
     *
     * <p>Cold: two commands per subscription, which change nothing. Completes empty if there is none with this id. Cancelling
     * drops the answer. Signals and errors as for the class, and {@link InvalidTaskException} if {@code id} can be no id.
     */
    public Mono<DeadLetter> find(String id) {
        return Mono.defer(() -> {
                    byte[] name = bytes(id);
                    return calls.afterIntroduction(() -> store.find(name));
                })
                .publishOn(SIGNALS)
                .map(DeadLetter::of);
    }

    /**
     * Puts a dead letter back at the end of its queue, as if it had never failed: attempts and crashes begin at zero, its
     * fencing number goes on growing. Its own deadline still holds.
     *
     * <p>Cold: one atomic call per subscription. Emits what it came to; if the id lives again nothing is changed. Cancelling
     * drops the answer and does not undo anything. Signals and errors as for the class, and {@link InvalidTaskException} if
     * {@code id} can be no id. After a {@link StoreUnavailableException} it is safe to repeat: {@link Redrive#LIVE} may then
     * mean that the first call did it, and {@link Redrive#UNKNOWN} that it has ended already.
     */
    public Mono<Redrive> redrive(String id) {
        return one(id, store::redrive).map(DeadLetters::redriveOf);
    }

    /**
     * Redrives all dead letters that {@code filter} means and that are there when it is subscribed to, the earliest death
     * first.
     *
     * <p>Cold. Emits running counts after each page, at least once; the last one has the totals. What dies again on the way is
     * not redriven a second time. Cancelling stops before the next call; what was done stays done. Asks for the next page only
     * if counts were asked for, so put {@code onBackpressureLatest} behind it for a slow subscriber.
     *
     * <p>A step whose answer is lost is asked for again, for about 40 s, and then goes on where it was; what it finds gone by
     * then was done by the first asking and counts as done. Each letter is meant as it died: a later death of its id is left
     * alone. Signals as for the class. Fails with {@link StoreRefusedException}, or with {@link StoreUnavailableException} if
     * Redis was not there for the first page or for that long: the counts emitted are certain, those of the step after them,
     * at most 256, are not known. A retry goes on with what is left.
     */
    public Flux<DeadLetterProgress> redriveAll(DeadLetterFilter filter) {
        return walk(filter, Way.NONE_THAT_DIE_MEANWHILE, store::redriveThese);
    }

    /**
     * Removes a dead letter for good.
     *
     * <p>Cold: one atomic call per subscription. Emits whether there was one; a task that lives under the same id is not
     * touched. Cancelling drops the answer and does not undo anything. Signals and errors as for the class, and
     * {@link InvalidTaskException} if {@code id} can be no id; safe to repeat, and {@code false} may then mean that the first
     * call did it.
     */
    public Mono<Boolean> purge(String id) {
        return one(id, store::purge).map(fate -> fate == Fate.DONE);
    }

    /**
     * Removes all dead letters that {@code filter} means and that are there when it is subscribed to, for good, the earliest
     * death first.
     *
     * <p>Cold; counts, cancelling, signals, errors and retries as for {@link #redriveAll}.
     */
    public Flux<DeadLetterProgress> purgeAll(DeadLetterFilter filter) {
        return walk(filter, Way.NONE_THAT_DIE_MEANWHILE, store::purgeThese);
    }

    /**
     * Counts the dead letters that {@code filter} means, and changes nothing: what {@link #redriveAll} or {@link #purgeAll}
     * would look at.
     *
     * <p>Cold; counts, cancelling, signals, errors and retries as for {@link #redriveAll}.
     */
    public Flux<DeadLetterProgress> count(DeadLetterFilter filter) {
        return walk(filter, Way.OLDEST_FIRST, ids -> Mono.just(List.of()));
    }

    private Flux<DeadLetter> list(DeadLetterFilter filter, Way way, @Nullable String cursor) {
        Objects.requireNonNull(filter, "filter");
        return walked(filter, way, cursor).filter(filter::matches);
    }

    /** Those of the filter's time, whatever else it says. */
    private Flux<DeadLetter> walked(DeadLetterFilter filter, Way way, @Nullable String cursor) {
        return Flux.defer(() -> {
            byte[] after = cursor == null ? null : Cursor.parse(cursor, "dead letters");
            return new DeadWalk(calls, store, filter, way, true, after, SIGNALS)
                    .through(page -> Flux.range(0, page.size()).map(i -> DeadLetter.of(page.get(i))));
        });
    }

    private Flux<DeadLetterProgress> walk(
            DeadLetterFilter filter, Way way, Function<List<DeadRecord>, Mono<List<Fate>>> work) {
        Objects.requireNonNull(filter, "filter");
        return Flux.defer(() -> new DeadWalk(calls, store, filter, way, filter.needsRecords(), null, SIGNALS)
                .through(page -> {
                    List<DeadRecord> meant = meant(page, filter);
                    return answered(Mono.defer(() -> work.apply(meant)))
                            .publishOn(SIGNALS)
                            .map(fates -> DeadLetterProgress.NONE.plus(
                                    page.size(), meant.size(), count(fates, Fate.DONE), refused(fates)));
                })
                .scan((sum, step) -> sum.plus(step.examined(), step.matched(), step.done(), step.refused())));
    }

    /**
     * Asks again after a lost answer. Each letter is meant as it died then, so what was done is not done a second time to a
     * later death; and what is gone by the repetition was done by the first call.
     */
    private static Mono<List<Fate>> answered(Mono<List<Fate>> step) {
        return Mono.defer(() -> {
            AtomicBoolean repeated = new AtomicBoolean();
            return step.doOnError(lost -> repeated.set(true))
                    .retryWhen(DeadWalk.again())
                    .map(fates -> repeated.get()
                            ? fates.stream().map(DeadLetters::afterAll).toList()
                            : fates);
        });
    }

    private static Fate afterAll(Fate fate) {
        return fate == Fate.UNKNOWN || fate == Fate.REVIVED ? Fate.DONE : fate;
    }

    private static List<DeadRecord> meant(DeadPage page, DeadLetterFilter filter) {
        return IntStream.range(0, page.size())
                .mapToObj(page::get)
                .filter(record -> !filter.needsRecords() || filter.matches(DeadLetter.of(record)))
                .toList();
    }

    private Mono<Fate> one(String id, Function<List<byte[]>, Mono<List<Fate>>> work) {
        return Mono.defer(() -> {
                    byte[] name = bytes(id);
                    return calls.afterIntroduction(() -> work.apply(List.of(name)));
                })
                .publishOn(SIGNALS)
                .map(fates -> fates.get(0));
    }

    private static long refused(List<Fate> fates) {
        return count(fates, Fate.LIVE) + count(fates, Fate.REVIVED) + count(fates, Fate.UNREADABLE);
    }

    private static long count(List<Fate> fates, Fate fate) {
        return fates.stream().filter(fate::equals).count();
    }

    private static Redrive redriveOf(Fate fate) {
        return switch (fate) {
            case DONE -> Redrive.REDRIVEN;
            case LIVE, REVIVED -> Redrive.LIVE;
            case UNKNOWN -> Redrive.UNKNOWN;
            case UNREADABLE -> Redrive.UNREADABLE;
        };
    }

    private static byte[] bytes(String id) {
        return TaskId.check(id).getBytes(StandardCharsets.UTF_8);
    }
}
