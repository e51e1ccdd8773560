package dev.sluice.push;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpUtil;
import java.io.ByteArrayOutputStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Locale;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;
import reactor.netty.Connection;
import reactor.netty.http.client.HttpClientResponse;

/** What a target answered, or the first bytes of it. */
final class Answer {
    private final HttpClientResponse response;
    private final byte[] body;
    private final boolean isWhole;

    private Answer(HttpClientResponse response, byte[] body, boolean isWhole) {
        this.response = response;
        this.body = body;
        this.isWhole = isWhole;
    }

    /**
     * Reads an answer up to {@code limit} bytes, and no more of it: what is longer is cut off by closing the connection.
     *
     * <p>Cancelling closes the connection. Signals on its event loop. Fails if the connection ends before the answer does.
     */
    static Mono<Answer> read(HttpClientResponse response, Connection connection, int limit) {
        Collected body = new Collected(limit);
        return body.of(connection).then(Mono.fromSupplier(() -> body.as(response)));
    }

    /**
     * The same for an answer whose status says everything: its body is read for {@code patience} at most, and may break off.
     * Then what has come is the answer, and the connection is closed.
     */
    static Mono<Answer> readRefusal(HttpClientResponse response, Connection connection, int limit, Duration patience) {
        Collected body = new Collected(limit);
        return body.of(connection)
                .take(
                        patience,
                        Schedulers.fromExecutorService(connection.channel().eventLoop()))
                .onErrorComplete()
                .then(Mono.fromSupplier(() -> body.as(response)));
    }

    int status() {
        return response.status().code();
    }

    boolean isSuccess() {
        return status() / 100 == 2;
    }

    HttpHeaders headers() {
        return response.responseHeaders();
    }

    /** Its first bytes, at most as many as were asked for. */
    byte[] body() {
        return body;
    }

    /** Whether that is all of it. */
    boolean isWhole() {
        return isWhole;
    }

    boolean isJson() {
        String type = headers().get("content-type", "").split(";", 2)[0].strip();
        return type.equalsIgnoreCase("application/json")
                || type.toLowerCase(Locale.ROOT).endsWith("+json");
    }

    String text() {
        return new String(body, charset());
    }

    /** The body in UTF-8. */
    byte[] utf8() {
        return charset().equals(StandardCharsets.UTF_8) ? body : text().getBytes(StandardCharsets.UTF_8);
    }

    private Charset charset() {
        return HttpUtil.getCharset(headers().get("content-type", ""), StandardCharsets.UTF_8);
    }

    private static final class Collected {
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private final int limit;
        private boolean isCut;

        Collected(int limit) {
            this.limit = limit;
        }

        /** Reads until it is full, which closes the connection, or the answer ends. */
        Flux<Boolean> of(Connection connection) {
            return connection.inbound().receive().map(this::add).takeUntil(isFull -> isFull);
        }

        Answer as(HttpClientResponse response) {
            return new Answer(response, bytes.toByteArray(), !isCut);
        }

        /** Takes as much as there is room for; true if that was not all. */
        private boolean add(ByteBuf part) {
            int taken = Math.min(part.readableBytes(), limit - bytes.size());
            bytes.writeBytes(ByteBufUtil.getBytes(part, part.readerIndex(), taken));
            isCut = taken < part.readableBytes();
            return isCut;
        }
    }
}
