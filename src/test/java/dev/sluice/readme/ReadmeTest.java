package dev.sluice.readme;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class ReadmeTest {
    private static final Pattern SNIPPET = Pattern.compile("(?s)// readme: [a-z-]+\\n(.*?) *// end\\n");
    private static final Pattern CLASS = Pattern.compile("`([A-Z]\\w*[a-z]\\w*)`");
    private static final Pattern LINK = Pattern.compile("]\\(([^)#:]+)(?:#[^)]*)?\\)");

    /** The one block that is a whole program is run by {@link ConsumerProjectScenarioTest}. */
    @Test
    void everyJavaSnippetIsRunByATest() throws IOException {
        assertThat(Stream.of(
                                "README.md",
                                "src/docs/embedding.md",
                                "src/docs/events.md",
                                "src/docs/operations.md",
                                "src/docs/outcomes.md",
                                "src/docs/results.md")
                        .flatMap(page -> Markdown.read(page).blocksIn("java").stream())
                        .filter(block -> !block.startsWith("import ")))
                .containsExactlyInAnyOrderElementsOf(snippets());
    }

    /** A line that no pattern knows needs a test that runs it. */
    @Test
    void everyCommandIsRunByATest() {
        String jar = "java -jar target/sluice-server.jar ";
        List<String> run = List.of(
                "mvn -q -DskipTests package && " + jar + "run", // ServerJarScenarioTest, with the jar of the build
                "redis-cli .*", // ReadmeSnippetsRedisTest
                jar + "config --config my.yaml .*", // ServerJarScenarioTest
                "java -XX.* run --config my.yaml .*", // ServerJarScenarioTest
                jar + "(enqueue|status|explain|dead ls|doctor).*"); // CliPageRedisTest

        assertThat(Markdown.README.blocksIn("sh").stream()
                        .flatMap(block -> block.replace("\\\n", "").lines()))
                .hasSize(10)
                .allMatch(line -> run.stream().anyMatch(line::matches));
    }

    /** Where a page shows a block, a test runs it; another kind of block on a page needs its own. */
    @Test
    void everyKindOfBlockHasATest() throws IOException {
        Map<String, String> run = Map.ofEntries(
                Map.entry("README.md java", "ReadmeSnippetsRedisTest"),
                Map.entry("README.md sh", "CliPageRedisTest"),
                Map.entry("README.md xml", "ConsumerProjectScenarioTest"),
                Map.entry("README.md yaml", "ServerJarScenarioTest"),
                Map.entry("cli.md console", "CliPageRedisTest"),
                Map.entry("cli.md sh", "CliPageRedisTest"),
                Map.entry("configuration.md yaml", "SettingsDocTest"),
                Map.entry("embedding.md java", "ReadmeSnippetsRedisTest"),
                Map.entry("events.md java", "ReadmeSnippetsRedisTest"),
                Map.entry("handlers.md java", "HandlerProjectScenarioTest"),
                Map.entry("handlers.md sh", "HandlerProjectScenarioTest"),
                Map.entry("handlers.md text", "HandlerProjectScenarioTest"),
                Map.entry("http.md console", "HttpPageRedisTest"),
                Map.entry("http.md java", "HttpPageRedisTest"),
                Map.entry("http.md sh", "HttpPageRedisTest"),
                Map.entry("http.md text", "HttpPageRedisTest"),
                Map.entry("http.md yaml", "HttpScenarioTest"),
                Map.entry("model.md sh", "ProtocolModelTest"),
                Map.entry("model.md ", "ProtocolModelTest"),
                Map.entry("operations.md java", "ReadmeSnippetsRedisTest"),
                Map.entry("outcomes.md java", "ReadmeSnippetsRedisTest"),
                Map.entry("outcomes.md text", "RetryPolicyTest"),
                Map.entry("protocol.md redis", "ProtocolExamplesRedisTest"),
                Map.entry("protocol.md sh", "ProtocolExamplesRedisTest"),
                Map.entry("protocol.md text", "ExchangeRedisTest"),
                Map.entry("results.md java", "ReadmeSnippetsRedisTest"),
                Map.entry("results.md text", "ResultsRedisTest"),
                Map.entry("push.md java", "PushScenarioTest"),
                Map.entry("push.md yaml", "PushScenarioTest"),
                Map.entry("schedules.md yaml", "SettingsDocTest"),
                Map.entry("states.md mermaid", "StatesDocTest"),
                Map.entry("testing.md java", "ConsumerProjectScenarioTest"),
                Map.entry("testing.md xml", "ConsumerProjectScenarioTest"));
        List<String> pages = Stream.concat(
                        Stream.of("README.md"),
                        namesIn("src/docs", ".md").stream().map(page -> "src/docs/" + page + ".md"))
                .toList();

        assertThat(pages.stream()
                        .flatMap(page -> Markdown.read(page).languages().stream()
                                .map(language -> Path.of(page).getFileName() + " " + language))
                        .toList())
                .containsExactlyInAnyOrderElementsOf(run.keySet());
        assertThat(namesIn("src/test/java", ".java")).containsAll(run.values());
    }

    @Test
    void itIsShort() {
        assertThat(Markdown.README.text().lines().count()).isLessThanOrEqualTo(250);
    }

    @Test
    void itsCoordinatesAreThoseOfThePom() throws IOException {
        String pom = Files.readString(Path.of("pom.xml"));
        for (String tag : List.of("groupId", "artifactId", "version")) {
            String own = Pattern.compile("<" + tag + ">([^<]+)<")
                    .matcher(pom)
                    .results()
                    .findFirst()
                    .orElseThrow()
                    .group(1);
            assertThat(Markdown.README.blocksIn("xml").get(0)).contains("<" + tag + ">" + own + "</" + tag + ">");
        }
    }

    @Test
    void everyLinkLeadsSomewhere() throws IOException {
        Stream<String> pages = namesIn("src/docs", ".md").stream().map(page -> "src/docs/" + page + ".md");
        assertThat(Stream.concat(Stream.of("README.md"), pages)
                        .flatMap(ReadmeTest::linksOf)
                        .filter(target -> !Files.exists(target)))
                .isEmpty();
    }

    @Test
    void itLeadsToEveryPage() throws IOException {
        assertThat(linksOf("README.md").map(page -> page.getFileName().toString()))
                .containsAll(namesIn("src/docs", ".md").stream()
                        .map(page -> page + ".md")
                        .toList());
    }

    @Test
    void theProtocolNamesEveryScript() throws IOException {
        assertThat(namesIn("src/main/resources/dev/sluice/redis", ".lua"))
                .contains("exchange")
                .allMatch(verb ->
                        verb.equals("common") || Markdown.PROTOCOL.text().contains("\n| `" + verb + "` |"));
    }

    @Test
    void theClassesThatTheProtocolNamesExist() throws IOException {
        String table = Markdown.PROTOCOL.text().split("\n## ", -1)[1];

        assertThat(CLASS.matcher(table).results().map(name -> name.group(1)).filter(name -> !name.equals("Flux")))
                .hasSizeGreaterThan(5)
                .isSubsetOf(namesIn("src/main/java/dev/sluice", ".java"));
    }

    private static List<String> namesIn(String folder, String ending) throws IOException {
        try (Stream<Path> files = Files.walk(Path.of(folder))) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(ending))
                    .map(name -> name.substring(0, name.length() - ending.length()))
                    .toList();
        }
    }

    private static Stream<Path> linksOf(String page) {
        Path folder = Path.of(page).toAbsolutePath().getParent();
        return LINK.matcher(Markdown.read(page).text())
                .results()
                .map(link -> folder.resolve(link.group(1)).normalize());
    }

    private static List<String> snippets() throws IOException {
        String source = Files.readString(Path.of("src/test/java/dev/sluice/readme/ReadmeSnippetsRedisTest.java"));
        return SNIPPET.matcher(source)
                .results()
                .map(found -> found.group(1).stripTrailing().stripIndent() + "\n")
                .toList();
    }
}
