package dev.sluice.task;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class FailureTest {

    @Test
    void anExceptionGivesItsClassMessageAndTopFrames() {
        Failure failure = Failure.of("handler-error", new IllegalStateException("the smtp server said no"));

        assertThat(failure.reason()).isEqualTo("handler-error");
        assertThat(failure.type()).isEqualTo("java.lang.IllegalStateException");
        assertThat(failure.message()).isEqualTo("the smtp server said no");
        assertThat(failure.trace().lines()).hasSize(8).first().asString().startsWith("at dev.sluice.task.FailureTest.");
    }

    @Test
    void theRootCauseIsShownBesideTheExceptionItself() {
        Throwable root = new java.io.IOException("broken\npipe");

        Failure failure = Failure.of("handler-error", new RuntimeException(new RuntimeException(root)));

        assertThat(failure.trace().lines()).hasSize(8);
        assertThat(failure.trace().lines().toList().get(4)).isEqualTo("Caused by: java.io.IOException: broken pipe");
    }

    @Test
    void aMessageOfAMillionCharactersIsCut() {
        Failure failure = Failure.of("handler-error", new RuntimeException("任".repeat(1_000_000)));

        assertThat(failure.message()).hasSize(1000).endsWith("…");
    }

    @Test
    void aCutLeavesNoHalfOfAPair() throws CharacterCodingException {
        for (int offset = 0; offset < 2; offset++) {
            String message = "x".repeat(offset) + "\uD83D\uDE00".repeat(1000);

            Failure failure = Failure.of("r".repeat(offset) + "\uD83D\uDE00".repeat(100), message);

            assertEncodable(failure.message());
            assertEncodable(failure.reason());
            assertThat(failure.message()).hasSizeBetween(999, 1000);
        }
    }

    @Test
    void unpairedSurrogatesBecomeReplacementCharacters() throws CharacterCodingException {
        Failure failure = Failure.of("a\uD800", new RuntimeException("b\uDC00c\uD800", new Error("d\uD800")));

        assertEncodable(failure.reason() + failure.message() + failure.trace());
        assertThat(failure.message()).isEqualTo("b\uFFFDc\uFFFD");
    }

    @Test
    void everyPartIsBounded() {
        String endless = "x\n".repeat(100_000);

        Failure failure = new Failure(endless, endless, endless, endless);

        assertThat(failure.reason()).hasSize(100).doesNotContain("\n");
        assertThat(failure.type()).hasSize(200).doesNotContain("\n");
        assertThat(failure.message()).hasSize(1000);
        assertThat(failure.trace().lines()).hasSize(8);
        assertThat(new Failure("r", null, "", "y".repeat(100_000)).trace()).hasSize(200);
    }

    @Test
    void aFailureMadeFromItsOwnPartsIsTheSame() {
        Failure failure = Failure.of("r\u0001", new RuntimeException("m".repeat(2000), new Error("n".repeat(2000))));

        assertThat(new Failure(failure.reason(), failure.type(), failure.message(), failure.trace()))
                .isEqualTo(failure);
    }

    @Test
    void throwablesThatMisbehaveStillFail() {
        assertThat(Failure.of("r", new RuntimeException((String) null)).message())
                .isEmpty();
        assertThat(Failure.of("r", new Ring()).trace()).isNotEmpty();
        assertThat(Failure.of("r", new Bare()).trace()).isEmpty();
        assertThat(Failure.of("r", new Broken()).message()).contains("UnsupportedOperationException");
        assertThat(Failure.of("r", new Broken()).trace()).contains("UnsupportedOperationException");
    }

    @Test
    void aThrowableThatThrowsAnErrorIsAFailureToo() {
        Failure failure = Failure.of("r", new Unwritten());

        assertThat(failure.message()).contains("could not be read", "AssertionError");
        assertThat(failure.trace()).contains("FailureTest");
    }

    private static void assertEncodable(String text) throws CharacterCodingException {
        StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
    }

    @SuppressWarnings("serial") // never serialized
    private static final class Ring extends RuntimeException {
        private final RuntimeException other = new RuntimeException(new RuntimeException(this));

        @Override
        public synchronized Throwable getCause() {
            return other;
        }
    }

    @SuppressWarnings("serial") // never serialized
    private static final class Bare extends RuntimeException {
        Bare() {
            super("no trace", null, false, false);
        }
    }

    @SuppressWarnings("serial") // never serialized
    private static final class Unwritten extends RuntimeException {
        @Override
        public String getMessage() {
            throw new AssertionError("to be written");
        }
    }

    @SuppressWarnings("serial") // never serialized
    private static final class Broken extends RuntimeException {
        @Override
        public String getMessage() {
            throw new UnsupportedOperationException();
        }

        @Override
        public synchronized Throwable getCause() {
            throw new UnsupportedOperationException();
        }
    }
}
