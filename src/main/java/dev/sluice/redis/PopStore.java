package dev.sluice.redis;

import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Queue;
import io.lettuce.core.protocol.CommandType;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import reactor.core.publisher.Mono;

/**
 * What a dispatcher asks of one queue with at-most-once delivery: the literal pop and the status writes. A pop must
 * never be repeated on an unknown outcome by itself: what it took is gone, and the next pop takes other tasks.
 */
public final class PopStore {
    /** Of what is written of one that leaves so many fields are read at once. */
    private static final int LEFT_AT_ONCE = 1024;

    /** At most this many tasks in one burial. */
    public static final int MAX_BURIED = 256;

    /** An outage that is longer may make a dead letter of what was redriven during it. */
    private static final Duration BURIAL_KNOWN = Duration.ofDays(1);

    private final RedisLink commands;
    private final QueueKeys keys;
    private final Protocol protocol;
    private final Recovery recovery;
    private final Duration deadline;

    PopStore(RedisLink commands, Queue queue, Duration deadline) {
        this.commands = commands;
        this.keys = new QueueKeys(queue);
        this.protocol = new Protocol(queue, keys);
        this.recovery = new Recovery(commands, keys, DeliveryMode.AT_MOST_ONCE, 1, "", deadline);
        this.deadline = deadline;
    }

    /**
     * Checks that the queue is run with this version, delivery mode and status key, and records them if it is new. Emits since when it is there,
     * in ms of Redis' clock, which is another time once its keys were gone.
     */
    public Mono<Joined> introduce() {
        return protocol.join(commands, "", Duration.ZERO, deadline);
    }

    /** The same, and makes a new incarnation known with a lease of that length: while it is renewed what it took is not lost. */
    public Mono<Joined> join(String incarnation, Duration lease) {
        return protocol.join(commands, incarnation, lease, deadline);
    }

    /** Renews the lease; emits whether it was still there. If not, the words of what this incarnation took may be gone. */
    public Mono<Boolean> heartbeat(String incarnation, Duration lease) {
        return commands.run(
                        Script.HEARTBEAT,
                        keys.all(),
                        args -> args.add(incarnation).add(lease.toMillis()),
                        deadline)
                .map(reply -> HeartbeatReply.of(reply).renewed());
    }

    /**
     * Takes an incarnation out in good order, with what is written of it: no word says any longer that one of its tasks runs. What
     * it sent before, and comes later, does nothing.
     */
    public Mono<Void> leave(String incarnation) {
        return recovery.leave(incarnation, LEFT_AT_ONCE);
    }

    /** Whether somebody has paused the queue, or drains it, and since when it is there. */
    public Mono<Look> look() {
        return commands.command(
                        CommandType.HMGET,
                        args -> args.addKey(keys.meta())
                                .add("paused")
                                .add("draining")
                                .add("born"),
                        deadline)
                .map(PopStore::look);
    }

    private static Look look(Reply meta) {
        Gate gate = !meta.isNull(0) ? Gate.PAUSED : meta.isNull(1) ? Gate.OPEN : Gate.DRAINING;
        boolean isTold = !meta.isNull(2) && meta.text(2).matches("[0-9]{1,18}");
        return new Look(gate, isTold ? Long.parseLong(meta.text(2)) : 0);
    }

    /** Counts foreign tasks that were taken while the queue is draining. */
    public Mono<Void> drainedForeign(int tasks) {
        return commands.command(
                        CommandType.HINCRBY,
                        args -> args.addKey(keys.meta()).add("drained-foreign").add(tasks),
                        deadline)
                .then();
    }

    /**
     * Waits on {@code link} for one element of either list, at most {@code wait}; emits that, or {@link Popped#NOTHING}. Must not
     * be cancelled: the server would pop the next element for nobody.
     */
    public Mono<Popped> pop(RedisLink link, Duration wait) {
        return link.command(
                        CommandType.BLPOP,
                        args -> args.addKey(keys.plain()).addKey(keys.ready()).add(ClaimStore.seconds(wait)),
                        wait.plus(ClaimStore.GRACE))
                .map(reply -> reply.size() == 2
                        ? new Popped(Arrays.equals(reply.bytes(0), keys.plain()), List.of(reply.bytes(1)))
                        : Popped.NOTHING);
    }

