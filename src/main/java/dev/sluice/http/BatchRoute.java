package dev.sluice.http;

import dev.sluice.client.EnqueueResult;
import dev.sluice.client.TaskClient;
import dev.sluice.codec.JsonDocument;
import dev.sluice.codec.TaskForm;
import dev.sluice.task.SluiceException;
import dev.sluice.task.Task;
import io.netty.handler.codec.http.HttpHeaderNames;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.netty.http.server.HttpServerResponse;

/*
 * A body of any length, and never more of it in memory than this: one item that is not at its end yet, and UNITS units of
 * up to UNIT tasks that Redis has not answered. The answers to a unit are one write; while the client does not read them
 * nothing more is read of what it sends. Tasks go to the client in the order of the body, which joins those of several
 * units in one call.
 */

/** Enqueues the tasks of an array, or of lines, and answers for each, in their order, as soon as that is known. */
final class BatchRoute {
    static final String LINES = "application/x-ndjson";

    private static final int UNIT = 256;
    private static final int UNITS = 4;
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
                    Run run = new Run(parts.client(), lines, minimal);
                    Answer.common(response)
                            .header(HttpHeaderNames.CONTENT_TYPE, lines ? LINES : Answer.JSON)
                            .chunkedTransfer(call.knowsChunks());
                    if (minimal) {
                        response.header("Preference-Applied", MINIMAL);
                    }
                    return response.sendByteArray(run.answers(call.bytes())).then();
                });
    }

    private static boolean isPassing(Throwable failure) {
        return failure instanceof SluiceException it && it.retryable();
    }

    /** One batch. */
    private final class Run {
        private final TaskClient client;
        private final boolean lines;
        private final boolean minimal;
        private final Splitter splitter;
        private final AtomicLong accepted = new AtomicLong();
        private final AtomicLong refused = new AtomicLong();
        private boolean begun;

        Run(TaskClient client, boolean lines, boolean minimal) {
            this.client = client;
            this.lines = lines;
            this.minimal = minimal;
            this.splitter = lines ? Splitter.ofLines(longest) : Splitter.ofArray(longest);
        }

        Flux<byte[]> answers(Flux<byte[]> body) {
            return body.concatMapIterable(part -> units(splitter.feed(part)), 1)
                    .concatWith(Flux.defer(() -> Flux.fromIterable(units(splitter.end()))))
                    .flatMapSequential(this::answered, UNITS, 1)
                    .map(this::joined)
                    .concatWith(Mono.fromSupplier(this::end))
                    .filter(text -> text.length > 0);
        }

        private Mono<List<byte[]>> answered(List<Item> unit) {
            return Flux.fromIterable(unit)
                    .flatMapSequential(this::answer, UNIT, 1)
                    .filter(told -> told.length > 0)
                    .collectList();
        }

        private Mono<byte[]> answer(Item item) {
            Task<byte[]> task;
            try {
                if (item.refusal() != null) {
                    throw item.refusal();
                }
                task = TaskRoutes.withId(TaskForm.read(item.bytes(), 0, item.bytes().length), null);
            } catch (RuntimeException bad) {
                return Mono.just(refusal(item, null, Problem.of(bad)));
            }
            return client.enqueue(task)
                    .onErrorResume(BatchRoute::isPassing, failure -> again(task))
                    .map(result -> told(item, result))
                    .onErrorResume(failure -> Mono.just(refusal(item, task.id(), Problem.of(failure))));
        }

        /**
         * A stall of Redis for some seconds should not cost a thousand items. Each has its id: it runs twice only if the
         * answer of Redis was lost and it had ended meanwhile, as with any repeated enqueue.
         */
        private Mono<EnqueueResult> again(Task<byte[]> task) {
            long ms = ThreadLocalRandom.current().nextLong(SHORTEST_PAUSE_MS, LONGEST_PAUSE_MS);
            return Mono.delay(Duration.ofMillis(ms)).then(client.enqueue(task));
        }

        private byte[] told(Item item, EnqueueResult result) {
            if (result.isFull()) {
                return refusal(item, result.id(), TaskRoutes.full());
            }
            accepted.incrementAndGet();
            return minimal
                    ? new byte[0]
                    : new JsonDocument()
                            .put("index", item.index())
                            .put("status", result.isCreated() ? 201 : 200)
                            .put("id", result.id())
                            .put("outcome", result.outcome().name().toLowerCase(Locale.ROOT))
                            .toBytes();
        }

        private byte[] refusal(Item item, @Nullable String id, Problem problem) {
            refused.incrementAndGet();
            JsonDocument told = new JsonDocument().put("index", item.index()).put("status", problem.status());
            return problem.addTo(id == null ? told : told.put("id", id)).toBytes();
        }

        private byte[] joined(List<byte[]> told) {
            ByteArrayOutputStream text = new ByteArrayOutputStream(told.size() * 96);
            told.forEach(one -> join(text, one));
            return text.toByteArray();
        }

        private byte[] end() {
            ByteArrayOutputStream text = new ByteArrayOutputStream(96);
            if (minimal) {
                join(
                        text,
                        new JsonDocument()
                                .put("accepted", accepted.get())
                                .put("refused", refused.get())
                                .toBytes());
            }
            if (!lines) {
                text.writeBytes((begun ? "]" : "[]").getBytes(StandardCharsets.US_ASCII));
            }
            return text.toByteArray();
        }

        private void join(ByteArrayOutputStream text, byte[] one) {
            if (!lines) {
                text.write(begun ? ',' : '[');
            }
            text.writeBytes(one);
            text.write('\n');
            begun = true;
        }

        private static List<List<Item>> units(List<Item> items) {
            List<List<Item>> units = new ArrayList<>();
            for (int from = 0; from < items.size(); from += UNIT) {
                units.add(items.subList(from, Math.min(items.size(), from + UNIT)));
            }
            return units;
        }
    }
}
