package dev.sluice.app.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.Sluice;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.dispatch.QueueSettings;
import dev.sluice.task.DeadLetterRetention;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.ResultRetention;
import dev.sluice.task.RetryPolicy;
import java.lang.reflect.Field;
import java.time.Duration;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The ranges and defaults of the settings are those of what they set. */
class RangesTest {

    @ParameterizedTest
    @MethodSource("limits")
    <T> void bothAgreeOnTheLimits(Setting<T> setting, String inside, String outside, Consumer<T> use) {
        use.accept(setting.kind().reader().apply(inside));

        assertThatThrownBy(() -> setting.kind().reader().apply(outside))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("must be " + setting.kind().form() + ", was '" + outside + "'");
    }

    static Stream<Arguments> limits() {
        Consumer<Duration> lease = time -> dispatcher().lease(time);
        Consumer<Integer> crashes = number -> dispatcher().crashLimit(number);
        Consumer<Integer> concurrency = number -> QueueSettings.standard().concurrency(number);
        Consumer<Duration> timeout = time -> QueueSettings.standard().timeout(time);
        Consumer<Integer> attempts = number -> RetryPolicy.standard().maxAttempts(number);
        Consumer<Double> factor = number -> RetryPolicy.standard().backoff(Duration.ZERO, number, Duration.ZERO);
        Consumer<Duration> wait = time -> RetryPolicy.standard().backoff(time, 1, time);
        Consumer<Double> jitter = share -> RetryPolicy.standard().jitter(share);
        Consumer<Integer> length = number -> QueueSettings.standard().maxLength(number);
        Consumer<Integer> deadCount = number -> DeadLetterRetention.standard().maxCount(number);
        Consumer<Duration> deadAge = time -> DeadLetterRetention.standard().maxAge(time);
        Consumer<Duration> resultAge = time -> ResultRetention.standard().maxAge(time);
        Consumer<Integer> resultBytes = bytes -> ResultRetention.standard().maxBytes(bytes);
        return Stream.of(
                Arguments.of(Catalog.RESULTS_AGE, "0s", "8761h", resultAge),
                Arguments.of(Catalog.RESULTS_AGE, "8760h", "8761h", resultAge),
                Arguments.of(Catalog.RESULTS_BYTES, "0", "-1", resultBytes),
                Arguments.of(Catalog.RESULTS_BYTES, "1048576", "1048577", resultBytes),
                Arguments.of(Catalog.MAX_LENGTH, "0", "-1", length),
                Arguments.of(Catalog.MAX_LENGTH, "1000000000", "1000000001", length),
                Arguments.of(Catalog.DEAD_LETTERS_COUNT, "1", "0", deadCount),
                Arguments.of(Catalog.DEAD_LETTERS_COUNT, "1000000000", "1000000001", deadCount),
                Arguments.of(Catalog.DEAD_LETTERS_AGE, "1s", "999ms", deadAge),
                Arguments.of(Catalog.DEAD_LETTERS_AGE, "87600h", "87601h", deadAge),
                Arguments.of(Catalog.LEASE, "500ms", "499ms", lease),
                Arguments.of(Catalog.LEASE, "10m", "600001ms", lease),
                Arguments.of(Catalog.CRASH_LIMIT, "1", "0", crashes),
                Arguments.of(Catalog.CRASH_LIMIT, "100", "101", crashes),
                Arguments.of(Catalog.CONCURRENCY, "1", "0", concurrency),
                Arguments.of(Catalog.CONCURRENCY, "100000", "100001", concurrency),
                Arguments.of(Catalog.TIMEOUT, "1ms", "0ms", timeout),
                Arguments.of(Catalog.TIMEOUT, "8760h", "8761h", timeout),
                Arguments.of(Catalog.MAX_ATTEMPTS, "1", "0", attempts),
                Arguments.of(Catalog.BACKOFF_FIRST, "0ms", "8761h", wait),
                Arguments.of(Catalog.BACKOFF_MAX, "8760h", "8761h", wait),
                Arguments.of(Catalog.BACKOFF_FACTOR, "1", "0.99", factor),
                Arguments.of(Catalog.BACKOFF_FACTOR, "1000", "1000.1", factor),
                Arguments.of(Catalog.BACKOFF_JITTER, "0", "-0.1", jitter),
                Arguments.of(Catalog.BACKOFF_JITTER, "1", "1.1", jitter));
    }

    @Test
    void beyondThemTheOthersRefuseToo() {
        assertThatThrownBy(() -> dispatcher().lease(Duration.ofMillis(499))).isInstanceOf(InvalidTaskException.class);
        assertThatThrownBy(() -> dispatcher().lease(Duration.ofMillis(600_001)))
                .isInstanceOf(InvalidTaskException.class);
        assertThatThrownBy(() -> dispatcher().crashLimit(101)).isInstanceOf(InvalidTaskException.class);
        assertThatThrownBy(() -> QueueSettings.standard().concurrency(100_001))
                .isInstanceOf(InvalidTaskException.class);
        assertThatThrownBy(() -> DeadLetterRetention.standard().maxCount(0)).isInstanceOf(InvalidTaskException.class);
        assertThatThrownBy(() -> DeadLetterRetention.standard().maxAge(Duration.ofMillis(999)))
                .isInstanceOf(InvalidTaskException.class);
        assertThatThrownBy(() -> ResultRetention.standard().maxAge(Duration.ofHours(8761)))
                .isInstanceOf(InvalidTaskException.class);
        assertThatThrownBy(() -> ResultRetention.standard().maxBytes(1_048_577))
                .isInstanceOf(InvalidTaskException.class);
        assertThatThrownBy(() -> QueueSettings.standard().timeout(Duration.ofHours(8761)))
                .isInstanceOf(InvalidTaskException.class);
    }

    @Test
    void theDefaultsAreThoseOfTheBuilder() throws ReflectiveOperationException {
        assertThat(Catalog.LEASE.kind().reader().apply(Key.of(Catalog.LEASE).standard()))
                .isEqualTo(builtIn("lease"));
        assertThat(Catalog.CRASH_LIMIT
                        .kind()
                        .reader()
                        .apply(Key.of(Catalog.CRASH_LIMIT).standard()))
                .isEqualTo(builtIn("crashLimit"));
    }

    private static Object builtIn(String name) throws ReflectiveOperationException {
        Field field = Dispatcher.Builder.class.getDeclaredField(name);
        field.setAccessible(true);
        return field.get(dispatcher());
    }

    private static Dispatcher.Builder dispatcher() {
        return NEVER_CONNECTED.dispatcher();
    }

    private static final Sluice NEVER_CONNECTED = Sluice.connect("redis://127.0.0.1:9");
}
