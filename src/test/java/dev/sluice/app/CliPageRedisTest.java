package dev.sluice.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Types what {@code src/docs/cli.md} shows behind a prompt, and holds the answers against the page. */
@OnEveryRedis
class CliPageRedisTest {
    private static final Path PAGE = Path.of(System.getProperty("basedir", "."), "src", "docs", "cli.md");
    private static final Path README = Path.of(System.getProperty("basedir", "."), "README.md");
    private static final String JAR = "java -jar target/sluice-server.jar ";
    private static final String PROMPT = "$ sluice ";
    private static final Pattern WORD = Pattern.compile("'([^']*)'|(\\S+)");

    @Test
    @Timeout(120)
    void eachCommandAnswersWhatThePageShows(RedisServer redis) throws IOException {
        List<String> lines = Files.readAllLines(PAGE);
        int commands = 0;
        for (int i = 0; i < lines.size(); i++) {
            if (!lines.get(i).startsWith(PROMPT)) {
                continue;
            }
            commands++;
            StringBuilder shown = new StringBuilder();
            for (int next = i + 1;
                    !lines.get(next).startsWith("$ ") && !lines.get(next).startsWith("```");
                    next++) {
                shown.append(lines.get(next)).append('\n');
            }
            String typed = lines.get(i).substring(PROMPT.length());

            CommandLineCase answered = CommandLineCase.at(redis.uri(), "", words(typed));

            assertThat(answered.exit()).as(typed).isZero();
            assertThat(answered.out()
                            .replaceAll("\"version\":\"[0-9.]+\"", "\"version\":\"…\"")
                            .replaceAll("\"oldestMs\":[0-9]+", "\"oldestMs\":…")
                            .replaceAll(" [0-9]s ", " 0s ")
                            .replaceAll("20[0-9-]+T[0-9:]+Z", "…"))
                    .as(typed)
                    .isEqualTo(shown.toString());
        }
        assertThat(commands).isEqualTo(19);
    }

    @Test
    void eachCommandOfTheReadmeWorks(RedisServer redis) throws IOException {
        List<String> commands = Files.readAllLines(README).stream()
                .filter(line -> line.matches(JAR + "(enqueue|status|dead|doctor|explain) ?.*"))
                .map(line -> line.substring(JAR.length()))
                .toList();

        assertThat(commands).hasSize(5).allSatisfy(command -> {
            CommandLineCase answered = CommandLineCase.at(redis.uri(), "", words(command));
            assertThat(answered.exit()).as(answered.err()).isZero();
            // That there is no dead letter is a remark, and no line of a listing.
            assertThat(command.startsWith("dead ls ") ? answered.err() : answered.out())
                    .isNotEmpty();
        });
    }

    @Test
    void theCommandsForDeadLettersFindWhatThePageMeans(RedisServer redis) throws IOException {
        List<String> commands = Files.readAllLines(PAGE).stream()
                .filter(line -> line.startsWith("sluice dead "))
                .map(line -> line.substring("sluice ".length()).replaceFirst(" +#.*", ""))
                .toList();
        CommandLineCase.at(redis.uri(), "", "enqueue", "task_queue", "echo", "1", "--id", "alive");

        assertThat(commands).hasSize(6).allSatisfy(command -> {
            CommandLineCase answered = CommandLineCase.at(redis.uri(), "", words(command));
            boolean byId = command.contains(" mail-");
            assertThat(answered.exit()).as(command + ": " + answered.err()).isEqualTo(byId ? 1 : 0);
        });
    }

    private static String[] words(String line) {
        List<String> words = new ArrayList<>();
        WORD.matcher(line).results().forEach(word -> words.add(word.group(1) == null ? word.group(2) : word.group(1)));
        return words.toArray(String[]::new);
    }
}
