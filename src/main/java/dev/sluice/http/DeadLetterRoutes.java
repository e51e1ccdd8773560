package dev.sluice.http;

import dev.sluice.client.DeadLetter;
import dev.sluice.client.DeadLetterFilter;
import dev.sluice.client.DeadLetterProgress;
import dev.sluice.client.DeadLetters;
import dev.sluice.codec.JsonDocument;
import dev.sluice.task.Failure;
import dev.sluice.task.InvalidTaskException;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Look at dead letters, run them again, throw them away. */
final class DeadLetterRoutes {
    private static final Set<String> FILTERS = Set.of("type", "reason", "error", "from", "before");
    static final Set<String> PARAMETERS_OF_LIST = filtersAnd("cursor", "limit");
    static final Set<String> PARAMETERS_OF_MANY = filtersAnd("all");
    private static final Duration TIME_FOR_MANY = Duration.ofSeconds(10);

    private static final Instant YEAR_10000 = Instant.parse("+10000-01-01T00:00:00Z");

    private final KnownQueues queues;

    DeadLetterRoutes(KnownQueues queues) {
        this.queues = queues;
    }

    private static Set<String> filtersAnd(String... others) {
        Set<String> all = new HashSet<>(FILTERS);
        all.addAll(Set.of(others));
        return Set.copyOf(all);
    }

    Mono<Answer> list(Call call, String queue) {
        Target target = call.target();
        DeadLetterFilter filter = filter(target);
        String cursor = target.parameter("cursor");
        int limit = Limit.of(target);
        return queues.find(queue)
                .flatMap(parts -> parts.dead().page(filter, cursor, limit))
                .map(page -> Answer.of(
                        200,
                        new JsonDocument()
                                .put(
                                        "deadLetters",
                                        page.letters().stream()
                                                .map(DeadLetterRoutes::summary)
                                                .toList())
                                .put("scanned", page.scanned())
                                .put("cursor", page.cursor())));
    }

    Mono<Answer> show(String queue, String id) {
        return queues.find(queue)
                .flatMap(parts -> parts.dead().find(id))
                .map(letter -> Answer.of(200, whole(letter)))
                .switchIfEmpty(Mono.error(() -> unknown(id)));
    }

    Mono<Answer> redrive(String queue, String id) {
        return queues.find(queue).flatMap(parts -> parts.dead().redrive(id)).map(came -> switch (came) {
            case REDRIVEN ->
                Answer.of(
                        200,
                        new JsonDocument().put("id", id).put("queue", queue).put("outcome", "redriven"));
            case LIVE ->
                throw Problem.of(409, "task-live", "a task with this id lives; nothing was changed")
                        .fact("id", id);
            case UNREADABLE ->
                throw Problem.of(409, "unreadable", "nothing that could run is left of it; it can be purged")
                        .fact("id", id);
            case UNKNOWN -> throw unknown(id);
        });
    }

    Mono<Answer> purge(String queue, String id) {
        return queues.find(queue).flatMap(parts -> parts.dead().purge(id)).map(done -> {
            if (!done) {
                throw unknown(id);
            }
            return Answer.of(
                    200, new JsonDocument().put("id", id).put("queue", queue).put("outcome", "purged"));
        });
    }

    /** As many as a few seconds allow; the answer says whether these were all. */
    Mono<Answer> many(Call call, String queue, String verb) {
        checkSaysWhich(call.target());
        DeadLetterFilter filter = filter(call.target());
        return queues.find(queue).flatMap(parts -> {
            AtomicBoolean over = new AtomicBoolean();
            Flux<DeadLetterProgress> work = changed(parts.dead(), filter, verb).doOnComplete(() -> over.set(true));
            long began = System.nanoTime();
            return work.takeUntil(step -> System.nanoTime() - began >= TIME_FOR_MANY.toNanos())
                    .last()
                    .map(sum -> Answer.of(
                            200,
                            new JsonDocument()
                                    .put("queue", queue)
                                    .put("examined", sum.examined())
                                    .put("matched", sum.matched())
                                    .put("done", sum.done())
                                    .put("refused", sum.refused())
                                    .put("complete", over.get())));
        });
    }

    /** A filter that was forgotten must not mean all. */
    private static void checkSaysWhich(Target target) {
        boolean isFiltered = FILTERS.stream().anyMatch(name -> target.parameter(name) != null);
        String all = target.parameter("all");
        if (all == null ? !isFiltered : isFiltered || !all.equals("true")) {
            throw Problem.of(
                            400,
                            "bad-parameter",
                            "say which are meant: filter by type, reason, error, from or before, or for every one put"
                                    + " all=true and no filter; nothing was changed")
                    .fact("parameter", "all");
        }
    }

    private static Flux<DeadLetterProgress> changed(DeadLetters dead, DeadLetterFilter filter, String verb) {
        return verb.equals("redrive") ? dead.redriveAll(filter) : dead.purgeAll(filter);
    }

    private static DeadLetterFilter filter(Target target) {
        DeadLetterFilter filter = DeadLetterFilter.all();
        String type = target.parameter("type");
        String reason = target.parameter("reason");
        String error = target.parameter("error");
        String from = target.parameter("from");
        String before = target.parameter("before");
        try {
            filter = type == null ? filter : filter.type(type);
            filter = reason == null ? filter : filter.reason(reason);
            filter = error == null ? filter : filter.error(error);
        } catch (InvalidTaskException bad) {
            throw Problem.of(400, "bad-parameter", String.valueOf(bad.getMessage()))
                    .fact("parameter", bad.field());
        }
        filter = from == null ? filter : filter.diedFrom(time("from", from));
        return before == null ? filter : filter.diedBefore(time("before", before));
    }

    private static Instant time(String name, String text) {
        try {
            Instant time = Instant.parse(text);
            if (!time.isBefore(Instant.EPOCH) && time.isBefore(YEAR_10000)) {
                return time;
            }
        } catch (DateTimeException noTime) {
            // told below
        }
        throw Problem.of(
                        400,
                        "bad-parameter",
                        "it must be a time as in RFC 3339 of the years 1970 to 9999, such as 2026-12-24T18:00:00Z")
                .fact("parameter", name);
    }

    private static JsonDocument summary(DeadLetter letter) {
        Failure failure = letter.failure();
        return new JsonDocument()
                .put("id", letter.id())
                .put("type", letter.type())
                .put("reason", failure.reason())
                .put("error", failure.type())
                .put("message", failure.message())
                .put("attempts", letter.attempts())
                .put("crashes", letter.crashes())
                .put("diedAt", letter.diedAt());
    }

    private static JsonDocument whole(DeadLetter letter) {
        JsonDocument told = summary(letter)
                .put("trace", letter.failure().trace())
                .put("foreign", letter.isForeign())
                .put("headers", letter.headers());
        return letter.isReadable()
                ? told.putJson("payload", letter.payload())
                : told.put("element", Base64.getEncoder().encodeToString(letter.payload()));
    }

    private static Problem unknown(String id) {
        return Problem.of(404, "dead-letter-unknown", "there is no dead letter with this id")
                .fact("id", id);
    }
}
