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
    private static final Pattern LINK = Pattern.compile("]\\(([^)#:]+)(?:#[^)]*)?\\)");

    /** The one block that is a whole program is run by {@link ConsumerProjectScenarioTest}. */
    @Test
    void everyJavaSnippetIsRunByATest() throws IOException {
        assertThat(Markdown.README.blocksIn("java").stream().filter(block -> !block.startsWith("import ")))
                .containsExactlyInAnyOrderElementsOf(snippets());
    }

    @Test
    void itIsShort() {
        assertThat(Markdown.README.text().lines().count()).isLessThanOrEqualTo(200);
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
    void itsLinksLeadSomewhere() {
        assertThat(Stream.of("README.md", "src/docs/protocol.md", "src/docs/rationale.md", "src/docs/threads.md")
                        .flatMap(ReadmeTest::linksOf)
                        .filter(target -> !Files.exists(target)))
                .isEmpty();
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
