package dev.sluice.bench;

import dev.sluice.bench.Contestant.StepFailedException;
import dev.sluice.bench.measure.Effort;
import dev.sluice.bench.measure.Median;
import dev.sluice.bench.measure.RedisUnderLoad;
import dev.sluice.bench.measure.Surroundings;
import dev.sluice.bench.scenario.Load;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * {@code sluice-bench rivals}: Sluice beside others on the same Redis, one after the other, each in a process of its own.
 *
 * <p>Every run of a contestant has a fresh server, always of the same binary and settings: rivals write keys of their own
 * names, so a server that others use is none of their business.
 */
@Command(
        name = "rivals",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description =
                "Measures Sluice and its rivals on the same Redis: filling a queue, draining it, pick-up latency.")
final class Rivals implements Callable<Integer> {
    private static final int WARM_SECONDS = 10; // a JVM compiles while these go, and takes a core for it
    private static final int WARM_PARTS = 3; // and while it drains, for longer than it takes to drain once
    private static final List<String> COLUMNS = List.of(
            "fill/s",
            "drain/s",
            "CPU µs a task",
            "Redis CPU µs a task",
            "Redis MB per 100,000 waiting",
            "p50 ms",
            "p99 ms");

    @Option(
            names = "--tasks",
            description =
                    "Tasks that Sluice fills and drains; slow rivals get a fixed part of it, which the table tells."
                            + " Three times as many go before that are not measured. Default: ${DEFAULT-VALUE}.")
    private int tasks = 1_000_000;

    @Option(names = "--payload", paramLabel = "BYTES", description = "Length of a payload; default: ${DEFAULT-VALUE}.")
    private int payload = 100;

    @Option(
            names = "--repetitions",
            description = "How often all are run, one after the other; medians are told; default: ${DEFAULT-VALUE}.")
    private int repetitions = 3;

    @Option(
            names = "--rate",
            paramLabel = "TASKS/S",
            description = "Tasks a second of the latency step; default: ${DEFAULT-VALUE}.")
    private int rate = 500;

    @Option(
            names = "--seconds",
            description = "Length of the latency step, after 10 s that are not measured; default: ${DEFAULT-VALUE}.")
    private int seconds = 10;

    @Option(
            names = "--limit",
            paramLabel = "SECONDS",
            description = "A step that takes longer is killed and reported; default: ${DEFAULT-VALUE}.")
    private int limitSeconds = 60;

    @Option(
            names = "--only",
            split = ",",
            paramLabel = "WORD",
            description = "Only those with one of these words in their name.")
    private List<String> only = List.of();

    @Option(
            names = "--programs",
            paramLabel = "DIR",
            description =
                    "Where their programs are; default: benchmarks/rivals of the tree that this jar was built in.")
    private Path programs;

    @Option(names = "--json", paramLabel = "FILE", description = "Also write all figures and the surroundings there.")
    private Path json;

    private final Map<Contestant, List<Map<String, Double>>> runs = new LinkedHashMap<>();
    private final Map<Contestant, List<String>> failures = new LinkedHashMap<>();
    private final Map<Contestant, String> versions = new LinkedHashMap<>();

    @Override
    public Integer call() throws Exception {
        check();
        Map<String, Object> surroundings;
        try (RedisUnderLoad redis = RedisUnderLoad.open(null, false)) {
            surroundings = Surroundings.of(redis);
            surroundings.forEach((name, value) -> System.out.println(name + ": " + value));
            Surroundings.warning(surroundings).ifPresent(System.out::println);
            for (Contestant contestant : Contestant.all(programs == null ? beside() : programs)) {
                if (isWanted(contestant)) {
                    enlist(contestant, redis);
                }
            }
        }
        if (versions.isEmpty()) {
            String wanted = only.isEmpty() ? "" : " of those with one of these words in their name: " + only;
            throw new IllegalStateException("no program is installed" + wanted);
        }
        for (int round = 0; round < repetitions; round++) {
            for (Contestant contestant : versions.keySet()) {
                runs.get(contestant).add(run(contestant, "run " + (round + 1) + "/" + repetitions));
            }
        }
        printTable();
        if (json != null) {
            write(surroundings);
        }
        return failures.values().stream().allMatch(List::isEmpty) ? 0 : 1;
    }

    private void check() {
        Load.atLeast("--tasks", tasks, 1_000);
        Load.atLeast("--payload", payload, 32);
        Load.atLeast("--repetitions", repetitions, 1);
        Load.atLeast("--rate", rate, 1);
        Load.atLeast("--seconds", seconds, 1);
        Load.atLeast("--limit", limitSeconds, 1);
        Bench.checkWritable(json);
    }

