package dev.sluice.client;

import dev.sluice.redis.ProducerStore;
import dev.sluice.redis.SweepReply;
import dev.sluice.task.QueueFullException;
import java.util.ArrayDeque;
import java.util.Queue;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;

/**
 * One walk over the tasks that do not run, a page in each call, each place from its end to its beginning: what is taken
 * from the beginning meanwhile moves nothing, and what is added at the end only has some looked at, and counted, twice. A list
 * that grows faster than it is walked through is left: the walk would never come to its beginning.
 */
final class CancelWalk {
    private static final Object STEP = new Object();
    private static final int SPAN = 64;
    private static final int MOST_IN_VAIN = 2; // for one may have met a burst, which the next makes up for

    private final StoreCalls calls;
    private final ProducerStore store;
    private final TaskFilter filter;
    private final boolean acts;
    private final Scheduler signals;
    private final Queue<String> places;
    private long skip;
    private long wayBefore = Long.MAX_VALUE; // to the beginning of the list, a span of calls ago
    private int callsHere;
    private int spansInVain;
    private boolean begun;

    CancelWalk(StoreCalls calls, ProducerStore store, TaskFilter filter, boolean acts, Scheduler signals) {
        this.calls = calls;
        this.store = store;
        this.filter = filter;
        this.acts = acts;
        this.signals = signals;
        this.places = new ArrayDeque<>(filter.places());
    }

    /** Subscribe once. Emits the counts of all calls so far after each of them, at least once. */
    Flux<CancelProgress> progress() {
        return Flux.generate(sink -> {
                    if (begun && places.isEmpty()) {
                        sink.complete();
                    } else {
                        sink.next(STEP);
                    }
                })
                .concatMap(step -> step(), 0)
                .scan(CancelProgress.NONE, (sum, step) -> sum.plus(step.examined(), step.matched(), step.cancelled()))
                .skip(1);
    }

    /** The first one fails at once: nothing was done that should be gone on with. */
    private Mono<SweepReply> step() {
        String place = places.peek();
        if (place == null) { // a state that is never due
            begun = true;
            return Mono.just(new SweepReply(false, false, 0, 0, 0, 0, 0));
        }
        Mono<SweepReply> sweep = calls.afterIntroduction(
                () -> store.sweep(place, skip, filter.typeOrNone(), filter.wordOfDelayed(), filter.beforeMs(), acts));
        return (begun ? sweep.retryWhen(DeadWalk.again()) : sweep)
                .publishOn(signals)
                .doOnNext(this::swept);
    }

    private void swept(SweepReply reply) {
        if (reply.full()) {
            throw QueueFullException.of(
                    "the list of the cancelled", store.queue().name(), ProducerStore.MOST_CANCELLED);
        }
        begun = true;
        skip = reply.next();
        long way = reply.length() - reply.next();
        if (callsHere++ % SPAN == 0) {
            spansInVain = way < wayBefore ? 0 : spansInVain + 1;
            wayBefore = way;
        }
        if (!reply.more() || (reply.length() > 0 && spansInVain >= MOST_IN_VAIN)) {
            places.remove();
            skip = 0;
            wayBefore = Long.MAX_VALUE;
            callsHere = 0;
            spansInVain = 0;
        }
    }
}
