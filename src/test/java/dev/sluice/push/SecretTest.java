package dev.sluice.push;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.standardwebhooks.Webhook;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SecretTest {
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
