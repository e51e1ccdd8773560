package dev.sluice.app.config;

/**
 * Where a value comes from.
 *
 * @param name the file, the variable, the flag, or {@code default}
 * @param line its line in the file, from 1; 0 if it is in none
 * @param column its column there, from 1
 */
record Source(String name, int line, int column) {
    static final Source DEFAULT = new Source("default", 0, 0);

    static Source variable(String name) {
        return new Source("env " + name, 0, 0);
    }

    static Source flag(String name) {
        return new Source("flag " + name, 0, 0);
    }

    static Source file(String name, int line, int column) {
        return new Source(name, line, column);
    }

    /** Exact enough to jump to. */
    String exactly() {
        return line == 0 ? name : name + ":" + line + ":" + column;
    }

    @Override
    public String toString() {
        return line == 0 ? name : name + ":" + line;
    }
}
