package dev.sluice.bench.scenario;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Option;

/** How much and how wide: what scenarios take from the command line. */
public final class Load {
    @Option(
            names = "--tasks",
            description = "Tasks of a drain and of most others; those that are slow take a fixed part of it. Default:"
                    + " ${DEFAULT-VALUE}.")
    int tasks = 200_000;

    @Option(
            names = "--many",
            paramLabel = "TASKS",
            description = "Tasks of the millions scenario; default: ${DEFAULT-VALUE}.")
    int many = 5_000_000;

    @Option(
            names = "--payload",
            paramLabel = "BYTES",
            description = "Length of a payload, or of a value that is retained; default: ${DEFAULT-VALUE}.")
    int payload = 100;

    @Option(
            names = "--concurrency",
            description = "Tasks held at once, where a scenario has no figure of its own; default: ${DEFAULT-VALUE}.")
    int concurrency = 256;

    @Option(
            names = "--rates",
            split = ",",
            paramLabel = "TASKS/S",
            description = "Rates of the latency scenario; default: 500,2000,10000.")
    List<Integer> rates = List.of(500, 2_000, 10_000);

    @Option(
            names = "--seconds",
            description = "Length of a latency run, of each rate of a sweep, and of idle; default: ${DEFAULT-VALUE}.")
    int seconds = 10;

    @Option(
            names = "--due-seconds",
            paramLabel = "SECONDS",
            description = "Over how long the --tasks of the due scenario are due; default: ${DEFAULT-VALUE}.")
    int dueSeconds = 60;

    @Option(
            names = "--timeout",
            paramLabel = "MINUTES",
            description = "Drain also own tasks that each have a timeout of this many minutes; default:"
                    + " ${DEFAULT-VALUE}, 0 = do not.")
    int timeoutMinutes = 5;

    @Option(
            names = "--samples",
            description = "Tasks that cancel and await take one after the other; default: ${DEFAULT-VALUE}.")
    int samples = 200;

    /** Throws an {@link IllegalArgumentException} that names the option. */
    public void check() {
        atLeast("--tasks", tasks, 1);
        atLeast("--many", many, 1);
        atLeast("--payload", payload, 2);
        atLeast("--concurrency", concurrency, 1);
        atLeast("--seconds", seconds, 1);
        atLeast("--due-seconds", dueSeconds, 1);
        atLeast("--timeout", timeoutMinutes, 0);
        atLeast("--samples", samples, 1);
        rates.forEach(rate -> atLeast("--rates", rate, 1));
    }

    /** All of it by name, for whoever wants to do the same again. */
    public Map<String, Object> options() {
        Map<String, Object> options = new LinkedHashMap<>();
        options.put("tasks", tasks);
        options.put("many", many);
        options.put("payload", payload);
        options.put("concurrency", concurrency);
        options.put("rates", rates);
        options.put("seconds", seconds);
        options.put("dueSeconds", dueSeconds);
        options.put("timeoutMinutes", timeoutMinutes);
        options.put("samples", samples);
        return options;
    }

    /** A JSON string of the wanted length. */
    String text() {
        return "x".repeat(payload - 2);
    }

    /** Throws an {@link IllegalArgumentException} that names the option. */
    public static void atLeast(String option, int value, int least) {
        if (value < least) {
            throw new IllegalArgumentException(option + " must be at least " + least + ", was " + value);
        }
    }
}
