package dev.sluice.redis;

import dev.sluice.task.DeliveryMode;
import dev.sluice.task.DispatcherInfo;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Queue;
import dev.sluice.task.QueueInfo;
import dev.sluice.task.QueuePage;
import dev.sluice.task.StoreRefusedException;
import io.lettuce.core.protocol.CommandType;
import java.math.BigInteger;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Reads which queues a Redis holds and how full they are; changes nothing.
 *
 * <p>Queues are found by a {@link KeyWalk}; its next step is taken when the queues of the last one were asked for.
 */
public final class QueueDirectory {
    private static final int MOST_KEYS = 50_000;
    private static final int MOST_QUEUES = 200;
    private static final int MOST_DISPATCHERS = 1_000;
    private static final int LISTED_AT_ONCE = 16;
    private static final int DISPATCHERS_AT_ONCE = 16;
    private static final long MOST_NANOS = Duration.ofMillis(100).toNanos();
    private static final Pattern CURSOR = Pattern.compile("[0-9]{1,20}");
    private static final Pattern NUMBER = Pattern.compile("[0-9]{1,9}");
    private static final Pattern META = Pattern.compile("\\{([A-Za-z0-9._:-]{1,128})}:meta");

    private final RedisLink link;
    private final KeyWalk walk;
    private final Duration deadline;

    QueueDirectory(RedisLink link, Duration deadline) {
        this.link = link;
        this.walk = new KeyWalk(link, "{*}:meta", "hash", deadline);
        this.deadline = deadline;
    }

    /** Every queue that somebody has worked on with this version of the protocol, once, in no order. */
    public Flux<QueueInfo> all() {
        return names().concatMap(this::listed, 1);
    }

    private Flux<String> names() {
        return walk.all().concatMapIterable(QueueDirectory::names, 1).distinct();
    }

    /** A part of these: it ends with 50,000 keys, with 200 queues, or after 100 ms, whichever comes first. */
    public Mono<QueuePage> page(@Nullable String cursor) {
        if (cursor != null && !isCursor(cursor)) {
            throw new InvalidTaskException("cursor", "this is no cursor of a listing of queues");
        }
        return Mono.defer(() -> page(cursor == null ? "0" : cursor, new ArrayList<>(), 0, System.nanoTime()));
    }

    private Mono<QueuePage> page(String cursor, List<String> found, long before, long began) {
        return walk.step(cursor).flatMap(reply -> {
            String next = reply.text(0);
            long scanned = before + KeyWalk.STEP;
            found.addAll(names(reply));
            boolean over = KeyWalk.isLast(reply);
            boolean full =
                    scanned >= MOST_KEYS || found.size() >= MOST_QUEUES || System.nanoTime() - began >= MOST_NANOS;
            return over || full
                    ? Flux.fromIterable(found)
                            .distinct()
                            .flatMapSequential(this::listed, LISTED_AT_ONCE)
                            .collectList()
                            .map(queues -> new QueuePage(queues, scanned, over ? null : next))
                    : page(next, found, scanned, began);
        });
    }

    /** One of many: a refusal has to say of which. */
    private Mono<QueueInfo> listed(String name) {
        return one(name).onErrorMap(StoreRefusedException.class, refused -> refused.ofQueue(name));
    }

    /** Whether Redis takes it: digits, of a number of 64 bits. */
    private static boolean isCursor(String text) {
        return CURSOR.matcher(text).matches() && new BigInteger(text).bitLength() <= Long.SIZE;
    }

    /** The queue of this name; empty if nobody has worked on it with this version of the protocol. */
    public Mono<QueueInfo> one(String name) {
        return settings(name).mapNotNull(read -> recorded(name, read)).flatMap(this::surveyed);
    }

    private Mono<Reply> settings(String name) {
        byte[] meta = new QueueKeys(Queue.named(name)).meta();
        return link.command(
                CommandType.HMGET,
                args -> args.addKey(meta).add("protocol").add("delivery").add("status-key"),
                deadline);
    }

    /**
     * Every queue of this version of the protocol, once, in no order: also one whose settings are damaged in part, or in whose
     * way another program's key is. A setting that cannot be read is the default.
     */
    public Flux<Queue> examinable() {
        return names().concatMap(this::examinable, 1);
    }

    /** The same for one; empty if its settings are not there, or of another version of the protocol. */
    public Mono<Queue> examinable(String name) {
        Queue standard = Queue.named(name);
        return settings(name)
                .mapNotNull(read -> asFarAsItCanBeRead(standard, read))
                .onErrorReturn(StoreRefusedException.class, standard); // a key of another type, or it is refused again
    }

