package dev.sluice.redis;

import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Queue;
import io.lettuce.core.protocol.CommandType;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import reactor.core.publisher.Mono;

/**
 * What a dispatcher asks of one queue with at-least-once delivery. Thread-safe; every call may be repeated when its
 * outcome is unknown.
 */
public final class ClaimStore {
    /** Less than other commands have: tasks are taken within 2 s though the connection that carries this died, a new one included. */
    private static final Duration FIRST_ANSWER = Duration.ofMillis(1500);

    private static final Duration LEAST_PATIENCE = Duration.ofMillis(50);
    private static final int LEFT_AT_ONCE = 256;

    private final RedisLink commands;
    private final RedisLink heartbeats;
    private final QueueKeys keys;
    private final Protocol protocol;
    private final Duration deadline;
    private final int crashLimit;
    private final String ends;
    private final Recovery recovery;

    ClaimStore(RedisLink commands, RedisLink heartbeats, Queue queue, String ends, Duration deadline, int crashLimit) {
        this.commands = commands;
        this.heartbeats = heartbeats;
        this.keys = new QueueKeys(queue);
        this.protocol = new Protocol(queue, keys);
        this.deadline = deadline;
        this.crashLimit = crashLimit;
        this.ends = ends;
        this.recovery = new Recovery(commands, keys, DeliveryMode.AT_LEAST_ONCE, crashLimit, ends, deadline);
    }

    /**
     * Makes a new incarnation known, with a lease of that length. Fails if the queue is run with other settings. The link of its
     * heartbeats is opened as soon as that is answered, so that the first of them has not to wait for it, and not before: a server at
     * its {@code maxclients} may take one connection only.
     */
    public Mono<Joined> join(String incarnation, Duration lease) {
        return protocol.join(commands, incarnation, lease, deadline).doOnNext(joined -> heartbeats.open());
    }

    /**
     * Renews a lease that is surely held for {@code left}, and asks which tasks are to be stopped. Where the link of heartbeats cannot be
     * used, as where the server allows no more connections, or is silent for half of what is left, through that of all other commands.
     */
    public Mono<HeartbeatReply> heartbeat(String incarnation, Duration lease, Duration left) {
        Duration half = left.dividedBy(2).compareTo(LEAST_PATIENCE) < 0 ? LEAST_PATIENCE : left.dividedBy(2);
        return heartbeat(heartbeats, incarnation, lease, half.compareTo(deadline) < 0 ? half : deadline)
                .onErrorResume(
                        failure -> !heartbeats.isUp() && commands.isUp(),
                        failure -> heartbeat(commands, incarnation, lease, deadline));
    }

    private Mono<HeartbeatReply> heartbeat(RedisLink link, String incarnation, Duration lease, Duration within) {
        return link.run(
                        Script.HEARTBEAT,
                        keys.all(),
                        args -> args.add(incarnation).add(lease.toMillis()),
                        within)
                .map(HeartbeatReply::of);
    }

    /** Settles and claims in one atomic step. */
    public Mono<ExchangeReply> exchange(String incarnation, byte[][] incarnationKeys, ExchangeCall call) {
        return exchange(commands, FIRST_ANSWER, incarnation, incarnationKeys, call);
    }

    /** The same for a call that was not answered before. */
    public Mono<ExchangeReply> exchangeAgain(String incarnation, byte[][] incarnationKeys, ExchangeCall call) {
        return exchange(commands, deadline, incarnation, incarnationKeys, call);
    }

    /**
     * The same through the link of {@link #awaitRing} or {@link #awaitForeign}, right behind a wait of at most {@code wait}:
     * the server reads on only when that has returned, and then runs this at once, whatever it returned.
     */
    public Mono<ExchangeReply> exchangeBehind(
            RedisLink link, Duration wait, String incarnation, byte[][] incarnationKeys, ExchangeCall call) {
        return exchange(link, wait.plus(GRACE).plus(deadline), incarnation, incarnationKeys, call);
    }

