package dev.sluice.push;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.task.InvalidTaskException;
import java.time.Duration;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
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
                "http://_/a | must name a host of letters, digits, dots and hyphens: Java reads no other name there",
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
    void itsLimitsHaveLimits(String field, String message, Consumer<PushTarget.Builder> outside) {
        assertThatThrownBy(() -> outside.accept(PushTarget.to("https://example.org/")))
                .isInstanceOfSatisfying(
                        InvalidTaskException.class,
                        refused -> assertThat(refused.field()).isEqualTo(field))
                .hasMessage(message);
    }

    static Stream<Arguments> limits() {
        return Stream.of(
                outside("connections", "connections must be 1 to 10000, was 0", it -> it.connections(0)),
                outside("connections", "connections must be 1 to 10000, was 10001", it -> it.connections(10_001)),
                outside(
                        "connectTimeout",
                        "connectTimeout must be 1 ms to 5 minutes, was PT0S",
                        it -> it.connectTimeout(Duration.ZERO)),
                outside(
                        "connectTimeout",
                        "connectTimeout must be 1 ms to 5 minutes, was PT0.000999999S",
                        it -> it.connectTimeout(Duration.ofNanos(999_999))),
                outside(
                        "connectTimeout",
                        "connectTimeout must be 1 ms to 5 minutes, was PT5M0.001S",
                        it -> it.connectTimeout(Duration.ofMinutes(5).plusMillis(1))),
                outside(
                        "connectTimeout",
                        "connectTimeout must be 1 ms to 5 minutes, was PT2562047788015215H30M7S",
                        it -> it.connectTimeout(Duration.ofSeconds(Long.MAX_VALUE))),
                outside(
                        "connectTimeout",
                        "connectTimeout must be 1 ms to 5 minutes, was PT-2562047788015215H-30M-8S",
                        it -> it.connectTimeout(Duration.ofSeconds(Long.MIN_VALUE))),
                outside("resultLimit", "resultLimit must be 0 to 1048576 bytes, was -1", it -> it.resultLimit(-1)),
                outside(
                        "resultLimit",
                        "resultLimit must be 0 to 1048576 bytes, was 1048577",
                        it -> it.resultLimit(1024 * 1024 + 1)),
                outside("deadOn", "a status must be 300 to 599, was 299", it -> it.deadOn(299)),
                outside("deadOn", "a status must be 300 to 599, was 600", it -> it.deadOn(600)));
    }

    private static Arguments outside(String field, String message, Consumer<PushTarget.Builder> setter) {
        return Arguments.of(field, message, setter);
    }

    @Test
    void itHasAtMostTenSecrets() {
        PushTarget.Builder target = PushTarget.to("https://example.org/");
        for (int i = 0; i < 10; i++) {
            target.secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        }

        assertThatThrownBy(() -> target.secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("there must be at most 10 secrets");
    }
}
