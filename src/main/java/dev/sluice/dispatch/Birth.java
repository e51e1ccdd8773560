package dev.sluice.dispatch;

/**
 * Since when a queue is there, as one dispatcher knows it: if that is another time than before, its keys were gone meanwhile, which is
 * told. What was in them nobody knows any more. Confined to the loop thread.
 */
final class Birth {
    private final Outages.Outage outage;
    private long knownMs;

    Birth(Outages.Outage outage) {
        this.outage = outage;
    }

    void seen(long bornMs) {
        if (knownMs != 0 && knownMs != bornMs) {
            outage.emptied();
        }
        knownMs = bornMs;
    }

    /** It was written anew by ourselves: nothing else was gone, as far as is known. */
    void anew(long bornMs) {
        knownMs = bornMs;
    }
}
