package dev.sluice.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TaskTest {

    @Test
    void aTaskWaitsForATimeOrUntilATime() {
        Task<Integer> task = Task.of("t", 1);
        Instant at = Instant.parse("2031-05-06T07:08:09.123456Z");

        assertThat(task.delay()).isNull();
        assertThat(task.at()).isNull();
        assertThat(task.delay(Duration.ofNanos(1_999_999)).delay()).isEqualTo(Duration.ofMillis(1));
        assertThat(task.at(at).at()).isEqualTo(Instant.parse("2031-05-06T07:08:09.123Z"));
        assertThat(task.at(Instant.MIN).at()).isEqualTo(Instant.EPOCH);
        assertThat(task.at(at).delay(Duration.ofDays(365)).at()).isNull();
        assertThat(task.delay(Duration.ofDays(365)).at(at).delay()).isNull();
        assertThat(task.at(at)
                        .id("a")
                        .timeout(Duration.ofSeconds(1))
                        .deadline(at)
                        .header("a", "b")
                        .maxAttempts(2)
                        .at())
                .isEqualTo(task.at(at).at());
        assertThat(task.at(at)).isEqualTo(task.at(at)).isNotEqualTo(task);
    }

    @Test
    void anAbsurdTimeIsRefused() {
        Task<Integer> task = Task.of("t", 1);

        assertThatThrownBy(() -> task.delay(Duration.ofMillis(-1)))
                .isInstanceOf(InvalidTaskException.class)
                .hasMessage("delay must be 0 to 365 days, was PT-0.001S");
        assertThatThrownBy(() -> task.delay(Duration.ofSeconds(Long.MAX_VALUE)))
                .isInstanceOf(InvalidTaskException.class);
        assertThatThrownBy(() -> task.at(Instant.MAX))
                .isInstanceOf(InvalidTaskException.class)
                .hasMessageContaining("the year 9999");
    }

    @Test
    void aTaskHasNoOptionsByDefault() {
        Task<String> task = Task.of("email.send", "hello");

        assertThat(task.id()).isNull();
        assertThat(task.type()).isEqualTo("email.send");
        assertThat(task.payload()).isEqualTo("hello");
        assertThat(task.headers()).isEmpty();
        assertThat(task.maxAttempts()).isZero();
        assertThat(task.timeout()).isNull();
        assertThat(task.deadline()).isNull();
    }

    @Test
    void withersReturnChangedCopies() {
        Task<String> plain = Task.of("t", "p");

        Task<String> full = plain.id("i")
                .header("a", "1")
                .header("b", "2")
                .maxAttempts(3)
                .backoff(Duration.ZERO, Duration.ofHours(1))
                .timeout(Duration.ofSeconds(2))
                .deadline(Instant.ofEpochMilli(5))
                .keepResult(Duration.ofNanos(1_999_999));

        assertThat(full.id()).isEqualTo("i");
        assertThat(full.headers()).containsExactly(Map.entry("a", "1"), Map.entry("b", "2"));
        assertThat(full.maxAttempts()).isEqualTo(3);
        assertThat(full.backoff()).containsExactly(Duration.ZERO, Duration.ofHours(1));
        assertThat(full).isNotEqualTo(full.backoff(Duration.ZERO));
        assertThat(full.backoff(Duration.ofNanos(1_999_999)).backoff()).containsExactly(Duration.ofMillis(1));
        assertThat(full.timeout()).isEqualTo(Duration.ofSeconds(2));
        assertThat(full.deadline()).isEqualTo(Instant.ofEpochMilli(5));
        assertThat(full.delay(Duration.ZERO).keepResult()).isEqualTo(Duration.ofMillis(1));
        assertThat(full).isNotEqualTo(full.keepResult(Duration.ofMillis(2)));
        assertThat(full.keepResultForAwait(Duration.ofMillis(3)).keepResult()).isEqualTo(Duration.ofSeconds(1));
        assertThat(full.keepResultForAwait(Duration.ofSeconds(3)).keepResult()).isEqualTo(Duration.ofSeconds(3));
        Task<?> kept = full.keepResult(Duration.ofSeconds(2));
        assertThat(kept.keepResultForAwait(Duration.ofMillis(1_999))).isSameAs(kept);
        assertThat(plain).isEqualTo(Task.of("t", "p"));
    }

    @Test
    void headersAreACopy() {
        Map<String, String> mine = new HashMap<>(Map.of("a", "1"));

        Task<String> task = Task.of("t", "p").headers(mine);
        mine.put("b", "2");

        assertThat(task.headers()).isEqualTo(Map.of("a", "1"));
        assertThatThrownBy(() -> task.headers().put("c", "3")).isInstanceOf(UnsupportedOperationException.class);
    }

    @Test
    void toStringShowsNeitherPayloadNorHeaders() {
        Task<String> task = Task.of("t", "canary").id("i").header("authorization", "canary");

        assertThat(task).hasToString("Task[t i]");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "a\n", "\u0000", "\uD800"})
    void aTypeThatIsNotPlainIsRefused(String type) {
        assertRefused("type", () -> Task.of(type, null));
    }

    @Test
    void aTypeMayHave256Bytes() {
        assertThat(Task.of("x".repeat(256), null).type()).hasSize(256);
        assertRefused("type", () -> Task.of("x".repeat(257), null));
    }

    @Test
    void optionsOutOfRangeAreRefused() {
        Task<String> task = Task.of("t", "p");

        assertRefused("id", () -> task.id(""));
        assertRefused("maxAttempts", () -> task.maxAttempts(0));
        assertRefused("backoff", () -> task.backoff(new Duration[0]));
        assertRefused("backoff", () -> task.backoff(Duration.ofMillis(-1)));
        assertRefused("backoff", () -> task.backoff(Duration.ofSeconds(1), Duration.ofDays(366)));
        assertRefused("backoff", () -> task.backoff(new Duration[33]));
        assertRefused("timeout", () -> task.timeout(Duration.ZERO));
        assertRefused("timeout", () -> task.timeout(Duration.ofNanos(999_999)));
        assertRefused("timeout", () -> task.timeout(Duration.ofDays(366)));
        assertRefused("timeout", () -> task.timeout(Duration.ofSeconds(Long.MAX_VALUE)));
        assertRefused("keepResult", () -> task.keepResult(Duration.ofNanos(999_999)));
        assertRefused("keepResult", () -> task.keepResult(Duration.ofDays(366)));
        assertRefused("keepResult", () -> task.keepResultForAwait(Duration.ZERO));
        assertRefused("deadline", () -> task.deadline(Instant.EPOCH));
        assertRefused("deadline", () -> task.deadline(Task.MAX_DEADLINE.plusMillis(1)));
        assertRefused("deadline", () -> task.deadline(Instant.MAX));
        assertRefused("deadline", () -> task.deadline(Instant.MIN));
    }

    @Test
    void timesAreCutToMilliseconds() {
        Task<String> task =
                Task.of("t", "p").timeout(Duration.ofNanos(1_999_999)).deadline(Instant.ofEpochSecond(1, 1_999_999));

        assertThat(task.timeout()).isEqualTo(Duration.ofMillis(1));
        assertThat(task.deadline()).isEqualTo(Instant.ofEpochMilli(1001));
    }

    @Test
    void headersOutOfRangeAreRefusedWithoutTheirValue() {
        Task<String> task = Task.of("t", "p");

        assertRefused("headers", () -> task.header("", "x"));
        assertRefused("headers", () -> task.header("a\r\nb", "x"));
        assertRefused("headers", () -> task.header("n".repeat(129), "x"));
        assertRefused("headers", () -> task.header("n", "v".repeat(4097)));
        assertThatThrownBy(() -> task.header("n", "canary\r\nSet-Cookie: x"))
                .isInstanceOf(InvalidTaskException.class)
                .satisfies(refused -> assertThat(refused.getMessage()).doesNotContain("canary"));
    }

    @Test
    void atMost64Headers() {
        Map<String, String> headers = new LinkedHashMap<>();
        for (int i = 0; i < 64; i++) {
            headers.put("h" + i, "");
        }
        Task<String> task = Task.of("t", "p").headers(headers);

        assertThat(task.headers()).hasSize(64);
        assertThat(task.header("h0", "again").headers()).hasSize(64);
        assertRefused("headers", () -> task.header("one more", ""));
    }

    private static void assertRefused(String field, org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
        assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        InvalidTaskException.class,
                        refused -> assertThat(refused.field()).isEqualTo(field));
    }
}
