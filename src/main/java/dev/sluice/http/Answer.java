package dev.sluice.http;

import dev.sluice.codec.JsonDocument;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Mono;
import reactor.netty.http.server.HttpServerResponse;

/** A whole answer to a request. */
final class Answer {
    static final String JSON = "application/json";

    private final int status;
    private String contentType;
    private final byte[] body;
    private final Map<CharSequence, String> headers = new LinkedHashMap<>();

    Answer(int status, String contentType, byte[] body) {
        this.status = status;
        this.contentType = contentType;
        this.body = body;
    }

    static Answer of(int status, JsonDocument body) {
        return new Answer(status, JSON, body.toBytes());
    }

    static Answer text(int status, String body) {
        return new Answer(status, "text/plain; charset=utf-8", body.getBytes(StandardCharsets.UTF_8));
    }

    Answer contentType(String other) {
        contentType = other;
        return this;
    }

    Answer header(CharSequence name, String value) {
        headers.put(name, value);
        return this;
    }

    Publisher<Void> sendTo(HttpServerResponse response, boolean withBody) {
        HttpHeaders out = common(response).responseHeaders();
        headers.forEach(out::set);
        out.set(HttpHeaderNames.CONTENT_TYPE, contentType);
        out.setInt(HttpHeaderNames.CONTENT_LENGTH, body.length);
        response.status(status);
        return withBody ? response.sendByteArray(Mono.just(body)) : response.send();
    }

    /** What every answer says: it is not to be kept, nor to be taken for anything but what it says it is. */
    static HttpServerResponse common(HttpServerResponse response) {
        response.responseHeaders()
                .set(HttpHeaderNames.CACHE_CONTROL, "no-store")
                .set("X-Content-Type-Options", "nosniff");
        return response;
    }
}
