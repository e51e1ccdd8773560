package dev.sluice.redis;

import io.lettuce.core.protocol.CommandType;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * A walk through all keys by SCAN, in steps of {@value #STEP} that take Redis about a millisecond each. A step answers the
 * cursor of the next one, "0" after the last, and the keys that match; one may come twice. Thread-safe.
 */
final class KeyWalk {
    static final int STEP = 1_000;
    private static final String FIRST = "0"; // and after the last

    private final RedisLink link;
    private final String pattern;
    private final @Nullable String type;
    private final Duration deadline;

    /** For keys of this pattern, and of this type unless that is null. */
    KeyWalk(RedisLink link, String pattern, @Nullable String type, Duration deadline) {
        this.link = link;
        this.pattern = pattern;
        this.type = type;
        this.deadline = deadline;
    }

    /** All steps, one after the other. Cold. */
    Flux<Reply> all() {
        return step(FIRST).expand(reply -> isLast(reply) ? Mono.empty() : step(reply.text(0)));
    }

    /** One step. Cold. */
    Mono<Reply> step(String cursor) {
        return link.command(
                CommandType.SCAN,
                args -> {
                    args.add(cursor).add("MATCH").add(pattern).add("COUNT").add(STEP);
                    if (type != null) {
                        args.add("TYPE").add(type);
                    }
                },
                deadline);
    }

    static boolean isLast(Reply step) {
        return step.text(0).equals(FIRST);
    }
}
