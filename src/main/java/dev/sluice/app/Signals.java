package dev.sluice.app;

import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The wish to stop: the first Ctrl-C or SIGTERM asks for it, the second ends the JVM at once with 130 or 143.
 *
 * <p>Where the JVM keeps these signals to itself ({@code -Xrs}), the first one ends it through its shutdown hooks.
 */
final class Signals {
    private static final int SIGNAL_EXIT = 128;

    private final AtomicInteger seen = new AtomicInteger();
    private final CountDownLatch stop = new CountDownLatch(1);
    private volatile int exitCode;

    void listen() {
        listen("INT", 2);
        listen("TERM", 15);
    }

    /** Asks to stop, as the first signal does, and to exit with that code. */
    void stop(int code) {
        exitCode = code;
        stop.countDown();
    }

    /** What the process is to exit with. */
    int exitCode() {
        return exitCode;
    }

    boolean isStopping() {
        return stop.getCount() == 0;
    }

    /** Returns when a stop was asked for. */
    void await() throws InterruptedException {
        stop.await();
    }

    /** The same, or earlier after {@code limit}. */
    boolean await(Duration limit) throws InterruptedException {
        return stop.await(limit.toNanos(), TimeUnit.NANOSECONDS);
    }

    // By reflection: javac warns of every mention of this class, which has no public twin.
    private void listen(String name, int number) {
        try {
            Class<?> signal = Class.forName("sun.misc.Signal");
            Class<?> handler = Class.forName("sun.misc.SignalHandler");
            Object listener = Proxy.newProxyInstance(
                    handler.getClassLoader(), new Class<?>[] {handler}, (self, method, given) -> {
                        received(number);
                        return null;
                    });
            signal.getMethod("handle", signal, handler)
                    .invoke(null, signal.getConstructor(String.class).newInstance(name), listener);
        } catch (ReflectiveOperationException keptByTheJvm) {
            // Its shutdown hooks are enough for an orderly stop.
        }
    }

    private void received(int number) {
        if (seen.incrementAndGet() > 1) {
            Runtime.getRuntime().halt(SIGNAL_EXIT + number);
        }
        stop.countDown();
    }
}
