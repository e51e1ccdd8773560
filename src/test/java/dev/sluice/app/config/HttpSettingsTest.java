package dev.sluice.app.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.http.Role;
import dev.sluice.http.SelfSigned;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HttpSettingsTest {
    private static final String TOKEN = "0123456789abcdef";

    @Test
    void byDefaultNothingListens() {
        assertThat(load(Map.of()).settings().http()).isNull();
        assertThat(load(Map.of("SLUICE_HTTP_TOKENS_READ", TOKEN)).settings().http())
                .isNull();
    }

    @Test
    void anAddressAndTokensAreRead() {
        Configuration configuration = load(Map.of(
                "SLUICE_HTTP_BIND",
                "[::]:8080",
                "SLUICE_HTTP_TOKENS_READ",
                TOKEN + "," + TOKEN + "=",
                "SLUICE_HTTP_MAX_QUEUE_LENGTH",
                "9"));
        Settings.Http http = configuration.settings().http();

        assertThat(http.bind().getHostString()).isEqualTo("::");
        assertThat(http.bind().getPort()).isEqualTo(8080);
        assertThat(http.tokens().get(Role.READ)).isEqualTo(List.of(TOKEN, TOKEN + "="));
        assertThat(http.tokens().get(Role.OPERATE)).isEmpty();
        assertThat(http.maxQueueLength()).isEqualTo(9);
        assertThat(configuration.settings().toString()).doesNotContain(TOKEN);
        assertThat(configuration.effective().toString()).doesNotContain(TOKEN).contains("http.tokens.read, value=***");
    }

    @Test
    void whatIsNoAddressOrTokenIsRefusedWithoutTheToken() {
        for (String address : List.of("8080", ":8080", "host:", "host:65536", "a b:1", "::1:8080", "http://x:1")) {
            assertThatThrownBy(() -> load(Map.of("SLUICE_HTTP_BIND", address)))
                    .as(address)
                    .hasMessageContaining("http.bind must be HOST:PORT, or none");
        }
        for (String token : List.of("short", TOKEN + ",", TOKEN + " x", TOKEN + "\u00e9")) {
            assertThatThrownBy(() -> load(Map.of("SLUICE_HTTP_TOKENS_OPERATE", token)))
                    .hasMessageContaining("16 to 256 visible characters")
                    .hasMessageNotContaining(token);
        }
    }

    @Test
    void aPublicAddressNeedsATokenOrAWord() {
        Map<String, String> everywhere = new HashMap<>(Map.of("SLUICE_HTTP_BIND", "0.0.0.0:8080"));

        assertThatThrownBy(() -> load(everywhere)).hasMessageContaining("there is no token");
        for (String mine : List.of("localhost:1", "127.0.0.1:1", "127.9.9.9:1", "[::1]:1")) {
            assertThat(load(Map.of("SLUICE_HTTP_BIND", mine)).settings().http()).isNotNull();
        }
        everywhere.put("SLUICE_HTTP_ANONYMOUS", "true");
        assertThat(load(everywhere).settings().http().anonymous()).isTrue();
    }

    @Test
    void tlsNeedsACertificateAndTheKeyToIt(@TempDir Path folder) {
        Path certificate = SelfSigned.of("EC").certificate(folder.resolve("cert.pem"));
        Path foreign = SelfSigned.of("EC").key(folder.resolve("key.pem"));
        Map<String, String> here = new HashMap<>(Map.of("SLUICE_HTTP_BIND", "127.0.0.1:0"));

        here.put("SLUICE_HTTP_TLS_KEY_FILE", foreign.toString());
        assertThatThrownBy(() -> load(here))
                .hasMessageContaining("env SLUICE_HTTP_TLS_KEY_FILE: http.tls needs both cert-file and key-file");
        here.put("SLUICE_HTTP_TLS_CERT_FILE", certificate.toString());
        assertThatThrownBy(() -> load(here))
                .isInstanceOf(ConfigurationException.class)
                .hasMessageContaining("env SLUICE_HTTP_TLS_CERT_FILE: http.tls: '" + foreign + "' has no sound key");
        here.remove("SLUICE_HTTP_BIND");
        assertThat(load(here).settings().http()).isNull();
    }

    @Test
    void tlsNeedsATokenOnAPublicAddressToo(@TempDir Path folder) {
        SelfSigned own = SelfSigned.of("EC");
        Map<String, String> everywhere = new HashMap<>(Map.of(
                "SLUICE_HTTP_BIND",
                "0.0.0.0:8443",
                "SLUICE_HTTP_TLS_CERT_FILE",
                own.certificate(folder.resolve("cert.pem")).toString(),
                "SLUICE_HTTP_TLS_KEY_FILE",
                own.key(folder.resolve("key.pem")).toString()));

        assertThatThrownBy(() -> load(everywhere)).hasMessageContaining("there is no token");
        everywhere.put("SLUICE_HTTP_TOKENS_READ", TOKEN);
        assertThat(load(everywhere).settings().http().identity()).hasToString("TlsIdentity[CN=localhost]");
    }

    private static Configuration load(Map<String, String> environment) {
        return Configuration.load(null, environment, Map.of());
    }
}
