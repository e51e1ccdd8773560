package dev.sluice.redis;

import dev.sluice.task.Durability;
import dev.sluice.task.NotDurableException;
import dev.sluice.task.SluiceException;
import dev.sluice.task.StoreRefusedException;
import dev.sluice.task.StoreUnavailableException;
import io.lettuce.core.protocol.CommandArgs;
import io.lettuce.core.protocol.CommandType;
import io.lettuce.core.protocol.ProtocolKeyword;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscription;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;
import reactor.util.concurrent.Queues;

/*
 * WAIT has two properties that make this class:
 *
 *   It covers only what was written through its own connection. On a connection that has written nothing it answers at
 *   once that all is well. So an answer counts only if script and WAIT went through the same socket: the link is bound to
 *   a client that never reconnects under our feet, and a write whose connection is gone is not confirmed but unknown.
 *   From Redis 7.2 on a script that changed nothing (the id exists) does not count as a write either, and its task may
 *   have come through a connection that was lost: then something is written first, a key that is gone after 1 ms.
 *
 *   It blocks its connection. So there is at most one under way, and all whose scripts are answered meanwhile share the
 *   next: group commit without a timer. The shared link for commands never sees any of it.
 *
 * `turns` admits one sender at a time, on whichever thread comes first. What waits is bounded by the calls that its
 * producers have under way.
 */

/** The way for writes that are answered once they are as durable as asked: on replicas, or on disk. Thread-safe. */
final class DurableLink {
    private static final String UNCONFIRMED = "what was written may be there, but Redis does not confirm it";

    private static final Duration TIME_TO_REPLICATE = Duration.ofSeconds(1);
    private static final Duration TIME_TO_SYNC = Duration.ofSeconds(2); // appendfsync everysec may take as long

    private final RedisLink link;
    private final Durability durability;
    private final Duration timeToConfirm;
    private final Duration deadline;
    private final Queue<Unconfirmed> waiting =
            Queues.<Unconfirmed>unboundedMultiproducer().get();
    private final AtomicInteger turns = new AtomicInteger();
    private volatile boolean confirming;

    /** {@code deadline} is for a command that nothing holds up; here a confirmation may. */
    DurableLink(RedisLink link, Durability durability, Duration deadline) {
        this.link = link;
        this.durability = durability;
        this.timeToConfirm = durability.isFsync() ? TIME_TO_SYNC : TIME_TO_REPLICATE;
        this.deadline = deadline.plus(timeToConfirm);
    }

    Durability durability() {
        return durability;
    }

    /** Completes if the server knows the command and lets us use it. */
    Mono<Void> probe() {
        return link.command(verb(durability), args -> operands(durability, 0, Duration.ofMillis(1), args), deadline)
                .then();
    }

    /**
     * Runs a script, whose second number tells how many tasks it wrote, and the third how many were there already, and emits
     * its reply once they are durable; at once if there are none. Fails
     * with {@link NotDurableException} if they are not in time, or as every command does; the script has been run, or may
     * have been.
     *
     * @param spare a key of the script's slot that nobody uses
     */
    Mono<Reply> run(Script script, byte[][] keys, byte[] spare, Consumer<CommandArgs<byte[], byte[]>> arguments) {
        return link.carry(script, keys, arguments, deadline).flatMap(carried -> {
            Reply reply = carried.reply();
            boolean hasTasks = reply.number(1) + reply.number(2) > 0;
            return hasTasks ? confirmed(carried, spare).thenReturn(reply) : Mono.just(reply);
        });
    }

    private Mono<Void> confirmed(RedisLink.Carried carried, byte[] spare) {
        boolean wrote = carried.reply().number(1) > 0;
        return Mono.create(sink -> {
            waiting.add(new Unconfirmed(carried.connection(), wrote ? null : write(carried, spare), sink));
            confirm();
        });
    }

    private Mono<Reply> write(RedisLink.Carried carried, byte[] spare) {
        return link.commandOn(
                carried.connection(),
                CommandType.SET,
                args -> args.addKey(spare).add("").add("PX").add(1),
                deadline);
    }

