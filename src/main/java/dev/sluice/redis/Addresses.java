package dev.sluice.redis;

import io.lettuce.core.RedisURI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;

/**
 * Where to connect to. Lettuce asks the sentinels of a URI one after the other, and waits for a silent one for longer than
 * any call does: so one that said nothing is asked last the next time. Shared by all links; thread-safe.
 */
final class Addresses {
    /**
     * Instead of Lettuce's minute, where the caller says nothing: nobody waits that long for a connection, and until it has answered, or its
     * time is over, Lettuce keeps the socket of one that was given up.
     */
    private static final Duration TO_OPEN = Duration.ofSeconds(3);

    private final List<RedisURI> turns;
    private final AtomicInteger turn = new AtomicInteger();

    Addresses(RedisURI uri) {
        this.turns = IntStream.range(0, Math.max(1, uri.getSentinels().size()))
                .mapToObj(first -> beginningWith(first, uri))
                .toList();
    }

    RedisURI next() {
        return turns.get(turn.get());
    }

    /** Notes that a connection to it was given up while it was being opened. */
    void silent(RedisURI tried) {
        int asked = turns.indexOf(tried);
        turn.compareAndSet(asked, (asked + 1) % turns.size());
    }

    private static RedisURI beginningWith(int first, RedisURI uri) {
        List<RedisURI> sentinels = new ArrayList<>();
        uri.getSentinels().forEach(sentinel -> sentinels.add(copy(sentinel).build()));
        Collections.rotate(sentinels, -first);
        RedisURI.Builder copy = copy(uri);
        if (sentinels.isEmpty()) {
            return copy.build();
        }
        RedisURI.Builder named = copy.withSentinelMasterId(uri.getSentinelMasterId());
        uri.getSentinels().forEach(sentinel -> named.withSentinel(copy(sentinel).build()));
        RedisURI built = named.build(); // which gives each sentinel the TLS of the server
        built.getSentinels().clear();
        built.getSentinels().addAll(sentinels);
        return built;
    }

    private static RedisURI.Builder copy(RedisURI uri) {
        return RedisURI.builder(uri)
                .withTimeout(uri.getTimeout().equals(RedisURI.DEFAULT_TIMEOUT_DURATION) ? TO_OPEN : uri.getTimeout());
    }
}
