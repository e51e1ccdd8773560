package dev.sluice.client;

import dev.sluice.redis.DeadPage;
import dev.sluice.redis.DeadStore;
import dev.sluice.task.StoreUnavailableException;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;
import reactor.util.retry.Retry;

/**
 * One walk over the dead letters that are there when it begins, page after page. The next page is read when what was made
 * of the one before has been consumed: nothing is read ahead.
 *
 * <p>Who dies again on the way has a later death, and is not met a second time: so a redrive of all comes to an end. A walk that
 * changes what it meets passes over all who die meanwhile: whose time of death is yet to come, for the clock was put back or a hand
 * wrote it, comes last there, and not at all if that time comes on the way.
 */
final class DeadWalk {
    private static final Object STEP = new Object();
    private static final long NEVER = -1;
    private static final Duration LONGEST_OUTAGE = Duration.ofSeconds(40);

    private final StoreCalls calls;
    private final DeadStore store;
    private final DeadLetterFilter filter;
    private final Way way;
    private final boolean records;
    private final Scheduler signals;
    private byte @Nullable [] after;
    private String from;
    private String till = "";
    private @Nullable String ahead; // till when those whose time is yet to come are walked through, once the others are
    private long endMs;
    private boolean begun;
    private boolean over;

    /** Whom a walk meets, and in which order. */
    enum Way {
        /** All, the latest death first. */
        NEWEST_FIRST,
        /** All, the earliest death first. */
        OLDEST_FIRST,
        /** The earliest death first, and nobody who dies meanwhile: the way to change what is met. */
        NONE_THAT_DIE_MEANWHILE
    }

    DeadWalk(
            StoreCalls calls,
            DeadStore store,
            DeadLetterFilter filter,
            Way way,
            boolean records,
            byte @Nullable [] after,
            Scheduler signals) {
        this.calls = calls;
        this.store = store;
        this.filter = filter;
        this.from = filter.earliest();
        this.way = way;
        this.records = records;
        this.after = after;
        this.signals = signals;
    }

    /** Subscribe once. Emits what {@code work} makes of each page, the first page even if it is empty. */
    <T> Flux<T> through(Function<DeadPage, Publisher<T>> work) {
        return Flux.generate(sink -> {
                    if (over) {
                        sink.complete();
                    } else {
                        sink.next(STEP);
                    }
                })
                .concatMap(step -> page().flatMapMany(work), 0);
    }

    /** For one thing that may be asked again while Redis is away, however long it takes to say so: 40 s long from the first failure. */
    static Retry again() {
        AtomicLong firstMs = new AtomicLong(NEVER);
        return Retry.backoff(Long.MAX_VALUE, Duration.ofMillis(20))
                .maxBackoff(Duration.ofSeconds(1))
                .filter(failure -> {
                    long nowMs = Schedulers.parallel().now(TimeUnit.MILLISECONDS);
                    firstMs.compareAndSet(NEVER, nowMs);
                    return failure instanceof StoreUnavailableException
                            && nowMs - firstMs.get() < LONGEST_OUTAGE.toMillis();
                });
    }

    /** The first page fails at once: nothing was done that should be gone on with. */
    private Mono<DeadPage> page() {
        Mono<DeadPage> read = begun ? browse().retryWhen(again()) : first();
        return read.publishOn(signals).doOnNext(this::arrived);
    }

    private Mono<DeadPage> first() {
        Supplier<Mono<Instant>> clock = filter.needsClock() ? store::now : () -> Mono.just(Instant.EPOCH);
        return calls.afterIntroduction(clock).flatMap(now -> {
            endMs = filter.endMs(now);
            till = endMs == Long.MAX_VALUE ? "+inf" : "(" + endMs;
            return browse();
        });
    }

    private Mono<DeadPage> browse() {
        return calls.afterIntroduction(() -> store.browse(from, till, way == Way.NEWEST_FIRST, records, after));
    }

    private void arrived(DeadPage page) {
        if (!begun) {
            bound(page);
        }
        begun = true;
        int size = page.size();
        if (size > 0) {
            after = page.get(size - 1).position();
        }
        over = !page.more() || size == 0;
        if (over && ahead != null) {
            from = DeadStore.AHEAD;
            till = ahead;
            ahead = null;
            over = false;
        }
    }

    /** Sets where it ends: at the latest death of its beginning, and before those whose time is yet to come. */
    private void bound(DeadPage first) {
        long now = first.nowMs();
        double latest = first.latestMs();
        if (latest < endMs || (latest == Double.POSITIVE_INFINITY && endMs == Long.MAX_VALUE)) {
            till = String.valueOf(first.latest());
        }
        if (way == Way.NONE_THAT_DIE_MEANWHILE && latest > now && endMs > now && filter.beginsBefore(now)) {
            ahead = till;
            till = String.valueOf(now);
        }
    }
}
