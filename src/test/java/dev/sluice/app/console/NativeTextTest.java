package dev.sluice.app.console;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.junit.jupiter.api.Test;

class NativeTextTest {

    @Test
    void theLastWordsOfTheCommandLineAreTheArguments() {
        byte[] line = "java\0-jar\0x.jar\0status\0任务\0\0".getBytes(StandardCharsets.UTF_8);

        assertThat(NativeText.restored(line, "status", "??????", "")).containsExactly("status", "任务", "");
    }

    @Test
    void whatIsNotUtf8StaysAsJavaReadIt() {
        byte[] line = "java\0caf\u00e9\0ok\0".getBytes(StandardCharsets.ISO_8859_1);

        assertThat(NativeText.restored(line, "café", "ok")).containsExactly("café", "ok");
        assertThat(NativeText.restored("A=caf\u00e9\0".getBytes(StandardCharsets.ISO_8859_1), Map.of("A", "café")))
                .isEqualTo(Map.of("A", "café"));
    }

    @Test
    void aCommandLineWithTooFewWordsIsNotTrusted() {
        assertThat(NativeText.restored("java\0".getBytes(StandardCharsets.UTF_8), "a", "b"))
                .containsExactly("a", "b");
    }

    @Test
    void theVariablesOfTheProcessAreThoseThatJavaKnows() {
        byte[] environment = "CITY=München\0EMPTY=\0URL=a=b\0GONE=x\0no word\0".getBytes(StandardCharsets.UTF_8);

        assertThat(NativeText.restored(environment, Map.of("CITY", "M??nchen", "EMPTY", "", "URL", "a=b", "NEW", "y")))
                .isEqualTo(Map.of("CITY", "München", "EMPTY", "", "URL", "a=b", "NEW", "y"));
    }
}
