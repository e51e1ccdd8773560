package dev.sluice.dispatch;

import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Runs cases side by side that wait most of their time, each with parts of its own. */
public final class Together {

    private Together() {}

    /** Returns when all have ended; fails with the first that failed, and has the others as suppressed ones. */
    public static <T> void run(int atOnce, List<Callable<T>> cases) throws InterruptedException {
        ExecutorService threads = Executors.newFixedThreadPool(atOnce);
        try {
            AssertionError failed = null;
            for (Future<T> end : threads.invokeAll(cases)) {
                try {
                    end.get();
                } catch (ExecutionException e) {
                    AssertionError one = new AssertionError(e.getCause().getMessage(), e.getCause());
                    if (failed == null) {
                        failed = one;
                    } else {
                        failed.addSuppressed(one);
                    }
                }
            }
            if (failed != null) {
                throw failed;
            }
        } finally {
            threads.shutdownNow();
        }
    }
}
