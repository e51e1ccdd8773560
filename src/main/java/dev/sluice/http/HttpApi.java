package dev.sluice.http;

import dev.sluice.Sluice;
import dev.sluice.client.ClientOptions;
import dev.sluice.task.Queue;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiFunction;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Mono;
import reactor.netty.channel.AbortedException;
import reactor.netty.http.server.HttpServerRequest;
import reactor.netty.http.server.HttpServerResponse;
import reactor.util.context.Context;

/**
 * Sluice over HTTP: a handler for Reactor Netty's server. {@code src/docs/http.md} describes what it answers, and so does
 * {@code /openapi.yaml}.
 *
 * <p>{@link #listen} starts a server with the limits that strangers make necessary. A server of one's own takes it as
 * {@code HttpServer.create().handle(api)}, or beside other routes as {@code routes.route(api::isMine, api)}; limits on
 * connections, headers and idle time are that server's to set then, and so is under which names it is reached.
 *
 * <p>Immutable and thread-safe. Never blocks. It owns nothing that has to be closed: the {@code Sluice} it was made over
 * stays open.
 */
public final class HttpApi implements BiFunction<HttpServerRequest, HttpServerResponse, Publisher<Void>> {
    private static final Logger log = LoggerFactory.getLogger(HttpApi.class);

    static final Duration TIME_FOR_AN_ANSWER = Duration.ofSeconds(70); // a body, Redis, and a wait

    /** Reactor's hook for one request: the global one would log as an error that a client did not wait for its refusal. */
    static final Context CLIENT_MAY_BE_GONE = Context.of("reactor.onErrorDropped.local", (Consumer<Throwable>)
            failure -> log.debug("A request failed whose client was gone", failure));

    private static final int LONGEST_TASK = 1024 * 1024;
    private static final int SMALL = 64 * 1024;

    private final Tokens tokens;
    private final Routes routes;

    private HttpApi(Builder builder) {
        List<Queue> named = List.copyOf(builder.queues);
        KnownQueues queues = new KnownQueues(builder.sluice, builder.options, named);
        this.tokens = builder.tokens;
        this.routes = new Routes(
                new ProbeRoutes(builder.sluice, named, new LinkedHashMap<>(builder.checks), builder.metrics),
                new QueueRoutes(builder.sluice, queues),
                new TaskRoutes(builder.sluice, queues, LONGEST_TASK),
                new BatchRoute(queues, LONGEST_TASK),
                new DeadLetterRoutes(queues),
                new EventRoutes(queues),
                new ScheduleRoutes(queues, LONGEST_TASK));
    }

    /** Begins an API over {@code sluice}, open for everybody until the builder is given a token. */
    public static Builder over(Sluice sluice) {
        return new Builder(sluice);
    }

    /**
     * Starts a server of its own at that address; port 0 takes any that is free.
     *
     * <p>Cold: each subscription binds once, and emits the listener when it takes connections. Cancelling before that unbinds.
     * Signals on an event loop of the server. Fails with {@link IllegalStateException} if the address is not a loopback one,
     * there is no token, and {@code anonymous} is false; with Reactor Netty's {@code ChannelBindException} if the address
     * cannot be bound.
     *
     * @param anonymous whether everybody who can reach that address may do everything, if there is no token
     */
    public Mono<HttpListener> listen(InetSocketAddress address, boolean anonymous) {
        return listening(address, anonymous, null);
    }

    /**
     * The same over TLS 1.2 and 1.3, by the JVM's own means; nothing else is answered at that address. Who does not end his
     * handshake in 10 s, or speaks something else, is cut off, which is logged at DEBUG.
     *
     * @param identity what the server shows to its clients
     */
    public Mono<HttpListener> listen(InetSocketAddress address, boolean anonymous, TlsIdentity identity) {
        return listening(address, anonymous, Objects.requireNonNull(identity, "identity"));
    }

    private Mono<HttpListener> listening(InetSocketAddress address, boolean anonymous, @Nullable TlsIdentity identity) {
        return HttpListener.start(this, address, anonymous || !tokens.isEmpty(), identity, Progress.Patience.STANDARD);
    }

    /** Whether the path of that request is one that this API answers, whoever sends it and with whatever method. */
    public boolean isMine(HttpServerRequest request) {
        try {
            return routes.isPlace(Target.of(request.uri()));
        } catch (Problem noPath) {
            return false;
        }
    }

    @Override
    public Publisher<Void> apply(HttpServerRequest request, HttpServerResponse response) {
        return answer(request, response, Host.UNKNOWN);
    }

    Mono<Void> answer(HttpServerRequest request, HttpServerResponse response, Host host) {
        return Mono.defer(() -> served(request, response, host))
                .onErrorResume(HttpApi::isGone, gone -> Mono.never()) // the end of the connection ends it
                .onErrorResume(
                        failure -> !response.hasSentHeaders(),
                        failure -> refused(request, response, Problem.of(failure)));
    }

