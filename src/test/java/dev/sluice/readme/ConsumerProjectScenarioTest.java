package dev.sluice.readme;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
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
 * A stranger's project in {@code target/it}, made of nothing but what the docs show: the README's dependency and program,
 * and the test of {@code src/docs/testing.md}. Maven builds it against the jars and the pom as they are published, so it
 * gets what a stranger gets: nothing optional, and the Netty that Lettuce names. Runs after the jars are made, so in
 * {@code mvn verify} only.
 *
 * <p>The stranger has a local repository of its own. What this build has downloaded is offered to it as a remote one, so
 * that it asks Maven Central for very little.
 */
@OnEveryRedis
@Tag("packaged")
@Timeout(value = 5, unit = TimeUnit.MINUTES) // Maven on a machine that may be busy, and downloads
class ConsumerProjectScenarioTest {
    private static final Path TARGET =
            Path.of(System.getProperty("basedir", "."), "target").toAbsolutePath();
    private static final Path PROJECT = TARGET.resolve("it/consumer");
    private static final Path PUBLISHED = TARGET.resolve("it/published");
    private static final Pattern NAME = Pattern.compile("public class (\\w+)");
    private static final Markdown TESTING = Markdown.read("src/docs/testing.md");

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
        Files.createDirectories(PROJECT.resolve("src/test/java"));
        Files.createDirectories(PROJECT.resolve(".mvn")); // the root of a project of its own
    }

    @Test
    void theProgramAndTheTestOfTheDocsAreBuiltAndRunByMaven() throws IOException, InterruptedException {
        publish();
        String program = Markdown.README.blocksIn("java").stream()
                .filter(block -> block.startsWith("import "))
                .findFirst()
                .orElseThrow();
        MatchResult name = NAME.matcher(program).results().findFirst().orElseThrow();
        write("src/main/java/" + name.group(1) + ".java", program.replace("redis://localhost:6379", redis.uri()));
        write("src/test/java/WelcomeTest.java", TESTING.blocksIn("java").get(0));
        write("pom.xml", pom());
        write("settings.xml", settings());

        String built = run(
                Path.of(System.getProperty("maven.home"), "bin", "mvn").toString(),
                "-B",
                "-ntp",
                "-s",
                "settings.xml",
                "-Dmaven.repo.local=" + TARGET.resolve("it/m2"),
                "package",
                "dependency:build-classpath",
                "-Dmdep.outputFile=classpath.txt",
                "-DincludeScope=runtime");
        String classPath = Files.readString(PROJECT.resolve("classpath.txt"));
        String said = run(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                "target/classes" + File.pathSeparator + classPath,
                name.group(1));

        assertThat(built).contains("Tests run: 1, Failures: 0, Errors: 0, Skipped: 0");
        assertThat(classPath.split(File.pathSeparator, -1))
                .hasSizeGreaterThan(5)
                .noneMatch(file -> file.matches(".*(picocli|reactor-netty|micrometer|embedded-redis|testkit).*"));
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

    /** Puts what {@code mvn install} would put into a local repository into one that is the stranger's remote. */
    private static void publish() throws IOException {
        String file = artifact() + "-" + version();
        Path folder = PUBLISHED.resolve("dev/sluice/" + artifact() + "/" + version());
        Files.createDirectories(folder);
        for (String jar : List.of(file + ".jar", file + "-testkit.jar")) {
            Files.copy(TARGET.resolve(jar), folder.resolve(jar), StandardCopyOption.REPLACE_EXISTING);
        }
        Files.copy(
                TARGET.resolveSibling("pom.xml"), folder.resolve(file + ".pom"), StandardCopyOption.REPLACE_EXISTING);
        Path cached = TARGET.resolve("it/m2/dev/sluice");
        if (Files.exists(cached)) {
            try (Stream<Path> files = Files.walk(cached)) {
                files.sorted(Comparator.reverseOrder()).map(Path::toFile).forEach(File::delete);
            }
        }
    }

    /** The dependencies of the docs in the least project around them. */
    private static String pom() throws IOException {
        return """
                <project>
                  <modelVersion>4.0.0</modelVersion>
                  <groupId>it</groupId>
                  <artifactId>consumer</artifactId>
                  <version>1</version>
                  <properties>
                    <maven.compiler.release>17</maven.compiler.release>
                    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
                  </properties>
                  <dependencies>
                %s%s
                    <dependency>
                      <groupId>io.projectreactor</groupId>
                      <artifactId>reactor-test</artifactId>
                      <version>%s</version>
                      <scope>test</scope>
                    </dependency>
                    <dependency>
                      <groupId>org.junit.jupiter</groupId>
                      <artifactId>junit-jupiter</artifactId>
                      <version>%s</version>
                      <scope>test</scope>
                    </dependency>
                  </dependencies>
                  <build>
                    <plugins>
                      <plugin><artifactId>maven-resources-plugin</artifactId><version>%s</version></plugin>
                      <plugin>
                        <artifactId>maven-compiler-plugin</artifactId>
                        <version>%s</version>
                        <configuration>
                          <compilerArgs><arg>-Xlint:all</arg><arg>-Werror</arg></compilerArgs>
                        </configuration>
                      </plugin>
                      <plugin><artifactId>maven-surefire-plugin</artifactId><version>%s</version></plugin>
                      <plugin><artifactId>maven-jar-plugin</artifactId><version>%s</version></plugin>
                      <plugin><artifactId>maven-dependency-plugin</artifactId><version>%s</version></plugin>
                    </plugins>
                  </build>
                </project>
                """.formatted(
                        Markdown.README.blocksIn("xml").get(0),
                        TESTING.blocksIn("xml").get(0),
                        onClassPath("reactor-test"),
                        onClassPath("junit-jupiter"),
                        plugin("resources"),
                        plugin("compiler"),
                        plugin("surefire"),
                        plugin("jar"),
                        plugin("dependency"));
    }

    private static String settings() {
        Path downloaded = Path.of(System.getProperty("localRepository")); // surefire tells it
        return "<settings><profiles><profile><id>it</id><repositories>"
                + repository("repository", "published", PUBLISHED)
                + repository("repository", "downloaded", downloaded)
                + "</repositories><pluginRepositories>"
                + repository("pluginRepository", "downloaded", downloaded)
                + "</pluginRepositories></profile></profiles>"
                + "<activeProfiles><activeProfile>it</activeProfile></activeProfiles></settings>";
    }

    private static String repository(String tag, String id, Path folder) {
        return "<" + tag + "><id>" + id + "</id><url>" + folder.toUri()
                + "</url><releases><checksumPolicy>ignore</checksumPolicy></releases></" + tag + ">";
    }

    static Path libraryJar() {
        return TARGET.resolve(artifact() + "-" + version() + ".jar");
    }

    private static String artifact() {
        return tag(Markdown.README.blocksIn("xml").get(0), "artifactId");
    }

    private static String version() {
        return tag(Markdown.README.blocksIn("xml").get(0), "version");
    }

    private static String tag(String xml, String name) {
        return xml.replaceFirst("(?s).*?<" + name + ">([^<]+)<.*", "$1");
    }

    /** The version of a plugin in our own pom. */
    private static String plugin(String name) throws IOException {
        String pom = Files.readString(TARGET.resolveSibling("pom.xml"));
        return tag(pom.substring(pom.indexOf("<artifactId>maven-" + name + "-plugin<")), "version");
    }

    /** The version of a library that the tests have. */
    private static String onClassPath(String artifact) {
        Pattern jar = Pattern.compile(Pattern.quote(artifact) + "-([0-9].*)\\.jar");
        return Stream.of(System.getProperty("java.class.path").split(File.pathSeparator, -1))
                .map(file -> jar.matcher(Path.of(file).getFileName().toString()))
                .filter(found -> found.matches())
                .map(found -> found.group(1))
                .findFirst()
                .orElseThrow(() -> new AssertionError("the tests' class path lacks " + artifact));
    }

    private static void write(String file, String content) throws IOException {
        Files.writeString(PROJECT.resolve(file), content);
    }

    private String run(String... command) throws IOException, InterruptedException {
        Path output = PROJECT.resolve(Path.of(command[0]).getFileName() + ".log");
        ProcessBuilder builder = new ProcessBuilder(new ArrayList<>(List.of(command)))
                .directory(PROJECT.toFile())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile());
        builder.environment().put("SLUICE_REDIS_BINARY", redis.binary().toString());
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        builder.environment().remove("MAVEN_OPTS"); // may name this build's local repository
        Process process = builder.start();
        try {
            assertThat(process.waitFor(4, TimeUnit.MINUTES))
                    .as(command[0] + " ended in time")
                    .isTrue();
        } finally {
            process.destroyForcibly();
        }
        String said = Files.readString(output, StandardCharsets.UTF_8);
        assertThat(process.exitValue()).as(command[0] + ": " + said).isZero();
        return said;
    }
}
