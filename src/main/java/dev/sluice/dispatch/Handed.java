package dev.sluice.dispatch;

import dev.sluice.task.Failure;
import dev.sluice.task.Verdict;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** An attempt as a handler or a subscriber sees it. */
final class Handed<T> implements Delivery<T> {
    private final Attempt attempt;
    private final @Nullable T payload;
    private final Map<String, String> headers;
    private final long deadlineMs;

    Handed(Attempt attempt, @Nullable T payload, Map<String, String> headers, long deadlineMs) {
        this.attempt = attempt;
        this.payload = payload;
        this.headers = headers;
        this.deadlineMs = deadlineMs;
    }

    @Override
    public String id() {
        return attempt.frame().id();
    }

    @Override
    public String queue() {
        return attempt.pump().queue().name();
    }

    @Override
    public String type() {
        return attempt.type();
    }

    @Override
    public @Nullable T payload() {
        return payload;
    }

    @Override
    public Map<String, String> headers() {
        return headers;
    }

    @Override
    public int attempt() {
        return attempt.number();
    }

    @Override
    public int maxAttempts() {
        return attempt.maxAttempts();
    }

    @Override
    public long fencingNumber() {
        return attempt.frame().fencingNumber();
    }

    @Override
    public int crashes() {
        return attempt.frame().crashes();
    }

    @Override
    public Duration timeout() {
        return Duration.ofMillis(attempt.timeoutMs());
    }

    @Override
    public @Nullable Instant deadline() {
        return deadlineMs == 0 ? null : Instant.ofEpochMilli(deadlineMs);
    }

    @Override
    public Mono<Boolean> ack() {
        return settle(() -> attempt.end(Verdict.succeeded()));
    }

    @Override
    public Mono<Boolean> nack(Throwable reason) {
        return settle(() -> attempt.fail(Failure.of("nack", reason)));
    }

    @Override
    public Mono<Boolean> nack(Throwable reason, Duration delay) {
        Verdict.Retry retry = new Verdict.Retry(delay, Failure.of("nack", reason));
        return settle(() -> (attempt.pump().retries() && attempt.number() < attempt.maxAttempts())
                ? attempt.end(retry)
                : attempt.end(Verdict.dead(retry.failure())));
    }

    @Override
    public Mono<Boolean> reject(Throwable reason) {
        return settle(() -> attempt.end(Verdict.dead(Failure.of("rejected", reason))));
    }

    @Override
    public Mono<Boolean> release() {
        return settle(() -> attempt.end(Verdict.released()));
    }

    @Override
    public String toString() {
        return "task " + id() + " (" + type() + ", attempt " + attempt() + ")";
    }

    private Mono<Boolean> settle(BooleanSupplier end) {
        return Mono.defer(() -> {
            // Handed over: what the subscriber does with the answer must not hold the loop up.
            Mono<Boolean> answer = attempt.answer().asMono().publishOn(Schedulers.parallel());
            return end.getAsBoolean() ? answer : Mono.just(false);
        });
    }
}
