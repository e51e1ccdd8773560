package dev.sluice.faults;

import dev.sluice.Sluice;
import dev.sluice.client.EnqueueResult;
import dev.sluice.faults.FaultProxy.Mode;
import dev.sluice.task.Diagnosis;
import dev.sluice.task.QueueInfo;
import dev.sluice.task.Task;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.RedisServerException;
import dev.sluice.testkit.UnpackedRedis;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Three to eight faults, drawn from a seed, one of them in every sixth schedule a failover, against two or three dispatchers
 * on a Redis of their own, while a producer puts tasks in, also for later, that end well, fail, snooze or die, of some of
 * which the result is kept, schedules fire, and an operator cancels some, pauses and drains the queue and redrives the dead;
 * then peace, and the question what became of them. If there are {@link Processes}, one of the faults is a SIGSTOP and a later
 * one a kill -9.
 *
 * <p>The seed decides what is done, to whom, when and for how long; threads and sockets are as fast as they are, so the
 * same seed need not meet the same instruction twice.
 */
final class Schedule {
    static final int TASKS = 150;
    static final String FAILOVER = "failover";
    static final String FROZEN = "frozen";
    static final Duration LEASE = Duration.ofSeconds(1);
    private static final Duration GRACE = Duration.ofMillis(300);
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final Duration KEPT = Duration.ofHours(1);
    /** Until a dead connection is found where anything is to be done: a command has 2 s. */
    private static final Duration DEAD_UNNOTICED = Duration.ofSeconds(3);

    private static final int PORTION = 15;

    private final long seed;
    private final Path folder;
    private final Processes processes;
    private final Random random;
    private RedisServer redis;
    private final @Nullable Standby standby;
    private final int failoverAt;
    private final int freezeAt;
    private final int killAt;
    private boolean restarted;
    private final FaultProxy front; // of the producer and the operator, to whom nothing is done
    private final Sluice outside;
    private final List<Node> nodes = new ArrayList<>();
    private final List<Node> all = new ArrayList<>();
    private final Set<Node> frozen = ConcurrentHashMap.newKeySet();
    private final Collection<Event> events = new ConcurrentLinkedQueue<>();
    private final List<Fault> faults = new CopyOnWriteArrayList<>();
    private final List<CompletableFuture<Void>> heals = new ArrayList<>();
    private final List<Stop> stops = new ArrayList<>();
    private final List<Stop> ends = new ArrayList<>();
    private final Set<String> accepted = ConcurrentHashMap.newKeySet();
    private final List<String> known = new CopyOnWriteArrayList<>();
    private final Map<String, Integer> offers = new ConcurrentHashMap<>();
    private final Operator operator;
    private final Clockwork clockwork;
    private final List<String> wrong = new ArrayList<>();
    private final int strikes;
    private final Stalls stalls;
    private final long began = System.nanoTime();
    private final long clockMs = System.currentTimeMillis() - began / 1_000_000;

    private Schedule(long seed, Processes processes, Stalls stalls, Path folder) {
        this.seed = seed;
        this.stalls = stalls;
        this.folder = folder;
        this.processes = processes;
        this.random = new Random(seed * 0x9E3779B97F4A7C15L);
        this.strikes = 3 + random.nextInt(6);
        String version = random.nextBoolean() ? "7.0" : "6.2";
        Random rare = new Random(~seed * 0x9E3779B97F4A7C15L);
        this.failoverAt = rare.nextInt(6) == 0 ? rare.nextInt(3) : -1;
        List<Integer> free = new ArrayList<>(IntStream.range(0, strikes).boxed().toList());
        free.removeIf(i -> i == failoverAt);
        int first = rare.nextInt(free.size() - 1);
        this.freezeAt = processes == Processes.NONE ? -1 : free.get(first);
        this.killAt = processes == Processes.NONE ? -1 : free.get(first + 1 + rare.nextInt(free.size() - first - 1));
        this.redis = server(version).start();
        this.standby = failoverAt < 0 ? null : new Standby(redis, server(version));
        this.front = new FaultProxy(redis.port());
        this.outside = Sluice.builder()
                .uri(front.uri())
                .clientResources(LocalNode.THREADS)
                .build();
        this.operator = new Operator(
                random.nextLong(),
                outside.client(Node.QUEUE),
                outside.deadLetters(Node.QUEUE),
                () -> known,
                id -> offer(List.of(task(id, "5"))));
        this.clockwork = new Clockwork(outside.schedules(Node.QUEUE));
    }

