package dev.sluice.redis;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.IntStream;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Finds the claimed hashes that are there, of whatever queue, by a walk through all keys. What it finds is
 * for all who ask during the walk, or in the minute after it: a program with many queues walks once as it starts. Thread-safe.
 */
final class ClaimedHashes {
    private static final Duration SHARED_FOR = Duration.ofMinutes(1);

    private static final Duration BETWEEN_WALKS = Duration.ofHours(1);

    private final Mono<List<String>> walk;
    private final Duration betweenWalks = jittered(BETWEEN_WALKS);

    ClaimedHashes(RedisLink link, Duration deadline) {
        // What is no hash has no tasks, and could not be recovered.
        this.walk = new KeyWalk(link, "{*}:claimed:*", "hash", deadline)
                .all()
                .concatMapIterable(ClaimedHashes::keys)
                .collectList()
                .cache(found -> SHARED_FOR, failure -> Duration.ZERO, () -> Duration.ZERO);
    }

    /** The incarnations that have one in this queue. Cold, or not, see above; fails as a command does. */
    Flux<String> of(QueueKeys keys) {
        String pattern = keys.claimedPattern();
        String prefix = pattern.substring(0, pattern.length() - 1);
        return walk.flatMapIterable(found -> found)
                .filter(key -> key.startsWith(prefix))
                .map(key -> key.substring(prefix.length()));
    }

    /** How long not to ask again: the same for all who ask here, so that they go on sharing their walks, and not for other programs. */
    Duration betweenWalks() {
        return betweenWalks;
    }

    /** Between three and five quarters of it. */
    private static Duration jittered(Duration about) {
        long quarter = about.toMillis() / 4;
        return Duration.ofMillis(3 * quarter + ThreadLocalRandom.current().nextLong(2 * quarter));
    }

    private static List<String> keys(Reply step) {
        return IntStream.range(1, step.size()).mapToObj(step::text).toList();
    }
}
