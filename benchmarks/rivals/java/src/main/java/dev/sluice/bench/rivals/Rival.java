package dev.sluice.bench.rivals;

import java.util.function.Consumer;

/** A queue of tasks that is measured, as its own documentation says that it is fast. A payload is ASCII text. */
interface Rival extends AutoCloseable {
    /** Name and version. */
    String version();

    /** Puts so many tasks in, the fastest way it has, and returns when Redis has taken them all. */
    void fill(int tasks, String payload) throws Exception;

    /** Puts one task in; returns at once where it can. */
    void enqueue(String payload);

    /** Starts to hand the payload of each task to {@code handler}, on any thread and many at once. */
    void work(Consumer<String> handler);

    @Override
    void close();
}
