package dev.sluice.faults;

import dev.sluice.Sluice;
import dev.sluice.task.SluiceException;
import dev.sluice.testkit.RedisServer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.LockSupport;

/**
 * Notes when this machine had no time for us: asks a Redis that nothing is done to, on the threads that all dispatchers
 * of this process share, and takes a late answer for a fault like any other, done to all of them.
 */
final class Stalls implements AutoCloseable {
    /** A heartbeat takes five hops like this one, and a lease of a second ends after three beats that did not arrive. */
    private static final Duration LATE = Duration.ofMillis(100);

    private static final Duration PAUSE = Duration.ofMillis(50);

    private final List<Fault> noted = new CopyOnWriteArrayList<>();
    private final RedisServer redis = RedisServer.builder()
            .binary(Path.of(System.getProperty("basedir", "."), "target", "redis", "7.0", "redis-server"))
            .start();
    private final Sluice calm =
            Sluice.builder().uri(redis.uri()).clientResources(LocalNode.THREADS).build();
    private final Thread looking = new Thread(this::look, "stalls");
    private volatile boolean closed;

    Stalls() {
        calm.server().block(); // not the first time, which takes longer
        looking.setDaemon(true);
        looking.start();
    }

    List<Fault> since(long nanos) {
        return noted.stream().filter(stall -> stall.toNanos() > nanos).toList();
    }

    @Override
    public void close() {
        closed = true;
        try {
            looking.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        calm.close().block();
        redis.close();
    }

    @Override
    public String toString() {
        long longest = noted.stream()
                .mapToLong(stall -> stall.toNanos() - stall.fromNanos())
                .max()
                .orElse(0);
        return noted.size() + " stalls of this machine, the longest of " + longest / 1_000_000 + " ms";
    }

    private void look() {
        while (!closed) {
            long from = System.nanoTime();
            LockSupport.parkNanos(PAUSE.toNanos());
            ask();
            long to = System.nanoTime();
            if (to - from > PAUSE.plus(LATE).toNanos()) {
                noted.add(new Fault(Fault.Kind.FROZEN, "*", "no processor for this machine's processes", from, to));
            }
        }
    }

    private void ask() {
        try {
            calm.server().block();
        } catch (SluiceException tooLate) {
            return; // late it is
        }
    }
}
