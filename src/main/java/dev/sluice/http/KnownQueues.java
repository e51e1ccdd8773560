package dev.sluice.http;

import dev.sluice.Sluice;
import dev.sluice.client.ClientOptions;
import dev.sluice.client.DeadLetters;
import dev.sluice.client.Schedules;
import dev.sluice.client.TaskClient;
import dev.sluice.task.Queue;
import dev.sluice.task.QueueInfo;
import dev.sluice.task.StoreUnavailableException;
import java.time.Duration;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import reactor.core.publisher.Mono;

/**
 * The queues that requests may name: those that the server was told of, and those that somebody has worked on in this
 * Redis. No request makes a new one: a misspelt name would be a queue that nobody serves.
 */
final class KnownQueues {
    private static final int MOST_KEPT = 1_000;
    private static final Duration KEPT_FOR = Duration.ofSeconds(10); // then it may be gone, or another

    private final Sluice sluice;
    private final ClientOptions options;
    private final List<Queue> named;
    private final int mostKept;
    private final Duration keptFor;
    private final Map<String, Parts> ofNamed = new HashMap<>();
    private final Map<String, Kept> kept = Collections.synchronizedMap(new LinkedHashMap<>(16, 0.75f, true));

    KnownQueues(Sluice sluice, ClientOptions options, List<Queue> named) {
        this(sluice, options, named, MOST_KEPT, KEPT_FOR);
    }

    /** One that keeps as many of those that are not named, and each for as long. */
    KnownQueues(Sluice sluice, ClientOptions options, List<Queue> named, int mostKept, Duration keptFor) {
        this.sluice = sluice;
        this.options = options;
        this.named = named;
        this.mostKept = mostKept;
        this.keptFor = keptFor;
        named.forEach(queue -> ofNamed.put(queue.name(), parts(queue)));
    }

    /** What one queue offers, as whoever worked on it first recorded it; fails with a {@link Problem} if nobody knows it. */
    Mono<Parts> find(String name) {
        Parts configured = ofNamed.get(name);
        if (configured != null) {
            return Mono.just(configured);
        }
        Kept known = kept.get(name);
        if (known != null && System.nanoTime() - known.sinceNanos < keptFor.toNanos()) {
            return Mono.just(known.parts);
        }
        if (known != null) {
            keep(known.parts.queue); // whoever comes while this one looks goes on with it
        }
        Mono<Parts> look = sluice.queue(name).map(found -> keep(found.queue())).switchIfEmpty(Mono.error(() -> {
            forget(name);
            return unknown(name);
        }));
        return known == null
                ? look
                : look.onErrorResume(StoreUnavailableException.class, away -> Mono.just(known.parts));
    }

    /** The queue as it is now; one that is named but that nobody has worked on yet is empty. */
    Mono<QueueInfo> look(String name) {
        return sluice.queue(name)
                .switchIfEmpty(Mono.defer(() -> named.stream()
                        .filter(queue -> queue.name().equals(name))
                        .findFirst()
                        .map(queue -> Mono.just(empty(queue)))
                        .orElseGet(() -> Mono.error(unknown(name)))));
    }

    List<Queue> named() {
        return named;
    }

    /** Forgets what was recorded: the next request looks again. */
    void forget(String name) {
        kept.remove(name);
    }

    /** In the place of the one that was asked for longest ago, if there are too many: tasks of one client share calls. */
    private Parts keep(Queue queue) {
        synchronized (kept) {
            Kept before = kept.get(queue.name());
            Parts parts = before != null && before.parts.queue.equals(queue) ? before.parts : parts(queue);
            kept.put(queue.name(), new Kept(parts, System.nanoTime()));
            if (kept.size() > mostKept) {
                kept.remove(kept.keySet().iterator().next());
            }
            return parts;
        }
    }

    private Parts parts(Queue queue) {
        return new Parts(queue, sluice.client(queue, options), sluice.deadLetters(queue), sluice.schedules(queue));
    }

    private static QueueInfo empty(Queue queue) {
        OptionalLong none = OptionalLong.empty();
        return new QueueInfo(queue, 0, 0, 0, none, 0, none, false, false, 0, Optional.empty());
    }

    private static Problem unknown(String name) {
        return Problem.of(404, "queue-unknown", "nobody has worked on this queue in this Redis yet")
                .fact("queue", name);
    }

    private record Kept(Parts parts, long sinceNanos) {}

    record Parts(Queue queue, TaskClient client, DeadLetters dead, Schedules schedules) {}
}
