package dev.sluice.redis;

import io.lettuce.core.protocol.CommandArgs;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * One numbered call that settles what is finished and claims what there is room for. It may be sent again, unchanged,
 * until it is answered: the settle half acts once per token, the claim half once per number.
 *
 * <p>Not thread-safe: built by one loop and not changed after it is first sent.
 */
public final class ExchangeCall {
    /** At most this many tasks are claimed, and this many settled, in one call. */
    public static final int MAX_BATCH = 256;

    /** About this many bytes are claimed, and this many of results settled, in one call. */
    public static final int MAX_BYTES = 1 << 20;

    private final long number;
    private final int wanted;
    private final boolean suspectWanted;
    private long[] ended = new long[16];
    private int endedCount;
    private long[] awaiting = new long[0];
    private int awaitingCount;
    private final List<Other> others = new ArrayList<>(0);
    private final List<Kept> kept = new ArrayList<>(0);
    private final List<Follower> followers = new ArrayList<>(0);

    /**
     * A call that settles nothing yet.
     *
     * @param number strictly growing inside one incarnation, from 1
     * @param wanted tasks to claim, 0 to {@link #MAX_BATCH}
     * @param suspectWanted whether one of them may be a task that crashed its dispatchers before
     */
    public ExchangeCall(long number, int wanted, boolean suspectWanted) {
        this.number = number;
        this.wanted = wanted;
        this.suspectWanted = suspectWanted;
    }

    /** This call's number. */
    public long number() {
        return number;
    }

    /** How many tasks this call asks for. */
    public int wanted() {
        return wanted;
    }

    /** How many tasks this call settles. */
    public int settles() {
        return endedCount + awaitingCount + others.size();
    }

    /** Settles a task as succeeded; {@code awaitsStatus} if its producer's status had not arrived when it was claimed. */
    public void succeeded(long token, boolean awaitsStatus) {
        if (awaitsStatus) {
            awaiting = room(awaiting, awaitingCount);
            awaiting[awaitingCount++] = token;
        } else {
            ended = room(ended, endedCount);
            ended[endedCount++] = token;
        }
    }

    /**
     * Settles a task as failed, to be tried again after {@code delayMs}; uses an attempt.
     *
     * @param failureJson why, as one line of JSON; it stays with the task until the next failure, or its end
     */
    public void retry(long token, long delayMs, String failureJson) {
        others.add(new Other(token, "r", delayMs, failureJson));
    }

    /** Puts a task off for {@code delayMs}; uses no attempt. */
    public void snooze(long token, long delayMs) {
        others.add(new Other(token, "z", delayMs, ""));
    }

    /** Moves a task to the dead letters with its failure as one line of JSON. */
    public void dead(long token, String failureJson) {
        others.add(new Other(token, "d", 0, failureJson));
    }

    /** Ends a task quietly: neither a success nor a failure. */
    public void discard(long token) {
        others.add(new Other(token, "x", 0, ""));
    }

    /** Ends a task because somebody asked for that; if nobody did, it was one before it that was meant, and this goes back. */
    public void cancelled(long token) {
        others.add(new Other(token, "c", 0, ""));
    }

    /** Ends a task as cancelled because its handler says so. */
    public void cancelledByItself(long token) {
        others.add(new Other(token, "k", 0, ""));
    }

    /** Gives a task back to the head of its list; uses no attempt. */
    public void release(long token) {
        others.add(new Other(token, "b", 0, ""));
    }

    /**
     * Keeps a result of a task that this call settles as succeeded or discarded; of any other, nothing.
     *
     * @param keptMs how long, at least 1
     * @param record the result as it is stored, but for its head with state and time, which Redis writes
     */
    public void keep(long token, String id, long keptMs, byte[] record) {
        kept.add(new Kept(token, id, keptMs, record));
    }

    /**
     * Puts a task at the end of the queue if this call settles {@code token} as succeeded, discarded or dead; if somebody
     * cancelled that task meanwhile, and so it is not retried, nothing.
     *
     * @param id the new task's, which must not be one that lives
     * @param element the new task without its id
     */
    public void follow(long token, String id, byte[] element) {
        followers.add(new Follower(token, id, element));
    }

    /** The ids of which a result is kept, in the order of {@link #write}. */
    List<String> keptIds() {
        return kept.stream().map(one -> one.id).toList();
    }

    boolean keepsNothing() {
        return kept.isEmpty();
    }

    void write(CommandArgs<byte[], byte[]> args, int crashLimit, String ends) {
        args.add(number).add(wanted).add(MAX_BYTES).add(suspectWanted ? 1 : 0).add(crashLimit);
        args.add(ends);
        args.add(endedCount + awaitingCount).add(awaitingCount);
        for (int i = 0; i < endedCount; i++) {
            args.add(Tokens.word(ended[i]));
        }
        for (int i = 0; i < awaitingCount; i++) {
            args.add(Tokens.word(awaiting[i]));
        }
        args.add(others.size());
        for (Other other : others) {
            args.add(Tokens.word(other.token))
                    .add(other.kind)
                    .add(other.delayMs)
                    .add(other.failure.getBytes(StandardCharsets.UTF_8));
        }
        args.add(kept.size());
        for (Kept one : kept) {
            args.add(Tokens.word(one.token)).add(one.keptMs).add(one.record);
        }
        args.add(followers.size());
        for (Follower one : followers) {
            args.add(Tokens.word(one.token)).add(one.id).add(one.element);
        }
    }

    long tokenAt(int settledIndex) {
        if (settledIndex < endedCount) {
            return ended[settledIndex];
        }
        int next = settledIndex - endedCount;
        return next < awaitingCount ? awaiting[next] : others.get(next - awaitingCount).token;
    }

    private static long[] room(long[] tokens, int used) {
        return used < tokens.length ? tokens : Arrays.copyOf(tokens, Math.max(16, used * 2));
    }

    private static final class Kept {
        private final long token;
        private final String id;
        private final long keptMs;
        private final byte[] record;

        Kept(long token, String id, long keptMs, byte[] record) {
            this.token = token;
            this.id = id;
            this.keptMs = keptMs;
            this.record = record;
        }
    }

    private static final class Follower {
        private final long token;
        private final String id;
        private final byte[] element;

        Follower(long token, String id, byte[] element) {
            this.token = token;
            this.id = id;
            this.element = element;
        }
    }

    private record Other(long token, String kind, long delayMs, String failure) {}
}
