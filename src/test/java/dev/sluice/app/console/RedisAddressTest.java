package dev.sluice.app.console;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.time.Duration;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class RedisAddressTest {
    private final SSLContext before = SSLContext.getDefault();

    RedisAddressTest() throws GeneralSecurityException {}

    @BeforeEach
    void trustOne() throws Exception {
        SSLContext.setDefault(ofLocalhost());
    }

    @AfterEach
    void trustAsBefore() {
        SSLContext.setDefault(before);
    }

    @Test
    void onlyTheHostThatIsMeantIsTalkedTo() throws IOException, GeneralSecurityException {
        try (ServerSocket server = SSLContext.getDefault()
                .getServerSocketFactory()
                .createServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
            shakeHandsAt(server);
            String port = ":" + server.getLocalPort();

            connect("rediss://localhost" + port);
            assertThatThrownBy(() -> connect("rediss://127.0.0.1" + port)).isInstanceOf(SSLException.class);
            connect("rediss://127.0.0.1" + port + "?verifyPeer=CA");
        }
    }

    private static void connect(String url) throws IOException {
        try (Socket socket = RedisAddress.of(url).connect(Duration.ofSeconds(10))) {
            assertThat(socket.isConnected()).isTrue();
        }
    }

    private static void shakeHandsAt(ServerSocket server) {
        Thread thread = new Thread(() -> {
            while (!server.isClosed()) {
                try (SSLSocket socket = (SSLSocket) server.accept()) {
                    socket.startHandshake();
                } catch (IOException ended) {
                    // the client, or the test
                }
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    /** Shows a certificate of {@code localhost}, and trusts it alone. */
    private static SSLContext ofLocalhost() throws GeneralSecurityException, IOException {
        KeyStore store = KeyStore.getInstance("PKCS12");
        char[] password = "secret".toCharArray();
        try (InputStream content = RedisAddressTest.class.getResourceAsStream("/dev/sluice/push/localhost.p12")) {
            store.load(content, password);
        }
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(store, password);
        KeyStore trusted = KeyStore.getInstance("PKCS12");
        trusted.load(null, null);
        trusted.setCertificateEntry("it", store.getCertificate("test"));
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(trusted);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
        return context;
    }
}
