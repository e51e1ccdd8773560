package dev.sluice.dispatch;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Function;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.util.concurrent.Queues;

/**
 * A Flux that polls one blocking wait of Redis, such as BLPOP on the doorbell: it waits once each time it is armed, and
 * emits when the wait returns, with or without news. It never errors: a wait that fails counts as one that returned,
 * after a jittered pause, so that a claim follows it in any case.
 *
 * <p>A lost or superfluous emission costs one claim and never a task: the task itself moves in that claim.
 */
final class ReadySource {
    /** The longest single wait. */
    static final Duration LONGEST = Duration.ofSeconds(5);

    private static final long FIRST_PAUSE_MS = 20;
    private static final long LONGEST_PAUSE_MS = 1000;

    private final Sinks.Many<Duration> arming =
            Sinks.many().unicast().onBackpressureBuffer(Queues.<Duration>one().get());
    private final Function<Duration, Mono<Void>> wait;
    private boolean armed;
    private volatile int failures;

    ReadySource(Function<Duration, Mono<Void>> wait) {
        this.wait = wait;
    }

    /** Emits after each wait. One subscriber; signals on the Redis event loop. */
    Flux<Boolean> wakeups() {
        return arming.asFlux().concatMap(this::poll, 1);
    }

    /** Waits once, at most this long, unless a wait is pending already. Loop thread only. */
    void arm(Duration longest) {
        if (!armed) {
            armed = true;
            arming.tryEmitNext(longest.compareTo(LONGEST) < 0 ? longest : LONGEST);
        }
    }

    /** Whether a wait is pending, or its emission on the way. Loop thread only. */
    boolean isArmed() {
        return armed;
    }

    /** The pending wait has returned, and its emission has arrived. Loop thread only. */
    void returned() {
        armed = false;
    }

    private Mono<Boolean> poll(Duration longest) {
        return wait.apply(longest)
                .doOnSuccess(nothing -> failures = 0)
                .thenReturn(true)
                .onErrorResume(failure -> Mono.delay(pause()).thenReturn(false));
    }

    private Duration pause() {
        int before = failures;
        failures = before + 1;
        long ms = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS << Math.min(before, 6));
        return Duration.ofMillis(ms / 2 + ThreadLocalRandom.current().nextLong(ms / 2 + 1));
    }

    /** Starts polling; dispose to end it. A wait that is pending then must have its connection closed. */
    Disposable start(Runnable onWakeup, java.util.function.Consumer<Throwable> onBug) {
        return wakeups().subscribe(news -> onWakeup.run(), onBug);
    }
}
