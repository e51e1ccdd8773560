package dev.sluice.app.console;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import reactor.core.publisher.Mono;

/** Waits for a stream's end on a thread that may wait: the one of {@code main} or of a shutdown. */
public final class Waiting {
    private Waiting() {}

    /** Starts {@code work} now; the future ends with it. */
    public static CompletableFuture<Void> begin(Mono<Void> work) {
        return work.toFuture();
    }

    /** Whether {@code work} ends well within {@code limit}; throws what it fails with. */
    public static boolean endsWithin(CompletableFuture<Void> work, Duration limit) {
        try {
            work.get(Math.max(0, limit.toNanos()), TimeUnit.NANOSECONDS);
            return true;
        } catch (TimeoutException notYet) {
            return false;
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException failure ? failure : new IllegalStateException(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
