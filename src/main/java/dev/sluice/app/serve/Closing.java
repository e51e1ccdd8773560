package dev.sluice.app.serve;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * What is to be closed, last first, exactly once: by its owner, or by the end of the JVM if that comes earlier.
 *
 * <p>Thread-safe; whoever comes second waits until all is closed.
 */
final class Closing implements AutoCloseable {
    private final Deque<Runnable> steps = new ArrayDeque<>();
    private boolean closed;

    Closing() {
        Runtime.getRuntime().addShutdownHook(new Thread(this::close, "sluice-shutdown"));
    }

    /** Adds a step, which will run before those that are there; at once if all is closed already. */
    synchronized void add(Runnable step) {
        if (closed) {
            step.run();
        } else {
            steps.push(step);
        }
    }

    @Override
    public synchronized void close() {
        closed = true;
        while (!steps.isEmpty()) {
            steps.pop().run();
        }
    }
}
