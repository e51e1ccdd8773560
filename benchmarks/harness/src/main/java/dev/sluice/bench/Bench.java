package dev.sluice.bench;

import dev.sluice.bench.measure.Figures;
import dev.sluice.bench.measure.Median;
import dev.sluice.bench.measure.Memory;
import dev.sluice.bench.measure.RedisUnderLoad;
import dev.sluice.bench.measure.Surroundings;
import dev.sluice.bench.scenario.Load;
import dev.sluice.bench.scenario.Scenario;
import dev.sluice.bench.scenario.Variant;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.HdrHistogram.AbstractHistogram;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.RunLast;
import tools.jackson.databind.json.JsonMapper;

/**
 * {@code java -jar sluice-bench.jar [SCENARIO...]}: runs the {@linkplain Scenario scenarios} and prints medians. In place of
 * them {@code rivals} runs {@link Rivals}, {@code chart} draws what that wrote, and {@code compare} compares two results.
 *
 * <p>Repetitions are interleaved: a machine that gets slower during the run slows all variants, not the last one.
 */
@Command(
        name = "sluice-bench",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        subcommands = {Rivals.class, Chart.class, Compare.class},
        description = "Measures Sluice on a real Redis: throughput, pick-up latency, lateness, cost, memory. What each"
                + " scenario does is told in benchmarks/README.md.",
        footer = {
            "",
            "Examples:",
            "  java -jar sluice-bench.jar",
            "  java -jar sluice-bench.jar drain --tasks 500000 --concurrency 512 --json drain.json",
            "  java -jar sluice-bench.jar drain enqueue --append-only",
            "  java -jar sluice-bench.jar latency --rates 1000,10000 --hgrm . --redis redis://localhost:6379",
            "  java -jar sluice-bench.jar millions --many 10000000 --repetitions 1 --warmup 0",
            "  java -jar sluice-bench.jar due --tasks 100000 --repetitions 1 --warmup 0",
            "  java -jar sluice-bench.jar compare before.json after.json",
            "  java -jar sluice-bench.jar rivals --repetitions 1 --json rivals.json",
            "  java -jar sluice-bench.jar chart rivals.json"
        })
public final class Bench implements Callable<Integer> {
    @Parameters(
            arity = "0..*",
            paramLabel = "SCENARIO",
            description = "${COMPLETION-CANDIDATES}; default: all of them.")
    private List<Scenario> scenarios = List.of(Scenario.values());

    @Option(
            names = "--redis",
            paramLabel = "URL",
            description = "The Redis to load; only keys with 'sluice-bench' in their name are touched. Default: a"
                    + " redis-server of its own, started for the run.")
    private String url;

    @Option(
            names = "--append-only",
            description = "The own redis-server writes an append-only file, synced every second; default: none.")
    private boolean appendOnly;

    @Mixin
    private Load load = new Load();

    @Option(
            names = "--repetitions",
            description = "How often all variants are run, one after the other; medians are told; default:"
                    + " ${DEFAULT-VALUE}.")
    private int repetitions = 5;

    @Option(
            names = "--warmup",
            description = "Rounds over all variants that are not counted; default: ${DEFAULT-VALUE}.")
    private int warmup = 1;

    @Option(names = "--json", paramLabel = "FILE", description = "Also write all figures and the surroundings there.")
    private Path json;

    @Option(
            names = "--hgrm",
            paramLabel = "DIR",
            description = "Also write the histogram of each variant that has one there, over all its repetitions, in ms,"
                    + " as HdrHistogram's plotter reads it.")
    private Path hgrm;

    private final List<String> failures = new ArrayList<>();

    private Bench() {}

    /** Runs the scenarios named on the command line. Exit codes: 0, 1 a run failed, 2 the command line is wrong. */
    public static void main(String... arguments) {
        System.exit(new CommandLine(new Bench())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setExecutionStrategy(Bench::execute)
                .setExecutionExceptionHandler((failure, command, parsed) -> {
                    System.err.println("sluice-bench: " + failure.getMessage());
                    return failure instanceof IllegalArgumentException ? 2 : 1;
                })
                .execute(arguments));
    }

    /** What stands before the name of a command would be meant for the scenarios, and say nothing. */
    private static int execute(ParseResult parsed) {
        ParseResult command = parsed.subcommand();
        if (command != null && !parsed.matchedOptions().isEmpty()) {
            String name = command.commandSpec().name();
            throw new ParameterException(
                    parsed.commandSpec().commandLine(),
                    parsed.matchedOptions().get(0).longestName() + " stands before '" + name
                            + "', which knows nothing of it: its options stand behind its name");
        }
        return new RunLast().execute(parsed);
    }

