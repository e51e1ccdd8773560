package dev.sluice.http;

import dev.sluice.client.QueueEvent;
import dev.sluice.http.KnownQueues.Parts;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.TaskId;
import io.netty.handler.codec.http.HttpHeaderNames;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.netty.channel.AbortedException;
import reactor.netty.http.server.HttpServerResponse;

/*
 * A stream has one part on its way to its client, and makes the next when the connection has taken that. Meanwhile events
 * wait in the client of the queue, which keeps so many and counts what it drops. So a client that reads slowly is told what
 * it missed, and one that does not read at all is cut off by the listener as anybody who does not read an answer.
 */

/** Tells what happens to tasks for as long as somebody listens, as server-sent events. */
final class EventRoutes {
    /** The most streams at a time. */
    static final int MOST = 256;

    private static final String LAST_EVENT_ID = "Last-Event-ID";

    private final KnownQueues queues;
    private final SharedText shared = new SharedText();
    private final AtomicInteger open = new AtomicInteger();

    EventRoutes(KnownQueues queues) {
        this.queues = queues;
    }

    Mono<Void> ofAll(Call call, HttpServerResponse response) {
        return Flux.fromIterable(queues.named())
                .flatMapSequential(queue -> queues.find(queue.name()))
                .filter(parts -> !isSilent(parts))
                .map(parts -> told(call, parts, false, event -> true))
                .collectList()
                .flatMap(all -> all.isEmpty() ? Mono.error(nothingToTell()) : serve(call, response, all));
    }

    Mono<Void> ofQueue(Call call, HttpServerResponse response, String queue) {
        return one(call, response, queue, false, event -> true);
    }

    Mono<Void> ofTask(Call call, HttpServerResponse response, String queue, String id) {
        return Mono.defer(() -> {
            String own = TaskId.check(id);
            return one(call, response, queue, true, event -> isOf(own, event));
        });
    }

    private static boolean isOf(String id, QueueEvent event) {
        if (event instanceof QueueEvent.Moved moved) {
            return moved.id().equals(id);
        }
        return !(event instanceof QueueEvent.Progressed progressed)
                || progressed.id().equals(id);
    }

    private Mono<Void> one(
            Call call, HttpServerResponse response, String queue, boolean ofTask, Predicate<QueueEvent> meant) {
        return queues.find(queue).flatMap(parts -> {
            if (isSilent(parts)) {
                throw new InvalidTaskException(
                        "queue", "it is at-most-once, and nobody can tell what becomes of its tasks");
            }
            return serve(call, response, List.of(told(call, parts, ofTask, meant)));
        });
    }

    private Flux<String> told(Call call, Parts parts, boolean ofTask, Predicate<QueueEvent> meant) {
        String last = call.header(LAST_EVENT_ID);
        return Flux.defer(() -> {
            EventText text = new EventText(shared, parts.queue().name(), ofTask, last);
            return parts.client()
                    .events()
                    .filter(meant)
                    .map(text::of)
                    .onErrorResume(failure -> Mono.just(text.end(Problem.of(failure))));
        });
    }

    private Mono<Void> serve(Call call, HttpServerResponse response, List<Flux<String>> queues) {
        return Mono.using(
                this::enter,
                place -> {
                    Answer.common(response)
                            .header(HttpHeaderNames.CONTENT_TYPE, EventText.TYPE)
                            .header("X-Accel-Buffering", "no") // what a proxy would collect comes too late
                            .chunkedTransfer(call.knowsChunks());
                    return call.wantsBody()
                            ? EventText.parts(queues, call.stopping())
                                    .concatMap(part -> written(response, part), 1)
                                    .then()
                            : response.send().then();
                },
                place -> open.decrementAndGet());
    }

    /**
     * Completes when the connection has taken it. Hidden, for what is known to be one value is sent as a whole answer. Where the
     * connection is closed in this moment Reactor Netty may throw what looks like a mistake of ours.
     */
    private static Mono<Void> written(HttpServerResponse response, byte[] part) {
        return Mono.defer(() -> response.sendByteArray(Flux.just(part).hide()).then())
                .onErrorMap(failure -> isClosed(response), failure -> AbortedException.beforeSend());
    }

    private static boolean isClosed(HttpServerResponse response) {
        AtomicBoolean closed = new AtomicBoolean();
        response.withConnection(connection -> closed.set(connection.isDisposed()));
        return closed.get();
    }

    private int enter() {
        int now = open.incrementAndGet();
        if (now > MOST) {
            open.decrementAndGet();
            throw Problem.passing(
                    503, "too-many-streams", "there are " + MOST + " streams of events already, and that is the most");
        }
        return now;
    }

    private static boolean isSilent(Parts parts) {
        return parts.queue().delivery() == DeliveryMode.AT_MOST_ONCE;
    }

    private static Problem nothingToTell() {
        return Problem.of(404, "queue-unknown", "this server was named no queue that is at-least-once");
    }
}
