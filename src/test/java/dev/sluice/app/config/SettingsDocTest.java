package dev.sluice.app.config;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.dispatch.QueueSettings;
import dev.sluice.task.Failure;
import dev.sluice.task.RetryPolicy;
import dev.sluice.task.Schedule;
import java.io.IOException;
import java.net.ConnectException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** {@code config/sluice.yaml} and the manual say what the code does. */
class SettingsDocTest {
    private static final Path SAMPLE = Path.of("config", "sluice.yaml");
    private static final Path MANUAL = Path.of("src", "docs", "configuration.md");

    @TempDir
    private Path folder;

    @Test
    void theSampleFileSetsEverythingToItsDefault() {
        Configuration sample = Configuration.load(SAMPLE, Map.of(), Map.of());
        Configuration none = Configuration.load(null, Map.of(), Map.of());

        assertThat(sample.settings()).isEqualTo(none.settings());
        assertThat(sample.effective()).allMatch(it -> it.source().startsWith("config/sluice.yaml:"));
        assertThat(none.effective()).allMatch(it -> it.source().equals("default"));
        assertThat(pathsOf(sample)).containsExactlyElementsOf(pathsOf(none));
    }

    @ParameterizedTest
    @MethodSource("settings")
    void theSampleFileExplainsIt(Setting<?> setting) throws IOException {
        assertThat(commentAbove(setting))
                .startsWith(setting.kind().form())
                .contains(
                        " Default: " + standardInWords(setting),
                        setting.meaning().replaceAll("[;.].*", ""));
    }

    @Test
    void theManualHasThemAll() throws IOException {
        String table = Stream.of(
                        Catalog.GLOBAL.stream().map(setting -> row(setting.path(), setting)),
                        Catalog.OF_A_QUEUE.stream().map(setting -> row("queues.NAME." + setting.path(), setting)),
                        Catalog.OF_A_HANDLER.stream().map(setting -> row("handlers.TYPE." + setting.path(), setting)))
                .flatMap(rows -> rows)
                .collect(Collectors.joining("\n"));

        assertThat(Files.readString(MANUAL)).contains(table);
        assertThat(Files.readString(MANUAL))
                .contains(Catalog.OF_A_SCHEDULE.stream()
                        .map(setting -> row("queues.NAME.schedules.SCHEDULE." + setting.path(), setting))
                        .collect(Collectors.joining("\n")));
    }

    @Test
    void thePageOnSchedulesShowsSomeThatAreRead() throws IOException {
        Path file = Files.writeString(
                folder.resolve("schedules.yaml"), firstExampleOf(Path.of("src", "docs", "schedules.md")));

        assertThat(Configuration.load(file, Map.of(), Map.of())
                        .settings()
                        .queues()
                        .get(0)
                        .schedules())
                .extracting(schedule -> schedule.name() + " " + schedule.misfire() + " " + schedule.overlap())
                .containsExactly("nightly catch-up 3 ALLOW", "poll once SKIP");
    }

    @Test
    void theSchedulesAndTypesThatTheSampleShowsInCommentsAreRead() throws IOException {
        String sample = Files.readString(SAMPLE);
        int from = sample.indexOf("    # schedules:");
        String shown = sample.substring(from, sample.indexOf("\n\n", from))
                .lines()
                .map(line -> line.replaceFirst("# (?!Types)", ""))
                .collect(Collectors.joining("\n"));
        Path file = Files.writeString(folder.resolve("types.yaml"), sample.substring(0, from) + shown);

        Settings.Served served =
                Configuration.load(file, Map.of(), Map.of()).settings().queues().get(0);
        QueueSettings settings = served.settings();

        assertThat(served.schedules()).extracting(Schedule::name).containsExactly("nightly", "poll");
        assertThat(settings.timeouts()).containsExactly(Map.entry("email.send", Duration.ofSeconds(30)));
        assertThat(settings.retries().get("email.send").maxAttempts()).isEqualTo(8);
        assertThat(settings.callbacks()).containsExactly(Map.entry("email.send", "email.sent"));
    }

    @Test
    void theHandlersThatTheSampleShowsInACommentAreSetToTheirDefaults() throws IOException {
        String sample = Files.readString(SAMPLE);
        String handlers = uncommented(sample.substring(sample.indexOf("# handlers:")));
        Path file = Files.writeString(folder.resolve("handlers.yaml"), handlers);
        Configuration configuration = Configuration.load(file, Map.of(), Map.of());

        assertThat(configuration.settings().pushes()).containsOnlyKeys("report.build");
        for (Setting<?> setting : Catalog.OF_A_HANDLER) {
            String key = "handlers.report.build." + setting.path();
            Configuration.Effective found = configuration.effective().stream()
                    .filter(it -> it.key().equals(key))
                    .findFirst()
                    .orElseThrow();
            if (!setting.equals(Catalog.PUSH_URL)) {
                assertThat(found.value()).as(key).isEqualTo(standardInWords(setting));
            }
            int line = Integer.parseInt(found.source().replaceFirst(".*:", ""));
            assertThat(commentAbove(handlers.lines().toList(), line))
                    .startsWith(setting.kind().form())
                    .contains(
                            " Default: " + standardInWords(setting),
                            setting.meaning().replaceAll("[;.].*", ""));
        }
    }

