package dev.sluice.dispatch;

import dev.sluice.task.Queue;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Since when a queue is there, as one dispatcher knows it: if that is another time than before, its keys were gone meanwhile, which is
 * told. What was in them nobody knows any more. Confined to the loop thread.
 */
final class Birth {
    private static final Logger log = LoggerFactory.getLogger(Birth.class);

    private final Queue queue;
    private long knownMs;

    Birth(Queue queue) {
        this.queue = queue;
    }

    void seen(long bornMs) {
        if (knownMs != 0 && knownMs != bornMs) {
            log.atWarn()
                    .addKeyValue("queue", queue.name())
                    .log(
                            "The keys of this queue were gone: Redis came back empty, or they were removed. What waited in them is"
                                    + " lost, and the queue begins anew");
        }
        knownMs = bornMs;
    }

    /** It was written anew by ourselves: nothing else was gone, as far as is known. */
    void anew(long bornMs) {
        knownMs = bornMs;
    }
}
