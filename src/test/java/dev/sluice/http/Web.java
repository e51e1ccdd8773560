package dev.sluice.http;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.sluice.Sluice;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.Arrays;
import java.util.Objects;
import java.util.function.UnaryOperator;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A listener for an API over a real Redis, and a client that speaks to it. */
final class Web implements AutoCloseable {
    static final JsonMapper JSON = new JsonMapper();

    private static final Duration SOON = Duration.ofSeconds(20);

    private final Sluice sluice;
    private final HttpListener listener;
    private final @Nullable SSLContext tls;
    private final HttpClient client;

    private Web(Sluice sluice, HttpListener listener, @Nullable SSLContext tls) {
        this.sluice = sluice;
        this.listener = listener;
        this.tls = tls;
        HttpClient.Builder speaking = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1);
        this.client = (tls == null ? speaking : speaking.sslContext(tls)).build();
    }

    static Web over(String redis, UnaryOperator<HttpApi.Builder> more) {
        return over(redis, more, Progress.Patience.STANDARD);
    }

    /** One that closes {@code sluice} with it. */
    static Web over(Sluice sluice, UnaryOperator<HttpApi.Builder> more) {
        return over(sluice, more, Progress.Patience.STANDARD, null, null);
    }

    static Web over(String redis, UnaryOperator<HttpApi.Builder> more, Progress.Patience patience) {
        return over(redis, more, patience, null, null);
    }

    /** One that shows {@code identity}, to a client that speaks by {@code tls}. */
    static Web over(
            String redis,
            UnaryOperator<HttpApi.Builder> more,
            Progress.Patience patience,
            @Nullable TlsIdentity identity,
            @Nullable SSLContext tls) {
        return over(Sluice.connect(redis), more, patience, identity, tls);
    }

    private static Web over(
            Sluice sluice,
            UnaryOperator<HttpApi.Builder> more,
            Progress.Patience patience,
            @Nullable TlsIdentity identity,
            @Nullable SSLContext tls) {
        HttpApi api = more.apply(HttpApi.over(sluice)).build();
        InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
        return new Web(
                sluice,
                HttpListener.start(api, address, false, identity, patience).block(SOON),
                tls);
    }

    Sluice sluice() {
        return sluice;
    }

    int port() {
        return listener.address().getPort();
    }

    private String url() {
        return (tls == null ? "http" : "https") + "://127.0.0.1:" + port();
    }

    Told get(String path, String... headers) {
        return ask("GET", path, "", headers);
    }

    Told delete(String path, String... headers) {
        return ask("DELETE", path, "", headers);
    }

    /** POSTs JSON, unless a header says otherwise. */
    Told post(String path, String body, String... headers) {
        String[] all = headers;
        if (!String.join("\n", headers).contains("Content-Type")) {
            all = Arrays.copyOf(headers, headers.length + 2);
            all[headers.length] = "Content-Type";
            all[headers.length + 1] = "application/json";
        }
        return ask("POST", path, body, all);
    }

    Told ask(String method, String path, String body, String... headers) {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url() + path))
                .timeout(SOON)
                .method(method, body.isEmpty() ? BodyPublishers.noBody() : BodyPublishers.ofString(body));
        if (headers.length > 0) {
            request.headers(headers);
        }
        try {
            Told told = new Told(client.send(request.build(), BodyHandlers.ofByteArray()));
            Contract.check(method, path, told);
            return told;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Listens to a stream of events. */
    Heard listen(String path, String... headers) {
        return new Heard(client, url() + path, headers);
    }

    /** A connection for what no decent client sends. */
    Socket socket() throws IOException {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), port());
        socket.setSoTimeout((int) SOON.toMillis());
        return socket;
    }

    /** A connection that speaks TLS by itself when something is sent. */
    Socket secret() throws IOException {
        return Objects.requireNonNull(tls).getSocketFactory().createSocket(socket(), "localhost", port(), true);
    }

    /** All that comes back for these bytes until the server closes or is silent for half a second after its last one. */
    String raw(String request) throws IOException {
        try (Socket socket = socket()) {
            socket.getOutputStream().write(request.getBytes(ISO_8859_1));
            StringBuilder told = new StringBuilder();
            byte[] part = new byte[8192];
            try {
                for (int n = socket.getInputStream().read(part);
                        n >= 0;
                        n = socket.getInputStream().read(part)) {
                    told.append(new String(part, 0, n, UTF_8));
                    socket.setSoTimeout(500);
                }
            } catch (IOException silentOrReset) {
                // what was told before that counts
            }
            return told.toString();
        }
    }

    Mono<Void> stop(Duration grace) {
        return listener.stop(grace);
    }

    @Override
    public void close() {
        listener.stop(Duration.ZERO).block(SOON);
        sluice.close().block(SOON);
    }

    /** An answer. */
    record Told(HttpResponse<byte[]> response) {
        int status() {
            return response.statusCode();
        }

        String header(String name) {
            return response.headers().firstValue(name).orElse("");
        }

        String text() {
            return new String(response.body(), UTF_8);
        }

        JsonNode json() {
            return JSON.readTree(response.body());
        }

        String code() {
            return json().path("code").asString();
        }
    }
}