    private Mono<ExchangeReply> exchange(
            RedisLink link, Duration within, String incarnation, byte[][] incarnationKeys, ExchangeCall call) {
        return link.run(
                        Script.EXCHANGE,
                        call.keepsNothing() ? incarnationKeys : keys.withResults(incarnationKeys, call.keptIds()),
                        args -> {
                            args.add(incarnation);
                            call.write(args, crashLimit, ends);
                        },
                        within)
                .map(reply -> ExchangeReply.of(call, reply));
    }

    /** Keeps how far tasks are that this incarnation holds; emits how many of them it does hold, 0 also if it has lapsed. */
    public Mono<Integer> report(String incarnation, byte[][] incarnationKeys, List<ProgressReport> reports) {
        return commands.run(
                        Script.PROGRESS,
                        incarnationKeys,
                        args -> {
                            args.add(incarnation);
                            reports.forEach(report ->
                                    args.add(Tokens.word(report.token())).add(report.line()));
                        },
                        deadline)
                .map(reply -> reply.number(0) == 0 ? (int) reply.number(1) : 0);
    }

    /** The keys that {@link #exchange} and {@link #report} take, to be made once per incarnation. */
    public byte[][] keysOf(String incarnation) {
        return keys.withClaimed(incarnation);
    }

    /** The number of the last exchange of this incarnation that Redis ran; 0 if it ran none. */
    public Mono<Long> lastCall(String incarnation) {
        return commands.command(
                        CommandType.HGET,
                        args -> args.addKey(keys.claimed(incarnation)).add("last"),
                        deadline)
                .map(reply -> reply.isNull(0) ? 0L : reply.number(0));
    }

    /** The tokens which Redis says this incarnation holds (R2). */
    public Mono<List<Long>> held(String incarnation) {
        return commands.command(CommandType.HKEYS, args -> args.addKey(keys.claimed(incarnation)), deadline)
                .map(reply -> {
                    List<Long> tokens = new ArrayList<>(reply.size());
                    for (int i = 0; i < reply.size(); i++) {
                        long token = Tokens.parse(reply.bytes(i));
                        if (token >= 0) {
                            tokens.add(token);
                        }
                    }
                    return tokens;
                });
    }

    /** Ends an incarnation in good order: what it still holds goes back to the head, and nothing counts as a crash. */
    public Mono<Void> leave(String incarnation) {
        return recovery.leave(incarnation, LEFT_AT_ONCE);
    }

    /** Waits on {@code link} until somebody rings, at most {@code wait}; completes either way. */
    public Mono<Void> awaitRing(RedisLink link, Duration wait) {
        return link.command(CommandType.BLPOP, args -> args.addKey(keys.wake()).add(seconds(wait)), wait.plus(GRACE))
                .then();
    }

    /**
     * Waits on {@code link} until any client pushes onto the plain list, at most {@code wait}, and moves that element
     * to the ready list in one step. What it moved is ignored: a claim takes it from there.
     */
    public Mono<Void> awaitForeign(RedisLink link, Duration wait) {
        return link.command(
                        CommandType.BLMOVE,
                        args -> args.addKey(keys.plain())
                                .addKey(keys.ready())
                                .add("LEFT")
                                .add("RIGHT")
                                .add(seconds(wait)),
                        wait.plus(GRACE))
                .then();
    }

    /** How much later than the server's own timeout an answer may come before the connection is given up. */
    static final Duration GRACE = Duration.ofSeconds(2);

    /** A blocking timeout in seconds: clamped, because 0 waits for ever, and so does less than 1 ms on Redis 6.2. */
    static String seconds(Duration wait) {
        long ms = Math.max(10, Math.min(5000, wait.toMillis()));
        return ms / 1000 + "." + Long.toString(1000 + ms % 1000).substring(1);
    }
}
