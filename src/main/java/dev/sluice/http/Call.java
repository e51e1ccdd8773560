package dev.sluice.http;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpVersion;
import java.io.ByteArrayOutputStream;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.netty.http.server.HttpServerRequest;

/** A request whose target is known. */
final class Call {
    private static final Duration TIME_FOR_A_BODY = Duration.ofSeconds(30);

    private final HttpServerRequest request;
    private final Target target;
    private final Mono<Void> stopping;

    Call(HttpServerRequest request, Target target, Mono<Void> stopping) {
        this.request = request;
        this.target = target;
        this.stopping = stopping;
    }

    Target target() {
        return target;
    }

    /** Completes when the server stops. */
    Mono<Void> stopping() {
        return stopping;
    }

    /** Whether the answer has a body: it has none if only its headers are asked for. */
    boolean wantsBody() {
        return !request.method().equals(HttpMethod.HEAD);
    }

    /** Whether the client can tell the end of an answer without a length from that of the connection. */
    boolean knowsChunks() {
        return !request.version().equals(HttpVersion.HTTP_1_0);
    }

    HttpHeaders headers() {
        return request.requestHeaders();
    }

    @Nullable
    String header(CharSequence name) {
        return headers().get(name);
    }

    /** Whether {@code word} is in the list that this header is, in whatever case. */
    boolean lists(CharSequence name, String word) {
        return headers().getAll(name).stream()
                .flatMap(line -> Stream.of(line.split(",", -1)))
                .anyMatch(item -> item.strip().equalsIgnoreCase(word));
    }

    /** Refuses a body of another type, and one that is compressed: what it holds could be of any length. */
    void checkContent(String... types) {
        String encoding = header(HttpHeaderNames.CONTENT_ENCODING);
        if (encoding != null && !HttpHeaderValues.IDENTITY.contentEqualsIgnoreCase(encoding)) {
            throw Problem.of(415, "unsupported-encoding", "a body must not be compressed")
                    .header(HttpHeaderNames.ACCEPT_ENCODING, "identity");
        }
        if (!List.of(types).contains(contentType())) {
            throw Problem.of(415, "unsupported-type", "the Content-Type must be " + String.join(" or ", types));
        }
    }

    /** Refuses a body that is coded on its way by more than chunks, which would be read as if it were not (RFC 9112, 6.1). */
    void checkTransfer() {
        List<String> codings = headers().getAll(HttpHeaderNames.TRANSFER_ENCODING);
        boolean isPlain = codings.size() == 1
                && HttpHeaderValues.CHUNKED.contentEqualsIgnoreCase(
                        codings.get(0).strip());
        if (!codings.isEmpty() && !isPlain) {
            throw Problem.of(501, "unsupported-transfer", "the Transfer-Encoding must be chunked, and nothing else");
        }
    }

    /** Throws a {@link Problem} if there is a body: what it says would be passed over. */
    void checkHasNoBody() {
        if (announced(headers()) > 0 || headers().contains(HttpHeaderNames.TRANSFER_ENCODING)) {
            throw Problem.of(400, "unexpected-body", "no body is read here; a filter goes into the query");
        }
    }

    /** The media type of the body in lower case, without parameters; empty if there is none. */
    String contentType() {
        String type = header(HttpHeaderNames.CONTENT_TYPE);
        return type == null ? "" : type.split(";", 2)[0].strip().toLowerCase(Locale.ROOT);
    }

    /** The whole body; fails with a {@link Problem} as soon as it is longer than {@code limit} bytes, or takes too long. */
    Mono<byte[]> body(int limit) {
        if (announced(headers()) > limit) {
            return Mono.error(tooLarge(limit));
        }
        return bytes().reduceWith(ByteArrayOutputStream::new, (all, part) -> {
                    if (all.size() + part.length > limit) {
                        throw tooLarge(limit);
                    }
                    all.writeBytes(part);
                    return all;
                })
                .map(ByteArrayOutputStream::toByteArray)
                .timeout(
                        TIME_FOR_A_BODY,
                        Mono.error(() -> Problem.of(
                                        408,
                                        "request-timeout",
                                        "the body was not there within " + TIME_FOR_A_BODY.toSeconds() + " s")
                                .header(HttpHeaderNames.CONNECTION, "close")));
    }

    /** The body in the parts that arrive. */
    Flux<byte[]> bytes() {
        return request.receive().asByteArray();
    }

    /** The length that the headers tell, 0 if none; of one that is no number nothing is known but that it is too large. */
    static long announced(HttpHeaders headers) {
        String length = headers.get(HttpHeaderNames.CONTENT_LENGTH);
        try {
            return length == null ? 0 : Long.parseLong(length);
        } catch (NumberFormatException tooLong) {
            return Long.MAX_VALUE;
        }
    }

    private static Problem tooLarge(int limit) {
        return Problem.of(413, "body-too-large", "the body must have at most " + limit + " bytes")
                .header(HttpHeaderNames.CONNECTION, "close");
    }
}
