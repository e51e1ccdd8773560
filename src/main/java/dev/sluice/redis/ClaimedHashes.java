package dev.sluice.redis;

import io.lettuce.core.protocol.CommandType;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Finds the claimed hashes that are there, of whatever queue, by a walk through all keys in steps of 1,000. What it finds is
 * for all who ask during the walk, or in the minute after it: a program with many queues walks once as it starts. Thread-safe.
 */
final class ClaimedHashes {
    private static final Duration SHARED_FOR = Duration.ofMinutes(1);

    private final RedisLink link;
    private final Duration deadline;
    private final Mono<List<String>> walk;

    ClaimedHashes(RedisLink link, Duration deadline) {
        this.link = link;
        this.deadline = deadline;
        this.walk = Flux.defer(() -> scan("0"))
                .expand(page -> page.cursor.equals("0") ? Mono.empty() : scan(page.cursor))
                .concatMapIterable(page -> page.keys)
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

    private Mono<Page> scan(String cursor) {
        return link.command(
                        CommandType.SCAN,
                        args -> args.add(cursor)
                                .add("MATCH")
                                .add("{*}:claimed:*")
                                .add("COUNT")
                                .add(1000)
                                .add("TYPE") // what is no hash has no tasks, and could not be recovered
                                .add("hash"),
                        deadline)
                .map(ClaimedHashes::page);
    }

    private static Page page(Reply reply) {
        List<String> keys = new ArrayList<>();
        for (int i = 1; i < reply.size(); i++) {
            keys.add(reply.text(i));
        }
        return new Page(reply.text(0), keys);
    }

    private record Page(String cursor, List<String> keys) {}
}
