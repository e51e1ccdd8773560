package dev.sluice.observe;

import dev.sluice.task.QueueInfo;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Keeps meters in a Micrometer registry.
 *
 * <p>Which there are, with their tags and when each of them is a reason to worry, stands in {@code src/docs/metrics.md}. Tags are
 * queue, type, target, outcome and state, never an id.
 *
 * <p>The counters of a queue are there, at 0, from when a dispatcher of it starts: a rise to 1 is seen. Any other meter
 * appears when its event first happens. {@code sluice.attempt}, {@code sluice.queueing} and {@code
 * sluice.end.to.end} cost three clock readings and three records per task; they are kept only if asked for. Types beyond the
 * first 200 of a queue are counted as {@code other}.
 *
 * <p>Make one per registry and share it between clients and dispatchers: a second one's gauge would be ignored. Any
 * thread; does not block. Does not close the registry, and leaves its meters in it.
 */
public final class MicrometerObserver implements Observer {

    private static final int MAX_TYPES = 200;

    private final MeterRegistry registry;
    private final boolean attempts;
    private final Map<String, QueueMeters> queues = new ConcurrentHashMap<>();
    private final Map<String, AtomicInteger> dispatchersUp = new ConcurrentHashMap<>();
    private final Map<String, AtomicInteger> slots = new ConcurrentHashMap<>();
    private final Map<String, AtomicInteger> slotsUsed = new ConcurrentHashMap<>();
    private final Map<List<String>, AtomicReference<Double>> tasks = new ConcurrentHashMap<>();
    private final Map<String, AtomicReference<Double>> oldest = new ConcurrentHashMap<>();
    private final Map<String, AtomicReference<Double>> overLength = new ConcurrentHashMap<>();
    private final AtomicInteger linksDown = new AtomicInteger();
    private final Counter linksLost;

    private MicrometerObserver(MeterRegistry registry, boolean attempts) {
        this.registry = registry;
        this.attempts = attempts;
        this.linksLost = counter("sluice.links.lost", Tags.empty(), "Connections to Redis that this process lost");
        gauge("sluice.links.down", Tags.empty(), "Connections to Redis that this process has to open anew", linksDown);
    }

    /** An observer with all meters but the three timers per task. */
    public static MicrometerObserver of(MeterRegistry registry) {
        return new MicrometerObserver(registry, false);
    }

    /** An observer with all meters, the three timers per task included. */
    public static MicrometerObserver withAttempts(MeterRegistry registry) {
        return new MicrometerObserver(registry, true);
    }

    @Override
    public void claimed(String queue, int count) {
        meters(queue).claimed.increment(count);
    }

    @Override
    public void settled(String queue, Outcome outcome, int count) {
        meters(queue).settled(outcome).increment(count);
    }

    @Override
    public void exchange(String queue, long nanos, int claimed, int settled) {
        QueueMeters meters = meters(queue);
        meters.exchange.record(nanos, TimeUnit.NANOSECONDS);
        meters.exchangeClaimed.record(claimed);
    }

    @Override
    public void fenced(String queue, int count) {
        meters(queue).fenced.increment(count);
    }

    @Override
    public void recovered(String queue, int count) {
        meters(queue).recovered.increment(count);
    }

    @Override
    public void lost(String queue, int count) {
        meters(queue).lost.increment(count);
    }

    @Override
    public void orphans(String queue, int count) {
        meters(queue).orphans.increment(count);
    }

    @Override
    public void lateStatuses(String queue, int count) {
        meters(queue).lateStatuses.increment(count);
    }

    @Override
    public void crowded(String queue, long over) {
        overLength
                .computeIfAbsent(
                        queue,
                        name -> lastCounted(
                                "sluice.over.length",
                                null,
                                Tags.of("queue", name),
                                "Tasks that wait beyond the max-length of the queue"))
                .set((double) over);
    }

    @Override
    public void trimmed(String queue, int count) {
        meters(queue).trimmed.increment(count);
    }