    private static RedisServer.Builder server(String version) {
        return Latencies.telling(UnpackedRedis.builder(version))
                .appendOnly()
                .with(
                        "appendfsync",
                        "no"); // what was written survives kill -9 in the kernel; twelve servers at fsync starve
    }

    /** Runs it; the journals of dispatchers in processes of their own go to the folder. */
    static Report run(long seed, Processes processes, Stalls stalls, Path folder) throws Exception {
        Schedule schedule = new Schedule(seed, processes, stalls, folder);
        try {
            return schedule.run();
        } catch (Exception | AssertionError unfinished) {
            throw new AssertionError(
                    "seed " + seed + " came to no end, after\n  " + schedule.faults + "\n  " + schedule.clients(),
                    unfinished);
        } finally {
            schedule.close();
        }
    }

    private Object clients() {
        try {
            return redis.call("CLIENT", "LIST");
        } catch (RedisServerException away) {
            return redis + ": " + redis.log();
        }
    }

    private Report run() throws Exception {
        clockwork.begin();
        int workers = 2 + random.nextInt(2);
        for (int i = 0; i < workers; i++) {
            join(processes == Processes.ALL || (processes == Processes.ONE && i == 0));
        }
        awaitReady(); // a fault would be over before a new JVM has done anything
        CompletableFuture<Void> producer = CompletableFuture.runAsync(this::produce, work -> new Thread(work).start());
        CompletableFuture<Void> operating =
                CompletableFuture.runAsync(() -> operate(producer), work -> new Thread(work).start());
        for (int i = 0; i < strikes; i++) {
            sleep(random.nextInt(250));
            if (i == failoverAt && !restarted) {
                failOver();
            } else if (i == freezeAt) {
                freeze(aProcess(), 200 + random.nextInt(2500));
            } else if (i == killAt) {
                succeeded(aProcess(), true);
            } else {
                strike();
            }
        }
        producer.get(60, TimeUnit.SECONDS);
        operating.get(60, TimeUnit.SECONDS);
        CompletableFuture.allOf(heals.toArray(CompletableFuture[]::new)).get(60, TimeUnit.SECONDS);
        awaitReady();
        return quiet(System.nanoTime());
    }

    private void awaitReady() throws Exception {
        for (Node node : nodes) {
            if (node instanceof ProcessNode process) {
                process.awaitReady();
            }
        }
    }

    // ---- the faults