    // This jar is benchmarks/harness/target/sluice-bench.jar.
    private static Path beside() throws URISyntaxException {
        Path jar = Path.of(
                Rivals.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        return jar.resolve("../../../rivals").normalize();
    }

    private boolean isWanted(Contestant contestant) {
        String name = contestant.name().toLowerCase(Locale.ROOT);
        return only.isEmpty() || only.stream().anyMatch(word -> name.contains(word.toLowerCase(Locale.ROOT)));
    }

    private void enlist(Contestant contestant, RedisUnderLoad redis) throws IOException, InterruptedException {
        Map.Entry<Contestant, String> installed = contestant.installed(redis.uri(), limit());
        if (installed == null) {
            System.out.println("skipped  " + contestant.name() + ": " + contestant.install());
            return;
        }
        versions.put(installed.getKey(), installed.getValue());
        runs.put(installed.getKey(), new ArrayList<>());
        failures.put(installed.getKey(), new ArrayList<>());
        System.out.println("found    " + contestant.name() + ": " + installed.getValue());
    }

    private Map<String, Double> run(Contestant contestant, String when) throws IOException, InterruptedException {
        Map<String, Double> figures = new LinkedHashMap<>();
        for (Step step : List.<Step>of(this::fillAndDrain, this::latency)) {
            try (RedisUnderLoad redis = RedisUnderLoad.open(null, false)) {
                step.run(contestant, redis, figures);
            } catch (InterruptedException stopped) {
                throw stopped;
            } catch (Exception failure) { // whatever it is: the figures of all others are not to go with it
                failures.get(contestant).add(when + ": " + failure.getMessage());
                System.out.println(when + "  " + contestant.name() + ": FAILED, " + failure.getMessage());
            }
        }
        System.out.println(when + "  " + contestant.name() + ": " + cells(figures));
        return figures;
    }

    private void fillAndDrain(Contestant contestant, RedisUnderLoad redis, Map<String, Double> figures)
            throws IOException, InterruptedException, StepFailedException {
        int count = count(contestant);
        int warm = WARM_PARTS * count;
        Effort empty = Effort.now(redis);
        JsonNode filled = contestant.step("fill", redis.uri(), warm, count, payload - 2, rate, limit());
        Effort full = Effort.now(redis);
        figures.put("fill/s", count / filled.get("seconds").asDouble());
        figures.put("Redis MB per 100,000 waiting", (full.memory() - empty.memory()) / 10.0 / (warm + count));
        JsonNode drained = contestant.step("drain", redis.uri(), warm, count, payload - 2, rate, limit());
        Effort after = Effort.now(redis);
        figures.put("drain/s", count / drained.get("seconds").asDouble());
        figures.put("Redis CPU µs a task", after.redisSecondsSince(full) * 1e6 / (warm + count));
        if (drained.has("cpu")) {
            figures.put("CPU µs a task", drained.get("cpu").asDouble() * 1e6 / count);
        }
    }

    private void latency(Contestant contestant, RedisUnderLoad redis, Map<String, Double> figures)
            throws IOException, InterruptedException, StepFailedException {
        JsonNode answer = contestant.step(
                "latency", redis.uri(), rate * WARM_SECONDS, rate * seconds, payload - 2, rate, limit());
        if (!answer.has("micros")) {
            return;
        }
        Histogram micros = new Histogram(TimeUnit.MINUTES.toMicros(10), 3);
        for (JsonNode sample : answer.get("micros")) {
            micros.recordValue(Math.max(0, sample.asLong()));
        }
        figures.put("p50 ms", micros.getValueAtPercentile(50) / 1e3);
        figures.put("p99 ms", micros.getValueAtPercentile(99) / 1e3);
    }

    private int count(Contestant contestant) {
        return Math.max(4, tasks / contestant.fewer());
    }

    private Duration limit() {
        return Duration.ofSeconds(limitSeconds);
    }

    private void printTable() {
        System.out.println();
        System.out.println("| | guarantee | tasks | " + String.join(" | ", COLUMNS) + " |");
        System.out.println("|---|---|--:|" + "--:|".repeat(COLUMNS.size()));
        runs.forEach((contestant, figures) -> System.out.printf(
                Locale.ROOT,
                "| %s | %s | %,d | %s |%n",
                contestant.name(),
                contestant.guarantee(),
                count(contestant),
                cells(Median.ofEach(figures))));
        failures.forEach((contestant, why) ->
                why.forEach(failure -> System.out.println("failed   " + contestant.name() + ", " + failure)));
    }

    private static String cells(Map<String, Double> figures) {
        return String.join(
                " | ",
                COLUMNS.stream()
                        .map(column -> figures.containsKey(column) ? cell(figures.get(column)) : "–")
                        .toList());
    }

    private static String cell(double figure) {
        return String.format(Locale.ROOT, figure >= 100 ? "%,.0f" : figure >= 10 ? "%.1f" : "%.2f", figure);
    }

    private void write(Map<String, Object> surroundings) throws IOException {
        Map<String, Object> options = new LinkedHashMap<>();
        options.put("tasks", tasks);
        options.put("payload", payload);
        options.put("repetitions", repetitions);
        options.put("rate", rate);
        options.put("seconds", seconds);
        options.put("limitSeconds", limitSeconds);
        Map<String, Object> results = new LinkedHashMap<>();
        runs.forEach((contestant, figures) -> {
            Map<String, Object> result = new LinkedHashMap<>();
            result.put("version", versions.get(contestant));
            result.put("guarantee", contestant.guarantee());
            result.put("tasks", count(contestant));
            result.put("medians", Median.ofEach(figures));
            result.put("runs", figures);
            result.put("failures", failures.get(contestant));
            results.put(contestant.name(), result);
        });
        Map<String, Object> report = new LinkedHashMap<>();
        report.put("surroundings", surroundings);
        report.put("options", options);
        report.put("results", results);
        Files.write(
                json,
                JsonMapper.builder().build().writerWithDefaultPrettyPrinter().writeValueAsBytes(report));
    }

    /** What is measured with a contestant on a fresh server. */
    @FunctionalInterface
    private interface Step {
        void run(Contestant contestant, RedisUnderLoad redis, Map<String, Double> figures)
                throws IOException, InterruptedException, StepFailedException;
    }
}