    @Override
    public void counted(QueueInfo queue) {
        String name = queue.queue().name();
        tasks(name, "waiting").set((double) queue.waiting());
        tasks(name, "delayed").set((double) queue.delayed());
        tasks(name, "dead").set((double) queue.dead());
        double unknown = queue.waiting() == 0 ? 0 : Double.NaN;
        oldest(name).set(queue.oldest().map(age -> age.toMillis() / 1_000.0).orElse(unknown));
        queue.running().ifPresent(running -> tasks(name, "running").set((double) running));
    }

    @Override
    public void uncounted(String queue) {
        tasks.forEach((both, count) -> {
            if (both.get(0).equals(queue)) {
                count.set(Double.NaN);
            }
        });
        AtomicReference<Double> age = oldest.get(queue);
        if (age != null) {
            age.set(Double.NaN);
        }
    }

    @Override
    public void link(String role, boolean up) {
        if (up) {
            linksDown.updateAndGet(n -> Math.max(0, n - 1));
        } else {
            linksDown.incrementAndGet();
            linksLost.increment();
        }
    }

    @Override
    public void lease(String queue, boolean lapsed) {
        if (lapsed) {
            meters(queue).lapsed.increment();
        }
    }

    @Override
    public void health(String queue, boolean up) {
        meters(queue); // from now on
        count(dispatchersUp, "sluice.dispatchers.up", "Dispatchers of this process that work on the queue", queue)
                .addAndGet(up ? 1 : -1);
    }

    @Override
    public void slots(String queue, int more, int moreUsed) {
        count(slots, "sluice.slots", "Tasks that the dispatchers of this process may run at once", queue)
                .addAndGet(more);
        count(
                        slotsUsed,
                        "sluice.slots.used",
                        "Slots of this process that hold a task, from its claim to its settle",
                        queue)
                .addAndGet(moreUsed);
    }

    @Override
    public boolean wantsAttempts() {
        return attempts;
    }

    @Override
    public void attempt(String queue, String type, Outcome outcome, long nanos) {
        meters(queue).type(type).attempt(outcome).record(nanos, TimeUnit.NANOSECONDS);
    }

    @Override
    public void waited(String queue, String type, long nanos) {
        meters(queue).type(type).queueing().record(nanos, TimeUnit.NANOSECONDS);
    }

    @Override
    public void ended(String queue, String type, Outcome outcome, long nanos) {
        meters(queue).type(type).ended(outcome).record(nanos, TimeUnit.NANOSECONDS);
    }

    @Override
    public void delivered(String target, Outcome outcome, long nanos) {
        timer(
                        "sluice.push",
                        Tags.of("target", target, "outcome", outcome.word()),
                        "Deliveries of a task to a URL, by what they made of the attempt")
                .record(nanos, TimeUnit.NANOSECONDS);
    }

    private AtomicReference<Double> tasks(String queue, String state) {
        return tasks.computeIfAbsent(
                List.of(queue, state),
                both -> lastCounted(
                        "sluice.tasks",
                        null,
                        Tags.of("queue", queue, "state", state),
                        "Tasks of the queue by state, as they were last counted"));
    }

    private AtomicReference<Double> oldest(String queue) {
        return oldest.computeIfAbsent(
                queue,
                name -> lastCounted(
                        "sluice.oldest",
                        "seconds",
                        Tags.of("queue", name),
                        "Age of the oldest waiting task as it was last counted, 0 if none waits"));
    }

    private AtomicReference<Double> lastCounted(String name, @Nullable String unit, Tags tags, String description) {
        AtomicReference<Double> value = new AtomicReference<>(Double.NaN);
        Gauge.builder(name, value, AtomicReference::get)
                .baseUnit(unit)
                .tags(tags)
                .description(description)
                .register(registry);
        return value;
    }

    private AtomicInteger count(Map<String, AtomicInteger> counts, String gauge, String description, String queue) {
        return counts.computeIfAbsent(queue, name -> {
            AtomicInteger count = new AtomicInteger();
            gauge(gauge, Tags.of("queue", name), description, count);
            return count;
        });
    }

    private void gauge(String name, Tags tags, String description, Number value) {
        Gauge.builder(name, value, Number::doubleValue)
                .tags(tags)
                .description(description)
                .register(registry);
    }

