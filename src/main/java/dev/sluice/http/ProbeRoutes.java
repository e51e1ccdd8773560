package dev.sluice.http;

import dev.sluice.Sluice;
import dev.sluice.codec.JsonDocument;
import dev.sluice.task.Queue;
import dev.sluice.task.StoreRefusedException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;

/** Whether it lives, whether it is ready, what it measures, and what this API is. */
final class ProbeRoutes {
    /** The name of the check that is there without anybody's doing. */
    static final String REDIS = "redis";

    private static final Logger log = LoggerFactory.getLogger(ProbeRoutes.class);
    private static final Duration TIME_TO_LOOK = Duration.ofSeconds(1);
    // Of its own: handlers may take all of Reactor's, and then above all somebody wants to see the meters.
    private static final Scheduler COLLECTORS =
            Schedulers.newBoundedElastic(1, Integer.MAX_VALUE, "sluice-metrics", 60, true);
    private static final byte[] DESCRIPTION = description("openapi.yaml");

    private final Sluice sluice;
    private final List<Queue> queues;
    private final Map<String, BooleanSupplier> checks;
    private final Set<String> warned = ConcurrentHashMap.newKeySet(); // anybody may ask: a flood must not flood the log
    private final Set<String> refused = ConcurrentHashMap.newKeySet(); // queues that could not be counted the last time
    private final AtomicBoolean uncollected = new AtomicBoolean(); // whether the meters were not the last time
    private final @Nullable Supplier<String> metrics;
    private final Mono<Boolean> redis;

    ProbeRoutes(
            Sluice sluice,
            List<Queue> queues,
            Map<String, BooleanSupplier> checks,
            @Nullable Supplier<String> metrics) {
        this.sluice = sluice;
        this.queues = queues;
        this.checks = checks;
        this.metrics = metrics;
        // Anybody may ask, as often as he likes: Redis is asked once a second.
        this.redis = sluice.server()
                .map(answered -> true)
                .timeout(TIME_TO_LOOK)
                .onErrorReturn(false)
                .cache(TIME_TO_LOOK);
    }

    static Mono<Answer> alive() {
        return Mono.just(Answer.text(200, "ok\n"));
    }

    static Mono<Answer> description() {
        return Mono.just(new Answer(200, "application/yaml", DESCRIPTION));
    }

    Mono<Answer> ready() {
        return redis.map(up -> {
            Map<String, Object> told = new TreeMap<>(Map.of(REDIS, up));
            checks.forEach((name, check) -> told.put(name, holds(name, check)));
            boolean ready = told.values().stream().allMatch(Boolean.TRUE::equals);
            return Answer.of(
                    ready ? 200 : 503, new JsonDocument().put("ready", ready).put("checks", told));
        });
    }

    private boolean holds(String name, BooleanSupplier check) {
        try {
            return check.getAsBoolean();
        } catch (RuntimeException | LinkageError | AssertionError | StackOverflowError broken) { // the caller's code
            if (warned.add(name)) {
                log.atWarn()
                        .addKeyValue("check", name)
                        .setCause(broken)
                        .log(
                                "A check of /readyz threw, and so has failed; when it throws again that is logged at DEBUG");
            } else {
                log.atDebug().addKeyValue("check", name).setCause(broken).log("A check of /readyz threw again");
            }
            return false;
        }
    }

    boolean hasMetrics() {
        return metrics != null;
    }

    /** Has the queues counted first, so that the observer has them; those that Redis does not tell of are as they were. */
    Mono<Answer> metrics() {
        return Flux.fromIterable(queues)
                .flatMap(queue -> sluice.queue(queue.name())
                        .doOnSuccess(counted -> refused.remove(queue.name()))
                        .doOnError(StoreRefusedException.class, why -> tellRefused(queue.name(), why))
                        .onErrorComplete()) // one that is refused hides no other
                .then()
                .timeout(TIME_TO_LOOK)
                .onErrorComplete()
                .then(Mono.fromSupplier(this::collected).subscribeOn(COLLECTORS)) // which may wait for a lock
                .map(meters -> Answer.text(200, meters).contentType("text/plain; version=0.0.4; charset=utf-8"));
    }

    private void tellRefused(String queue, StoreRefusedException why) {
        if (refused.add(queue)) {
            log.atWarn()
                    .addKeyValue("queue", queue)
                    .addKeyValue("reason", why.getMessage())
                    .log("Redis refuses to count this queue: its meters are NaN until it is counted again");
        }
    }

    private String collected() {
        try {
            String text = Objects.requireNonNull(Objects.requireNonNull(metrics).get(), "the meters are null");
            uncollected.set(false);
            return text;
        } catch (RuntimeException | LinkageError | AssertionError | StackOverflowError broken) { // the caller's code
            if (uncollected.compareAndSet(false, true)) {
                log.atWarn()
                        .addKeyValue("reason", broken.toString())
                        .log("The meters cannot be collected, so /metrics is answered 500; the next times are logged at"
                                + " DEBUG, until they can be again");
            }
            log.debug("The meters cannot be collected", broken);
            throw Problem.of(500, "internal", "the meters cannot be collected; the server's log says why");
        }
    }

    private static byte[] description(String resource) {
        try (InputStream yaml = ProbeRoutes.class.getResourceAsStream(resource)) {
            return Objects.requireNonNull(yaml, resource).readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
