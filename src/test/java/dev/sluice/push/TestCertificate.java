package dev.sluice.push;

import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import java.io.IOException;
import java.io.InputStream;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.util.Objects;
import javax.net.ssl.KeyManagerFactory;
import reactor.netty.http.client.HttpClient;
import reactor.netty.http.server.HttpServer;

/** A certificate for {@code localhost} that only itself vouches for. */
final class TestCertificate {
    private static final char[] PASSWORD = "secret".toCharArray();

    private TestCertificate() {}

    static HttpServer shownBy(HttpServer server) {
        return server.secure(tls -> tls.sslContext(ofServer()));
    }

    static HttpClient trustedBy(HttpClient client) {
        return client.secure(tls -> tls.sslContext(ofClient()));
    }

    private static SslContext ofServer() {
        try {
            KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
            keys.init(store(), PASSWORD);
            return SslContextBuilder.forServer(keys).build();
        } catch (GeneralSecurityException | IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static SslContext ofClient() {
        try {
            return SslContextBuilder.forClient()
                    .trustManager((X509Certificate) store().getCertificate("test"))
                    .build();
        } catch (GeneralSecurityException | IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static KeyStore store() throws GeneralSecurityException, IOException {
        try (InputStream content = TestCertificate.class.getResourceAsStream("localhost.p12")) {
            KeyStore store = KeyStore.getInstance("PKCS12");
            store.load(Objects.requireNonNull(content), PASSWORD);
            return store;
        }
    }
}
