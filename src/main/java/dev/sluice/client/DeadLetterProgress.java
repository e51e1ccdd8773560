package dev.sluice.client;

/**
 * How far a walk over the dead letters is: counts from its beginning.
 *
 * @param examined dead letters looked at
 * @param matched those of them that the filter means
 * @param done those of them that were redriven or purged; 0 if nothing was to be done
 * @param refused those of them that could not be: their id lives again, or nothing that could run is left of them. The
 *     few that are in neither count were taken away by somebody else in the meantime
 */
public record DeadLetterProgress(long examined, long matched, long done, long refused) {
    static final DeadLetterProgress NONE = new DeadLetterProgress(0, 0, 0, 0);

    DeadLetterProgress plus(long looked, long meant, long ended, long kept) {
        return new DeadLetterProgress(examined + looked, matched + meant, done + ended, refused + kept);
    }
}
