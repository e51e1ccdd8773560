package dev.sluice.push;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.http.HttpHeaders;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiFunction;
import java.util.function.UnaryOperator;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Mono;
import reactor.netty.DisposableServer;
import reactor.netty.http.server.HttpServer;
import reactor.netty.http.server.HttpServerResponse;

/** A real HTTP server that answers as a test wants, and remembers what it was sent. */
final class Endpoint implements AutoCloseable {
    private static final Duration SOON = Duration.ofSeconds(10);

    private final DisposableServer server;
    private final List<Request> requests = new CopyOnWriteArrayList<>();
    private final AtomicInteger connections = new AtomicInteger();
    private final AtomicInteger closed = new AtomicInteger();

    private Endpoint(BiFunction<Request, HttpServerResponse, Publisher<Void>> answer, UnaryOperator<HttpServer> more) {
        server = more.apply(HttpServer.create().host("0.0.0.0").port(0))
                .doOnChannelInit((observer, channel, remote) -> {
                    Opening opening = new Opening();
                    connections.incrementAndGet();
                    channel.pipeline().addFirst(opening);
                    channel.closeFuture().addListener(end -> {
                        if (!opening.isAstray) {
                            closed.incrementAndGet();
                        }
                    });
                })
                .handle((request, response) -> request.receive()
                        .aggregate()
                        .asString()
                        .defaultIfEmpty("")
                        .flatMap(body -> {
                            Request got = new Request(
                                    request.method().name(),
                                    request.uri(),
                                    request.requestHeaders().copy(),
                                    body);
                            requests.add(got);
                            return Mono.from(answer.apply(got, response));
                        }))
                .bindNow(SOON);
    }

    static Endpoint answering(BiFunction<Request, HttpServerResponse, Publisher<Void>> answer) {
        return new Endpoint(answer, it -> it);
    }

    static Endpoint answering(int status, String body) {
        return answering((request, response) -> response.status(status).sendString(Mono.just(body)));
    }

    static Endpoint configured(UnaryOperator<HttpServer> more) {
        return new Endpoint((request, response) -> response.send(), more);
    }

    int port() {
        return server.port();
    }

    String url() {
        return "http://127.0.0.1:" + port() + "/report?part=1";
    }

    List<Request> requests() {
        return requests;
    }

    /** How many connections there have been. */
    int connections() {
        return connections.get();
    }

    /** How many of them have ended. */
    int closedConnections() {
        return closed.get();
    }

    @Override
    public void close() {
        server.disposeNow(SOON);
    }

    /** Passes over a client of Redis that looks for a server of another test, which had this port before. */
    private final class Opening extends ChannelInboundHandlerAdapter {
        private volatile boolean isAstray;

        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            if (message instanceof ByteBuf bytes && bytes.isReadable() && bytes.getByte(bytes.readerIndex()) == '*') {
                isAstray = true;
                connections.decrementAndGet();
                bytes.release();
                var unused = context.close();
                return;
            }
            context.pipeline().remove(this);
            context.fireChannelRead(message);
        }
    }

    /** One request that came. */
    record Request(String method, String uri, HttpHeaders headers, String body) {}
}
