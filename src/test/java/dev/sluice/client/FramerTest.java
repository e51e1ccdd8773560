package dev.sluice.client;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.codec.Envelope;
import dev.sluice.codec.JsonCodec;
import dev.sluice.redis.Frame;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Queue;
import dev.sluice.task.Task;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class FramerTest {
    private static final Duration DAY = Duration.ofDays(1);

    private final Framer framer = new Framer(JsonCodec.standard(), Queue.named("q"), true);
    private final Task<String> task = Task.of("t", "");
    private final long before = System.currentTimeMillis();

    @Test
    void aTaskSaysThatItWaitsFromNow() {
        assertThat(waitsFrom(task)).isBetween(before, System.currentTimeMillis());
    }

    @Test
    void aTaskForLaterSaysThatItWaitsFromThen() {
        long then = before + DAY.toMillis();

        assertThat(waitsFrom(task.at(Instant.ofEpochMilli(then)))).isEqualTo(then);
        assertThat(waitsFrom(task.delay(DAY))).isBetween(then, System.currentTimeMillis() + DAY.toMillis());
    }

    @Test
    void aTaskOfThePastSaysThatItWaitsFromNow() {
        assertThat(waitsFrom(task.at(Instant.EPOCH))).isBetween(before, System.currentTimeMillis());
    }

    @Test
    void whatIsMadeOnceForManyTasksHasNoTime() {
        assertThat(new String(framer.body(task), UTF_8)).isEqualTo("{\"type\":\"t\",\"payload\":\"\"}");
    }

    @Test
    void whoIsToldSoWritesNoTime() {
        ClientOptions options = ClientOptions.builder().enqueuedAt(false).build();
        Framer silent = new Framer(
                JsonCodec.standard(),
                Queue.named("q"),
                options.toBuilder().build().enqueuedAt());

        assertThat(read(silent.frame("a", task)).enqueuedAtMs()).isZero();
    }

    /** As a payload whose library is not there: whoever enqueues many loses that one. */
    @ParameterizedTest
    @MethodSource("errors")
    void aPayloadWhoseAccessorThrowsAnErrorIsInvalid(Error error) {
        Iterable<Object> payload = () -> {
            throw error;
        };

        assertThatThrownBy(() -> framer.frame("a", Task.of("t", payload)))
                .isInstanceOf(InvalidTaskException.class)
                .hasMessageContaining(error.getClass().getName());
    }

    private static List<Error> errors() {
        return List.of(new NoClassDefFoundError("gone"), new AssertionError("never"), new StackOverflowError());
    }

    private long waitsFrom(Task<?> given) {
        return read(framer.frame("a", given)).enqueuedAtMs();
    }

    private static Envelope read(byte[] bytes) {
        Frame frame = Objects.requireNonNull(Frame.read(bytes));
        return Envelope.read(bytes, frame.bodyOffset(), bytes.length - frame.bodyOffset());
    }
}
