package dev.sluice.push;

import dev.sluice.dispatch.TaskContext;
import dev.sluice.task.Failure;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/** A task as a dispatcher would hand it over: the second of five attempts, with half a minute left. */
record GivenTask(String id, String type, String json, Map<String, String> headers, Supplier<Duration> left)
        implements TaskContext<byte[]> {

    GivenTask(String id, String type, String json, Map<String, String> headers) {
        this(id, type, json, headers, () -> Duration.ofSeconds(30));
    }

    static GivenTask of(String id) {
        return new GivenTask(id, "report.build", "{\"month\":\"2026-10\"}", Map.of());
    }

    GivenTask with(Map<String, String> itsHeaders) {
        return new GivenTask(id, type, json, itsHeaders, left);
    }

    GivenTask ofType(String itsType) {
        return new GivenTask(id, itsType, json, headers, left);
    }

    GivenTask leaving(Supplier<Duration> itsTime) {
        return new GivenTask(id, type, json, headers, itsTime);
    }

    @Override
    public String queue() {
        return "reports";
    }

    @Override
    public byte @Nullable [] payload() {
        return json.getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public int attempt() {
        return 2;
    }

    @Override
    public int maxAttempts() {
        return 5;
    }

    @Override
    public long fencingNumber() {
        return 7;
    }

    @Override
    public int crashes() {
        return 0;
    }

    @Override
    public void progress(int percent) {
        // Nobody looks.
    }

    @Override
    public void progress(int percent, String text) {
        // Nobody looks.
    }

    @Override
    public @Nullable Failure lastFailure() {
        return null;
    }

    @Override
    public Duration timeout() {
        return Duration.ofMinutes(1);
    }

    @Override
    public @Nullable Instant deadline() {
        return null;
    }

    @Override
    public Duration remaining() {
        return left.get();
    }

    @Override
    public boolean isCancelled() {
        return false;
    }

    @Override
    public Mono<Void> cancelled() {
        return Mono.never();
    }
}