    private Mono<Void> served(HttpServerRequest request, HttpServerResponse response, Host host) {
        Call call = new Call(request, Target.of(request.uri()), host.stopping());
        call.checkTransfer();
        HttpMethod method = call.wantsBody() ? request.method() : HttpMethod.GET;
        Routes.Match match = routes.find(call.target(), method);
        if (match.enough() != null) {
            tokens.check(call.headers(), match.enough());
            if (tokens.isEmpty()) {
                host.sites().checkName(call.headers());
            }
            call.target().checkParameters(match.parameters());
            if (!match.takesBody()) {
                call.checkHasNoBody();
            }
        }
        if (match.enough() == null && mayBeEndless(call.headers())) {
            response.keepAlive(false);
        }
        if (!method.equals(HttpMethod.GET)) {
            Sites.checkOrigin(call.headers());
        }
        return match.route().serve(call, response);
    }

    /** Whether it is the connection that failed: then there is nobody to answer. */
    private static boolean isGone(Throwable failure) {
        return failure instanceof IOException || failure instanceof AbortedException;
    }

    /** Whether what is left unread of a body is too much to wait for: the connection is closed then. */
    private static boolean mayBeEndless(HttpHeaders headers) {
        return headers.contains(HttpHeaderNames.TRANSFER_ENCODING) || Call.announced(headers) > SMALL;
    }

    private static Mono<Void> refused(HttpServerRequest request, HttpServerResponse response, Problem problem) {
        if (mayBeEndless(request.requestHeaders())) {
            problem.header(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE.toString());
        }
        return Mono.from(problem.answer().sendTo(response, !request.method().equals(HttpMethod.HEAD)));
    }

    /** Collects what differs from the defaults. Not thread-safe. */
    public static final class Builder {
        private static final int SHORTEST_TOKEN = 16;
        private static final int LONGEST_TOKEN = 256;

        private final Sluice sluice;
        private final List<Queue> queues = new ArrayList<>();
        private final Map<String, BooleanSupplier> checks = new LinkedHashMap<>();
        private Tokens tokens = Tokens.none();
        private ClientOptions options = ClientOptions.defaults();
        private @Nullable Supplier<String> metrics;

        private Builder(Sluice sluice) {
            this.sluice = Objects.requireNonNull(sluice, "sluice");
        }

        /**
         * Names a queue, which may be used before anybody has worked on it, and is counted for the metrics. All others are
         * found in Redis once somebody has.
         */
        public Builder queue(Queue queue) {
            queues.add(Objects.requireNonNull(queue, "queue"));
            return this;
        }

        /** How tasks are enqueued: how long a queue may be, how durable a task is. Default: {@link ClientOptions#defaults}. */
        public Builder clientOptions(ClientOptions choice) {
            options = Objects.requireNonNull(choice, "choice");
            return this;
        }

        /**
         * Lets the bearer of a token do what {@code role} may. From the first token on nobody without one may do anything but
         * read the probes and the description. Add several for a change of tokens, or for several roles of one.
         *
         * @param token 16 to 256 visible ASCII characters
         * @throws IllegalArgumentException if it is not; the message does not quote it
         */
        public Builder token(Role role, String token) {
            if (!isToken(token)) {
                throw new IllegalArgumentException("a token must be " + SHORTEST_TOKEN + " to " + LONGEST_TOKEN
                        + " visible ASCII characters, had " + token.length());
            }
            tokens = tokens.with(Objects.requireNonNull(role, "role"), token);
            return this;
        }

        /**
         * Adds a condition to {@code /readyz}, beside {@code redis}: that Redis answers.
         *
         * @param name what is shown
         * @param check answers at once, on any thread; one that throws has failed, and is logged as WARN once
         * @throws IllegalStateException if another check has the name
         */
        public Builder ready(String name, BooleanSupplier check) {
            if (name.equals(ProbeRoutes.REDIS)) {
                throw new IllegalStateException(
                        "a check named '" + name + "' is built in, and stays: give this one another name");
            }
            if (checks.putIfAbsent(name, Objects.requireNonNull(check, "check")) != null) {
                throw new IllegalStateException(
                        "there is a check named '" + name + "' already: give this one another name");
            }
            return this;
        }

        /**
         * Answers {@code /metrics} with what {@code text} gives, in the text format of Prometheus: with
         * {@code PrometheusMeters.text()}, or {@code scrape()} of a registry of one's own. Default: there is no such place.
         *
         * @param text is called on a thread of its own, {@code sluice-metrics-1}, one call at a time: it may wait for a lock
         */
        public Builder metrics(Supplier<String> text) {
            metrics = Objects.requireNonNull(text, "text");
            return this;
        }

        /** The API; nothing is connected or bound by it. */
        public HttpApi build() {
            return new HttpApi(this);
        }

        private static boolean isToken(String token) {
            return token.length() >= SHORTEST_TOKEN
                    && token.length() <= LONGEST_TOKEN
                    && token.chars().allMatch(c -> c > ' ' && c < 127);
        }
    }
}
