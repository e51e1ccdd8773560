package dev.sluice.http;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class SplitterTest {
    @Test
    void linesAreItemsAndBlankOnesAreNone() {
        assertThat(lines("{}\n{\"a\":1}\r\n\n  \n{}")).containsExactly("0 {}", "1 {\"a\":1}\r", "2 {}");
        assertThat(lines("")).isEmpty();
        assertThat(lines("\n\n")).isEmpty();
    }

    @Test
    void elementsOfAnArrayAreItems() {
        assertThat(array(" [ {\"a\":[1,2],\"b\":\"],[\\\"\\\\\"} ,\n{}, 7 ]\n"))
                .containsExactly("0  {\"a\":[1,2],\"b\":\"],[\\\"\\\\\"} ", "1 \n{}", "2  7 ");
        assertThat(array("[]")).isEmpty();
        assertThat(array(" [ ] ")).isEmpty();
    }

    @Test
    void whatIsMissingBetweenElementsIsABadItem() {
        assertThat(array("[1,,2]")).containsExactly("0 1", "1 ", "2 2");
        assertThat(array("[1,]")).containsExactly("0 1", "1 ");
    }

    @Test
    void anArrayThatIsNoneIsToldOnce() {
        assertThat(array("[1,{\"a\":")).containsExactly("0 1", "1 the body ends before its array does");
        assertThat(array("[1] x [2]")).containsExactly("0 1", "1 something follows the array of tasks");
    }

    @Test
    void anArrayOfWhichNothingCanBeTakenIsRefusedAsAWhole() {
        assertRefused("{}", "the body is no array of tasks");
        assertRefused("", "the body is no array of tasks");
        assertRefused("[", "the body ends before its array does");
        assertRefused("[{\"a\":1}", "the body ends before its array does");
        assertRefused("[] x", "something follows the array of tasks");
    }

    @Test
    void aLongItemIsRefusedAndItsNeighboursAreNot() {
        String body = "{}\n" + "x".repeat(101) + "\n{}\n";

        assertThat(lines(body)).containsExactly("0 {}", "1 a task must have at most 100 bytes", "2 {}");
        assertThat(array("[1," + "2".repeat(101) + ",3]"))
                .containsExactly("0 1", "1 a task must have at most 100 bytes", "2 3");
    }

    private static void assertRefused(String body, String why) {
        for (int size : List.of(1, body.length() + 1)) {
            assertThatThrownBy(() -> split(body, size, false))
                    .isInstanceOf(Problem.class)
                    .hasMessage(why);
        }
    }

    private static List<String> lines(String body) {
        return both(body, true);
    }

    private static List<String> array(String body) {
        return both(body, false);
    }

    /** What comes in one part and byte by byte must be the same. */
    private static List<String> both(String body, boolean lines) {
        List<String> whole = split(body, body.length() + 1, lines);
        assertThat(split(body, 1, lines)).isEqualTo(whole);
        return whole;
    }

    private static List<String> split(String body, int size, boolean lines) {
        Splitter splitter = lines ? Splitter.ofLines(100) : Splitter.ofArray(100);
        List<Item> items = new ArrayList<>();
        for (int from = 0; from < body.length(); from += size) {
            items.addAll(splitter.feed(
                    body.substring(from, Math.min(body.length(), from + size)).getBytes(UTF_8)));
        }
        items.addAll(splitter.end());
        return items.stream()
                .map(item -> item.index() + " "
                        + (item.refusal() == null
                                ? new String(item.bytes(), item.from(), item.to() - item.from(), UTF_8)
                                : item.refusal().getMessage()))
                .toList();
    }
}
