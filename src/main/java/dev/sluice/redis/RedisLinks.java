package dev.sluice.redis;

import dev.sluice.task.Durability;
import dev.sluice.task.Queue;
import io.lettuce.core.ClientOptions;
import io.lettuce.core.ClientOptions.DisconnectedBehavior;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisURI;
import io.lettuce.core.SocketOptions;
import io.lettuce.core.TimeoutOptions;
import io.lettuce.core.resource.ClientResources;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/**
 * Hands out connections by role and closes in the end what it created: its links and clients always, the threads only if
 * it made them.
 *
 * <p>Roles never share a connection where one could hold another up: commands, heartbeats, and one for each blocking
 * wait, and for each {@link Durability} beyond memory. Opening is lazy; nothing connects before a link is first used.
 *
 * <p>Where sentinels name the master, all links are replaced as soon as one of them tells of another.
 */
public final class RedisLinks {
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(2);
    private static final Duration COMMAND_DEADLINE = Duration.ofSeconds(2);
    private static final Duration TIME_TO_SHUT_DOWN = Duration.ofSeconds(3);
    private static final int REQUEST_QUEUE_BOUND = 16_384;

    // Every command has a deadline of ours; Lettuce would set a timer of its own beside it, for each.
    private static final TimeoutOptions NO_SECOND_TIMER =
            TimeoutOptions.builder().timeoutCommands(false).build();

    private final RedisClient client;
    private final RedisClient oneSocket; // its connections are never reconnected: see DurableLink
    private final RedisURI uri;
    private final Addresses addresses;
    private final ClientResources resources;
    private final @Nullable LinkThreads ownThreads; // null: they are the caller's
    private final Set<RedisLink> links = ConcurrentHashMap.newKeySet();
    private final Map<Durability, DurableLink> durable = new ConcurrentHashMap<>();
    private final MasterWatch masters;
    private final RedisLink commands;
    private final RedisLink heartbeats;
    private final EventLink events;
    private final ClaimedHashes claimed;
    private final Sinks.Empty<Void> closing = Sinks.empty();
    private final Sinks.Empty<Void> closed = Sinks.empty();
    private final AtomicBoolean closes = new AtomicBoolean();

    private RedisLinks(
            ClientResources resources, ClientOptions options, RedisURI uri, @Nullable LinkThreads ownThreads) {
        Script.load();
        resources.timer().newTimeout(started -> {}, 1, TimeUnit.MILLISECONDS); // starting it blocks: not later
        this.client = client(resources, options, uri, true);
        this.oneSocket = client(resources, options, uri, false);
        this.uri = uri;
        this.addresses = new Addresses(uri);
        this.resources = resources;
        this.ownThreads = ownThreads;
        this.masters = new MasterWatch(client, uri, this::masterSwitched);
        this.commands = open("commands");
        this.heartbeats = open("heartbeats");
        this.events = new EventLink(client, addresses);
        this.claimed = new ClaimedHashes(commands, COMMAND_DEADLINE);
    }

    /** Links over a client of their own, closed with them; over {@code resources} if given, which stay open. */
    public static RedisLinks own(RedisURI uri, @Nullable ClientResources resources) {
        LinkThreads threads = new LinkThreads();
        ClientResources used = resources != null
                ? resources
                : ClientResources.builder()
                        .ioThreadPoolSize(2)
                        .computationThreadPoolSize(2)
                        .threadFactoryProvider(threads)
                        .build();
        ClientOptions options = ClientOptions.builder()
                .requestQueueSize(REQUEST_QUEUE_BOUND)
                .socketOptions(SocketOptions.builder()
                        .connectTimeout(CONNECT_TIMEOUT)
                        .build()) // keep-alive finds a dead socket in a minute; keepAlive(true) would make it two hours
                .build();
        return new RedisLinks(used, options, uri, resources == null ? threads : null);
    }

    /** Links with the threads and the options of a client of the caller's, which stays open when they close. */
    public static RedisLinks borrowed(RedisClient client, RedisURI uri) {
        return new RedisLinks(client.getResources(), client.getOptions(), uri, null);
    }

    /** Whatever the options say, what was under way when a connection was lost fails: sent again it might be done twice. */
    private static RedisClient client(
            ClientResources resources, ClientOptions options, RedisURI uri, boolean reconnects) {
        RedisClient client = new ReactiveClient(resources, uri);
        client.setOptions(options.mutate()
                .autoReconnect(reconnects)
                .disconnectedBehavior(DisconnectedBehavior.REJECT_COMMANDS)
                .timeoutOptions(NO_SECOND_TIMER)
                .build());
        return client;
    }

    /** A link of its own, for blocking waits or for pub/sub. */
    public RedisLink open(String role) {
        return open(client, role);
    }

    private RedisLink open(RedisClient through, String role) {
        RedisLink link = new RedisLink(through, addresses, role, masters::start);
        links.add(link);
        return link;
    }

    /** Closes one link and forgets it. */
    public Mono<Void> close(RedisLink link) {
        links.remove(link);
        return link.close();
    }

    /** The shared link for commands that never block. */
    public RedisLink commands() {
        return commands;
    }

