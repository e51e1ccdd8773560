package dev.sluice.app.command;

import dev.sluice.Sluice;
import dev.sluice.app.console.RedisAddress;
import dev.sluice.app.console.Refusal;
import dev.sluice.app.console.Waiting;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.PayloadTooLargeException;
import dev.sluice.task.SluiceException;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/** One conversation of a command with Redis, in which each answer is waited for and each failure is a {@link Refusal}. */
final class Session implements AutoCloseable {
    private static final Duration TIME_TO_DISCONNECT = Duration.ofSeconds(2);

    private final RedisAddress address;
    private final Sluice sluice;

    private Session(RedisAddress address, Sluice sluice) {
        this.address = address;
        this.sluice = sluice;
    }

    static Session with(RedisAddress address) {
        try {
            return new Session(address, Sluice.connect(address.url()));
        } catch (IllegalArgumentException e) {
            throw Refusal.mistaken("'" + address + "' is no Redis URL: " + e.getMessage());
        }
    }

    Sluice sluice() {
        return sluice;
    }

    /** What {@code work} emits, or null if it is empty. */
    <T> @Nullable T await(Mono<T> work, Duration limit) throws InterruptedException {
        Future<T> answer = work.toFuture();
        try {
            return answer.get(limit.toNanos(), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            answer.cancel(true);
            throw Refusal.failed(address + " did not answer within " + limit.toSeconds() + " s");
        } catch (ExecutionException e) {
            throw refusal(e.getCause());
        }
    }

    @Override
    public void close() {
        Waiting.endsWithin(Waiting.begin(sluice.close()), TIME_TO_DISCONNECT);
    }

    private RuntimeException refusal(@Nullable Throwable failure) {
        if (failure instanceof Refusal refusal) {
            return refusal;
        }
        if (failure instanceof InvalidTaskException || failure instanceof PayloadTooLargeException) {
            return Refusal.mistaken((SluiceException) failure);
        }
        if (failure instanceof SluiceException known) {
            return Refusal.failed(address + ": " + known.getMessage());
        }
        return failure instanceof RuntimeException unexpected ? unexpected : new IllegalStateException(failure);
    }
}
