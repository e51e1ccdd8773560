package dev.sluice.redis;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.sluice.task.Diagnosis;
import dev.sluice.task.Queue;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.RedisWire;
import dev.sluice.testkit.SharedThreads;
import io.lettuce.core.RedisURI;
import io.lettuce.core.protocol.CommandType;
import io.lettuce.core.resource.ClientResources;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import reactor.core.publisher.Mono;

/** One queue on a real server, used as producers, dispatchers and chores use it, one blocking call after the other. */
final class OneQueue implements AutoCloseable {
    static final Duration LEASE = Duration.ofSeconds(15);
    static final int CRASH_LIMIT = 3;
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final ClientResources THREADS = SharedThreads.named("redis-tests", 2);

    final RedisServer redis;
    final RedisWire wire;
    final Queue queue;
    final QueueKeys keys;
    final RedisLinks links;
    final ProducerStore producer;
    final ClaimStore claims;
    final UpkeepStore upkeep;
    final DeadStore dead;
    private long burials;

    OneQueue(RedisServer redis) {
        this(redis, Queue.named("q"));
    }

    OneQueue(RedisServer redis, Queue queue) {
        this.redis = redis;
        this.wire = redis.wire();
        this.queue = queue;
        this.keys = new QueueKeys(queue);
        this.links = connect(redis);
        this.producer = links.producer(queue);
        this.claims = links.claims(queue, CRASH_LIMIT);
        this.upkeep = links.upkeep(queue, CRASH_LIMIT);
        this.dead = links.dead(queue);
    }

    static RedisLinks connect(RedisServer redis) {
        return RedisLinks.own(RedisURI.create(redis.uri()), THREADS);
    }

    static <T> T await(Mono<T> mono) {
        return mono.block(PATIENCE);
    }

    /** A dispatcher incarnation that has joined. */
    Worker worker(String name) {
        await(claims.join(name, LEASE));
        return new Worker(name);
    }

    EnqueueReply enqueue(String... ids) {
        List<byte[]> frames = new ArrayList<>();
        for (String id : ids) {
            frames.add(Frame.ofClient(id, ("body of " + id).getBytes(UTF_8)));
        }
        return await(producer.enqueue(List.of(ids), frames, new Dues(), 0));
    }

    /** Enqueues it for later: a time in ms since 1970, or below 0 a delay. */
    EnqueueReply schedule(String id, long due) {
        Dues dues = new Dues();
        dues.add(0, due);
        return await(
                producer.enqueue(List.of(id), List.of(Frame.ofClient(id, ("body of " + id).getBytes(UTF_8))), dues, 0));
    }

    /** What an at-most-once dispatcher does with a task that failed; then as if it had done that at this time. */
    void bury(byte[] frame, String failure, long atMs) {
        PopStore.Burial burial = new PopStore.Burial(0, Frame.read(frame), failure);
        await(links.pops(queue).bury("tests", "nobody", ++burials, List.of(burial)));
        wire.call("ZADD", key("dead"), "XX", Long.toString(atMs), burial.frame().id());
    }

    static Frame frame(String id) {
        return Frame.read(Frame.ofClient(id, new byte[0]));
    }

    CancelReply cancel(String id) {
        return await(producer.cancel(id));
    }

    void enqueue(int from, int to) {
        for (int at = from; at < to; at += 256) {
            List<String> ids = new ArrayList<>();
            for (int i = at; i < Math.min(to, at + 256); i++) {
                ids.add("t" + i);
            }
            enqueue(ids.toArray(String[]::new));
        }
    }

    /** What any client does: the push first, the status second. */
    void pushForeign(String id) {
        push("{\"id\":\"" + id + "\",\"type\":\"t\"}");
        wire.call("HSET", queue.statusKey(), id, "queued");
    }

    void push(String element) {
        raw(CommandType.RPUSH, queue.name(), element.getBytes(UTF_8));
    }

    Reply raw(CommandType type, Object... words) {
        return await(links.commands()
                .command(
                        type,
                        args -> {
                            for (Object word : words) {
                                args.add(
                                        word instanceof byte[] bytes
                                                ? bytes
                                                : String.valueOf(word).getBytes(UTF_8));
                            }
                        },
                        PATIENCE));
    }

    String status(String id) {
        return (String) wire.call("HGET", queue.statusKey(), id);
    }

    Object len(String suffix) {
        return wire.call("LLEN", key(suffix));
    }

    String key(String suffix) {
        return "{" + queue.name() + "}:" + suffix;
    }

    String meta(String field) {
        return (String) wire.call("HGET", key("meta"), field);
    }

    boolean rings() {
        return wire.call("LPOP", key("wake")) != null;
    }

