package dev.sluice.testkit;

import dev.sluice.task.Queue;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/**
 * What a test wants to know of a queue's tasks, as publishers for {@code StepVerifier}.
 *
 * <pre>{@code
 * StepVerifier.create(Tasks.done(redis, emails)).expectComplete().verify(Duration.ofSeconds(5));
 * StepVerifier.create(Tasks.deadLetters(redis, emails)).expectNext(Map.of()).verifyComplete();
 * }</pre>
 *
 * <p>Cold. Signals on Reactor's {@code boundedElastic} scheduler, where it talks to Redis over a connection of its own.
 * Fails with {@link RedisServerException} if the server does not answer.
 */
public final class Tasks {
    private static final Duration BETWEEN_LOOKS = Duration.ofMillis(10);

    private static final String NOT_DONE = "return redis.call('LLEN', KEYS[1]) + redis.call('LLEN', KEYS[2])"
            + " + redis.call('LLEN', KEYS[3]) + redis.call('HLEN', KEYS[4])"
            + " + math.abs(redis.call('HLEN', KEYS[5]) - redis.call('ZCARD', KEYS[6]))";

    private Tasks() {}

    /**
     * Completes when nothing of {@code queue} waits, runs or is to be retried, and no status is left but of dead letters.
     * Looks every 10 ms, without end: give the verification a time limit.
     */
    public static Mono<Void> done(RedisServer redis, Queue queue) {
        return Mono.fromCallable(() -> Long.valueOf(0).equals(redis.call(question(queue))))
                .subscribeOn(Schedulers.boundedElastic())
                .repeatWhen(looks -> looks.delayElements(BETWEEN_LOOKS))
                .takeUntil(done -> done)
                .then();
    }

    /** Emits the dead letters of {@code queue} once: id → failure as JSON, with the fields {@code reason}, {@code message} … */
    public static Mono<Map<String, String>> deadLetters(RedisServer redis, Queue queue) {
        return Mono.fromCallable(() -> failures(redis.call("HGETALL", key(queue, "dead:bodies"))))
                .subscribeOn(Schedulers.boundedElastic());
    }

    private static String[] question(Queue queue) {
        return new String[] {
            "EVAL",
            NOT_DONE,
            "6",
            queue.name(),
            key(queue, "ready"),
            key(queue, "suspects"),
            key(queue, "bodies"),
            queue.statusKey(),
            key(queue, "dead")
        };
    }

    private static Map<String, String> failures(@Nullable Object reply) {
        Map<String, String> failures = new LinkedHashMap<>();
        if (reply instanceof List<?> pairs) {
            for (int i = 0; i + 1 < pairs.size(); i += 2) {
                failures.put(
                        String.valueOf(pairs.get(i)),
                        String.valueOf(pairs.get(i + 1)).lines().findFirst().orElse(""));
            }
        }
        return failures;
    }

    private static String key(Queue queue, String suffix) {
        return "{" + queue.name() + "}:" + suffix;
    }
}