    private void confirm() {
        if (turns.getAndIncrement() != 0) {
            return;
        }
        int missed = 1;
        try {
            do {
                if (!confirming) {
                    startRound();
                }
                missed = turns.addAndGet(-missed);
            } while (missed != 0);
        } catch (Throwable error) { // of the machine's: others are to come
            turns.set(0);
            throw error;
        }
    }

    private void startRound() {
        List<Unconfirmed> together = new ArrayList<>();
        for (Unconfirmed next = waiting.poll(); next != null; next = waiting.poll()) {
            together.add(next);
        }
        if (together.isEmpty()) {
            return;
        }
        confirming = true;
        try {
            new Round(together).start();
        } catch (Throwable error) { // of the machine's: none of these is told by anybody else, and others are to come
            confirming = false;
            StoreUnavailableException told = new StoreUnavailableException(UNCONFIRMED, error);
            together.forEach(member -> member.producer().error(told));
        }
    }

    static ProtocolKeyword verb(Durability durability) {
        return durability.isFsync() ? AofCommand.WAITAOF : CommandType.WAIT;
    }

    /** {@code WAIT replicas timeout} or {@code WAITAOF own-disk replicas timeout}, without the verb. */
    static void operands(Durability durability, int replicas, Duration timeout, CommandArgs<byte[], byte[]> args) {
        if (durability.isFsync()) {
            args.add(1);
        }
        args.add(replicas).add(timeout.toMillis());
    }

    /** A script that was answered on {@code connection}; with something to write first if it wrote nothing itself. */
    private record Unconfirmed(Object connection, @Nullable Mono<Reply> cover, MonoSink<Void> producer) {}

    /** One WAIT, and those who share it. */
    private final class Round extends BaseSubscriber<Reply> {
        private final List<Unconfirmed> members;
        private final Object connection;

        Round(List<Unconfirmed> members) {
            this.members = members;
            this.connection = members.get(members.size() - 1).connection(); // older ones are lost
        }

        void start() {
            Mono<Reply> wait = link.commandOn(
                    connection,
                    verb(durability),
                    args -> operands(durability, durability.replicas(), timeToConfirm, args),
                    deadline);
            covered()
                    .then(wait)
                    .switchIfEmpty(Mono.error(RedisErrors.lost(link.role())))
                    .subscribe(this);
        }

        private Mono<Reply> covered() {
            for (Unconfirmed member : members) {
                if (member.cover() != null && member.connection() == connection) {
                    return member.cover();
                }
            }
            return Mono.empty();
        }

        @Override
        protected void hookOnSubscribe(Subscription subscription) {
            requestUnbounded();
        }

        @Override
        protected void hookOnNext(Reply reply) {
            int wanted = durability.isFsync() ? 1 : durability.replicas();
            int acknowledged = (int) reply.number(0);
            for (Unconfirmed member : members) {
                if (member.connection() != connection) {
                    member.producer().error(RedisErrors.lost(link.role()));
                } else if (acknowledged < wanted) {
                    member.producer().error(new NotDurableException(durability, acknowledged));
                } else {
                    member.producer().success();
                }
            }
        }

        @Override
        protected void hookOnError(Throwable failure) {
            SluiceException told = failure instanceof StoreRefusedException
                    ? new StoreUnavailableException(UNCONFIRMED + ": " + failure.getMessage(), failure)
                    : RedisErrors.classify(failure);
            members.forEach(member -> member.producer().error(told));
        }

        @Override
        protected void hookFinally(reactor.core.publisher.SignalType type) {
            confirming = false;
            confirm();
        }
    }

    /** A command of Redis 7.2 that older releases of Lettuce have no word for. */
    @SuppressWarnings("deprecation") // an enum has the name() that Lettuce no longer wants and older releases need
    private enum AofCommand implements ProtocolKeyword {
        WAITAOF;

        @Override
        public byte[] getBytes() {
            return toString().getBytes(StandardCharsets.US_ASCII);
        }
    }
}