    /** A sign of life a moment ago, as there always is where several are at work. */
    UpkeepReply round() {
        return await(upkeep.round(LEASE, "0", 0));
    }

    /** Makes a lease run out, though somebody was seen a moment ago. */
    void lapse(Worker worker) {
        wire.call("HSET", key("meta"), "seen", String.valueOf(serverMs()));
        wire.call("ZADD", key("dispatchers"), "XX", "1000", worker.name);
    }

    RecoverReply recover(Worker worker) {
        return await(upkeep.recover(worker.name, RecoverReply.FIRST));
    }

    /** All that it holds, slice after slice; returns how many slices that were. */
    int recoverAll(Worker worker) {
        int slices = 0;
        for (RecoverReply reply = new RecoverReply(0, 0, 0, RecoverReply.FIRST); reply.more(); slices++) {
            reply = await(upkeep.recover(worker.name, reply.next()));
        }
        return slices;
    }

    long serverMs() {
        List<?> time = (List<?>) wire.call("TIME");
        return Long.parseLong((String) time.get(0)) * 1000 + Long.parseLong((String) time.get(1)) / 1000;
    }

    /** Every key with all it holds: equal before and after means that nothing was changed. */
    Map<String, String> everything() {
        Map<String, String> all = new TreeMap<>();
        Reply names = raw(CommandType.KEYS, "*");
        for (int i = 0; i < names.size(); i++) {
            all.put(
                    names.text(i),
                    HexFormat.of()
                            .formatHex(raw(CommandType.DUMP, names.bytes(i)).bytes(0)));
        }
        return all;
    }

    /** One that looks again at once: here nothing moves meanwhile. */
    Doctor doctor() {
        return new Doctor(links.commands(), queue, PATIENCE, Duration.ofMillis(1));
    }

    Diagnosis examine() {
        return await(doctor().examine());
    }

    static byte[] binary(int length, long seed) {
        byte[] bytes = new byte[length];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    static void pause(long ms) {
        try {
            TimeUnit.MILLISECONDS.sleep(ms);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public void close() {
        wire.close();
        links.close().block(PATIENCE);
    }

    /** A task in a dispatcher's hands. */
    record Held(long token, Frame frame) {
        String id() {
            return frame.id();
        }

        byte[] body() {
            return java.util.Arrays.copyOfRange(frame.bytes(), frame.bodyOffset(), frame.bytes().length);
        }
    }

    /** One dispatcher incarnation, numbering its calls. */
    final class Worker {
        final String name;
        final byte[][] incarnationKeys;
        long call;

        Worker(String name) {
            this.name = name;
            this.incarnationKeys = claims.keysOf(name);
        }

        ExchangeCall newCall(int wanted) {
            return newCall(wanted, true);
        }

        ExchangeCall newCall(int wanted, boolean suspectWanted) {
            return new ExchangeCall(++call, wanted, suspectWanted);
        }

        ExchangeReply send(ExchangeCall exchange) {
            return await(claims.exchange(name, incarnationKeys, exchange));
        }

        ExchangeReply exchange(int wanted, Consumer<ExchangeCall> verdicts) {
            ExchangeCall exchange = newCall(wanted);
            verdicts.accept(exchange);
            return send(exchange);
        }

        ExchangeReply settle(Consumer<ExchangeCall> verdicts) {
            return exchange(0, verdicts);
        }

        List<Held> claim(int wanted) {
            ExchangeCall exchange = newCall(wanted);
            return held(exchange.number(), send(exchange));
        }

        List<String> claimIds(int wanted) {
            return claim(wanted).stream().map(Held::id).toList();
        }

        Held claimOne() {
            List<Held> held = claim(1);
            if (held.size() != 1) {
                throw new AssertionError("claimed " + held);
            }
            return held.get(0);
        }

        /** Claims and ends everything there is, promoting nothing; the ids in their order. */
        List<String> drain() {
            List<String> ids = new ArrayList<>();
            List<Held> held = List.of();
            int idle = 0;
            while (idle < 2) {
                List<Held> done = held;
                ExchangeCall exchange = newCall(256);
                done.forEach(it -> exchange.succeeded(it.token(), it.frame().awaitsStatus()));
                held = held(exchange.number(), send(exchange));
                held.forEach(it -> ids.add(it.id()));
                idle = held.isEmpty() ? idle + 1 : 0;
            }
            return ids;
        }

        static List<Held> held(long call, ExchangeReply reply) {
            List<Held> held = new ArrayList<>();
            for (int i = 0; i < reply.frames().size(); i++) {
                byte[] frame = reply.frames().get(i);
                if (frame.length > 0) {
                    held.add(new Held(Tokens.of(call, i + 1), Frame.read(frame)));
                }
            }
            return held;
        }
    }
}
