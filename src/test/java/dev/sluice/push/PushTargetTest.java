package dev.sluice.push;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class PushTargetTest {

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "ftp://example.org/a | must be an http:// or https:// URL",
                "example.org | must be an http:// or https:// URL",
                "file:///etc/passwd | must be an http:// or https:// URL",
                "http:///a | must name a host",
                "http://_/a | must name a host",
                "https://ann:secret@example.org/ | must have no user and no password",
                "https://token@example.org/ | must have no user and no password",
                "https://a:secret@b_c/ | must have no user and no password",
                "http://example.org:0/ | must have a port of 1 to 65535, or none",
                "http://example.org:65536/ | must have a port of 1 to 65535, or none",
                "http://example.org/a#b | must have no fragment",
                "http://example.org/a b?token=secret | must be an http:// or https:// URL, was none: Illegal character",
            })
    void anotherUrlIsRefusedWithoutShowingWhatMayBeSecret(String url, String message) {
        assertThatThrownBy(() -> PushTarget.to(url))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith(message)
                .hasNoCause()
                .message()
                .doesNotContain("secret@", "token");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://127.0.0.1:9000/a",
                "http://[::1]/a",
                "http://[::ffff:169.254.169.254]/latest",
                "https://10.0.0.1/"
            })
    void anAddressThatIsNotPublicIsRefusedAtTheStart(String url) {
        assertThatThrownBy(() -> PushTarget.to(url).build())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageEndingWith(
                        " is no address of the public internet; deliveries to it must be allowed explicitly");
        assertThat(PushTarget.to(url).allowPrivate().build().url()).hasToString(url);
    }

    @Test
    void itsNameShowsNeitherPathNorParametersNorSecrets() {
        PushTarget target = PushTarget.to("https://hooks.example.org:8443/T012/B345?token=x")
                .secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
                .build();

        assertThat(target).hasToString("https://hooks.example.org:8443");
        assertThat(target.name()).isEqualTo("https://hooks.example.org:8443");
    }

    @ParameterizedTest
    @MethodSource("limits")
    void itsLimitsHaveLimits(Consumer<PushTarget.Builder> outside) {
        assertThatThrownBy(() -> outside.accept(PushTarget.to("https://example.org/")))
                .isInstanceOf(IllegalArgumentException.class);
    }

    static Stream<Consumer<PushTarget.Builder>> limits() {
        return Stream.of(
                it -> it.connections(0),
                it -> it.connections(10_001),
                it -> it.connectTimeout(Duration.ZERO),
                it -> it.connectTimeout(Duration.ofMinutes(5).plusMillis(1)),
                it -> it.resultLimit(-1),
                it -> it.resultLimit(1024 * 1024 + 1),
                it -> it.deadOn(299),
                it -> it.deadOn(600),
                it -> {
                    for (int i = 0; i < 11; i++) {
                        it.secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
                    }
                });
    }
}
