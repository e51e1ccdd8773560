package dev.sluice.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TaskIdTest {

    @Test
    void aRandomIdIs14Base62Characters() {
        for (int i = 0; i < 1000; i++) {
            assertThat(TaskId.random()).matches("[0-9A-Za-z]{14}");
        }
    }

    @Test
    void randomIdsAreDistinctOverThreads() {
        Set<String> ids = ConcurrentHashMap.newKeySet();

        IntStream.range(0, 200_000).parallel().forEach(i -> ids.add(TaskId.random()));

        assertThat(ids).hasSize(200_000);
    }

    @Test
    void neighboursShareThePrefixAndNothingObvious() {
        String one = TaskId.random();
        String next = TaskId.random();

        assertThat(next.substring(0, 3)).isEqualTo(one.substring(0, 3));
        assertThat(next.substring(3, 7)).isNotEqualTo(one.substring(3, 7));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "a",
                " ",
                "0",
                "a b",
                "{a}",
                "*",
                "'",
                "\"",
                "\\",
                "/",
                "任务-1",
                "é",
                "e\u0301",
                "\u00A0",
                "\u0080",
                "\u2028",
                "\uFEFF",
                "\uFFFD",
                "\uD83D\uDE00",
                "user:17/mail?x=1",
                "-1",
                "null"
            })
    void anyVisibleTextIsAnId(String id) {
        assertThat(TaskId.check(id)).isSameAs(id);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "\u0000",
                "a\u0000b",
                "\n",
                "a\r",
                "\t",
                "\u001F",
                "\u007F",
                "a\u007Fb",
                "\uD800",
                "\uDC00",
                "a\uD83D",
                "\uDE00\uD83D",
                "\uD83Da"
            })
    void controlCharactersAndHalvesOfPairsAreRefused(String id) {
        assertThat(TaskId.isValid(id)).isFalse();
        assertThatThrownBy(() -> TaskId.check(id)).isInstanceOfSatisfying(InvalidTaskException.class, refused -> {
            assertThat(refused.field()).isEqualTo("id");
            assertThat(refused.getMessage()).contains("512").doesNotContain("\n", "\r", "\u0000", "\u007F");
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"a", "é", "任", "\uD83D\uDE00"})
    void theLimitIs512BytesNotCharacters(String unit) {
        int bytes = unit.getBytes(java.nio.charset.StandardCharsets.UTF_8).length;
        String longest = unit.repeat(512 / bytes) + "x".repeat(512 % bytes);

        assertThat(TaskId.isValid(longest)).isTrue();
        assertThat(TaskId.isValid(longest + "x")).isFalse();
    }

    @Test
    void aHugeIdIsRefusedWithAShortMessage() {
        assertThatThrownBy(() -> TaskId.check("任".repeat(1_000_000)))
                .satisfies(refused -> assertThat(refused.getMessage()).hasSizeLessThan(300));
    }
}
