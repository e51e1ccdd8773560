package dev.sluice.bench.scenario;

import dev.sluice.bench.measure.Figures;

/** One thing that is measured, such as draining foreign tasks at most once. */
public interface Variant {
    /** What the figures are printed under. */
    String name();

    /** Runs it once and returns its figures by name and unit, in the order they are printed. */
    Figures run() throws Exception;
}
