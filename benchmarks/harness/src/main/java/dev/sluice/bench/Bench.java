package dev.sluice.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.BiFunction;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.json.JsonMapper;

/**
 * {@code java -jar sluice-bench.jar [drain] [enqueue] [latency] [due] [cancel] [await] [http] [push] [retain]}: runs the
 * scenarios and prints medians;
 * {@code rivals} in their place runs {@link Rivals}, and {@code chart} draws what that wrote.
 *
 * <p>Repetitions are interleaved: a machine that gets slower during the run slows all variants, not the last one.
 */
@Command(
        name = "sluice-bench",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        subcommands = {Rivals.class, Chart.class},
        description = "Measures Sluice on a real Redis: throughput of draining and enqueueing, pick-up latency, lateness of scheduled tasks, how soon a cancelled task stops, awaits, enqueueing over HTTP, delivery to a URL, memory of results, cost.",
        footer = {
            "",
            "Examples:",
            "  java -jar sluice-bench.jar",
            "  java -jar sluice-bench.jar drain --tasks 500000 --concurrency 512 --json drain.json",
            "  java -jar sluice-bench.jar cancel --samples 200 --repetitions 3",
            "  java -jar sluice-bench.jar await --samples 1000 --repetitions 1",
            "  java -jar sluice-bench.jar retain --tasks 1000000 --repetitions 1 --warmup 0",
            "  java -jar sluice-bench.jar due --tasks 100000 --repetitions 1 --warmup 0",
            "  java -jar sluice-bench.jar rivals --repetitions 1 --json rivals.json",
            "  java -jar sluice-bench.jar chart rivals.json",
            "  java -jar sluice-bench.jar latency --rates 1000,10000 --redis redis://localhost:6379"
        })
public final class Bench implements Callable<Integer> {
    @Parameters(
            arity = "0..*",
            paramLabel = "SCENARIO",
            description = "${COMPLETION-CANDIDATES}; default: all of them.")
    private List<Scenario> scenarios = List.of(Scenario.values());

    @Mixin
    private Load load = new Load();

    private Bench() {}

    /** Runs the scenarios named on the command line. Exit codes: 0, 1 a run failed, 2 the command line is wrong. */
    public static void main(String... arguments) {
        System.exit(new CommandLine(new Bench())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setExecutionExceptionHandler((failure, command, parsed) -> {
                    System.err.println("sluice-bench: " + failure.getMessage());
                    return failure instanceof IllegalArgumentException ? 2 : 1;
                })
                .execute(arguments));
    }

    @Override
    public Integer call() throws Exception {
        load.check();
        try (RedisUnderLoad redis = RedisUnderLoad.open(load.redis)) {
            Map<String, Object> surroundings = Surroundings.of(redis);
            surroundings.forEach((name, value) -> System.out.println(name + ": " + value));
            Surroundings.warning(surroundings).ifPresent(System.out::println);
            List<Variant> variants = new ArrayList<>();
            for (Scenario scenario : scenarios) {
                variants.addAll(scenario.variants.apply(redis, load));
            }
            Map<String, List<Map<String, Double>>> runs = runAll(variants);
            runs.forEach(Bench::print);
            if (load.json != null) {
                write(surroundings, runs);
            }
        }
        return 0;
    }

    private Map<String, List<Map<String, Double>>> runAll(List<Variant> variants) throws Exception {
        Map<String, List<Map<String, Double>>> runs = new LinkedHashMap<>();
        for (int round = -load.warmup; round < load.repetitions; round++) {
            for (Variant variant : variants) {
                Map<String, Double> figures = variant.run();
                System.out.printf(
                        Locale.ROOT,
                        "%s  %s: %s%n",
                        round < 0 ? "warm-up" : "run " + (round + 1) + "/" + load.repetitions,
                        variant.name(),
                        first(figures));
                if (round >= 0) {
                    runs.computeIfAbsent(variant.name(), name -> new ArrayList<>()).add(figures);
                }
            }
        }
        return runs;
    }

    private static String first(Map<String, Double> figures) {
        Map.Entry<String, Double> figure = figures.entrySet().iterator().next();
        return String.format(Locale.ROOT, "%,.2f %s", figure.getValue(), figure.getKey());
    }

    private static void print(String variant, List<Map<String, Double>> runs) {
        System.out.println();
        System.out.println(variant);
        medians(runs).forEach((name, value) -> System.out.printf(Locale.ROOT, "  %-36s %,14.2f%n", name, value));
    }

    private static Map<String, Double> medians(List<Map<String, Double>> runs) {
        Map<String, Double> medians = new LinkedHashMap<>();
        for (String name : runs.get(0).keySet()) {
            medians.put(name, Median.of(runs.stream().map(run -> run.get(name)).toList()));
        }
        return medians;
    }

    private void write(Map<String, Object> surroundings, Map<String, List<Map<String, Double>>> runs)
            throws IOException {
        Map<String, Object> options = new LinkedHashMap<>();
        options.put("tasks", load.tasks);
        options.put("payload", load.payload);
        options.put("concurrency", load.concurrency);
        options.put("repetitions", load.repetitions);
        options.put("warmup", load.warmup);
        options.put("rates", load.rates);
        options.put("seconds", load.seconds);
        options.put("dueSeconds", load.dueSeconds);
        options.put("timeoutMinutes", load.timeoutMinutes);
        options.put("samples", load.samples);
        Map<String, Object> results = new LinkedHashMap<>();
        runs.forEach((variant, figures) -> results.put(variant, Map.of("medians", medians(figures), "runs", figures)));
        Map<String, Object> report = new LinkedHashMap<>();
        report.put("surroundings", surroundings);
        report.put("options", options);
        report.put("results", results);
        Files.write(
                load.json, JsonMapper.builder().build().writerWithDefaultPrettyPrinter().writeValueAsBytes(report));
    }

    /** What can be measured. */
    enum Scenario {
        /** See {@link Drain}. */
        drain(Drain::variants),
        /** See {@link Enqueue}. */
        enqueue(Enqueue::variants),
        /** See {@link Latency}. */
        latency(Latency::variants),
        /** See {@link Due}. */
        due(Due::variants),
        /** See {@link Cancel}. */
        cancel(Cancel::variants),
        /** See {@link Await}. */
        await(Await::variants),
        /** See {@link Http}. */
        http(Http::variants),
        /** See {@link Push}. */
        push(Push::variants),
        /** See {@link Retain}. */
        retain(Retain::variants);

        private final BiFunction<RedisUnderLoad, Load, List<Variant>> variants;

        Scenario(BiFunction<RedisUnderLoad, Load, List<Variant>> variants) {
            this.variants = variants;
        }
    }
}