    private void strike() {
        Node node = anyNode();
        switch (random.nextInt(18)) {
            case 0 -> succeeded(node, true);
            case 1 -> succeeded(node, frozen.contains(node)); // who stands still hears of no stop
            case 2 -> freeze(node, 200 + random.nextInt(2500));
            case 3 ->
                instant(node, "every connection is reset", () -> node.proxy().cut());
            case 4 -> one(node, random.nextInt(8));
            case 5 -> link(node, Mode.SWALLOW_REPLIES, 20 + random.nextInt(600));
            case 6 -> link(node, Mode.SWALLOW, 20 + random.nextInt(2000));
            case 7 -> link(node, Mode.HOLD, 20 + random.nextInt(2500));
            case 8 -> link(node, Mode.TEAR, 20 + random.nextInt(200));
            case 9 -> link(node, Mode.TRICKLE, 50 + random.nextInt(500));
            case 10 -> link(node, Mode.DELAY, 50 + random.nextInt(500));
            case 11 -> link(node, Mode.REFUSE, 20 + random.nextInt(1500));
            case 12 -> redis("CLIENT KILL", () -> redis.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"));
            case 13 -> pauseClients(20 + random.nextInt(800));
            case 14 -> redis("SCRIPT FLUSH", () -> redis.call("SCRIPT", "FLUSH"));
            case 15 -> restart();
            case 16 -> hang(20 + random.nextInt(1500));
            default -> busy(20 + random.nextInt(400), random.nextBoolean());
        }
    }

    private Node anyNode() {
        return nodes.get(random.nextInt(nodes.size()));
    }

    private Node aProcess() {
        return nodes.stream().filter(ProcessNode.class::isInstance).findFirst().orElseGet(() -> join(true));
    }

    /** Ends it, with or without a word, and another one takes its place. */
    private void succeeded(Node node, boolean killed) {
        long from = System.nanoTime();
        nodes.remove(node);
        if (killed) {
            node.kill();
            faults.add(new Fault(Fault.Kind.KILLED, node.name(), "killed", from, from));
        } else {
            stop(node);
            faults.add(new Fault(Fault.Kind.STOPPED, node.name(), "stopped", from, from));
        }
        join(processes == Processes.ALL);
    }

    private void freeze(Node node, int ms) {
        if (!node.freezes()) {
            link(node, Mode.HOLD, ms);
            return;
        }
        node.freeze();
        frozen.add(node);
        later(ms, node, Fault.Kind.FROZEN, FROZEN, () -> {
            node.thaw();
            frozen.remove(node);
        });
    }

    private void link(Node node, Mode mode, int ms) {
        node.proxy().mode(mode);
        later(
                ms,
                node,
                Fault.Kind.LINK,
                mode + " for " + ms + " ms",
                () -> node.proxy().mode(Mode.PASS));
    }

    /** Takes one connection away, of which nobody is told. */
    private void one(Node node, int place) {
        List<FaultProxy.Link> links = List.copyOf(node.proxy().links());
        if (!links.isEmpty()) {
            links.get(place % links.size()).mode(Mode.SWALLOW);
        }
        long now = System.nanoTime();
        faults.add(
                new Fault(Fault.Kind.LINK, node.name(), "one connection is dead", now, now + DEAD_UNNOTICED.toNanos()));
    }

    private void instant(Node node, String what, Runnable fault) {
        long from = System.nanoTime();
        fault.run();
        faults.add(new Fault(Fault.Kind.LINK, node.name(), what, from, System.nanoTime()));
    }

    private void later(int ms, Node node, Fault.Kind kind, String what, Runnable heal) {
        long from = System.nanoTime();
        heals.add(CompletableFuture.runAsync(
                () -> {
                    heal.run();
                    faults.add(new Fault(kind, node.name(), what, from, System.nanoTime()));
                },
                CompletableFuture.delayedExecutor(ms, TimeUnit.MILLISECONDS)));
    }

    private void redis(String what, Runnable fault) {
        long from = System.nanoTime();
        fault.run();
        faults.add(new Fault(Fault.Kind.REDIS, "*", what, from, System.nanoTime()));
    }

    private void pauseClients(int ms) {
        redis("CLIENT PAUSE for " + ms + " ms", () -> {
            redis.call("CLIENT", "PAUSE", String.valueOf(ms));
            sleep(ms);
        });
    }

    private void restart() {
        int drawn = random.nextInt(300);
        int ms = drawn < 100 ? 2200 + 10 * drawn : drawn; // one in three outlasts the leases
        redis("kill -9 and restart after " + ms + " ms", () -> {
            noteLatencies();
            redis.kill();
            Books.repair(redis.dataDir());
            HeldPort.during(redis.port(), () -> sleep(ms));
            redis.restart();
            restarted = true;
        });
    }

    /** Only of a server that was never restarted: else the replica begins anew, and so do its books. */
    private void failOver() {
        redis(FAILOVER, () -> {
            RedisServer old = redis;
            noteLatencies();
            redis = Objects.requireNonNull(standby).takeOver(old);
            front.leadTo(redis.port());
            all.forEach(node -> node.proxy().leadTo(redis.port()));
            old.close();
        });
    }

    /** What this machine's disk did to the Redis of now, before that is gone. */
    private void noteLatencies() {
        Latencies.of(redis, Latencies.APPENDING, clockMs).forEach(faults::add);
    }

    private void hang(int ms) {
        redis("SIGSTOP for " + ms + " ms", () -> {
            redis.pause();
            sleep(ms);
            redis.resume();
        });
    }

    private void busy(int ms, boolean script) {
        redis((script ? "a script" : "DEBUG SLEEP") + " of " + ms + " ms", () -> {
            if (script) {
                redis.call("EVAL", BUSY, "0", String.valueOf(ms * 1000));
            } else {
                redis.call("DEBUG", "SLEEP", String.valueOf(ms / 1000.0));
            }
        });
    }

    private static final String BUSY = """
            local function us() local t = redis.call('TIME') return t[1] * 1000000 + t[2] end
            local till = us() + tonumber(ARGV[1])
            while us() < till do end
            """;

    // ---- workers and tasks

    private Node join(boolean process) {
        String name = "n" + (all.size() + 1);
        int concurrency = 4 + random.nextInt(12);
        Node node = process
                ? ProcessNode.behindAProxy(name, redis.port(), LEASE, concurrency, folder, stalls.calmRedis())
                : new LocalNode(name, redis.port(), LEASE, concurrency, events::add).started();
        nodes.add(node);
        all.add(node);
        return node;
    }

    private void produce() {
        Random works = new Random(seed);
        for (int from = 0; from < TASKS; from += PORTION) {
            List<Task<String>> portion = new ArrayList<>();
            IntStream.range(from, Math.min(TASKS, from + PORTION)).forEach(i -> portion.add(draw("t" + i, works)));
            List<Task<String>> left = portion;
            while (!left.isEmpty()) {
                left = offer(left);
                sleep(5); // a queue that is being drained refuses them at once
            }
            sleep(works.nextInt(200));
        }
    }

    /** A task that ends in some claim, however often it is redriven. */
    static Task<String> draw(String id, Random works) {
        int ms = works.nextInt(10) == 0 ? works.nextInt(600) : works.nextInt(15);
        String work = ms + "/" + ms % 20;
        Task<String> task = task(id, ending(works.nextInt(100), work));
        task = works.nextInt(4) == 0 ? task.keepResult(KEPT) : task;
        return switch (works.nextInt(16)) {
            case 0 -> task.delay(Duration.ofMillis(works.nextInt(1500)));
            case 1 -> task.at(Instant.now().plusMillis(works.nextInt(1500)));
            case 2 -> task.maxAttempts(2);
            default -> task;
        };
    }

    /** Most end well at once; every one ends in some claim, however often it is redriven. */
    private static String ending(int percent, String work) {
        if (percent < 64) {
            return work;
        } else if (percent < 72) {
            return "fail:" + work + ";fail:1;" + work;
        } else if (percent < 80) {
            return "retry:" + work + ";" + work;
        } else if (percent < 88) {
            return "snooze:1;snooze:" + work + ";" + work;
        } else if (percent < 92) {
            return "discard:" + work;
        }
        return "dead:" + work + ";" + work;
    }

    private static Task<String> task(String id, String work) {
        return Task.of("t", work).id(id);
    }

    /** Offers these; returns those that were refused, or whose answer was lost. */
    private List<Task<String>> offer(List<Task<String>> portion) {
        List<EnqueueResult> results = outside.client(Node.QUEUE)
                .enqueueAll(Flux.fromIterable(portion).map(this::numbered))
                .collectList()
                .block(PATIENCE);
        results.stream().filter(EnqueueResult::isAccepted).forEach(result -> {
            if (accepted.add(result.id())) {
                known.add(result.id());
            }
        });
        return portion.stream().filter(task -> !accepted.contains(task.id())).toList();
    }

    private Task<String> numbered(Task<String> task) {
        return numbered(task, offers.merge(task.id(), 1, Integer::sum));
    }

    /** The offer of this task that has this number. */
    static Task<String> numbered(Task<String> task, int number) {
        String work = task.payload() + "@" + number;
        Task<String> offer = task(task.id(), work);
        offer = task.maxAttempts() == 0 ? offer : offer.maxAttempts(task.maxAttempts());
        offer = task.keepResult() == null ? offer : offer.keepResult(task.keepResult());
        Duration delay = task.delay();
        Instant at = task.at();
        return delay != null ? offer.delay(delay) : at != null ? offer.at(at) : offer;
    }

    private void operate(CompletableFuture<Void> producer) {
        Random pauses = new Random(~seed);
        while (!producer.isDone()) {
            sleep(pauses.nextInt(200));
            operator.act();
        }
    }

    // ---- the end

    private Report quiet(long peaceNanos) throws Exception {
        clockwork.end();
        boolean drained = within(PATIENCE, this::isDrained);
        boolean clean = within(LEASE.plusSeconds(3), () -> diagnosis().isClean());
        int left = drained ? 0 : (int) live();
        if (!drained) {
            wrong.add("stuck: " + left + " tasks, " + ask(outside.queue("q")));
        }
        if (!clean) {
            wrong.add("the doctor finds " + diagnosis());
        }
        nodes.forEach(node -> {
            long from = System.nanoTime();
            faults.add(new Fault(Fault.Kind.STOPPED, node.name(), "stopped in the end", from, from));
            stop(node);
        });
        holdToTheirTime("a stop", stops, GRACE.plusSeconds(2));
        holdToTheirTime("the end of a process that was stopped", ends, GRACE.plusSeconds(3));
        return report(peaceNanos, left);
    }

    private void stop(Node node) {
        long from = System.nanoTime();
        stops.add(new Stop(from, node.stop(GRACE)));
        if (node instanceof ProcessNode process) {
            ends.add(new Stop(from, process.ended()));
        }
    }

    /** What this machine gave nobody a processor for is not counted. */
    private void holdToTheirTime(String what, List<Stop> all, Duration limit) throws Exception {
        for (Stop each : all) {
            Duration took = each.took.get(60, TimeUnit.SECONDS);
            long stalled = stalls.within(each.fromNanos, each.fromNanos + took.toNanos());
            if (took.minusNanos(stalled).compareTo(limit) > 0) {
                wrong.add(what + " took " + took + ", with a grace of " + GRACE + ", and this machine stood still for "
                        + Duration.ofNanos(stalled));
            }
        }
    }

    private Report report(long peaceNanos, int stuck) {
        for (Node node : all) {
            if (node instanceof ProcessNode process) {
                events.addAll(process.events());
                faults.addAll(process.stalls());
            }
        }
        faults.addAll(stalls.since(began));
        noteLatencies();
        History history = new History(events, faults, LEASE);
        Books books = Books.read(redis.dataDir());
        Audit audit = new Audit(books, history, operator, clockMs);
        wrong.addAll(audit.faultsFound(accepted));
        wrong.addAll(clockwork.faultsFound(books.lives()));
        long recovery = Math.max(0, history.lastEnd() - peaceNanos);
        return new Report(
                seed,
                processes,
                strikes,
                List.copyOf(faults),
                accepted.size(),
                Math.max(0, audit.lost(accepted).size() - stuck),
                stuck,
                history.repeats(),
                history.count(Event.Kind.FENCED),
                audit.moves(),
                audit.crashes(),
                operator.cancellations(),
                operator.pauses(),
                Duration.ofNanos(recovery),
                List.copyOf(wrong));
    }

    /** Whether all have ended; the dead are redriven until they have. */
    private boolean isDrained() {
        QueueInfo info = ask(outside.queue("q"));
        if (info != null && info.dead() > 0) {
            operator.redrive();
        }
        return live() == 0;
    }

    private long live() {
        QueueInfo info = ask(outside.queue("q"));
        return info == null
                ? 0
                : info.waiting() + info.delayed() + info.running().orElse(0) + info.dead();
    }

    private Diagnosis diagnosis() {
        return ask(outside.examine(Node.QUEUE));
    }

    /** Once more if this machine was too busy to answer in time. */
    private static <T> T ask(Mono<T> question) {
        return question.retry(3).block(PATIENCE.multipliedBy(2));
    }

    private static boolean within(Duration limit, java.util.function.BooleanSupplier condition) {
        long end = System.nanoTime() + limit.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > end) {
                return false;
            }
            sleep(100);
        }
        return true;
    }

    private void close() {
        all.forEach(Node::close);
        outside.close().block(PATIENCE);
        front.close();
        redis.close();
        if (standby != null) {
            standby.close();
        }
    }

    private static void sleep(int ms) {
        LockSupport.parkNanos(ms * 1_000_000L);
    }

    private record Stop(long fromNanos, CompletableFuture<Duration> took) {}

    /** How many of its dispatchers are processes of their own. */
    enum Processes {
        NONE,
        /** One of those it begins with; another, if that one is gone when it is to be frozen or killed. */
        ONE,
        ALL
    }

    /** What became of a schedule. */
    record Report(
            long seed,
            Processes processes,
            int strikes,
            List<Fault> faults,
            int tasks,
            int lost,
            int stuck,
            int repeats,
            long fenced,
            int moves,
            int crashes,
            int cancellations,
            int pauses,
            Duration recovery,
            List<String> wrong) {

        /** Everything that is needed to see what happened, and the command that does it again. */
        String story() {
            return "seed " + seed + " (again with -Dsluice.faults.seed=" + seed
                    + " -Dsluice.faults.schedules=1 -Dsluice.faults.processes=" + processes + "):\n  "
                    + String.join("\n  ", wrong)
                    + "\n after\n  "
                    + String.join("\n  ", faults.stream().map(Fault::toString).toList());
        }
    }
}