    @Override
    public Integer call() throws Exception {
        check();
        try (RedisUnderLoad redis = RedisUnderLoad.open(url, appendOnly)) {
            Map<String, Object> surroundings = Surroundings.of(redis);
            surroundings.forEach((name, value) -> System.out.println(name + ": " + value));
            Surroundings.warning(surroundings).ifPresent(System.out::println);
            List<Variant> variants = new ArrayList<>();
            for (Scenario scenario : scenarios) {
                variants.addAll(scenario.variants(redis, load));
            }
            Map<String, List<Figures>> runs = runAll(variants);
            runs.forEach(Bench::print);
            failures.forEach(failure -> System.out.println("failed   " + failure));
            if (json != null) {
                write(surroundings, runs);
            }
            if (hgrm != null) {
                writeHistograms(runs);
            }
        }
        return failures.isEmpty() ? 0 : 1;
    }

    private void check() throws IOException {
        load.check();
        Load.atLeast("--repetitions", repetitions, 1);
        Load.atLeast("--warmup", warmup, 0);
        if (url != null && appendOnly) {
            throw new IllegalArgumentException("--append-only is a setting of the own redis-server: leave out --redis");
        }
        if (hgrm != null) {
            Files.createDirectories(hgrm);
        }
        checkWritable(json);
    }

    /** Not after the run, which may have taken an hour. */
    static void checkWritable(Path file) {
        if (file == null) {
            return;
        }
        Path folder = file.toAbsolutePath().getParent();
        boolean fits = Files.exists(file)
                ? Files.isRegularFile(file) && Files.isWritable(file)
                : Files.isDirectory(folder) && Files.isWritable(folder);
        if (!fits) {
            throw new IllegalArgumentException("--json " + file + " cannot be written: name a file in a folder that is"
                    + " there and may be written");
        }
    }

    private Map<String, List<Figures>> runAll(List<Variant> variants) throws Exception {
        Map<String, List<Figures>> runs = new LinkedHashMap<>();
        for (int round = -warmup; round < repetitions; round++) {
            for (Variant variant : variants) {
                String when = (round < 0 ? "warm-up" : "run " + (round + 1) + "/" + repetitions) + "  " + variant.name();
                Figures figures;
                Memory.collect(); // what the run before has left is not collected at the cost of this one
                try {
                    figures = variant.run();
                } catch (InterruptedException stopped) {
                    throw stopped;
                } catch (Exception failure) { // what the others measured is not lost for it
                    String why = failure.getMessage() == null ? failure.toString() : failure.getMessage();
                    failures.add(when + ": " + why);
                    System.out.println(when + ": FAILED, " + why);
                    continue;
                }
                System.out.println(when + ": " + first(figures));
                if (round >= 0) {
                    runs.computeIfAbsent(variant.name(), name -> new ArrayList<>()).add(figures);
                }
            }
        }
        return runs;
    }

    private static String first(Figures figures) {
        Map.Entry<String, Double> figure = figures.values().entrySet().iterator().next();
        return String.format(Locale.ROOT, "%,.2f %s", figure.getValue(), figure.getKey());
    }

    private static void print(String variant, List<Figures> runs) {
        System.out.println();
        System.out.println(variant);
        medians(runs).forEach((name, value) -> System.out.printf(Locale.ROOT, "  %-36s %,14.2f%n", name, value));
    }

    private static Map<String, Double> medians(List<Figures> runs) {
        return Median.ofEach(runs.stream().map(Figures::values).toList());
    }

    private void write(Map<String, Object> surroundings, Map<String, List<Figures>> runs) throws IOException {
        Map<String, Object> options = load.options();
        options.put("repetitions", repetitions);
        options.put("warmup", warmup);
        Map<String, Object> results = new LinkedHashMap<>();
        runs.forEach((variant, figures) -> {
            Map<String, Object> result = new LinkedHashMap<>();
            result.put("medians", medians(figures));
            result.put("runs", figures.stream().map(Figures::values).toList());
            results.put(variant, result);
        });
        Map<String, Object> report = new LinkedHashMap<>();
        report.put("surroundings", surroundings);
        report.put("options", options);
        report.put("results", results);
        report.put("failures", failures);
        Files.write(json, JsonMapper.builder().build().writerWithDefaultPrettyPrinter().writeValueAsBytes(report));
    }

    private void writeHistograms(Map<String, List<Figures>> runs) throws IOException {
        for (Map.Entry<String, List<Figures>> variant : runs.entrySet()) {
            for (String unit : variant.getValue().get(0).histograms().keySet()) {
                String name = (variant.getKey() + " " + unit).replaceAll("[^A-Za-z0-9]+", "-") + ".hgrm";
                AbstractHistogram all = variant.getValue().get(0).histograms().get(unit).copy();
                variant.getValue().stream().skip(1).forEach(run -> all.add(run.histograms().get(unit)));
                try (PrintStream text = new PrintStream(hgrm.resolve(name).toFile(), StandardCharsets.UTF_8)) {
                    all.outputPercentileDistribution(text, 1_000.0);
                }
            }
        }
    }
}
