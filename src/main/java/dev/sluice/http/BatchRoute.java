package dev.sluice.http;

import dev.sluice.client.TaskClient;
import dev.sluice.task.Task;
import io.netty.handler.codec.http.HttpHeaderNames;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.netty.http.server.HttpServerResponse;

/*
 * A body of any length, and never more of it in memory than this: one item that is not at its end yet, UNITS units of up to
 * UNIT tasks that Redis has not answered, and those of the next part that has arrived. The answers to a unit are one write;
 * while the client does not read them nothing more is read of what it sends. Units go to the client of the queue in the
 * order of the body, without waiting for more: it joins those of several, and of other requests, in one call.
 */

/** Enqueues the tasks of an array, or of lines, and answers for each, in their order, as soon as that is known. */
final class BatchRoute {
    static final String LINES = "application/x-ndjson";

    private static final int UNIT = 128;
    private static final int UNITS = 8;
    private static final long SHORTEST_PAUSE_MS = 50;
    private static final long LONGEST_PAUSE_MS = 150;

    private static final String PREFER = "Prefer";
    private static final String MINIMAL = "return=minimal";

    private final KnownQueues queues;
    private final int longest;

    BatchRoute(KnownQueues queues, int longest) {
        this.queues = queues;
        this.longest = longest;
    }

    Mono<Void> serve(Call call, HttpServerResponse response, String queue) {
        return Mono.defer(() -> {
                    call.checkContent(Answer.JSON, LINES);
                    return queues.find(queue);
                })
                .flatMap(parts -> {
                    boolean lines = call.contentType().equals(LINES);
                    boolean minimal = call.lists(PREFER, MINIMAL);
                    Run run = new Run(parts, lines, minimal, TaskRoutes.key(call));
                    // Not before something of the body was taken: what is no array is refused, and a client may wait
                    // to be told to go on with it, which a head would end.
                    return run.units(call.bytes())
                            .switchOnFirst((first, units) -> first.isOnError()
                                    ? units.ignoreElements().then()
                                    : begun(call, response, lines, minimal).sendByteArray(run.answers(units)))
                            .then();
                });
    }

    private static HttpServerResponse begun(Call call, HttpServerResponse response, boolean lines, boolean minimal) {
        Answer.common(response)
                .header(HttpHeaderNames.CONTENT_TYPE, lines ? LINES : Answer.JSON)
                .chunkedTransfer(call.knowsChunks());
        return minimal ? response.header("Preference-Applied", MINIMAL) : response;
    }

    /** One batch. */
    private final class Run {
        private final String queue;
        private final TaskClient client;
        private final Splitter splitter;
        private final BatchText text;
        private final @Nullable String key;

        Run(KnownQueues.Parts parts, boolean lines, boolean minimal, @Nullable String key) {
            this.queue = parts.queue().name();
            this.client = parts.client();
            this.key = key;
            this.splitter = lines ? Splitter.ofLines(longest) : Splitter.ofArray(longest);
            this.text = new BatchText(lines, minimal);
        }

        Flux<BatchUnit> units(Flux<byte[]> body) {
            return body.map(part -> units(splitter.feed(part)))
                    .concatWith(Mono.fromSupplier(() -> units(splitter.end())))
                    .concatMapIterable(units -> units, 1); // read where they arrive, not where they are enqueued
        }

        Flux<byte[]> answers(Flux<BatchUnit> units) {
            return units.flatMapSequential(this::enqueued, UNITS, 1)
                    .map(text::of)
                    .concatWith(Mono.fromSupplier(text::end))
                    .filter(told -> told.length > 0);
        }

        private Mono<BatchUnit> enqueued(BatchUnit unit) {
            return client.enqueue(unit.tasks())
                    .map(unit::met)
                    .flatMap(this::again)
                    .doOnNext(this::forgetIfRefused);
        }

        /**
         * A stall of Redis for some seconds should not cost a thousand items. Each has its id: it runs twice only if the
         * answer of Redis was lost and it had ended meanwhile, as with any repeated enqueue.
         */
        private Mono<BatchUnit> again(BatchUnit unit) {
            List<Task<byte[]>> passing = unit.passing();
            if (passing.isEmpty()) {
                return Mono.just(unit);
            }
            long ms = ThreadLocalRandom.current().nextLong(SHORTEST_PAUSE_MS, LONGEST_PAUSE_MS);
            return Mono.delay(Duration.ofMillis(ms))
                    .then(client.enqueue(passing))
                    .map(unit::metAgain);
        }

        private void forgetIfRefused(BatchUnit unit) {
            if (unit.isRefusedByRedis()) {
                queues.forget(queue);
            }
        }

        private List<BatchUnit> units(List<Item> items) {
            List<BatchUnit> units = new ArrayList<>();
            for (int from = 0; from < items.size(); from += UNIT) {
                units.add(new BatchUnit(items.subList(from, Math.min(items.size(), from + UNIT)), key));
            }
            return units;
        }
    }
}