    /** Looks at the server once: its version, whether it is a cluster, whether it may evict keys. */
    public Mono<ServerFacts> server() {
        return ServerFacts.read(commands, COMMAND_DEADLINE);
    }

    /** One setting of the server, {@code unknown} where reading it is forbidden. */
    public Mono<String> setting(String name) {
        return ServerFacts.setting(commands, name, COMMAND_DEADLINE);
    }

    /** What a producer asks of this queue. */
    public ProducerStore producer(Queue queue) {
        return new ProducerStore(commands, this::durable, queue, events, channels(queue), COMMAND_DEADLINE);
    }

    /** Messages of others, for whoever runs tasks. */
    public EventLink events() {
        return events;
    }

    /** Where it is told that a running task of this queue is to be stopped. */
    public String cancelChannel(Queue queue) {
        return channels(queue).cancels();
    }

    private Channels channels(Queue queue) {
        return Channels.of(queue, uri.getDatabase());
    }

    private DurableLink durable(Durability durability) {
        return durable.computeIfAbsent(
                durability, it -> new DurableLink(open(oneSocket, "enqueue:" + it), it, COMMAND_DEADLINE));
    }

    private void masterSwitched(boolean news) {
        links.forEach(news ? RedisLink::renew : RedisLink::renewIfOpening);
        if (news) {
            events.renew();
        }
    }

    /** What an at-least-once dispatcher asks of this queue. */
    public ClaimStore claims(Queue queue, int crashLimit) {
        return new ClaimStore(commands, heartbeats, queue, channels(queue).ends(), COMMAND_DEADLINE, crashLimit);
    }

    /** What an at-most-once dispatcher asks of this queue. */
    public PopStore pops(Queue queue) {
        return new PopStore(commands, queue, COMMAND_DEADLINE);
    }

    /** What the chores ask of this queue. */
    public UpkeepStore upkeep(Queue queue, int crashLimit) {
        return new UpkeepStore(commands, claimed, queue, channels(queue).ends(), COMMAND_DEADLINE, crashLimit);
    }

    /** The dead letters of this queue. */
    public DeadStore dead(Queue queue) {
        return new DeadStore(commands, queue, COMMAND_DEADLINE);
    }

    /** The schedules of this queue. */
    public ScheduleStore schedules(Queue queue) {
        return new ScheduleStore(commands, queue, COMMAND_DEADLINE);
    }

    /** What checks this queue's stored invariants, and repairs them if asked to. */
    public Doctor doctor(Queue queue) {
        return new Doctor(commands, queue, COMMAND_DEADLINE, Doctor.A_MOMENT);
    }

    /** What says where a task of this queue is, and why it does not run. */
    public Explainer explainer(Queue queue) {
        return new Explainer(commands, queue, COMMAND_DEADLINE);
    }

    /** Which queues this Redis holds. */
    public QueueDirectory directory() {
        return new QueueDirectory(commands, COMMAND_DEADLINE);
    }

    /** Completes when {@link #close} begins, at once if it has. Signals on the thread that closes. */
    public Mono<Void> closing() {
        return closing.asMono();
    }

    /**
     * Closes every link and client, and the threads if they were made here. Cold; a second call completes with the first. Completes when
     * that is done, and never fails; cancelling does not undo it.
     */
    public Mono<Void> close() {
        return Mono.defer(() -> {
            if (closes.compareAndSet(false, true)) {
                closeAll().subscribe(nothing -> {}, stuck -> closed.tryEmitEmpty(), closed::tryEmitEmpty);
            }
            return closed.asMono();
        });
    }

    private Mono<Void> closeAll() {
        Mono<Void> allClosed = Flux.fromIterable(links)
                .flatMap(RedisLink::close)
                .doOnSubscribe(start -> {
                    closing.tryEmitEmpty();
                    masters.close();
                })
                .then(Mono.defer(events::close));
        return allClosed
                .then(Mono.when(closeClient(client), closeClient(oneSocket)))
                .then(ownThreads == null ? Mono.empty() : closeResources(resources, ownThreads));
    }

    /** Lettuce may wait for ever for a connection that was cut while it was being opened. */
    private static Mono<Void> closeClient(RedisClient client) {
        return Mono.fromFuture(() -> client.shutdownAsync(0, 2, TimeUnit.SECONDS))
                .timeout(TIME_TO_SHUT_DOWN)
                .onErrorComplete();
    }

    /**
     * With a time limit of its own: whatever became of the client, its threads must go. On a thread that may block, for
     * Lettuce joins its timer's thread.
     */
    private static Mono<Void> closeResources(ClientResources resources, LinkThreads threads) {
        return Mono.<Void>create(sink -> {
                    Thread closing = new Thread(
                            () -> {
                                resources.shutdown(0, 2, TimeUnit.SECONDS).awaitUninterruptibly();
                                threads.awaitEnd();
                                sink.success();
                            },
                            "sluice-close");
                    closing.setDaemon(true);
                    closing.start();
                })
                .timeout(TIME_TO_SHUT_DOWN)
                .onErrorComplete();
    }
}
