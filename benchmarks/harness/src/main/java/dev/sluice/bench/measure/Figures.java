package dev.sluice.bench.measure;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.HdrHistogram.AbstractHistogram;

/** What one run has measured: figures by name and unit, in the order they are printed, and the histograms behind them. */
public final class Figures {
    private final Map<String, Double> values = new LinkedHashMap<>();
    private final Map<String, AbstractHistogram> histograms = new LinkedHashMap<>();

    /** Adds a figure; {@code name} ends with its unit, or says what is counted. */
    public void put(String name, double value) {
        values.put(name, value);
    }

    /**
     * Adds some percentiles and the highest value of a histogram of microseconds.
     *
     * @param unit what they are, such as {@code ms late}
     * @param percentiles of 0 to 100
     */
    public void put(String unit, AbstractHistogram micros, double... percentiles) {
        for (double percentile : percentiles) {
            String name = percentile % 1 == 0 ? String.valueOf((long) percentile) : String.valueOf(percentile);
            put("p" + name + " " + unit, micros.getValueAtPercentile(percentile) / 1e3);
        }
        put("max " + unit, micros.getMaxValue() / 1e3);
        histograms.put(unit, micros);
    }

    /** All figures, in the order they were added. */
    public Map<String, Double> values() {
        return Collections.unmodifiableMap(values);
    }

    /** The histograms by what they are, in the order they were added. */
    public Map<String, AbstractHistogram> histograms() {
        return Collections.unmodifiableMap(histograms);
    }
}
