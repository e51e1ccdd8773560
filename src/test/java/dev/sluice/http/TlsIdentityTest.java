package dev.sluice.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TlsIdentityTest {
    private final SelfSigned own = SelfSigned.of("EC");

    @TempDir
    private Path folder;

    private Path certificate;
    private Path key;

    @BeforeEach
    void write() {
        certificate = own.certificate(folder.resolve("cert.pem"));
        key = own.key(folder.resolve("key.pem"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"RSA", "EC", "Ed25519"})
    void aChainAndTheKeyToItsFirstCertificateAreRead(String algorithm) throws Exception {
        SelfSigned server = SelfSigned.of(algorithm);
        server.certificate(folder.resolve("server.pem"));
        server.key(folder.resolve("server.key"));
        Path both = Files.writeString(
                folder.resolve("both.pem"),
                "Bag Attributes: none\n" + Files.readString(folder.resolve("server.key"))
                        + Files.readString(folder.resolve("server.pem")) + "\n# who vouches\r\n"
                        + Files.readString(certificate));

        TlsIdentity identity = TlsIdentity.read(both, both);

        assertThat(identity.certificates()).hasSize(2);
        assertThat(identity).hasToString("TlsIdentity[CN=localhost]");
    }

    @Test
    void theKeyOfAnotherIsRefused() {
        for (String algorithm : new String[] {"EC", "RSA"}) {
            Path foreign = SelfSigned.of(algorithm).key(folder.resolve("foreign.pem"));

            assertThatThrownBy(() -> TlsIdentity.read(certificate, foreign))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("'%s' has no sound key to the first certificate in '%s'", foreign, certificate);
        }
    }

    @Test
    void aFileThatIsNotThereOrNoFileIsNamed() {
        Path nowhere = folder.resolve("nowhere.pem");

        assertThatThrownBy(() -> TlsIdentity.read(nowhere, key)).hasMessage("'%s' is not there", nowhere);
        assertThatThrownBy(() -> TlsIdentity.read(certificate, nowhere)).hasMessage("'%s' is not there", nowhere);
        assertThatThrownBy(() -> TlsIdentity.read(folder, key))
                .hasMessageStartingWith("'" + folder + "' cannot be read");
    }

    @Test
    void aBlockThatIsNotWholeIsNamedByItsFile() throws Exception {
        Path cut = Files.writeString(
                folder.resolve("cut.pem"), "-----BEGIN CERTIFICATE-----\nAAAAA\n-----END CERTIFICATE-----\n");

        assertThatThrownBy(() -> TlsIdentity.read(cut, cut))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("'" + cut + "' has a block that is no base64: is it a whole copy?")
                .hasNoCause();
    }

    @Test
    void whatIsNoCertificateIsNamed() throws Exception {
        Path empty = Files.writeString(folder.resolve("empty.pem"), "");
        Path broken = Files.writeString(
                folder.resolve("broken.pem"),
                Files.readString(certificate) + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        Path huge = Files.write(folder.resolve("huge.pem"), new byte[1024 * 1024 + 1]);

        assertThatThrownBy(() -> TlsIdentity.read(empty, key))
                .hasMessage("'%s' must have 1 to 10 of '-----BEGIN CERTIFICATE-----', had 0", empty);
        assertThatThrownBy(() -> TlsIdentity.read(broken, key))
                .hasMessage("'%s' has a broken certificate, number 2", broken);
        assertThatThrownBy(() -> TlsIdentity.read(huge, key)).hasMessage("'%s' has more than 1048576 bytes", huge);
    }

    @Test
    void aKeyOfAnotherFormIsNamedWithWhatMakesItOne() throws Exception {
        for (String form : new String[] {"RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"}) {
            Path other = Files.writeString(
                    folder.resolve("other.pem"), Files.readString(key).replace("PRIVATE KEY", form));

            assertThatThrownBy(() -> TlsIdentity.read(certificate, other))
                    .hasMessageStartingWith("'" + other + "' has no '-----BEGIN PRIVATE KEY-----'")
                    .hasMessageEndingWith("openssl pkcs8 -topk8 -nodes -in " + other);
        }
        Path broken = Files.writeString(
                folder.resolve("broken.pem"), Files.readString(key).replace("\nM", "\nA"));
        assertThatThrownBy(() -> TlsIdentity.read(certificate, broken)).hasMessageContaining("has no sound key");
    }
}
