package dev.sluice.faults;

/**
 * Something that happened to a worker.
 *
 * @param worker its name, which no other worker of the same run has
 * @param nanos when, by this machine's monotonic clock, which all its processes share
 * @param kind what
 * @param id the task, and which offer of it that was; {@code -} if it is about no task in particular
 * @param fence the fencing number of the run; for events about no task, how many
 */
record Event(String worker, long nanos, Kind kind, String id, long fence) {
    enum Kind {
        STARTED,
        /** What a run was told of dispatchers that died: how many in place of the number, which stands behind the id. */
        TOLD,
        DONE,
        RETRIED,
        FAILED,
        SNOOZED,
        DISCARDED,
        GIVEN_UP,
        CANCELLED,
        SUCCEEDED,
        FENCED,
        LAPSED,
        REJOINED,
        CUT,
        MENDED,
        /** Its process had no time; how many nanoseconds until now stands in place of the fencing number. */
        STALLED
    }

    static Event now(String worker, Kind kind, String id, long fence) {
        return new Event(worker, System.nanoTime(), kind, id, fence);
    }

    /** As a line without its worker, whose file it stands in. */
    String line() {
        return nanos + " " + kind + " " + id + " " + fence + "\n";
    }

    static Event read(String worker, String line) {
        String[] words = line.split(" ", 4);
        return new Event(worker, Long.parseLong(words[0]), Kind.valueOf(words[1]), words[2], Long.parseLong(words[3]));
    }
}
