package dev.sluice.client;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Collects a page of dead letters, and says when it has enough. For one walk, signal after signal. */
final class DeadPaging {
    private static final int MOST_SCANNED = 50_000;
    private static final long MOST_BYTES = 4 * 1024 * 1024;
    private static final int PAGE = 256; // what has arrived together is looked at without a look at the clock
    private static final long MOST_NANOS = Duration.ofMillis(100).toNanos();

    private final DeadLetterFilter filter;
    private final int limit;
    private final long began = System.nanoTime();
    private final List<DeadLetter> letters = new ArrayList<>();
    private long bytes;
    private long scanned;
    private @Nullable String cursor;

    DeadPaging(DeadLetterFilter filter, int limit) {
        this.filter = filter;
        this.limit = limit;
    }

    /** Takes the next letter of the walk; whether the page ends with it. */
    boolean isFullWith(DeadLetter letter) {
        scanned++;
        if (filter.matches(letter)) {
            letters.add(letter);
            bytes += letter.size();
        }
        boolean full = letters.size() >= limit
                || scanned >= MOST_SCANNED
                || bytes >= MOST_BYTES
                || (scanned % PAGE == 0 && System.nanoTime() - began >= MOST_NANOS);
        cursor = full ? letter.cursor() : null;
        return full;
    }

    DeadLetterPage page() {
        return new DeadLetterPage(letters, scanned, cursor);
    }
}