    private Counter counter(String name, Tags tags, String description) {
        return Counter.builder(name).tags(tags).description(description).register(registry);
    }

    private Timer timer(String name, Tags tags, String description) {
        return Timer.builder(name).tags(tags).description(description).register(registry);
    }

    private QueueMeters meters(String queue) {
        QueueMeters meters = queues.get(queue);
        return meters != null ? meters : queues.computeIfAbsent(queue, QueueMeters::new);
    }

    /** The meters of one queue, found without a search by tags. */
    private final class QueueMeters {

        final String queue;
        final Counter claimed;
        final Counter fenced;
        final Counter recovered;
        final Counter lost;
        final Counter orphans;
        final Counter lateStatuses;
        final Counter trimmed;
        final Counter lapsed;
        final Timer exchange;
        final DistributionSummary exchangeClaimed;
        final Map<Outcome, Counter> settled = new ConcurrentHashMap<>();
        final Map<String, TypeMeters> types = new ConcurrentHashMap<>();

        QueueMeters(String queue) {
            this.queue = queue;
            this.claimed = total("sluice.claimed", "Tasks that were claimed and went to their handlers");
            this.fenced = total(
                    "sluice.fenced",
                    "Verdicts that came too late, because the task was not this dispatcher's any more: it runs twice");
            this.recovered = total(
                    "sluice.recovered", "Tasks that were taken from dispatchers which no longer renewed their lease");
            this.lost = total(
                    "sluice.lost",
                    "Tasks of an at-most-once queue that were lost with the dispatcher which had taken them");
            this.orphans = total("sluice.orphans", "Claimed tasks that no handler had, found and handed back");
            this.lateStatuses = total(
                    "sluice.statuses.late", "Statuses that another program wrote after the task had ended, removed");
            this.trimmed =
                    total("sluice.dead.trimmed", "Dead letters that were removed for good, as too many or too old");
            this.lapsed = total("sluice.leases.lapsed", "Leases that this process did not renew in time");
            for (Outcome outcome : Outcome.values()) {
                settled(outcome);
            }
            this.exchange = timer(
                    "sluice.exchange", Tags.of("queue", queue), "Calls of Redis that settle tasks and claim others");
            this.exchangeClaimed = DistributionSummary.builder("sluice.exchange.claimed")
                    .tags("queue", queue)
                    .description("Tasks that one exchange with Redis claimed")
                    .register(registry);
        }

        Counter settled(Outcome outcome) {
            return settled.computeIfAbsent(
                    outcome,
                    o -> counter(
                            "sluice.settled",
                            Tags.of("queue", queue, "outcome", o.word()),
                            "Attempts that ended, by outcome, once Redis has recorded it"));
        }

        private Counter total(String name, String description) {
            return counter(name, Tags.of("queue", queue), description);
        }

        TypeMeters type(String type) {
            TypeMeters known = types.get(type);
            if (known != null) {
                return known;
            }
            String tag = types.size() < MAX_TYPES ? type : "other";
            return types.computeIfAbsent(tag, t -> new TypeMeters(Tags.of("queue", queue, "type", t)));
        }
    }

    /** The timers of one type. */
    private final class TypeMeters {

        final Tags tags;
        final Map<Outcome, Timer> attempts = new ConcurrentHashMap<>();
        final Map<Outcome, Timer> ends = new ConcurrentHashMap<>();
        volatile @Nullable Timer queueing;

        TypeMeters(Tags tags) {
            this.tags = tags;
        }

        Timer attempt(Outcome outcome) {
            return attempts.computeIfAbsent(
                    outcome, o -> outcome("sluice.attempt", o, "Attempts to run a task, by outcome"));
        }

        Timer ended(Outcome outcome) {
            return ends.computeIfAbsent(
                    outcome, o -> outcome("sluice.end.to.end", o, "From when a task could have run to its end"));
        }

        Timer queueing() {
            Timer known = queueing;
            if (known == null) {
                known = timer("sluice.queueing", tags, "From when a task could have run to its first attempt");
                queueing = known;
            }
            return known;
        }

        private Timer outcome(String name, Outcome outcome, String description) {
            return timer(name, tags.and("outcome", outcome.word()), description);
        }
    }
}
