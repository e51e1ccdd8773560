package dev.sluice.readme;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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
        assertThat(Stream.of(Markdown.README, Markdown.read("src/docs/embedding.md"))
                        .flatMap(page -> page.blocksIn("java").stream())
                        .filter(block -> !block.startsWith("import ")))
                .containsExactlyInAnyOrderElementsOf(snippets());
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
