package dev.sluice.faults;

import dev.sluice.Sluice;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.UnpackedRedis;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * When this machine had no time for us, on the threads that all dispatchers of this process share: a fault like any other,
 * done to all of them.
 */
final class Stalls implements AutoCloseable {
    private final List<Fault> noted = new CopyOnWriteArrayList<>();
    private final RedisServer redis = UnpackedRedis.builder("7.0").start();
    private final StallWatch watch = new StallWatch(
            Sluice.builder().uri(redis.uri()).clientResources(LocalNode.THREADS).build(),
            (from, to) -> noted.add(
                    new Fault(Fault.Kind.FROZEN, "*", "no processor for this machine's processes", from, to)));

    /** A Redis that nothing is done to, for who watches another process. */
    String calmRedis() {
        return redis.uri();
    }

    List<Fault> since(long nanos) {
        watch.awaitLookedAt(System.nanoTime());
        return noted.stream().filter(stall -> stall.toNanos() > nanos).toList();
    }

    /** For how many ns of that time there was none. */
    long within(long fromNanos, long toNanos) {
        watch.awaitLookedAt(toNanos);
        return noted.stream()
                .mapToLong(stall -> Math.min(stall.toNanos(), toNanos) - Math.max(stall.fromNanos(), fromNanos))
                .filter(nanos -> nanos > 0)
                .sum();
    }

    @Override
    public void close() {
        watch.close();
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
}
