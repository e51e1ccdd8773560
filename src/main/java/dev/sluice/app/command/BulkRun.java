package dev.sluice.app.command;

import dev.sluice.app.console.Pace;
import dev.sluice.app.console.Refusal;
import dev.sluice.app.console.Terminal;
import dev.sluice.client.EnqueueResult;
import dev.sluice.client.TaskClient;
import dev.sluice.codec.JsonDocument;
import dev.sluice.task.SluiceException;
import dev.sluice.task.StoreUnavailableException;
import dev.sluice.task.Task;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.util.retry.Retry;

/**
 * Many tasks on their way into a queue: shows how far they are, and in the end what became of them. While Redis is away what
 * it did not answer is sent again under the same id, so that nothing is passed over; if that lasts it ends, and says where.
 */
final class BulkRun {
    private static final int NAMED_FAILURES = 10;
    private static final int AT_ONCE = 1_024; // as many as the client has on the way
    private static final Duration FIRST_PAUSE = Duration.ofMillis(50);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(1);
    private static final Duration LONGEST_OUTAGE = Duration.ofSeconds(40);

    private final Terminal terminal;
    private final boolean asJson;
    private final TaskLines tasks;
    private final Pace pace;
    private final List<Failed> failures = new ArrayList<>();
    private long created;
    private long existing;
    private long failed;

    BulkRun(Terminal terminal, boolean asJson, TaskLines tasks) {
        this.terminal = terminal;
        this.asJson = asJson;
        this.tasks = tasks;
        this.pace = new Pace(terminal);
    }

    /** Sends all of them, and returns the exit code; a line that is no task ends it, after what came before. */
    int over(TaskClient client, Session session) throws InterruptedException {
        try {
            AtomicReference<@Nullable Throwable> end = new AtomicReference<>(); // kept back until all before it is told
            Flux<Task<byte[]>> good = tasks.tasks().onErrorResume(failure -> {
                end.set(failure);
                return Flux.empty();
            });
            session.awaitAll(client.enqueueAll(good)
                    .concatMap(result -> settled(tasks.next(), result, client), AT_ONCE)
                    .doOnNext(this::count)
                    .concatWith(Flux.defer(() -> {
                        Throwable failure = end.get();
                        return failure == null ? Flux.empty() : Flux.error(failure);
                    })));
        } finally {
            summarize();
        }
        return failed == 0 ? 0 : 1;
    }

    private Mono<Told> settled(TaskLines.Line line, EnqueueResult result, TaskClient client) {
        if (!(result.error() instanceof StoreUnavailableException)) {
            return Mono.just(new Told(line.number(), result));
        }
        long until = System.nanoTime() + LONGEST_OUTAGE.toNanos();
        return client.enqueue(line.task().id(result.id()))
                .retryWhen(Retry.backoff(Long.MAX_VALUE, FIRST_PAUSE)
                        .maxBackoff(LONGEST_PAUSE)
                        .filter(failure ->
                                failure instanceof StoreUnavailableException && System.nanoTime() - until < 0))
                .onErrorMap(
                        StoreUnavailableException.class,
                        away -> Refusal.failed("gave up at line " + line.number() + ": " + away.getMessage()
                                + EnqueueCommand.itsId(result.id())
                                + ". Of what is behind it some may be in the queue, too"))
                .onErrorResume(
                        SluiceException.class,
                        refused -> Mono.just(new EnqueueResult(result.id(), EnqueueResult.Outcome.FAILED, refused)))
                .map(again -> new Told(line.number(), again));
    }

    // Results come one after the other, and the summary after them.
    private synchronized void count(Told told) {
        switch (told.result.outcome()) {
            case CREATED -> created++;
            case EXISTING -> existing++;
            default -> fail(told.line, told.result);
        }
        if (pace.isDue()) {
            terminal.news(text());
        }
    }

    private void fail(long line, EnqueueResult result) {
        failed++;
        if (failures.size() < NAMED_FAILURES) {
            SluiceException error = result.error();
            failures.add(new Failed(line, result.id(), error == null ? "the queue is full" : error.getMessage()));
        }
    }

    private synchronized void summarize() {
        for (Failed failure : failures) {
            terminal.remark("line " + failure.line + ": " + failure.error + EnqueueCommand.itsId(failure.id));
        }
        if (failed > failures.size()) {
            terminal.remark("… and " + (failed - failures.size()) + " more failures");
        }
        terminal.say(
                asJson
                        ? new JsonDocument()
                                .put("created", created)
                                .put("existing", existing)
                                .put("failed", failed)
                                .put(
                                        "failures",
                                        failures.stream().map(Failed::json).toList())
                                .toString()
                        : text());
    }

    private String text() {
        return String.format(Locale.ROOT, "%,d created, %,d existing, %,d failed", created, existing, failed);
    }

    /** What became of a line. */
    private record Told(long line, EnqueueResult result) {}

    /** One that was not taken. */
    private record Failed(long line, String id, @Nullable String error) {
        JsonDocument json() {
            return new JsonDocument().put("line", line).put("id", id).put("error", error);
        }
    }
}
