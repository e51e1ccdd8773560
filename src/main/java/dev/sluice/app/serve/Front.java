package dev.sluice.app.serve;

import dev.sluice.Sluice;
import dev.sluice.app.config.Settings;
import dev.sluice.app.console.Refusal;
import dev.sluice.app.console.Waiting;
import dev.sluice.client.ClientOptions;
import dev.sluice.http.HttpApi;
import dev.sluice.http.HttpListener;
import dev.sluice.http.TlsIdentity;
import dev.sluice.observe.Observer;
import dev.sluice.observe.PrometheusMeters;
import dev.sluice.task.Queue;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/** The HTTP side of {@code run}. Only where it is asked for: its libraries take a part of a second to load. */
final class Front {
    private static final Duration TIME_TO_OPEN = Duration.ofSeconds(10);
    private static final Duration TIME_TO_CLOSE = Duration.ofMillis(200);

    private final Settings.Http settings;
    private final PrometheusMeters meters = PrometheusMeters.create();
    private @Nullable HttpListener listener;

    Front(Settings.Http settings) {
        this.settings = settings;
    }

    /** Who is to be told what happens, for the meters. */
    Observer observer() {
        return meters.observer();
    }

    /** Listens, and answers at which URL; refuses an address that cannot be had. */
    String open(Sluice sluice, List<Queue> queues, BooleanSupplier dispatching) {
        HttpApi.Builder api = HttpApi.over(sluice)
                .clientOptions(ClientOptions.builder()
                        .maxQueueLength(settings.maxQueueLength())
                        .build())
                .ready("dispatcher", dispatching)
                .metrics(meters::text);
        queues.forEach(api::queue);
        settings.tokens().forEach((role, tokens) -> tokens.forEach(token -> api.token(role, token)));
        String host = settings.bind().getHostString();
        int port = settings.bind().getPort();
        HttpListener open = listening(api.build(), new InetSocketAddress(host, port));
        listener = open;
        return (settings.identity() == null ? "http" : "https") + "://" + (host.contains(":") ? "[" + host + "]" : host)
                + ":" + open.address().getPort();
    }

    void close() {
        HttpListener open = listener;
        if (open != null) {
            Waiting.endsWithin(Waiting.begin(open.stop(TIME_TO_CLOSE)), TIME_TO_CLOSE);
        }
    }

    private HttpListener listening(HttpApi api, InetSocketAddress address) {
        AtomicReference<HttpListener> open = new AtomicReference<>();
        TlsIdentity identity = settings.identity();
        Mono<Void> opening = (identity == null
                        ? api.listen(address, settings.anonymous())
                        : api.listen(address, settings.anonymous(), identity))
                .doOnNext(open::set)
                .then()
                .onErrorMap(failed -> Refusal.failed("cannot listen for HTTP: " + reason(failed)));
        HttpListener listening = Waiting.endsWithin(Waiting.begin(opening), TIME_TO_OPEN) ? open.get() : null;
        if (listening == null) {
            throw Refusal.failed(
                    "cannot listen for HTTP: " + address + " was not bound within " + TIME_TO_OPEN.toSeconds() + " s");
        }
        return listening;
    }

    private static String reason(Throwable failed) {
        Throwable cause = failed.getCause();
        return failed.getMessage() + (cause == null ? "" : " (" + cause.getMessage() + ")");
    }
}
