package dev.sluice.push;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.standardwebhooks.Webhook;
import java.nio.charset.StandardCharsets;
import java.security.InvalidKeyException;
import java.security.Key;
import java.security.NoSuchAlgorithmException;
import java.security.spec.AlgorithmParameterSpec;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.MacSpi;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SecretTest {
    /** As those of hardware: each signature then needs one of its own. */
    @Test
    void aProviderWhoseMacsCannotBeClonedSignsToo() {
        byte[] key = "0123456789abcdef0123456789abcdef".getBytes(UTF_8);
        Secret uncloneable = new Secret(key, Uncloneable::new);
        Secret cloneable = new Secret(key, () -> Mac.getInstance("HmacSHA256"));
        byte[] body = "{}".getBytes(UTF_8);

        for (int i = 0; i < 2; i++) {
            assertThat(uncloneable.sign("a", i, body)).isEqualTo(cloneable.sign("a", i, body));
        }
    }

    private static final class Uncloneable extends Mac {
        Uncloneable() throws NoSuchAlgorithmException {
            super(new Delegating(Mac.getInstance("HmacSHA256")), null, "HmacSHA256");
        }
    }

    private static final class Delegating extends MacSpi {
        private final Mac mac;

        Delegating(Mac mac) {
            this.mac = mac;
        }

        @Override
        protected int engineGetMacLength() {
            return mac.getMacLength();
        }

        @Override
        protected void engineInit(Key key, AlgorithmParameterSpec parameters) throws InvalidKeyException {
            mac.init(key);
        }

        @Override
        protected void engineUpdate(byte input) {
            mac.update(input);
        }

        @Override
        protected void engineUpdate(byte[] input, int offset, int length) {
            mac.update(input, offset, length);
        }

        @Override
        protected byte[] engineDoFinal() {
            return mac.doFinal();
        }

        @Override
        protected void engineReset() {
            mac.reset();
        }
    }

    private static final String KEY = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    private static final String BODY = "{\"city\":\"Zürich\"}";

    @ParameterizedTest
    @ValueSource(strings = {KEY, "whsec_" + KEY, " whsec_" + KEY + "\n"})
    void itSignsAsTheLibraryOfStandardWebhooksDoes(String secret) throws Exception {
        String signature = Secret.of(secret).sign("msg-1", 1_764_000_000, BODY.getBytes(StandardCharsets.UTF_8));

        assertThat(signature).isEqualTo(new Webhook(KEY).sign("msg-1", 1_764_000_000, BODY));
    }

    @Test
    void oneSecretSignsForManyThreads() {
        Secret secret = Secret.of(KEY);
        String expected = secret.sign("a", 1, new byte[1000]);

        assertThat(java.util.stream.IntStream.range(0, 2000)
                        .parallel()
                        .mapToObj(i -> secret.sign("a", 1, new byte[1000])))
                .containsOnly(expected);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 23, 65})
    void aKeyOfAnotherLengthIsRefusedWithoutShowingIt(int bytes) {
        String text = "whsec_" + Base64.getEncoder().encodeToString(new byte[bytes]);

        assertThatThrownBy(() -> Secret.of(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("a secret must be whsec_ and 24 to 64 bytes in base64; this one has " + bytes);
    }

    @Test
    void whatIsNoBase64IsRefusedWithoutShowingIt() {
        assertThatThrownBy(() -> Secret.of("whsec_not base64 at all"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("a secret must be whsec_ and 24 to 64 bytes in base64; this one is no base64")
                .hasNoCause();
        assertThat(Secret.of(KEY)).hasToString("***");
    }
}
