package dev.sluice.bench;

import java.util.Map;

/** One thing that is measured, such as draining foreign tasks at most once. */
interface Variant {
    /** What the figures are printed under. */
    String name();

    /** Runs it once and returns its figures by name and unit, in the order they are printed. */
    Map<String, Double> run() throws Exception;
}
