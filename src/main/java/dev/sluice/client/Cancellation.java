package dev.sluice.client;

/** What a request to cancel a task met. */
public enum Cancellation {
    /** It waited: queued, scheduled, or before another attempt. It will not run. */
    CANCELLED,
    /**
     * It runs. Its dispatcher is told to stop it, which usually takes milliseconds; if it ends well before, it has ended
     * well. It will not run again in any case.
     */
    STOPPING,
    /** It is a dead letter already; nothing was done. */
    DEAD,
    /** Nothing of this id lives: it has ended, was cancelled before, or never was. */
    UNKNOWN
}
