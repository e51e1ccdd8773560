package dev.sluice.app.command;

import dev.sluice.task.QueueInfo;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import reactor.core.publisher.Mono;

/**
 * The queues that a bounded search found.
 *
 * @param queues in the order of their names
 * @param isComplete whether there are no more
 */
record Discovery(List<QueueInfo> queues, boolean isComplete) {
    static final Duration LONGEST = Duration.ofSeconds(30);

    /** Searches for at most {@code limit} queues, for at most {@link #LONGEST}. */
    static Discovery in(Session session, int limit) throws InterruptedException {
        AtomicBoolean complete = new AtomicBoolean();
        List<QueueInfo> found = session.await(
                session.sluice()
                        .queues()
                        .doOnComplete(() -> complete.set(true))
                        .takeUntilOther(Mono.delay(LONGEST))
                        .take(limit + 1L)
                        .collectList(),
                LONGEST.multipliedBy(2));
        List<QueueInfo> sorted = (found == null ? List.<QueueInfo>of() : found)
                .stream()
                        .limit(limit)
                        .sorted(Comparator.comparing(info -> info.queue().name()))
                        .toList();
        return new Discovery(sorted, complete.get());
    }

    /** A sentence about what may be missing. */
    String warning(int limit) {
        String why = queues.size() < limit ? "after " + LONGEST.toSeconds() + " s" : "at the limit of " + limit;
        return "There may be more queues: the search ended " + why + ". Name those you want.";
    }
}
