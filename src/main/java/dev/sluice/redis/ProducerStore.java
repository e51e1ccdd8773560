package dev.sluice.redis;

import dev.sluice.task.Durability;
import dev.sluice.task.Queue;
import dev.sluice.task.StoreRefusedException;
import dev.sluice.task.TaskState;
import io.lettuce.core.protocol.CommandArgs;
import io.lettuce.core.protocol.CommandType;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/** What a producer asks of one queue. Thread-safe; every call may be repeated when its outcome is unknown. */
public final class ProducerStore {
    /** At most this many tasks in one call of {@link #enqueue}. */
    public static final int MAX_BATCH = 256;

    /** As many cancelled tasks may wait in lists for their turn to be dropped. */
    public static final int MOST_CANCELLED = 1_000_000;

    private static final int RESULTS_KEPT = 2;

    private final RedisLink link;
    private final Function<Durability, DurableLink> durableLinks;
    private final @Nullable DurableLink durable; // null: what the master answers is enough
    private final Queue queue;
    private final QueueKeys keys;
    private final Protocol protocol;
    private final EventLink events;
    private final Channels channels;
    private final Duration deadline;
    private volatile boolean keepsResults; // as far as known: an enqueue that does not know it is told, and sent again

    ProducerStore(
            RedisLink link,
            Function<Durability, DurableLink> durableLinks,
            Queue queue,
            EventLink events,
            Channels channels,
            Duration deadline) {
        this(link, durableLinks, null, queue, events, channels, deadline);
    }

    private ProducerStore(
            RedisLink link,
            Function<Durability, DurableLink> durableLinks,
            @Nullable DurableLink durable,
            Queue queue,
            EventLink events,
            Channels channels,
            Duration deadline) {
        this.link = link;
        this.durableLinks = durableLinks;
        this.durable = durable;
        this.queue = queue;
        this.keys = new QueueKeys(queue);
        this.protocol = new Protocol(queue, keys);
        this.events = events;
        this.channels = channels;
        this.deadline = deadline;
    }

    public Queue queue() {
        return queue;
    }

    /** The same queue, with tasks that are answered once they are this durable. */
    public ProducerStore with(Durability durability) {
        DurableLink other = durability.isMemory() ? null : durableLinks.apply(durability);
        return new ProducerStore(link, durableLinks, other, queue, events, channels, deadline);
    }

    /**
     * Checks that Sluice can run on this server and make tasks as durable as asked, and that the queue is run with this
     * version, delivery mode and status key; records these if it is new.
     */
    public Mono<Void> introduce() {
        DurableLink asked = durable;
        Mono<ServerFacts> facts = ServerFacts.read(link, deadline).map(ServerFacts::check);
        Mono<Void> fits = asked == null
                ? facts.then()
                : facts.map(it -> it.check(asked.durability())).then(asked.probe());
        return fits.then(protocol.join(link, "", Duration.ZERO, deadline))
                .filter(Joined::keepsResults)
                .doOnNext(joined -> keepsResults = true)
                .then();
    }

    /**
     * Puts frames at the end of the ready list, or aside until they are due, each id at most once while its task lives, and
     * emits what became of them when that is as durable as asked.
     *
     * @param ids at most {@link #MAX_BATCH}
     * @param frames one for each id, in the same order
     * @param dues which of them are for later
     * @param maxLength refuse what would make both lists longer than this; 0 = no limit but the queue's own
     */
    public Mono<EnqueueReply> enqueue(List<String> ids, List<byte[]> frames, Dues dues, long maxLength) {
        Consumer<CommandArgs<byte[], byte[]>> arguments = args -> {
            args.add(maxLength).add(ids.size());
            for (String id : ids) {
                args.add(id.getBytes(StandardCharsets.UTF_8));
            }
            for (byte[] frame : frames) {
                args.add(frame);
            }
            dues.write(args);
        };
        return Mono.defer(() -> enqueue(keepsResults ? keys.withResults(ids) : keys.all(), arguments))
                .flatMap(reply -> {
                    if (reply.number(0) != RESULTS_KEPT) {
                        return Mono.just(reply);
                    }
                    keepsResults = true;
                    return enqueue(keys.withResults(ids), arguments);
                })
                .map(reply -> new EnqueueReply(reply, ids.size()));
    }

