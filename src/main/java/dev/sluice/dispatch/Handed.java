package dev.sluice.dispatch;

import dev.sluice.redis.ProgressReport;
import dev.sluice.task.Failure;
import dev.sluice.task.InvalidTaskException;
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

    Handed(Attempt attempt, @Nullable T payload, Map<String, String> headers) {
        this.attempt = attempt;
        this.payload = payload;
        this.headers = headers;
    }

    Attempt inner() {
        return attempt;
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
        long at = attempt.deadlineMs();
        return at == 0 ? null : Instant.ofEpochMilli(at);
    }

    @Override
    public Duration remaining() {
        return Duration.ofNanos(attempt.remainingNanos(System.nanoTime()));
    }

    @Override
    public void progress(int percent) {
        progress(percent, "");
    }

    @Override
    public void progress(int percent, String text) {
        if (percent < 0 || percent > 100) {
            throw new InvalidTaskException("percent", "percent must be 0 to 100, was " + percent);
        }
        attempt.report(new ProgressReport(attempt.token(), percent, ProgressReports.line(text)));
    }

    @Override
    public boolean isCancelled() {
        return attempt.isCut();
    }

    @Override
    public Mono<Void> cancelled() {
        return Mono.defer(attempt::cut);
    }

    @Override
    public @Nullable Failure lastFailure() {
        return FailureLine.read(attempt.frame().failure());
    }

    @Override
    public Mono<Boolean> ack() {
        return settle(() -> attempt.end(Verdict.succeeded()));
    }

    @Override
    public Mono<Boolean> nack(Throwable reason) {
        return settle(() -> attempt.fail("nack", reason));
    }

    @Override
    public Mono<Boolean> nack(Throwable reason, Duration delay) {
        Verdict.Retry retry = new Verdict.Retry(delay, Failure.of("nack", reason));
        return settle(() -> attempt.decide(retry));
    }

    @Override
    public Mono<Boolean> snooze(Duration delay) {
        Verdict snooze = Verdict.snooze(delay);
        return settle(() -> attempt.decide(snooze));
    }

    @Override
    public Mono<Boolean> discard() {
        return settle(() -> attempt.end(Verdict.discarded()));
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