    /** Takes up to {@code count} elements off the head of the plain list, or of the ready list. */
    public Mono<Popped> popMany(boolean plain, int count) {
        return commands.command(
                        CommandType.LPOP,
                        args -> args.addKey(plain ? keys.plain() : keys.ready()).add(count),
                        deadline)
                .map(reply -> new Popped(plain, elements(reply)));
    }

    /**
     * Writes {@code processing} for what was taken, and which tasks those are, for whoever finds this incarnation dead; and removes
     * both of what has ended. Upkeep looks after those whose producers may yet write a status. May be repeated with the same number
     * until it is answered.
     */
    public Mono<NoteReply> note(String incarnation, NoteCall call) {
        return commands.run(
                        Script.NOTE,
                        keys.withClaimed(incarnation),
                        args -> {
                            args.add(incarnation);
                            call.write(args);
                        },
                        deadline)
                .map(NoteReply::of);
    }

    /**
     * Keeps failed tasks as dead letters, and puts others back at the head of the queue in their order, at most {@link
     * #MAX_BURIED} and about 1 MiB. May be repeated with the same number until it is answered: only the first call of a number
     * acts, so that nothing dies twice that was redriven meanwhile, nor runs twice. They died at the time of that call, by the
     * clock of Redis. In the same step they leave what is written of that incarnation.
     *
     * @param dispatcher whose numbers these are
     * @param number larger than that of every burial before, of which none is unanswered
     */
    public Mono<Void> bury(String dispatcher, String incarnation, long number, List<Burial> dead) {
        return commands.run(
                        Script.BURY,
                        keys.withBuried(dispatcher, incarnation),
                        args -> {
                            args.add(number).add(BURIAL_KNOWN.toMillis()).add(dead.size());
                            for (Burial one : dead) {
                                args.add(bytes(one.frame.id()))
                                        .add(one.frame.bytes())
                                        .add(bytes(one.failure))
                                        .add(one.frame.isForeign() ? 1 : 0)
                                        .add(NoteCall.field(one.token));
                            }
                        },
                        deadline)
                .then();
    }

    /** Forgets the number of the last burial, because none will follow. */
    public Mono<Void> forgetBurials(String dispatcher) {
        return commands.command(CommandType.DEL, args -> args.addKey(keys.buried(dispatcher)), deadline)
                .then();
    }

    private static List<byte[]> elements(Reply reply) {
        List<byte[]> elements = new ArrayList<>(reply.size());
        for (int i = 0; i < reply.size(); i++) {
            if (!reply.isNull(i)) {
                elements.add(reply.bytes(i));
            }
        }
        return elements;
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /**
     * What was taken off a list.
     *
     * @param plain whether that was the plain list, in which nothing has a header of ours, whatever it begins with
     */
    public record Popped(boolean plain, List<byte[]> elements) {
        static final Popped NOTHING = new Popped(false, List.of());
    }

    /**
     * A task that ended badly, or not at all.
     *
     * @param token under which it was taken
     * @param failure one line of JSON; empty = it did not run, and goes back
     */
    public record Burial(long token, Frame frame, String failure) {

        /** One that did not run. */
        public static Burial notRun(long token, Frame frame) {
            return new Burial(token, frame, "");
        }
    }

    /**
     * What is seen of a queue.
     *
     * @param bornMs as in {@link Joined}; 0 if nobody knows this queue any more
     */
    public record Look(Gate gate, long bornMs) {}

    /** What may pass. */
    public enum Gate {
        /** Tasks may be put in and taken out. */
        OPEN,
        /** Nothing may be taken out. */
        PAUSED,
        /** Nothing new may be put in. */
        DRAINING
    }
}