    /** Those that have joined this queue, the longest lease first, at most {@value #MOST_DISPATCHERS}. */
    public Flux<DispatcherInfo> dispatchers(Queue queue) {
        QueueKeys keys = new QueueKeys(queue);
        Mono<Long> clock = link.command(CommandType.TIME, args -> {}, deadline)
                .map(time -> time.number(0) * 1_000 + time.number(1) / 1_000);
        return clock.zipWith(isLeased(keys))
                .flatMapMany(read -> link.command(
                                CommandType.ZREVRANGE,
                                args -> args.addKey(keys.dispatchers())
                                        .add(0)
                                        .add(MOST_DISPATCHERS - 1)
                                        .add("WITHSCORES"),
                                deadline)
                        .flatMapMany(joined -> Flux.range(0, joined.size() / 2)
                                .flatMapSequential(
                                        i -> holder(
                                                keys,
                                                joined.text(2 * i),
                                                endMs(joined.text(2 * i + 1)) - read.getT1(),
                                                read.getT2()),
                                        DISPATCHERS_AT_ONCE)));
    }

    private Mono<Boolean> isLeased(QueueKeys keys) {
        return link.command(CommandType.HMGET, args -> args.addKey(keys.meta()).add("delivery"), deadline)
                .map(read -> read.isNull(0) || !DeliveryMode.AT_MOST_ONCE.word().equals(read.text(0)));
    }

    /** The end of a lease may have a half millisecond, by which the scripts know who was not heard. */
    private static long endMs(String score) {
        return (long) Score.of(score);
    }

    private Mono<DispatcherInfo> holder(QueueKeys keys, String id, long leaseMs, boolean leased) {
        Duration left = Duration.ofMillis(Math.max(0, leaseMs));
        return (leased ? claimed(keys.claimed(id)) : taken(keys.claimed(id)))
                .map(running -> new DispatcherInfo(id, left, running));
    }

    private Mono<Long> claimed(byte[] claimed) {
        Mono<Long> fields = link.command(CommandType.HLEN, args -> args.addKey(claimed), deadline)
                .map(reply -> reply.number(0));
        Mono<Long> noTasks = link.command(
                        CommandType.HEXISTS, args -> args.addKey(claimed).add("last"), deadline)
                .map(reply -> reply.number(0));
        return Mono.zip(fields, noTasks, (all, others) -> Math.max(0, all - others));
    }

    /** At most once several ids share a field, each with a line feed behind it. */
    private Mono<Long> taken(byte[] taken) {
        return link.command(CommandType.HVALS, args -> args.addKey(taken), deadline)
                .map(fields -> IntStream.range(0, fields.size())
                        .mapToLong(i ->
                                fields.text(i).chars().filter(it -> it == '\n').count())
                        .sum());
    }

    private Mono<QueueInfo> surveyed(Queue queue) {
        return link.run(Script.SURVEY, new QueueKeys(queue).all(), args -> {}, deadline)
                .map(reply -> info(queue, reply));
    }

    private static QueueInfo info(Queue queue, Reply reply) {
        boolean leased = queue.delivery() == DeliveryMode.AT_LEAST_ONCE;
        long listed = reply.number(0);
        long cancelled = Math.min(listed, reply.number(1));
        long delayed = reply.number(2);
        long running = Math.max(0, reply.number(3) - delayed); // a body belongs to a claim or to a delay
        return new QueueInfo(
                queue,
                listed - cancelled,
                cancelled,
                delayed,
                leased ? OptionalLong.of(running) : OptionalLong.empty(),
                reply.number(4),
                OptionalLong.of(reply.number(5)),
                reply.number(6) == 1,
                reply.number(7) == 1,
                reply.number(8),
                reply.number(9) < 0 ? Optional.empty() : Optional.of(Duration.ofMillis(reply.number(9))));
    }

    private static List<String> names(Reply page) {
        return IntStream.range(1, page.size())
                .mapToObj(page::text)
                .map(META::matcher)
                .filter(Matcher::matches)
                .map(key -> key.group(1))
                .toList();
    }

    private static @Nullable Queue asFarAsItCanBeRead(Queue standard, Reply meta) {
        DeliveryMode delivery = meta.isNull(1) ? null : DeliveryMode.ofWord(meta.text(1));
        String version = meta.isNull(0) ? "" : meta.text(0);
        boolean isOurs = version.equals(Integer.toString(Protocol.VERSION));
        boolean isDamaged = !NUMBER.matcher(version).matches() && (delivery != null || !meta.isNull(2));
        if (!isOurs && !isDamaged) {
            return null; // another version's, or another program's
        }
        Queue queue = delivery == null ? standard : standard.delivery(delivery);
        try {
            return meta.isNull(2) ? queue : queue.statusKey(meta.text(2));
        } catch (InvalidTaskException damaged) {
            return queue;
        }
    }

    /** What the one who joined first has recorded; null if this is no record of ours. */
    private static @Nullable Queue recorded(String name, Reply meta) {
        if (meta.isNull(0) || meta.isNull(1) || meta.isNull(2)) {
            return null;
        }
        DeliveryMode delivery = DeliveryMode.ofWord(meta.text(1));
        if (delivery == null || !meta.text(0).equals(Integer.toString(Protocol.VERSION))) {
            return null;
        }
        try {
            return Queue.named(name).statusKey(meta.text(2)).delivery(delivery);
        } catch (InvalidTaskException foreign) {
            return null;
        }
    }
}
