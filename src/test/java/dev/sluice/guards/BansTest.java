package dev.sluice.guards;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Calls that break a promise wherever they stand in shipped code. */
class BansTest {

    private static final Pattern COMMENTS = Pattern.compile("(?s)/\\*.*?\\*/|//[^\\n]*");
    private static final Pattern STRINGS = Pattern.compile("\"(?:\\\\.|[^\"\\\\\\n])*\"");

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\\.block(First|Last|Optional)?\\(", // nothing blocks
                "\\.to(Iterable|Stream)\\(\\)", // blocks where it is read
                "Thread\\.sleep", // nothing blocks
                "\\.subscribe\\(\\)", // whoever starts a stream keeps its Disposable and its error path
                "onErrorContinue", // operators above it swallow what they should not
                "\\.printStackTrace\\(" // said once, in the log
            })
    void isNowhereInMainCode(String banned) {
        assertThat(MainCode.sources().stream().flatMap(file -> findings(file, Pattern.compile(banned))))
                .isEmpty();
    }

    /** Leases, due times and deadlines go by Redis' clock, timeouts by a monotonic one: this machine's own decides nothing. */
    @Test
    void theClockOfThisMachineIsReadOnlyWhereNothingDependsOnIt() {
        Pattern clock =
                Pattern.compile("currentTimeMillis|\\w+\\.now\\(\\)|systemDefaultZone|Clock\\.system|new Date\\(\\)");

        assertThat(MainCode.sources().stream()
                        .filter(file -> findings(file, clock).anyMatch(line -> !line.contains("store.now()")))
                        .map(file -> file.getFileName().toString()))
                .containsExactlyInAnyOrder(
                        "Callback.java", // since when the callback waits, which is only measured
                        "Framer.java", // the same of any task
                        "Opening.java", // the measure
                        "RedisClock.java", // until Redis' is seen, which is before the first task
                        "PushHandler.java", // the time of a signature, and Retry-After as a date
                        "Health.java", // since when, for people
                        "TaskLog.java", // shown
                        "TerminalNarrator.java", // shown
                        "DemoLoad.java"); // part of an id
    }

    @Test
    void thereIsMainCode() {
        assertThat(MainCode.sources()).isNotEmpty();
    }

    private static Stream<String> findings(Path file, Pattern banned) {
        List<String> lines = codeOf(file).lines().toList();
        return Stream.iterate(0, i -> i < lines.size(), i -> i + 1)
                .filter(i -> banned.matcher(lines.get(i)).find())
                .map(i ->
                        file.getFileName() + ":" + (i + 1) + " " + lines.get(i).strip());
    }

    // Comments and texts may name what code may not; they are blanked, and line numbers stay.
    private static String codeOf(Path file) {
        try {
            String withoutTexts = STRINGS.matcher(Files.readString(file)).replaceAll("\"\"");
            return COMMENTS.matcher(withoutTexts)
                    .replaceAll(
                            comment -> Matcher.quoteReplacement(comment.group().replaceAll("[^\\n]", " ")));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
