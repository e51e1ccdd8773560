package dev.sluice.client;

/**
 * How far a cancellation of many tasks is: counts from its beginning.
 *
 * @param examined tasks looked at
 * @param matched those of them that the filter means
 * @param cancelled those of them that were cancelled; 0 if they were only to be counted. What was matched and not
 *     cancelled has begun to run meanwhile, or nobody has announced it yet
 */
public record CancelProgress(long examined, long matched, long cancelled) {
    static final CancelProgress NONE = new CancelProgress(0, 0, 0);

    CancelProgress plus(long looked, long meant, long ended) {
        return new CancelProgress(examined + looked, matched + meant, cancelled + ended);
    }
}
