package dev.sluice.http;

/** What the bearer of a token may do. A token can have several. */
public enum Role {
    /** Look at queues, tasks, dead letters and metrics, and listen to events. */
    READ,
    /** Enqueue tasks, and look at a task whose id is known. */
    PRODUCE,
    /** All of it: cancel, pause, resume, drain, redrive and purge, too. */
    OPERATE
}
