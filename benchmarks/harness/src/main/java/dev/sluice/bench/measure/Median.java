package dev.sluice.bench.measure;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The middle of some figures. */
public final class Median {
    private Median() {}

    /** The middle one, or the mean of the two in the middle. */
    public static double of(Collection<Double> figures) {
        double[] sorted =
                figures.stream().mapToDouble(Double::doubleValue).sorted().toArray();
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    /** Of each figure over the runs that have it, in the order in which they first come. */
    public static Map<String, Double> ofEach(List<Map<String, Double>> runs) {
        Map<String, List<Double>> values = new LinkedHashMap<>();
        runs.forEach(run -> run.forEach((name, value) ->
                values.computeIfAbsent(name, absent -> new ArrayList<>()).add(value)));
        Map<String, Double> medians = new LinkedHashMap<>();
        values.forEach((name, figures) -> medians.put(name, of(figures)));
        return medians;
    }
}
