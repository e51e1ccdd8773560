package dev.sluice.bench;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A program that puts tasks in and works them off, in a process of its own, in whatever language; the contract is told
 * in {@code benchmarks/rivals/README.md}.
 *
 * @param name what its figures are printed under
 * @param guarantee what becomes of a task whose worker dies
 * @param directory where it is run
 * @param interpreters commands that may run it; the first that has its libraries does
 * @param arguments what follows the interpreter
 * @param fewer by how much its tasks are fewer than those of Sluice, so that it is done in about the same time
 * @param install what to do if it does not run
 */
record Contestant(
        String name,
        String guarantee,
        Path directory,
        List<String> interpreters,
        List<String> arguments,
        int fewer,
        String install) {
    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final String AT_LEAST_ONCE = "at-least-once";
    private static final String AT_MOST_ONCE = "at-most-once";
    private static final String BUILD = "mvn -f benchmarks package -DskipTests";

    /** All that there are, in the order of the table. */
    static List<Contestant> all(Path rivals) {
        return List.of(
                java(rivals, "Sluice", "sluice", AT_LEAST_ONCE, 1),
                java(rivals, "Sluice, at-most-once", "sluice-at-most-once", AT_MOST_ONCE, 1),
                new Contestant(
                        "BullMQ",
                        AT_LEAST_ONCE,
                        rivals.resolve("bullmq"),
                        List.of("node"),
                        List.of("bullmq.js"),
                        25,
                        "install Node.js, then: npm ci --prefix benchmarks/rivals/bullmq"),
                java(rivals, "Redisson executor", "redisson-executor", AT_LEAST_ONCE, 250),
                new Contestant(
                        "Sidekiq",
                        AT_MOST_ONCE,
                        rivals.resolve("sidekiq"),
                        List.of("ruby"),
                        List.of("sidekiq.rb"),
                        25,
                        "apt-get install ruby-sidekiq"),
                java(rivals, "Redisson blocking queue", "redisson-queue", AT_MOST_ONCE, 25),
                java(rivals, "Spring Data Redis loop", "spring-data-redis", AT_MOST_ONCE, 25),
                java(rivals, "Lettuce loop", "lettuce", AT_MOST_ONCE, 25),
                java(rivals.resolve("rqueue"), "Rqueue", AT_LEAST_ONCE, 250, "dev.sluice.bench.rivals.RqueueRival"),
                java(rivals, "Jesque", "jesque", AT_MOST_ONCE + ", a list keeps what was in flight", 25),
                python(rivals, "Python loop", "plain_loop.py", AT_MOST_ONCE, 100, "python3-redis python3-hiredis"),
                python(
                        rivals,
                        "RQ",
                        "rq_worker.py",
                        AT_MOST_ONCE + ", a lost job is noted as failed",
                        500,
                        "python3-rq python3-hiredis"),
                python(rivals, "Celery", "celery_worker.py", AT_MOST_ONCE, 500, "python3-celery python3-redis"),
                floor(rivals, "Redis itself, LPUSH and RPOP", 1, 10),
                floor(rivals, "Redis itself, 16 in a pipeline", 16, 2));
    }

    private static Contestant java(Path rivals, String name, String word, String guarantee, int fewer) {
        return java(rivals.resolve("java"), name, guarantee, fewer, "dev.sluice.bench.rivals.Program", word);
    }

    private static Contestant java(Path directory, String name, String guarantee, int fewer, String... program) {
        List<String> arguments =
                new ArrayList<>(List.of("-cp", String.join(File.pathSeparator, "target/classes", "target/lib/*")));
        arguments.addAll(List.of(program));
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        return new Contestant(name, guarantee, directory, List.of(java), arguments, fewer, BUILD);
    }

    private static Contestant python(
            Path rivals, String name, String file, String guarantee, int fewer, String packages) {
        return new Contestant(
                name,
                guarantee,
                rivals.resolve("python"),
                List.of("python3", "/usr/bin/python3"),
                List.of(file),
                fewer,
                "apt-get install " + packages);
    }

    private static Contestant floor(Path rivals, String name, int pipeline, int fewer) {
        return new Contestant(
                name,
                "none",
                rivals,
                List.of("bash"),
                List.of("floor.sh", Integer.toString(pipeline)),
                fewer,
                "apt-get install redis-tools");
    }

    /** This one with only the interpreter that has its libraries, and what it says of its version; null if none has. */
    Map.Entry<Contestant, String> installed(String url, Duration limit) throws IOException, InterruptedException {
        for (String interpreter : interpreters) {
            Contestant only =
                    new Contestant(name, guarantee, directory, List.of(interpreter), arguments, fewer, install);
            try {
                return Map.entry(
                        only,
                        only.answer(List.of(url, "version"), limit)
                                .get("version")
                                .asString());
            } catch (StepFailedException missing) {
                // The next one may have them.
            }
        }
        return null;
    }

    /** Runs one step: {@code warm} tasks that are not measured, then {@code count} that are. */
    JsonNode step(String command, String url, int warm, int count, int length, int rate, Duration limit)
            throws IOException, InterruptedException, StepFailedException {
        List<String> numbers =
                Stream.of(warm, count, length, rate).map(String::valueOf).toList();
        List<String> words = new ArrayList<>(List.of(url, command));
        words.addAll(numbers);
        return answer(words, limit);
    }

    private JsonNode answer(List<String> words, Duration limit)
            throws IOException, InterruptedException, StepFailedException {
        List<String> command = new ArrayList<>();
        command.add(interpreters.get(0));
        command.addAll(arguments);
        command.addAll(words);
        Path out = Files.createTempFile("sluice-bench", ".out");
        Path err = Files.createTempFile("sluice-bench", ".err");
        try {
            Process process = start(command, out, err);
            try {
                if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
                    throw new StepFailedException("killed after " + limit.toSeconds() + " s");
                }
            } finally {
                process.descendants().forEach(ProcessHandle::destroyForcibly);
                process.destroyForcibly().waitFor();
            }
            if (process.exitValue() != 0) {
                throw new StepFailedException("exit code " + process.exitValue() + ": " + first(err));
            }
            return JSON.readTree(lastJson(out));
        } finally {
            Files.delete(out);
            Files.delete(err);
        }
    }

    private Process start(List<String> command, Path out, Path err) throws StepFailedException {
        try {
            return new ProcessBuilder(command)
                    .directory(directory.toFile())
                    .redirectOutput(out.toFile())
                    .redirectError(err.toFile())
                    .start();
        } catch (IOException missing) {
            throw new StepFailedException(missing.getMessage());
        }
    }

    private static String first(Path file) throws IOException {
        try (Stream<String> lines = Files.lines(file)) {
            return lines.filter(line -> !line.isBlank()).findFirst().orElse("it said nothing");
        }
    }

    // Libraries may write what they like before it.
    private static String lastJson(Path file) throws IOException, StepFailedException {
        try (Stream<String> lines = Files.lines(file)) {
            return lines.filter(line -> line.startsWith("{"))
                    .reduce((earlier, later) -> later)
                    .orElseThrow(() -> new StepFailedException("it answered nothing"));
        }
    }

    /** The program did not do what it was asked: not installed, failed, or too slow. */
    static final class StepFailedException extends Exception {
        private static final long serialVersionUID = 1;

        StepFailedException(String why) {
            super(why);
        }
    }
}
