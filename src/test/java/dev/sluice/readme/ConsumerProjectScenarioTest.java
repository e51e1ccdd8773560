package dev.sluice.readme;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.jar.JarFile;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A stranger's project in {@code target/it}, made of nothing but README lines: its dependency and its program. It is
 * compiled and run against the jar that was built and what the published pom brings along, which is less than the tests
 * have: nothing optional. Runs after the jars are made, so in {@code mvn verify} only.
 */
@OnEveryRedis
@Tag("packaged")
@Timeout(value = 120, unit = TimeUnit.SECONDS) // two JVMs on a machine that may be busy
class ConsumerProjectScenarioTest {
    private static final Path TARGET =
            Path.of(System.getProperty("basedir", "."), "target").toAbsolutePath();
    private static final Path PROJECT = TARGET.resolve("it/consumer");
    private static final Pattern NAME = Pattern.compile("public class (\\w+)");

    /** Such as {@code |  +- io.netty:netty-common:jar:4.2.18.Final:compile}; what is optional says so behind it. */
    private static final Pattern DEPENDENCY = Pattern.compile("- [^:]+:([^:]+):jar:(?:([^:]+):)?([^:]+):compile$");

    private final RedisServer redis;

    ConsumerProjectScenarioTest(RedisServer redis) {
        this.redis = redis;
    }

    @BeforeEach
    void emptyProject() throws IOException {
        if (Files.exists(PROJECT)) {
            try (Stream<Path> files = Files.walk(PROJECT)) {
                files.sorted(Comparator.reverseOrder()).map(Path::toFile).forEach(File::delete);
            }
        }
        Files.createDirectories(PROJECT.resolve("src/main/java"));
    }

    @Test
    void theProgramOfTheReadmeCompilesAndRuns() throws IOException, InterruptedException {
        String program = Markdown.README.blocksIn("java").stream()
                .filter(block -> block.startsWith("import "))
                .findFirst()
                .orElseThrow();
        MatchResult name = NAME.matcher(program).results().findFirst().orElseThrow();
        Path source = PROJECT.resolve("src/main/java/" + name.group(1) + ".java");
        Files.writeString(source, program.replace("redis://localhost:6379", redis.uri()));
        Files.writeString(PROJECT.resolve("pom.xml"), pom());
        String classes = PROJECT.resolve("classes").toString();

        run("javac", "-Xlint:all", "-Werror", "-d", classes, "-cp", dependencies(), source.toString());
        String said = run("java", "-cp", classes + File.pathSeparator + dependencies(), name.group(1));

        assertThat(said).contains("mail to ann@example.org").doesNotContain("Exception");
        assertThat(redis.call("EXISTS", "{emails}:status", "{emails}:ready")).isEqualTo(0L);
    }

    @Test
    void theLibraryJarHoldsNeitherTestKitNorApplication() throws IOException {
        try (JarFile jar = new JarFile(libraryJar().toFile())) {
            assertThat(jar.stream().map(Object::toString))
                    .contains("dev/sluice/Sluice.class", "META-INF/LICENSE", "META-INF/NOTICE")
                    .noneMatch(entry -> entry.startsWith("dev/sluice/testkit/") || entry.startsWith("dev/sluice/app/"));
        }
    }

    /** The README's dependency in the least project around it. */
    private static String pom() {
        return "<project>\n<modelVersion>4.0.0</modelVersion>\n<groupId>it</groupId>\n<artifactId>consumer</artifactId>\n"
                + "<version>1</version>\n<properties>\n<maven.compiler.release>17</maven.compiler.release>\n</properties>\n"
                + "<dependencies>\n" + Markdown.README.blocksIn("xml").get(0) + "</dependencies>\n</project>\n";
    }

    private static Path libraryJar() {
        String coordinates = Markdown.README.blocksIn("xml").get(0);
        return TARGET.resolve(tag(coordinates, "artifactId") + "-" + tag(coordinates, "version") + ".jar");
    }

    private static String tag(String xml, String name) {
        return xml.replaceFirst("(?s).*<" + name + ">([^<]+)<.*", "$1");
    }

    /** The library and what its pom brings along; the build writes the tree, and the tests' class path has the files. */
    static String dependencies() throws IOException {
        List<String> files = new ArrayList<>(List.of(libraryJar().toString()));
        for (String line : Files.readAllLines(TARGET.resolve("it/dependencies.txt"))) {
            DEPENDENCY.matcher(line).results().forEach(found -> {
                String classifier = found.group(2) == null ? "" : "-" + found.group(2);
                files.add(fileOf(found.group(1) + "-" + found.group(3) + classifier + ".jar"));
            });
        }
        assertThat(files)
                .hasSizeGreaterThan(5)
                .noneMatch(file -> file.matches(".*(picocli|reactor-netty|micrometer).*"));
        return String.join(File.pathSeparator, files);
    }

    private static String fileOf(String jar) {
        return Stream.of(System.getProperty("java.class.path").split(File.pathSeparator, -1))
                .filter(file -> Path.of(file).endsWith(jar))
                .findFirst()
                .orElseThrow(() -> new AssertionError("the tests' class path lacks " + jar));
    }

    private static String run(String tool, String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(
                List.of(Path.of(System.getProperty("java.home"), "bin", tool).toString()));
        command.addAll(List.of(arguments));
        Path output = PROJECT.resolve(tool + ".log");
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        try {
            assertThat(process.waitFor(50, TimeUnit.SECONDS))
                    .as(tool + " ended in time")
                    .isTrue();
        } finally {
            process.destroyForcibly();
        }
        String said = Files.readString(output, StandardCharsets.UTF_8);
        assertThat(process.exitValue()).as(tool + ": " + said).isZero();
        return said;
    }
}
