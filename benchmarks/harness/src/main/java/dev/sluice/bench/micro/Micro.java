package dev.sluice.bench.micro;

import org.openjdk.jmh.Main;

/** JMH's own command line, with the time and the bytes allocated of each operation as its defaults. */
public final class Micro {
    private Micro() {}

    /** Runs the benchmarks whose names fit the arguments, all without any; {@code -h} lists JMH's options. */
    public static void main(String... arguments) throws Exception {
        String[] given = new String[arguments.length + 2];
        given[0] = "-prof";
        given[1] = "gc";
        System.arraycopy(arguments, 0, given, 2, arguments.length);
        Main.main(given);
    }
}
