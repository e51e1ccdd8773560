package dev.sluice.push;

import dev.sluice.dispatch.TaskContext;
import dev.sluice.dispatch.TaskHandler;
import dev.sluice.observe.Observer;
import dev.sluice.observe.Outcome;
import dev.sluice.task.Verdict;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelOption;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.TimeoutException;
import java.util.function.UnaryOperator;
import reactor.core.publisher.Mono;
import reactor.netty.NettyPipeline;
import reactor.netty.http.client.HttpClient;
import reactor.netty.resources.ConnectionProvider;

/**
 * Delivers each task of its type to one URL, as a POST of its payload, and ends it as the answer says:
 *
 * <table>
 *   <caption>Answers</caption>
 *   <tr><th>answer</th><th>the task</th></tr>
 *   <tr><td>2xx</td><td>has succeeded; the body is its result</td></tr>
 *   <tr><td>429 or 503 with {@code Retry-After}</td><td>is tried again after that time, at most 24 h; counts as an
 *       attempt</td></tr>
 *   <tr><td>410, 489, or one of {@link PushTarget.Builder#deadOn}</td><td>is a dead letter at once</td></tr>
 *   <tr><td>any other, 3xx too, or none</td><td>has failed this attempt</td></tr>
 * </table>
 *
 * <p>Redirects are never followed, proxies never used, certificates and host names always verified. The attempt's timeout
 * is the request's: when it is over the connection is closed. A delivery is sent at least once, so a receiver must be
 * idempotent, by {@code webhook-id} or {@code ce-fencingnumber}. See {@code src/docs/push.md} for the headers.
 *
 * <p>Deliveries beyond {@link PushTarget.Builder#connections} wait in their slots, and so the concurrency of the queues
 * bounds how many wait. One that gets no connection within 10 s is handed back to its queue, which counts as no attempt.
 *
 * <p>Thread-safe; one serves any number of dispatchers and types. Connects when the first task comes.
 */
public final class PushHandler implements TaskHandler<byte[]> {
    private static final Duration WAIT_FOR_A_CONNECTION = Duration.ofSeconds(10);
    private static final Duration WAIT_FOR_A_REASON = Duration.ofSeconds(1);
    // Shorter than servers keep theirs, most for 5 s at least.
    private static final Duration IDLE = Duration.ofSeconds(4);
    private static final byte[] NULL = "null".getBytes(StandardCharsets.UTF_8);

    /** How much of a refusal is read, to say why. */
    private static final int REASON_LIMIT = 2048;

    private final PushTarget target;
    private final Observer observer;
    private final Reading reading;
    private final ConnectionProvider connections;
    private final HttpClient client;

    private PushHandler(
            PushTarget target, Observer observer, Duration waitForConnection, UnaryOperator<HttpClient> more) {
        this.target = target;
        this.observer = observer.guarded();
        this.reading = new Reading(target);
        this.connections = ConnectionProvider.builder("sluice-push")
                .maxConnections(target.connections())
                .pendingAcquireMaxCount(-1) // those who wait hold a slot of their queue each
                .pendingAcquireTimeout(waitForConnection)
                .maxIdleTime(IDLE)
                .evictInBackground(IDLE)
                .lifo() // the others become idle, and are not each used just before their end
                .build();
        this.client = more.apply(HttpClient.create(connections)
                .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, (int)
                        target.connectTimeout().toMillis())
                .followRedirect(false)
                .noProxy()
                .doOnChannelInit((listener, channel, remote) -> channel.pipeline()
                        .addFirst(new ConnectGuard(target.guard()))
                        .addAfter(NettyPipeline.HttpCodec, null, new InterimAnswers())));
    }

    /** A handler that nobody listens to. */
    public static PushHandler to(PushTarget target) {
        return to(target, Observer.none());
    }

    /** A handler that tells {@code observer} of each delivery. */
    public static PushHandler to(PushTarget target, Observer observer) {
        return to(target, observer, WAIT_FOR_A_CONNECTION, UnaryOperator.identity());
    }

    static PushHandler to(
            PushTarget target, Observer observer, Duration waitForConnection, UnaryOperator<HttpClient> more) {
        return new PushHandler(target, observer, waitForConnection, more);
    }

    /**
     * Delivers one task.
     *
     * <p>Cold: one request per subscription. Emits the result or a {@link Verdict}, or completes empty. Cancelling closes
     * the connection, so that the target can notice. Signals on an event loop of Reactor Netty. Fails if the attempt did;
     * a repeat is as safe as the target is idempotent.
     */
    @Override
    public Mono<?> handle(TaskContext<byte[]> task) {
        return Mono.defer(() -> {
            byte[] payload = task.payload();
            byte[] body = payload == null ? NULL : payload;
            return observed(delivered(task, body));
        });
    }

    /**
     * Closes the connections, those in use too. To be called when every dispatcher that uses this handler has stopped.
     *
     * <p>Cold; completes when they are closed. Does not fail; more calls than one are as one.
     */
    public Mono<Void> close() {
        return connections.disposeLater();
    }

    private Mono<Object> delivered(TaskContext<byte[]> task, byte[] body) {
        return client.post()
                .uri(target.url())
                .send((request, out) -> {
                    // It may have waited for its connection: what it says of times is to be true now.
                    request.requestHeaders().setAll(DeliveryHeaders.of(task, target.secrets(), body, Instant.now()));
                    return out.send(Mono.fromSupplier(() -> Unpooled.wrappedBuffer(body)));
                })
                .responseConnection((response, connection) -> response.status().code() / 100 == 2
                        ? Answer.read(response, connection, target.resultLimit())
                        : Answer.readRefusal(response, connection, REASON_LIMIT, patience(task)))
                .singleOrEmpty() // next() cancels, which may come before the connection is back in its pool
                .flatMap(answer -> reading.of(answer, System.currentTimeMillis()))
                .onErrorResume(TimeoutException.class, noConnection -> Mono.just(Verdict.released()));
    }

    /** How long the reason of a refusal may take: its verdict must come before the attempt's timeout. */
    private static Duration patience(TaskContext<byte[]> task) {
        Duration half = task.remaining().dividedBy(2);
        return half.compareTo(WAIT_FOR_A_REASON) < 0 ? half : WAIT_FOR_A_REASON;
    }

    private Mono<Object> observed(Mono<Object> delivery) {
        long began = System.nanoTime();
        return delivery.doOnSuccess(
                        end -> tell(end instanceof Verdict verdict ? outcomeOf(verdict) : Outcome.SUCCEEDED, began))
                .doOnError(failure -> tell(Outcome.RETRIED, began))
                .doOnCancel(() -> tell(Outcome.CANCELLED, began));
    }

    private void tell(Outcome outcome, long began) {
        observer.delivered(target.name(), outcome, System.nanoTime() - began);
    }

    private static Outcome outcomeOf(Verdict verdict) {
        return verdict instanceof Verdict.Dead
                ? Outcome.DEAD
                : verdict instanceof Verdict.Released ? Outcome.RELEASED : Outcome.RETRIED;
    }
}
