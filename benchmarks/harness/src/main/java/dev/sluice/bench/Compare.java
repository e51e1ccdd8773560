package dev.sluice.bench;

import dev.sluice.bench.measure.Median;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * {@code sluice-bench compare BEFORE AFTER}: what has changed between two results by more than repetitions differ.
 *
 * <p>A figure has changed if each of its values in one run is higher than all in the other. With five values each, chance
 * does that to one figure in 126 (2 of the 252 orders that they can have); with fewer values the figure is told as unsure.
 */
@Command(
        name = "compare",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Says which figures of two --json files differ by more than their repetitions do, and by how much.",
        footer = {
            "",
            "Two runs tell something about two versions only if they were made on the same machine, one right after the other,"
                    + " with the same options; what differs in that is told first."
        })
final class Compare implements Callable<Integer> {
    private static final int ENOUGH = 5;
    private static final List<String> TO_DIFFER = List.of("date", "sluice", "revision", "load-at-start");

    @Parameters(index = "0", paramLabel = "BEFORE", description = "What --json FILE has written.")
    private Path before;

    @Parameters(index = "1", paramLabel = "AFTER", description = "The same of a later run.")
    private Path after;

    @Option(names = "--all", description = "Also show the figures that have not changed.")
    private boolean all;

    @Override
    public Integer call() throws IOException {
        JsonNode old = read(before);
        JsonNode now = read(after);
        System.out.println("before: " + origin(old));
        System.out.println("after:  " + origin(now));
        tellWhatDiffers(old.path("surroundings"), now.path("surroundings"));
        tellWhatDiffers(old.path("options"), now.path("options"));
        tellFailures("before", old);
        tellFailures("after", now);
        tellMissing("before", old, now);
        tellMissing("after", now, old);
        int same = 0;
        int compared = 0;
        for (Map.Entry<String, JsonNode> variant : old.path("results").properties()) {
            JsonNode others = now.path("results").path(variant.getKey());
            List<String> lines = new ArrayList<>();
            for (Map.Entry<String, JsonNode> figure :
                    variant.getValue().path("medians").properties()) {
                List<Double> first = values(variant.getValue(), figure.getKey());
                List<Double> second = values(others, figure.getKey());
                if (first.isEmpty() || second.isEmpty()) {
                    continue;
                }
                compared++;
                boolean changed = isApart(first, second);
                same += changed ? 0 : 1;
                if (changed || all) {
                    lines.add(line(figure.getKey(), first, second, changed));
                }
            }
            if (!lines.isEmpty()) {
                System.out.println();
                System.out.println(variant.getKey());
                lines.forEach(System.out::println);
            }
        }
        if (compared == 0) {
            throw new IllegalArgumentException(before + " and " + after + " have no figure in common");
        }
        System.out.println();
        System.out.println(same + " of " + compared + " figures have not changed beyond the noise");
        return 0;
    }

    private static JsonNode read(Path file) throws IOException {
        JsonNode run;
        try {
            run = JsonMapper.builder().build().readTree(Files.readAllBytes(file));
        } catch (JacksonException noJson) {
            throw new IllegalArgumentException(file + " is no JSON: " + noJson.getOriginalMessage(), noJson);
        }
        if (!run.path("results").isObject()) {
            throw new IllegalArgumentException(file + " has no results: it is not what --json writes");
        }
        return run;
    }

    private static String origin(JsonNode run) {
        JsonNode surroundings = run.path("surroundings");
        return surroundings.path("date").asString("unknown date") + ", revision "
                + surroundings.path("revision").asString("unknown");
    }

    private static void tellWhatDiffers(JsonNode old, JsonNode now) {
        for (Map.Entry<String, JsonNode> fact : old.properties()) {
            JsonNode other = now.path(fact.getKey());
            if (!TO_DIFFER.contains(fact.getKey()) && !fact.getValue().equals(other)) {
                System.out.println("!! " + fact.getKey() + " was " + fact.getValue() + ", is " + other);
            }
        }
    }

    private static void tellFailures(String which, JsonNode run) {
        for (JsonNode failure : run.path("failures")) {
            System.out.println("!! " + which + " failed: " + failure.asString());
        }
    }

    private static void tellMissing(String which, JsonNode run, JsonNode other) {
        for (Map.Entry<String, JsonNode> variant : run.path("results").properties()) {
            if (other.path("results").path(variant.getKey()).isMissingNode()) {
                System.out.println("!! only " + which + ": " + variant.getKey());
            }
        }
    }

    private static List<Double> values(JsonNode result, String figure) {
        List<Double> values = new ArrayList<>();
        for (JsonNode run : result.path("runs")) {
            if (run.path(figure).isNumber()) {
                values.add(run.path(figure).asDouble());
            }
        }
        return values;
    }

    private static boolean isApart(List<Double> first, List<Double> second) {
        return Collections.max(first) < Collections.min(second) || Collections.max(second) < Collections.min(first);
    }

    private static String line(String figure, List<Double> first, List<Double> second, boolean changed) {
        double old = Median.of(first);
        double now = Median.of(second);
        String verdict = !changed
                ? "as before"
                : old == 0 ? "changed" : String.format(Locale.ROOT, "%+.1f %%", 100 * (now - old) / old);
        boolean sure = Math.min(first.size(), second.size()) >= ENOUGH;
        return String.format(Locale.ROOT, "  %-36s %,14.2f %,14.2f  %s", figure, old, now, verdict)
                + (changed && !sure ? ", unsure: fewer than " + ENOUGH + " repetitions" : "");
    }
}
