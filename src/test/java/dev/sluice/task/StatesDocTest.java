package dev.sluice.task;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class StatesDocTest {

    private static final Pattern STATE = Pattern.compile("(?m)^\\| ([A-Z]+) \\| `([a-z]+)` \\| (yes|no) \\|");
    private static final Pattern MOVE = Pattern.compile("(?m)^\\| ([A-Z]+) \\| ([A-Z]+) \\|");
    private static final Pattern ARROW = Pattern.compile("(?m)^ +([A-Z]+) --> ([A-Z]+)$");
    private static final Pattern LAST = Pattern.compile("(?m)^ +([A-Z]+) --> \\[\\*]$");

    @Test
    void theTableOfStatesIsTheEnum() throws IOException {
        assertThat(rows(STATE))
                .containsExactlyElementsOf(List.of(TaskState.values()).stream()
                        .map(s -> List.of(s.name(), s.word(), s.isLive() ? "yes" : "no"))
                        .toList());
    }

    @Test
    void theTableOfMovesIsTheEnums() throws IOException {
        assertThat(rows(MOVE)).containsExactlyInAnyOrderElementsOf(legalMoves());
    }

    @Test
    void theDiagramShowsTheSameMoves() throws IOException {
        assertThat(rows(ARROW)).containsExactlyInAnyOrderElementsOf(legalMoves());
    }

    @Test
    void theDiagramEndsWhereNoMoveLeads() throws IOException {
        List<List<String>> ends = List.of(TaskState.values()).stream()
                .filter(from -> List.of(TaskState.values()).stream().noneMatch(from::canBecome))
                .map(s -> List.of(s.name()))
                .toList();

        assertThat(rows(LAST)).containsExactlyInAnyOrderElementsOf(ends);
    }

    private static List<List<String>> rows(Pattern row) throws IOException {
        String page = Files.readString(Path.of("src/docs/states.md"), StandardCharsets.UTF_8);
        return row.matcher(page).results().map(StatesDocTest::groups).toList();
    }

    private static List<String> groups(MatchResult row) {
        List<String> groups = new ArrayList<>();
        for (int i = 1; i <= row.groupCount(); i++) {
            groups.add(row.group(i));
        }
        return groups;
    }

    private static List<List<String>> legalMoves() {
        List<List<String>> moves = new ArrayList<>();
        for (TaskState from : TaskState.values()) {
            for (TaskState to : TaskState.values()) {
                if (from.canBecome(to)) {
                    moves.add(List.of(from.name(), to.name()));
                }
            }
        }
        return moves;
    }
}
