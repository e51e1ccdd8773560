package dev.sluice.app.serve;

import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The wish to stop: the first Ctrl-C or SIGTERM asks for it, the second ends the JVM at once with 130 or 143. An orderly
 * stop that takes longer than its limit is cut short with exit code 1.
 *
 * <p>Where the JVM keeps these signals to itself ({@code -Xrs}), the first one ends it through its shutdown hooks.
 */
final class Signals {
    private static final int SIGNAL_EXIT = 128;
    private static final int NOT_IN_TIME = 1;
    private static final Duration TO_SAY_SO = Duration.ofMillis(100); // whoever reads it may have stopped to

    private final AtomicInteger seen = new AtomicInteger();
    private final AtomicBoolean limited = new AtomicBoolean();
    private final CountDownLatch stop = new CountDownLatch(1);
    private final CountDownLatch never = new CountDownLatch(1);
    private final Duration limit;
    private final Runnable atLimit;
    private volatile int exitCode;

    /** A stop may take {@code limit}; then {@code atLimit} may say a last word. */
    Signals(Duration limit, Runnable atLimit) {
        this.limit = limit;
        this.atLimit = atLimit;
    }

    void listen() {
        listen("INT", 2);
        listen("TERM", 15);
    }

    /** Asks to stop, as the first signal does, and to exit with that code. */
    void stop(int code) {
        exitCode = code;
        begin();
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

    /** The same, or earlier after {@code time}. */
    boolean await(Duration time) throws InterruptedException {
        return stop.await(time.toNanos(), TimeUnit.NANOSECONDS);
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
        begin();
    }

    private void begin() {
        if (limited.compareAndSet(false, true)) {
            Thread clock = new Thread(this::endAtLimit, "sluice-stop-limit");
            clock.setDaemon(true);
            clock.start();
        }
        stop.countDown();
    }

    private void endAtLimit() {
        try {
            if (!never.await(limit.toNanos(), TimeUnit.NANOSECONDS)) {
                Thread lastWord = new Thread(atLimit, "sluice-last-word");
                lastWord.setDaemon(true);
                lastWord.start();
                lastWord.join(TO_SAY_SO.toMillis());
                Runtime.getRuntime().halt(exitCode == 0 ? NOT_IN_TIME : exitCode);
            }
        } catch (InterruptedException ended) {
            Thread.currentThread().interrupt();
        }
    }
}
