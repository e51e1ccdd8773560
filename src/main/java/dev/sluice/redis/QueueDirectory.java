package dev.sluice.redis;

import dev.sluice.task.DeliveryMode;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Queue;
import dev.sluice.task.QueueInfo;
import io.lettuce.core.protocol.CommandType;
import java.time.Duration;
import java.util.List;
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
 * <p>Queues are found by SCAN, in steps of {@value #PAGE} keys that take Redis about a millisecond each; the next step is
 * taken when the queues of the last one were asked for.
 */
public final class QueueDirectory {
    private static final int PAGE = 1_000;
    private static final Pattern META = Pattern.compile("\\{([A-Za-z0-9._:-]{1,128})}:meta");

    private final RedisLink link;
    private final Duration deadline;

    QueueDirectory(RedisLink link, Duration deadline) {
        this.link = link;
        this.deadline = deadline;
    }

    /** Every queue that somebody has worked on with this version of the protocol, once, in no order. */
    public Flux<QueueInfo> all() {
        return page("0")
                .expand(reply -> reply.text(0).equals("0") ? Mono.empty() : page(reply.text(0)))
                .concatMapIterable(QueueDirectory::names, 1)
                .distinct()
                .concatMap(this::one, 1);
    }

    /** The queue of this name; empty if nobody has worked on it with this version of the protocol. */
    public Mono<QueueInfo> one(String name) {
        byte[] meta = new QueueKeys(Queue.named(name)).meta();
        return Mono.zip(
                        link.command(
                                CommandType.HMGET,
                                args -> args.addKey(meta)
                                        .add("protocol")
                                        .add("delivery")
                                        .add("status-key")
                                        .add("paused"),
                                deadline),
                        link.command(CommandType.TIME, args -> {}, deadline))
                .flatMap(read -> {
                    Queue queue = recorded(name, read.getT1());
                    return queue == null
                            ? Mono.empty()
                            : counts(queue, millis(read.getT2()), !read.getT1().isNull(3));
                });
    }

    private Mono<QueueInfo> counts(Queue queue, long now, boolean paused) {
        QueueKeys keys = new QueueKeys(queue);
        return Flux.concat(
                        size(CommandType.LLEN, keys.plain()),
                        size(CommandType.LLEN, keys.ready()),
                        size(CommandType.LLEN, keys.suspects()),
                        size(CommandType.ZCARD, keys.delayed()),
                        size(CommandType.HLEN, keys.bodies()),
                        size(CommandType.ZCARD, keys.dead()),
                        living(keys.dispatchers(), now))
                .collectList()
                .map(sizes -> info(queue, sizes, paused));
    }

    private static QueueInfo info(Queue queue, List<Long> sizes, boolean paused) {
        boolean leased = queue.delivery() == DeliveryMode.AT_LEAST_ONCE;
        long delayed = sizes.get(3);
        long running = Math.max(0, sizes.get(4) - delayed); // a body belongs to a claim or to a delay
        return new QueueInfo(
                queue,
                sizes.get(0) + sizes.get(1) + sizes.get(2),
                delayed,
                leased ? OptionalLong.of(running) : OptionalLong.empty(),
                sizes.get(5),
                leased ? OptionalLong.of(sizes.get(6)) : OptionalLong.empty(),
                paused);
    }

    private Mono<Long> size(CommandType count, byte[] key) {
        return link.command(count, args -> args.addKey(key), deadline).map(reply -> reply.number(0));
    }

    private Mono<Long> living(byte[] dispatchers, long now) {
        return link.command(
                        CommandType.ZCOUNT,
                        args -> args.addKey(dispatchers).add("(" + now).add("+inf"),
                        deadline)
                .map(reply -> reply.number(0));
    }

    private Mono<Reply> page(String cursor) {
        return link.command(
                CommandType.SCAN,
                args -> args.add(cursor)
                        .add("MATCH")
                        .add("{*}:meta")
                        .add("COUNT")
                        .add(PAGE)
                        .add("TYPE")
                        .add("hash"),
                deadline);
    }

    private static List<String> names(Reply page) {
        return IntStream.range(1, page.size())
                .mapToObj(page::text)
                .map(META::matcher)
                .filter(Matcher::matches)
                .map(key -> key.group(1))
                .toList();
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

    private static long millis(Reply time) {
        return time.number(0) * 1_000 + time.number(1) / 1_000;
    }
}
