package dev.sluice.redis;

import dev.sluice.task.DeadLetterRetention;
import dev.sluice.task.Finding.Kind;
import dev.sluice.task.Queue;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import reactor.core.publisher.Mono;

/** What the clock-driven chores ask of one queue. Thread-safe; every call may be repeated when its outcome is unknown. */
public final class UpkeepStore {
    private static final int REPAIRED = 2;
    private static final int LIMIT = 256;

    /** A queue at rest says nothing but this, once a second, and what comes is to be taken two seconds after its connections died. */
    private static final Duration PATIENCE = Duration.ofMillis(200);

    /** More than elsewhere: each slice waits behind the claims of others. */
    private static final int RECOVERED_AT_ONCE = 1_024;

    private final RedisLink link;
    private final ClaimedHashes claimed;
    private final QueueKeys keys;
    private final Duration deadline;
    private final int crashLimit;
    private final Recovery recovery;

    UpkeepStore(RedisLink link, ClaimedHashes claimed, Queue queue, String ends, Duration deadline, int crashLimit) {
        this.link = link;
        this.claimed = claimed;
        this.keys = new QueueKeys(queue);
        this.deadline = deadline;
        this.crashLimit = crashLimit;
        this.recovery = new Recovery(link, keys, queue.delivery(), crashLimit, ends, deadline);
    }

    /**
     * One bounded round of every chore.
     *
     * @param cursor the last round's, "0" at the start
     * @param maxLength how many tasks may wait in the queue, for all who enqueue; 0 = no limit
     */
    public Mono<UpkeepReply> round(Duration lease, String cursor, long maxLength) {
        return link.run(
                        Script.UPKEEP,
                        keys.withScheduleTimes(),
                        args -> args.add(lease.toMillis())
                                .add(LIMIT)
                                .add(crashLimit)
                                .add(cursor)
                                .add(maxLength),
                        PATIENCE,
                        deadline)
                .map(UpkeepStore::read);
    }

    /** Removes up to 256 dead letters beyond what is kept, the oldest first. */
    public Mono<TrimReply> trim(DeadLetterRetention kept) {
        return link.run(
                        Script.TRIM,
                        keys.all(),
                        args -> args.add(kept.maxCount())
                                .add(kept.maxAge().toMillis())
                                .add(LIMIT),
                        deadline)
                .map(reply -> new TrimReply((int) reply.number(1), reply.number(2) == 1));
    }

    /**
     * Takes back up to 1,024 tasks of an incarnation whose lease lapsed; does nothing if it is alive again.
     *
     * @param from {@link RecoverReply#FIRST}, or the {@link RecoverReply#next} of the slice before
     */
    public Mono<RecoverReply> recover(String incarnation, String from) {
        return recovery.slice(incarnation, from, RECOVERED_AT_ONCE);
    }

    /**
     * Finds claimed hashes whose incarnation is no member of the dispatchers any more, and lists each as lapsed, so
     * that the next round recovers it. Walks the key space, for all queues at once: for the start and then rarely.
     */
    public Mono<Integer> adoptStrays() {
        return claimed.of(keys).concatMap(this::adopt).reduce(0, Integer::sum);
    }

    /** How long to wait after one such search: about an hour. */
    public Duration betweenSearches() {
        return claimed.betweenWalks();
    }

    /** Looks at it anew: since the walk it may have left, and nothing would be there of what is listed. */
    private Mono<Integer> adopt(String incarnation) {
        return link.run(
                        Script.REPAIR,
                        keys.forRepair(incarnation),
                        args -> args.add(1)
                                .add(Kind.CLAIMED_BY_NOBODY.code())
                                .add(1)
                                .add(incarnation)
                                .add("")
                                .add(""),
                        deadline)
                .map(reply -> reply.number(1) == REPAIRED ? 1 : 0);
    }

    private static UpkeepReply read(Reply reply) {
        List<String> lapsed = new ArrayList<>();
        for (int i = 9; i < reply.size(); i++) {
            lapsed.add(reply.text(i));
        }
        return new UpkeepReply(
                reply.number(1),
                reply.number(2) == 1,
                reply.text(3),
                (int) reply.number(4),
                reply.number(5),
                reply.number(6),
                reply.number(7),
                reply.number(8),
                lapsed);
    }
}
