package dev.sluice.redis;

import dev.sluice.task.Queue;
import io.lettuce.core.protocol.CommandArgs;
import io.lettuce.core.protocol.CommandType;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/**
 * The dead letters of one queue: to read page by page, to redrive, to purge. Thread-safe; every call is bounded and may be
 * repeated when its outcome is unknown.
 */
public final class DeadStore {
    /** The most dead letters in one page, and ids in one script. */
    public static final int PAGE = 256;

    private final RedisLink link;
    private final QueueKeys keys;
    private final Duration deadline;

    DeadStore(RedisLink link, Queue queue, Duration deadline) {
        this.link = link;
        this.keys = new QueueKeys(queue);
        this.deadline = deadline;
    }

    /** What became of an id in a call. */
    public enum Fate {
        /** It was redriven, or purged. */
        DONE,
        /** Its id lives; nothing was changed. */
        LIVE,
        /** There is no such dead letter. */
        UNKNOWN,
        /** It has no frame that can be read; nothing was changed. */
        UNREADABLE,
        /** Its id lives, and the death that was meant is no more. */
        REVIVED
    }

    /** From which time on are those that died in the future: the clock was put back since, or a hand wrote it. */
    public static final String AHEAD = "now";

    /** The time of the server, which times of death are measured with. */
    public Mono<Instant> now() {
        return link.command(CommandType.TIME, args -> {}, deadline)
                .map(reply -> Instant.ofEpochSecond(reply.number(0), reply.number(1) * 1_000));
    }

    /**
     * Reads up to {@link #PAGE} dead letters or about 1 MiB of them, in the order of their deaths.
     *
     * @param from the earliest time of death in ms, or {@code -inf}; {@link #AHEAD} for those whose time is yet to come
     * @param till the latest in ms, or {@code +inf}; with a bracket before it, that time excluded
     * @param records whether the records are wanted, not only ids and times
     * @param after a {@link DeadRecord#position} to go on after, or null
     */
    public Mono<DeadPage> browse(
            String from, String till, boolean newestFirst, boolean records, byte @Nullable [] after) {
        return link.run(
                        Script.BROWSE,
                        keys.all(),
                        args -> {
                            args.add(from)
                                    .add(till)
                                    .add(newestFirst ? 1 : 0)
                                    .add(PAGE)
                                    .add(records ? 1 : 0);
                            if (after != null) {
                                args.add(Position.score(after)).add(Position.member(after));
                            }
                        },
                        deadline)
                .map(DeadPage::new);
    }

    /** One dead letter; empty if there is none with this id. */
    public Mono<DeadRecord> find(byte[] id) {
        Mono<Reply> time = link.command(
                CommandType.ZSCORE, args -> args.addKey(keys.dead()).add(id), deadline);
        Mono<Reply> record = link.command(
                CommandType.HGET, args -> args.addKey(keys.deadBodies()).add(id), deadline);
        return RedisErrors.withFirst(Mono.zipDelayError(time, record))
                .filter(both -> !both.getT1().isNull(0))
                .map(both -> new DeadRecord(
                        id,
                        both.getT1().text(0),
                        both.getT2().isNull(0) ? new byte[0] : both.getT2().bytes(0)));
    }

    /** Puts dead letters back into their queue, whenever they died, in this order; the fates in the same order. */
    public Mono<List<Fate>> redrive(List<byte[]> ids) {
        return inSlices(Script.REDRIVE, wheneverTheyDied(ids));
    }

    /** Removes dead letters for good, whenever they died; the fates in the same order. */
    public Mono<List<Fate>> purge(List<byte[]> ids) {
        return inSlices(Script.PURGE, wheneverTheyDied(ids));
    }

    /** The same to these dead letters, and to no later ones of their ids. */
    public Mono<List<Fate>> redriveThese(List<DeadRecord> letters) {
        return inSlices(Script.REDRIVE, letters);
    }

    /** The same to these dead letters, and to no later ones of their ids. */
    public Mono<List<Fate>> purgeThese(List<DeadRecord> letters) {
        return inSlices(Script.PURGE, letters);
    }

    private static List<DeadRecord> wheneverTheyDied(List<byte[]> ids) {
        return ids.stream().map(id -> new DeadRecord(id, "", new byte[0])).toList();
    }

    /** A call looks at the first ids only if their records are large; the next one goes on behind them. */
    private Mono<List<Fate>> inSlices(Script script, List<DeadRecord> letters) {
        if (letters.isEmpty()) {
            return Mono.just(List.of());
        }
        return Mono.defer(() -> {
            List<Fate> fates = new ArrayList<>(letters.size());
            return slice(script, letters, fates)
                    .expand(done -> fates.size() < letters.size() ? slice(script, letters, fates) : Mono.empty())
                    .then(Mono.just(fates));
        });
    }

    private Mono<Integer> slice(Script script, List<DeadRecord> letters, List<Fate> fates) {
        List<DeadRecord> next = letters.subList(fates.size(), Math.min(letters.size(), fates.size() + PAGE));
        return link.run(script, keys.all(), args -> addAll(args, next), deadline)
                .map(reply -> {
                    int looked = (int) reply.number(1);
                    for (int i = 0; i < looked; i++) {
                        fates.add(Fate.values()[(int) reply.number(2 + i)]);
                    }
                    return looked;
                });
    }

    private static void addAll(CommandArgs<byte[], byte[]> args, List<DeadRecord> letters) {
        args.add(letters.size());
        letters.forEach(letter -> args.add(letter.id()));
        letters.forEach(letter -> args.add(letter.time()));
    }
}