    /** The lines without the one {@code #} that each begins with. */
    private static String uncommented(String lines) {
        return lines.lines().map(line -> line.replaceFirst("# ", "")).collect(Collectors.joining("\n"));
    }

    @Test
    void theManualsExampleIsRight() throws IOException {
        String yaml = firstExampleOf(MANUAL);
        Path file = Files.writeString(folder.resolve("rules.yaml"), yaml);

        RetryPolicy policy = Configuration.load(file, Map.of(), Map.of())
                .settings()
                .queues()
                .get(0)
                .settings()
                .retries()
                .get("email.send");

        assertThat(policy.maxAttempts()).isEqualTo(5);
        assertThat(List.of(
                        rulingOn(new ConnectException(), policy),
                        rulingOn(new IllegalArgumentException(), policy),
                        rulingOn(new IllegalStateException(), policy)))
                .containsExactly("Retry", "Dead", "none");
    }

    private static String rulingOn(Exception thrown, RetryPolicy policy) {
        return policy.ruling(thrown, Failure.of("handler-error", thrown), 1, true)
                .map(verdict -> verdict.getClass().getSimpleName())
                .orElse("none");
    }

    private static String firstExampleOf(Path page) throws IOException {
        return Files.readString(page).split("```yaml\n", 2)[1].split("```", 2)[0];
    }

    @Test
    void theReadmesExampleIsRight() throws IOException {
        String yaml = firstExampleOf(Path.of("README.md"));
        Path file = Files.writeString(folder.resolve("my.yaml"), yaml);

        assertThat(Configuration.load(file, Map.of(), Map.of()).settings().queues())
                .extracting(served -> served.queue().name())
                .containsExactly("emails", "clicks");
        assertThat(Configuration.load(file, Map.of("SLUICE_QUEUES_EMAILS_CONCURRENCY", "7"), Map.of())
                        .effective())
                .contains(new Configuration.Effective(
                        "queues.emails.concurrency", "7", "env SLUICE_QUEUES_EMAILS_CONCURRENCY"));
    }

    @Test
    void theShapeThatOthersBuildOnIsRead() throws IOException {
        Path file = Files.writeString(folder.resolve("contract.yaml"), """
                redis: { url: "${REDIS_URL:embedded}" }
                lease: 15s
                shutdown-grace: 25s
                queues:
                  task_queue:
                    status-key: task_status
                    delivery: at-least-once          # or at-most-once
                    concurrency: 256
                    timeout: 5m
                    retry: { max-attempts: 5, backoff: { first: 1s, max: 10m, jitter: 0.2 } }
                """);

        assertThat(Configuration.load(file, Map.of(), Map.of()).settings())
                .isEqualTo(Configuration.load(null, Map.of(), Map.of()).settings());
    }

    static Stream<Setting<?>> settings() {
        return Stream.concat(Catalog.GLOBAL.stream(), Catalog.OF_A_QUEUE.stream());
    }

    private static String row(String path, Setting<?> setting) {
        String flag = setting.flag() == null ? "" : " `" + setting.flag() + "`";
        return "| `" + path + "`" + flag + " | " + setting.kind().form() + " | " + standardInWords(setting) + " | "
                + setting.meaning() + " |";
    }

    private static String standardInWords(Setting<?> setting) {
        String quickStart = setting.standard().apply(Catalog.QUICK_START_QUEUE);
        String other = setting.standard().apply("NAME");
        return quickStart.equals(other)
                ? other
                : quickStart + " for " + Catalog.QUICK_START_QUEUE + ", " + other + " for any other";
    }

    /** The comment lines directly above a setting, as one line. */
    private static String commentAbove(Setting<?> setting) throws IOException {
        return commentAbove(Files.readAllLines(SAMPLE), lineOf(setting));
    }

    private static String commentAbove(List<String> lines, int number) {
        int line = number - 2;
        int first = line;
        while (first >= 0 && lines.get(first).strip().startsWith("#")) {
            first--;
        }
        return lines.subList(first + 1, line + 1).stream()
                .map(text -> text.strip().substring(1).strip())
                .collect(Collectors.joining(" "));
    }

    private static int lineOf(Setting<?> setting) {
        Scope scope = Catalog.OF_A_QUEUE.contains(setting) ? Scope.of(Catalog.QUICK_START_QUEUE) : Scope.PROGRAM;
        String source = Configuration.load(SAMPLE, Map.of(), Map.of()).effective().stream()
                .filter(it -> it.key().equals(new Key(scope, setting).path()))
                .findFirst()
                .orElseThrow()
                .source();
        return Integer.parseInt(source.substring(source.indexOf(':') + 1));
    }

    private static List<String> pathsOf(Configuration configuration) {
        return configuration.effective().stream()
                .map(Configuration.Effective::key)
                .toList();
    }
}
