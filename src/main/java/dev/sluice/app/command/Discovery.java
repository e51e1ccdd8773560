package dev.sluice.app.command;

import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * The queues that a bounded search found.
 *
 * @param queues in the order of their names
 * @param isComplete whether there are no more
 */
record Discovery<T>(List<T> queues, boolean isComplete) {
    static final Duration LONGEST = Duration.ofSeconds(30);

    /** Takes at most {@code limit} queues of {@code all}, for at most {@link #LONGEST}. */
    static <T> Discovery<T> in(Session session, Flux<T> all, Function<T, String> name, int limit)
            throws InterruptedException {
        AtomicBoolean complete = new AtomicBoolean();
        List<T> found = session.await(
                all.doOnComplete(() -> complete.set(true))
                        .takeUntilOther(Mono.delay(LONGEST))
                        .take(limit + 1L)
                        .collectList(),
                LONGEST.multipliedBy(2));
        List<T> sorted = (found == null ? List.<T>of() : found)
                .stream().limit(limit).sorted(Comparator.comparing(name)).toList();
        return new Discovery<>(sorted, complete.get());
    }

    /** A sentence about what may be missing. */
    String warning(int limit) {
        String why = queues.size() < limit ? "after " + LONGEST.toSeconds() + " s" : "at the limit of " + limit;
        return "There may be more queues: the search ended " + why + ". Name those you want.";
    }
}
