package dev.sluice.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class RawArgumentsTest {

    @Test
    void theLastWordsOfTheCommandLineAreTheArguments() {
        byte[] line = "java\0-jar\0x.jar\0status\0任务\0\0".getBytes(StandardCharsets.UTF_8);

        assertThat(RawArguments.restored(line, "status", "??????", "")).containsExactly("status", "任务", "");
    }

    @Test
    void whatIsNotUtf8StaysAsJavaReadIt() {
        byte[] line = "java\0caf\u00e9\0ok\0".getBytes(StandardCharsets.ISO_8859_1);

        assertThat(RawArguments.restored(line, "café", "ok")).containsExactly("café", "ok");
    }

    @Test
    void aCommandLineWithTooFewWordsIsNotTrusted() {
        assertThat(RawArguments.restored("java\0".getBytes(StandardCharsets.UTF_8), "a", "b"))
                .containsExactly("a", "b");
    }
}