    private Mono<Reply> enqueue(byte[][] itsKeys, Consumer<CommandArgs<byte[], byte[]>> arguments) {
        return durable == null
                ? link.run(Script.ENQUEUE, itsKeys, arguments, deadline)
                : durable.run(Script.ENQUEUE, itsKeys, keys.spare(), arguments);
    }

    /** Cancels a task, wherever it is, or tells its owner. */
    public Mono<CancelReply> cancel(String id) {
        return link.run(
                        Script.CANCEL,
                        keys.all(),
                        args -> args.add(id.getBytes(StandardCharsets.UTF_8))
                                .add(channels.cancels())
                                .add(MOST_CANCELLED)
                                .add(channels.ends()),
                        deadline)
                .map(CancelReply::of);
    }

    /**
     * Looks at a page of the tasks that do not run, and cancels those that are meant.
     *
     * @param place {@code delayed}, {@code plain}, {@code suspects} or {@code ready}
     * @param skip how many from its end are passed over
     * @param type exactly this one, or empty for any
     * @param word of the delayed: the word of their state, or empty for any
     * @param beforeMs of the delayed: the time in ms before which they are due, or empty for any
     * @param acts whether to cancel them, not only to count
     */
    public Mono<SweepReply> sweep(String place, long skip, String type, String word, String beforeMs, boolean acts) {
        return link.run(
                        Script.SWEEP,
                        keys.all(),
                        args -> args.add(place)
                                .add(skip)
                                .add(MAX_BATCH)
                                .add(type.getBytes(StandardCharsets.UTF_8))
                                .add(word)
                                .add(beforeMs)
                                .add(acts ? 1 : 0)
                                .add(MOST_CANCELLED)
                                .add(channels.ends()),
                        deadline)
                .map(SweepReply::of);
    }

    /** Says what became of tasks, at most {@link #MAX_BATCH}; perhaps only of the first of them. */
    public Mono<LookReply> look(List<String> ids) {
        return link.run(
                        Script.LOOK,
                        keys.withResults(ids),
                        args -> ids.forEach(id -> args.add(id.getBytes(StandardCharsets.UTF_8))),
                        deadline)
                .map(LookReply::new);
    }

    /**
     * Tells which tasks have ended, as lines of a word and an id: those of which a result is kept, and whatever ended in
     * another way than well. {@code ready} is told each time that this begins to be told, also after a gap, and
     * {@code refused} if it never is, for want of a right.
     */
    public EventLink.Listening listenToEnds(
            Consumer<String> heard, Runnable ready, Consumer<StoreRefusedException> refused) {
        return events.listen(channels.ends(), heard, ready, refused);
    }

    /**
     * Tells of the moves of all tasks, a message for each call that made some: the time in ms of Redis, and lines of a word
     * of a state and an id. {@code ready} and {@code refused} are told as by {@link #listenToEnds}. Nothing is told unless
     * {@link #haveMovesTold} says so in time.
     */
    public EventLink.Listening listenToMoves(
            Consumer<String> heard, Runnable ready, Consumer<StoreRefusedException> refused) {
        return events.listen(channels.moves(), heard, ready, refused);
    }

    /** Has moves told from now on and for that long; emits since when they are without a break, in ms of Redis. */
    public Mono<Long> haveMovesTold(Duration period) {
        return link.run(
                        Script.LISTEN,
                        keys.all(),
                        args -> args.add(channels.moves()).add(period.toMillis()),
                        deadline)
                .map(reply -> reply.number(1));
    }

    /** Pauses the queue, or resumes it, which ends a drain too; emits whether that changed anything. */
    public Mono<Boolean> pause(boolean paused) {
        return turn(paused ? 1 : 0);
    }

    /** Closes the queue for new tasks and has it give away what it has, paused or not; emits whether that changed anything. */
    public Mono<Boolean> drain() {
        return turn(2);
    }

    private Mono<Boolean> turn(int wanted) {
        return link.run(Script.PAUSE, keys.all(), args -> args.add(wanted), deadline)
                .map(reply -> reply.number(1) == 1);
    }

    /** The state of a task as the status hash has it; empty if the hash knows no such id, or a word that is no state. */
    public Mono<TaskState> status(String id) {
        return link.command(
                        CommandType.HGET,
                        args -> args.addKey(keys.status()).add(id.getBytes(StandardCharsets.UTF_8)),
                        deadline)
                .filter(reply -> !reply.isNull(0))
                .mapNotNull(reply -> TaskState.ofWord(reply.text(0)));
    }
}
