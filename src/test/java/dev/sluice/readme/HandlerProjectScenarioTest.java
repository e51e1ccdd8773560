package dev.sluice.readme;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.testkit.RedisServer;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The handler project of {@code src/docs/handlers.md} in {@code target/it}: compiled against the library and what its pom
 * brings along, packed, and run by the server jar. Runs after the jars are made, so in {@code mvn verify} only.
 */
@Tag("packaged")
@Timeout(value = 120, unit = TimeUnit.SECONDS) // four JVMs on a machine that may be busy
class HandlerProjectScenarioTest {
    private static final Path TARGET =
            Path.of(System.getProperty("basedir", "."), "target").toAbsolutePath();
    private static final Path PROJECT = TARGET.resolve("it/handler-project");
    private static final Path RESOURCES = PROJECT.resolve("src/main/resources");

    /** Such as {@code |  +- io.netty:netty-common:jar:4.2.18.Final:compile}; what is optional says so behind it. */
    private static final Pattern DEPENDENCY = Pattern.compile("- [^:]+:([^:]+):jar:(?:([^:]+):)?([^:]+):compile$");

    private static final Markdown PAGE = Markdown.read("src/docs/handlers.md");

    private RedisServer redis;

    @BeforeEach
    void startRedis() {
        redis = RedisServer.builder()
                .binary(TARGET.resolve("redis/7.0/redis-server"))
                .start();
    }

    @AfterEach
    void stopRedis() {
        redis.close();
    }

    @BeforeEach
    void emptyProject() throws IOException {
        if (Files.exists(PROJECT)) {
            try (Stream<Path> files = Files.walk(PROJECT)) {
                files.sorted(Comparator.reverseOrder()).map(Path::toFile).forEach(File::delete);
            }
        }
        Files.createDirectories(PROJECT.resolve("handlers"));
    }

    @Test
    void theProjectOfThePageIsBuiltAndItsHandlersRun() throws Exception {
        Path source = write(fileNamed(".java"), PAGE.blocksIn("java").get(0));
        Path services = write(fileNamed("HandlerModule"), PAGE.blocksIn("text").get(0));
        List<String> commands = PAGE.blocksIn("sh").get(0).lines().toList();

        run("javac", "-Xlint:all", "-Werror", "-d", "classes", "-cp", dependencies(), source.toString());
        run("jar", "-cf", "handlers/orders.jar", "-C", "classes", ".", "-C", RESOURCES.toString(), inJar(services));
        Process server = start("server.log", words(commands.get(0)));
        try {
            await("server.log", "Handlers of orders.jar: order.ship");
            await("server.log", "Ctrl-C stops.");
            run(words(commands.get(1)));
            await("server.log", "shipping A-17");
            await("server.log", "  order.ship  attempt 1  succeeded");
        } finally {
            server.destroy();
            assertThat(server.waitFor(50, TimeUnit.SECONDS)).isTrue();
        }

        assertThat(redis.call("HLEN", "task_status")).isEqualTo(0L);
    }

    /** The file that the page names above a block. */
    private static Path fileNamed(String ending) {
        return PAGE.text()
                .lines()
                .filter(line -> line.startsWith("`src/") && line.endsWith(ending + "`"))
                .map(line -> PROJECT.resolve(line.replace("`", "")))
                .findFirst()
                .orElseThrow();
    }

    private static Path write(Path file, String text) throws IOException {
        Files.createDirectories(file.getParent());
        return Files.writeString(file, text);
    }

    private static String inJar(Path resource) {
        return RESOURCES.relativize(resource).toString();
    }

    /** The library and what its pom brings along; the build writes the tree, and the tests' class path has the files. */
    private static String dependencies() throws IOException {
        List<String> files =
                new ArrayList<>(List.of(ConsumerProjectScenarioTest.libraryJar().toString()));
        for (String line : Files.readAllLines(TARGET.resolve("it/dependencies.txt"))) {
            DEPENDENCY.matcher(line).results().forEach(found -> {
                String classifier = found.group(2) == null ? "" : "-" + found.group(2);
                files.add(fileOf(found.group(1) + "-" + found.group(3) + classifier + ".jar"));
            });
        }
        assertThat(files).hasSizeGreaterThan(5);
        return String.join(File.pathSeparator, files);
    }

    private static String fileOf(String jar) {
        return Stream.of(System.getProperty("java.class.path").split(File.pathSeparator, -1))
                .filter(file -> Path.of(file).endsWith(jar))
                .findFirst()
                .orElseThrow(() -> new AssertionError("the tests' class path lacks " + jar));
    }

    /** A command of the page, with the jar that was built and the Redis of this test. */
    private String[] words(String command) {
        List<String> words = new ArrayList<>(List.of(RedisCommands.of(command).get(0)));
        words.replaceAll(
                word -> word.equals("sluice-server.jar") ? TARGET.resolve(word).toString() : word);
        words.addAll(List.of("--redis", redis.uri()));
        return words.toArray(String[]::new);
    }

    private static void run(String... command) throws IOException, InterruptedException {
        String log = command[0] + ".log";
        Process process = start(log, command);
        try {
            assertThat(process.waitFor(50, TimeUnit.SECONDS))
                    .as(command[0] + " ended in time")
                    .isTrue();
        } finally {
            process.destroyForcibly();
        }
        assertThat(process.exitValue())
                .as(Files.readString(PROJECT.resolve(log)))
                .isZero();
    }

    private static Process start(String log, String... command) throws IOException {
        List<String> words = new ArrayList<>(List.of(command));
        words.set(0, Path.of(System.getProperty("java.home"), "bin", command[0]).toString());
        return new ProcessBuilder(words)
                .directory(PROJECT.toFile())
                .redirectErrorStream(true)
                .redirectOutput(PROJECT.resolve(log).toFile())
                .start();
    }

    private static void await(String log, String text) throws IOException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(40);
        while (!Files.readString(PROJECT.resolve(log)).contains(text)) {
            assertThat(System.nanoTime())
                    .as("'" + text + "' in:\n" + Files.readString(PROJECT.resolve(log)))
                    .isLessThan(deadline);
            LockSupport.parkNanos(10_000_000);
        }
    }
}
