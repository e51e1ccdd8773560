package dev.sluice.task;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A part of a listing of queues. Immutable.
 *
 * @param queues those that were found, in no order; one may be met again on a later page
 * @param scanned about how many keys Redis looked at for it
 * @param cursor where the listing goes on; null if it is over
 */
public record QueuePage(
        List<QueueInfo> queues, long scanned, @Nullable String cursor) {

    /** Copies the queues. */
    public QueuePage {
        queues = List.copyOf(queues);
    }
}
