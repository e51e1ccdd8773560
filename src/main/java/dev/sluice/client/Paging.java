package dev.sluice.client;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Collects a page of a listing, and says when it has enough. For one walk, signal after signal. */
final class Paging<T> {
    private static final int MOST_SCANNED = 50_000;
    private static final long MOST_BYTES = 4 * 1024 * 1024;
    private static final int PAGE =
            256; // what has arrived together is looked at without a look at the clock: so many at most,
    private static final long PAGE_BYTES = 1024 * 1024; // or so much
    private static final long MOST_NANOS = Duration.ofMillis(100).toNanos();

    private final int limit;
    private final long began = System.nanoTime();
    private final List<T> meant = new ArrayList<>();
    private long bytes;
    private long scanned;
    private long sinceTheClock; // bytes that were scanned
    private @Nullable String cursor;

    Paging(int limit) {
        this.limit = limit;
    }

    /**
     * Takes what comes next in the walk; whether the page ends with it.
     *
     * @param found null if it is not meant
     * @param size in bytes
     * @param behind the cursor that goes on after it
     */
    boolean isFullWith(@Nullable T found, long size, Supplier<String> behind) {
        scanned++;
        sinceTheClock += size;
        if (found != null) {
            meant.add(found);
            bytes += size;
        }
        boolean full = room() == 0
                || scanned >= MOST_SCANNED
                || bytes >= MOST_BYTES
                || ((scanned % PAGE == 0 || sinceTheClock >= PAGE_BYTES) && isLate());
        cursor = full ? behind.get() : null;
        return full;
    }

    private boolean isLate() {
        sinceTheClock = 0;
        return System.nanoTime() - began >= MOST_NANOS;
    }

    /** How many more may be meant. */
    int room() {
        return limit - meant.size();
    }

    List<T> meant() {
        return meant;
    }

    long scanned() {
        return scanned;
    }

    /** Where the walk goes on; null if it is over. */
    @Nullable
    String cursor() {
        return cursor;
    }
}
