package dev.sluice.app;

import dev.sluice.app.console.RedisAddress;
import dev.sluice.app.serve.ForeignWire;
import dev.sluice.testkit.UnpackedRedis;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/** The program as a person starts it: a process of its own, of which only output, signals and exit code are known. */
final class Program implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final Path REDIS = UnpackedRedis.binary("7.0");

    private final Process process;
    private final List<String> out = new ArrayList<>();
    private final List<String> err = new ArrayList<>();
    private final Thread outReader;
    private final Thread errReader;

    private Program(List<String> command, Map<String, String> environment) {
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().remove("REDIS_URL");
        builder.environment().put("SLUICE_REDIS_BINARY", REDIS.toAbsolutePath().toString());
        builder.environment().putAll(environment);
        builder.environment().values().removeIf(String::isEmpty);
        try {
            process = builder.start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        outReader = reader(process.getInputStream(), out);
        errReader = reader(process.getErrorStream(), err);
    }

    /** Starts it from the compiled classes. */
    static Program start(String... arguments) {
        return start(Map.of(), arguments);
    }

    static Program start(Map<String, String> environment, String... arguments) {
        return new Program(fromClasses(arguments), environment);
    }

    /** Starts it from the compiled classes with one pipe for all that it prints, which nobody reads. */
    static Process unread(String... arguments) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(fromClasses(arguments)).redirectErrorStream(true);
        builder.environment().remove("REDIS_URL");
        return builder.start();
    }

    /** Starts it from the runnable jar. */
    static Program startJar(String... arguments) {
        return startJar(java(), Map.of(), arguments);
    }

    /** The same with another Java; an empty variable is taken away. */
    static Program startJar(String java, Map<String, String> environment, String... arguments) {
        List<String> command = new ArrayList<>(List.of(java, "-jar", "target/sluice-server.jar"));
        command.addAll(List.of(arguments));
        return new Program(command, environment);
    }

    /** Starts a command line of a page that begins with {@code java}, by this Java. */
    static Program startLine(String line) {
        List<String> command = new ArrayList<>(List.of(line.strip().split("\\s+")));
        command.set(0, java());
        return new Program(command, Map.of());
    }

    /** Starts it as a shell does in a terminal: in a process group of its own, which {@link #signalGroup} reaches. */
    static Program startAsGroup(String... arguments) {
        List<String> command = new ArrayList<>(List.of("setsid"));
        command.addAll(fromClasses(arguments));
        return new Program(command, Map.of());
    }

    long pid() {
        return process.pid();
    }

    /** The first line so far, or the next one, that {@code wanted} accepts. */
    String line(Predicate<String> wanted) {
        return line(out, outReader, wanted);
    }

    private String line(List<String> lines, Thread reader, Predicate<String> wanted) {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        synchronized (lines) {
            for (int next = 0; ; ) {
                for (; next < lines.size(); next++) {
                    if (wanted.test(lines.get(next))) {
                        return lines.get(next);
                    }
                }
                long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
                if (left <= 0 || !reader.isAlive()) {
                    break;
                }
                await(lines, left);
            }
        }
        throw new AssertionError("no such line in:\n" + out() + "\n" + err());
    }

    String lineWith(String text) {
        return line(line -> line.contains(text));
    }

    /** Everything on standard output so far. */
    String out() {
        synchronized (out) {
            return String.join("\n", out);
        }
    }

    /** Everything on standard error so far. */
    String err() {
        synchronized (err) {
            return String.join("\n", err);
        }
    }

    /** The first line on standard error, so far or to come, that has {@code text} in it. */
    String errorWith(String text) {
        return line(err, errReader, line -> line.contains(text));
    }

    /** A connection to its embedded Redis. */
    ForeignWire redis() throws IOException {
        return ForeignWire.connect(RedisAddress.of("redis://127.0.0.1:" + port()));
    }

    /** The port its embedded Redis has. */
    int port() {
        String line = lineWith("started on 127.0.0.1:");
        return Integer.parseInt(line.replaceFirst(".*127\\.0\\.0\\.1:(\\d+).*", "$1"));
    }

    void signal(String name) throws IOException, InterruptedException {
        new ProcessBuilder("/bin/sh", "-c", "kill -" + name + " " + process.pid())
                .start()
                .waitFor();
    }

    /** Like Ctrl-C: everybody in the group gets it. */
    void signalGroup(String name) throws IOException, InterruptedException {
        new ProcessBuilder("/bin/sh", "-c", "kill -" + name + " -" + process.pid())
                .start()
                .waitFor();
    }

    /** The exit code, when it has ended and all its output is here. */
    int exit() throws InterruptedException {
        if (!process.waitFor(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
            throw new AssertionError("still running:\n" + out() + "\n" + err());
        }
        outReader.join(PATIENCE.toMillis());
        errReader.join(PATIENCE.toMillis());
        return process.exitValue();
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }

    private static List<String> fromClasses(String... arguments) {
        List<String> command = new ArrayList<>(List.of(
                java(),
                "-XX:TieredStopAtLevel=1", // it lives for seconds; from the jar it starts as a person's does
                "-cp",
                System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                "dev.sluice.app.Main"));
        command.addAll(List.of(arguments));
        return command;
    }

    private static void await(List<String> lines, long millis) {
        try {
            lines.wait(millis);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Thread reader(InputStream stream, List<String> lines) {
        Thread reader = new Thread(() -> {
            try (BufferedReader text = new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8))) {
                for (String line = text.readLine(); line != null; line = text.readLine()) {
                    synchronized (lines) {
                        lines.add(line);
                        lines.notifyAll();
                    }
                }
            } catch (IOException ended) {
                // what came is there
            } finally {
                synchronized (lines) {
                    lines.notifyAll();
                }
            }
        });
        reader.setDaemon(true);
        reader.start();
        return reader;
    }

    static String java() {
        return Path.of(System.getProperty("java.home"), "bin", "java").toString();
    }
}
