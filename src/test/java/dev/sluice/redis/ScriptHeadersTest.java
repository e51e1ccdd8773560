package dev.sluice.redis;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.task.TaskState;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Holds what every script says of itself against the one table of states, and against the rules for scripts. */
class ScriptHeadersTest {
    private static final Path FOLDER =
            Path.of(System.getProperty("basedir", "."), "src", "main", "resources", "dev", "sluice", "redis");
    private static final Pattern MOVE = Pattern.compile("(\\w+)→(\\w+)");

    @ParameterizedTest
    @MethodSource("verbs")
    void everyScriptSaysWhatItTakesAndGives(Path script) {
        List<String> lines = read(script).lines().toList();

        assertThat(lines.get(0)).startsWith("-- purpose: ");
        assertThat(headerOf(script))
                .containsSubsequence("-- purpose: ", "-- KEYS: ", "-- ARGV: ", "-- RETURNS: ", "-- FROM→TO: ");
    }

    @ParameterizedTest
    @MethodSource("verbs")
    void everyMoveIsLegal(Path script) {
        for (Move move : moves(script)) {
            assertThat(move.from == null || move.from.canBecome(move.to))
                    .as(script.getFileName() + " declares " + move)
                    .isTrue();
        }
    }

    @Test
    void everyLegalMoveHasAScript() {
        Set<String> declared = verbs().flatMap(script -> moves(script).stream())
                .map(Move::toString)
                .collect(Collectors.toSet());
        Set<String> legal = new TreeSet<>();
        for (TaskState from : TaskState.values()) {
            for (TaskState to : TaskState.values()) {
                if (from.canBecome(to)) {
                    legal.add(from + "→" + to);
                }
            }
        }

        assertThat(declared).containsAll(legal);
    }

    @ParameterizedTest
    @MethodSource("verbs")
    void everyKeyComesThroughKeysAndTheClockIsTheServers(Path script) {
        String code = read(script).replaceAll("--[^\\n]*", "");

        assertThat(code).doesNotContain("'{q", "KEYS[", "os.time", "os.clock", "math.random", "redis.pcall", "#!lua");
        assertThat(code).doesNotContainPattern("call\\('(KEYS|SMEMBERS|HGETALL|FLUSH\\w+|SELECT|SCAN)'");
        assertThat(code).doesNotContainPattern("(?m)^\\s*while true");
    }

    @Test
    void theListOfVerbsIsComplete() {
        assertThat(verbs().map(file -> file.getFileName().toString()))
                .containsExactlyInAnyOrder(
                        "agenda.lua",
                        "browse.lua",
                        "bury.lua",
                        "cancel.lua",
                        "enqueue.lua",
                        "exchange.lua",
                        "explain.lua",
                        "fire.lua",
                        "heartbeat.lua",
                        "inspect.lua",
                        "join.lua",
                        "listen.lua",
                        "look.lua",
                        "note.lua",
                        "pause.lua",
                        "plan.lua",
                        "progress.lua",
                        "purge.lua",
                        "recover.lua",
                        "redrive.lua",
                        "repair.lua",
                        "survey.lua",
                        "sweep.lua",
                        "trim.lua",
                        "upkeep.lua");
    }

    static Stream<Path> verbs() {
        try (Stream<Path> files = Files.list(FOLDER)) {
            return files
                    .filter(file -> file.toString().endsWith(".lua"))
                    .filter(file -> !file.endsWith("common.lua"))
                    .sorted()
                    .toList()
                    .stream();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<Move> moves(Path script) {
        String header = headerOf(script);
        Matcher move = MOVE.matcher(header.substring(header.indexOf("FROM→TO:") + 8));
        return move.results()
                .map(found -> new Move(
                        found.group(1).equals("new") ? null : TaskState.valueOf(found.group(1)),
                        TaskState.valueOf(found.group(2))))
                .toList();
    }

    private static String headerOf(Path script) {
        return Arrays.stream(read(script).split("\n"))
                .takeWhile(line -> line.startsWith("--"))
                .collect(Collectors.joining("\n"));
    }

    private static String read(Path script) {
        try {
            return Files.readString(script);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private record Move(TaskState from, TaskState to) {
        @Override
        public String toString() {
            return (from == null ? "new" : from) + "→" + to;
        }
    }
}
