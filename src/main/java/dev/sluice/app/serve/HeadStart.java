package dev.sluice.app.serve;

import dev.sluice.Sluice;
import dev.sluice.app.console.Waiting;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Loads the libraries that {@code run} needs in any case on a thread of its own, while the first thread still reads the
 * command line and the configuration and starts Redis.
 *
 * <p>Whoever touches these libraries waits with {@link #await} first: two threads that initialize classes which know each
 * other could wait for each other for ever.
 */
public final class HeadStart {
    private static final Duration LIMIT = Duration.ofSeconds(10);
    private static final String NOWHERE = "redis://127.0.0.1:1"; // nobody listens there: refused at once

    private final CountDownLatch done = new CountDownLatch(1);

    private HeadStart() {}

    /** One that has been made already. */
    public static HeadStart none() {
        HeadStart none = new HeadStart();
        none.done.countDown();
        return none;
    }

    /** Whether these words are a {@code run}. */
    public static boolean isRun(String... arguments) {
        return arguments.length > 0 && arguments[0].equals("run");
    }

    /** Begins if that command needs it. */
    public static HeadStart of(String... arguments) {
        if (!isRun(arguments)) {
            return none();
        }
        HeadStart begun = new HeadStart();
        Thread thread = new Thread(begun::load, "sluice-head-start");
        thread.setDaemon(true);
        thread.start();
        return begun;
    }

    /** Returns when it is over. */
    public void await() throws InterruptedException {
        done.await(LIMIT.toNanos(), TimeUnit.NANOSECONDS);
    }

    private void load() {
        try {
            Sluice sluice = Sluice.connect(NOWHERE);
            // Also in vain it loads what a connection needs, which is more than all the rest.
            Waiting.endsWithin(Waiting.begin(sluice.server().then().onErrorComplete()), LIMIT);
            Waiting.endsWithin(Waiting.begin(sluice.close()), LIMIT);
        } catch (RuntimeException | LinkageError e) {
            // The first thread will meet the same, and tell.
        } finally {
            done.countDown();
        }
    }
}
