package dev.sluice.bench;

import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Option;

/** How much, how wide, how often: what every scenario takes from the command line. */
final class Load {
    @Option(
            names = "--redis",
            paramLabel = "URL",
            description = "The Redis to load; only keys with 'sluice-bench' in their name are touched. Default: a"
                    + " redis-server of its own, started for the run.")
    String redis;

    @Option(names = "--tasks", description = "Tasks of a drain, a bulk enqueue, of due, and of retain; default: ${DEFAULT-VALUE}.")
    int tasks = 200_000;

    @Option(names = "--payload", paramLabel = "BYTES", description = "Length of a payload, or of a value that is retained; default: ${DEFAULT-VALUE}.")
    int payload = 100;

    @Option(names = "--concurrency", description = "Tasks held at once; default: ${DEFAULT-VALUE}.")
    int concurrency = 256;

    @Option(
            names = "--repetitions",
            description = "How often all variants are run, one after the other; medians are told; default:"
                    + " ${DEFAULT-VALUE}.")
    int repetitions = 5;

    @Option(
            names = "--warmup",
            description = "Rounds over all variants that are not counted; default: ${DEFAULT-VALUE}.")
    int warmup = 1;

    @Option(
            names = "--rates",
            split = ",",
            paramLabel = "TASKS/S",
            description = "Rates of the latency scenario; default: 100,1000,5000.")
    List<Integer> rates = List.of(100, 1_000, 5_000);

    @Option(names = "--seconds", description = "Length of a latency run; default: ${DEFAULT-VALUE}.")
    int seconds = 10;

    @Option(
            names = "--due-seconds",
            paramLabel = "SECONDS",
            description = "Over how long the --tasks of the due scenario are due; default: ${DEFAULT-VALUE}.")
    int dueSeconds = 60;

    @Option(
            names = "--timeout",
            paramLabel = "MINUTES",
            description = "Drain also own tasks that each have a timeout of this many minutes; default: ${DEFAULT-VALUE}, 0 = do"
                    + " not.")
    int timeoutMinutes = 5;

    @Option(names = "--samples", description = "Tasks that cancel and await take one after the other; default: ${DEFAULT-VALUE}.")
    int samples = 200;

    @Option(names = "--json", paramLabel = "FILE", description = "Also write all figures and the surroundings there.")
    Path json;

    /** Throws an {@link IllegalArgumentException} that names the option. */
    void check() {
        atLeast("--tasks", tasks, 1);
        atLeast("--payload", payload, 2);
        atLeast("--concurrency", concurrency, 1);
        atLeast("--repetitions", repetitions, 1);
        atLeast("--warmup", warmup, 0);
        atLeast("--seconds", seconds, 1);
        atLeast("--due-seconds", dueSeconds, 1);
        atLeast("--timeout", timeoutMinutes, 0);
        atLeast("--samples", samples, 1);
        rates.forEach(rate -> atLeast("--rates", rate, 1));
    }

    /** A JSON string of the wanted length. */
    String text() {
        return "x".repeat(payload - 2);
    }

    private static void atLeast(String option, int value, int least) {
        if (value < least) {
            throw new IllegalArgumentException(option + " must be at least " + least + ", was " + value);
        }
    }
}
