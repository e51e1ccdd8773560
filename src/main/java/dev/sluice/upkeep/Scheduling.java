package dev.sluice.upkeep;

import dev.sluice.redis.ScheduleRecord;
import dev.sluice.redis.ScheduleRule;
import dev.sluice.redis.ScheduleStore;
import dev.sluice.redis.ScheduleStore.Agenda;
import dev.sluice.redis.ScheduleStore.Firing;
import dev.sluice.redis.ScheduleStore.Shot;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Overlap;
import dev.sluice.task.Timing;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;

/**
 * Fires the schedules of one queue for as long as it is subscribed to.
 *
 * <p>It asks Redis nothing while nothing is due: the round of upkeep tells it once a second when the first tick comes, and
 * each page of what is due when the next one does. Every dispatcher does the same, and the first whose shot arrives fires:
 * a shot names the version and the due time that it is for. Cron is counted aside, where that may take its time.
 */
final class Scheduling {
    private static final Logger log = LoggerFactory.getLogger(Scheduling.class);
    private static final long NAP_MS = 200;
    private static final long JITTER_MS = 20;
    private static final long LATE_MS = 60_000;
    private static final long FAR_AWAY_MS = 86_400_000; // upkeep says so again long before
    private static final int MOST_TOLD = 1_000;
    private static final int MOST_READ = 1_000;
    private static final long NO_TICK = Long.MAX_VALUE;

    private final ScheduleStore store;
    private final String queue;
    private final Scheduler aside;
    private final AtomicLong wakeNanos = new AtomicLong(); // since start; when the first tick is expected
    private final long start = System.nanoTime();
    private final Set<String> told = new HashSet<>();
    private final Map<Timing, Ticks> read = new HashMap<>(); // a cron expression takes longer to read than to count
    private final Complaint complaint;

    Scheduling(ScheduleStore store, String queue, Scheduler aside) {
        this.store = store;
        this.queue = queue;
        this.aside = aside;
        this.complaint = new Complaint(queue, "The firing of schedules", "none may fire", System::nanoTime);
        wakeNanos.set(NO_TICK);
    }

    /** Somebody has seen that the first tick comes in that many milliseconds; below 0 there is none. */
    void expect(long untilTickMs) {
        if (untilTickMs >= 0) {
            long waitMs = Math.min(untilTickMs, FAR_AWAY_MS)
                    + ThreadLocalRandom.current().nextLong(JITTER_MS);
            long at = System.nanoTime() - start + TimeUnit.MILLISECONDS.toNanos(waitMs);
            wakeNanos.accumulateAndGet(at, Math::min);
        }
    }

    /** Runs until cancelled. Subscribe once. Never completes and never fails. */
    Mono<Void> run() {
        return Flux.defer(() -> Mono.delay(nap()).then(Mono.defer(this::roundIfDue)))
                .repeat()
                .then();
    }

    private Duration nap() {
        long left = wakeNanos.get() - (System.nanoTime() - start);
        return left <= 0
                ? Duration.ZERO
                : Duration.ofNanos(Math.min(left, Duration.ofMillis(NAP_MS).toNanos()));
    }

    private Mono<Void> roundIfDue() {
        if (wakeNanos.get() > System.nanoTime() - start) {
            return Mono.empty();
        }
        wakeNanos.set(NO_TICK);
        return Mono.defer(() -> page(0))
                .expand(leftOut -> leftOut < 0 ? Mono.empty() : page(leftOut))
                .then()
                .doOnSuccess(done -> complaint.done())
                .onErrorResume(failure -> {
                    complaint.failed(failure);
                    return Mono.empty();
                });
    }

    /** Fires what is due but for the first ones; how many of the first to leave out then, -1 when all was seen. */
    private Mono<Integer> page(int leftOut) {
        return store.due(leftOut)
                .publishOn(aside) // what is told of them must hold up no thread of Redis
                .flatMap(agenda -> {
                    List<Volley> volleys = volleys(agenda);
                    return fire(volleys).map(stayed -> following(agenda, leftOut, volleys, stayed));
                });
    }

    private int following(Agenda agenda, int leftOut, List<Volley> volleys, int stayed) {
        if (agenda.records().size() == ScheduleStore.PAGE) {
            return leftOut + stayed + agenda.records().size() - volleys.size();
        }
        expect(Long.parseLong(agenda.next())); // of a page before, it is due as well, and perhaps for ever
        return -1;
    }

    private List<Volley> volleys(Agenda agenda) {
        List<Volley> volleys = new ArrayList<>();
        for (ScheduleRecord schedule : agenda.records()) {
            Volley volley = volley(schedule, agenda.nowMs());
            if (volley != null) {
                volleys.add(volley);
            }
        }
        return volleys;
    }

    private @Nullable Volley volley(ScheduleRecord schedule, long nowMs) {
        ScheduleRule rule = schedule.rule();
        if (rule == null || !schedule.hasBody()) {
            return tellOnce(schedule, "its record or its task is missing or cannot be read: declare it again");
        } else if (schedule.dueMs() < 0) {
            return tellOnce(schedule, "its due time is no whole number of milliseconds: declare it again");
        }
        try {
            Ticks ticks = ticks(rule.timing());
            Deque<Long> due = new ArrayDeque<>(ticks.due(schedule.dueMs(), nowMs, rule.misfire()));
            while (rule.overlap() == Overlap.SKIP && due.size() > 1) {
                due.removeFirst(); // each would lie in the way of the next
            }
            return new Volley(schedule, due, ticks.after(nowMs), nowMs);
        } catch (InvalidTaskException uncountable) {
            return tellOnce(schedule, String.valueOf(uncountable.getMessage()));
        } catch (RuntimeException
                | LinkageError broken) { // of the library: one schedule must not keep all others from firing
            return tellOnce(schedule, broken.toString());
        }
    }

    private Ticks ticks(Timing timing) {
        if (read.size() >= MOST_READ) {
            read.clear();
        }
        return read.computeIfAbsent(timing, Ticks::of);
    }

    /** Fires them call by call, until each has fired all it has; how many stay due. */
    private Mono<Integer> fire(List<Volley> volleys) {
        if (volleys.isEmpty()) {
            return Mono.just(0);
        }
        List<Shot> shots = volleys.stream().map(Volley::shot).toList();
        return store.fire(shots).publishOn(aside).flatMap(fates -> {
            List<Volley> again = new ArrayList<>();
            for (int i = 0; i < volleys.size(); i++) {
                if (!volleys.get(i).isOver(shots.get(i), fates.get(i))) {
                    again.add(volleys.get(i));
                }
            }
            int stayed = (int) fates.stream()
                    .filter(fate -> fate == Firing.DRAINING || fate == Firing.BROKEN)
                    .count();
            return fire(again).map(later -> stayed + later);
        });
    }

    private @Nullable Volley tellOnce(ScheduleRecord schedule, String why) {
        if (told.size() < MOST_TOLD && told.add(schedule.name() + " " + schedule.version())) {
            log.atWarn()
                    .addKeyValue("queue", queue)
                    .addKeyValue("schedule", schedule.name())
                    .addKeyValue("reason", why)
                    .log("A schedule cannot be fired here");
        }
        return null;
    }

    /** The ticks of one schedule that are to be fired, shot by shot. */
    private final class Volley {
        private final ScheduleRecord schedule;
        private final Deque<Long> ticks;
        private final long nextMs;
        private final long nowMs;
        private long dueMs;

        Volley(ScheduleRecord schedule, Deque<Long> ticks, long nextMs, long nowMs) {
            this.schedule = schedule;
            this.ticks = ticks;
            this.nextMs = nextMs;
            this.nowMs = nowMs;
            this.dueMs = schedule.dueMs();
        }

        Shot shot() {
            List<Long> now = ticks.stream().limit(ScheduleStore.TICKS_AT_ONCE).toList();
            long following = ticks.stream().skip(now.size()).findFirst().orElse(nextMs);
            return new Shot(schedule, now, dueMs, following);
        }

        /** Takes note of what became of a shot; whether it was the last. */
        boolean isOver(Shot shot, Firing fate) {
            if (fate != Firing.FIRED && fate != Firing.LEFT_OUT) {
                return fate != Firing.LATER;
            }
            shot.ticks().forEach(fired -> ticks.removeFirst());
            dueMs = shot.nextMs();
            if (ticks.isEmpty()) {
                tell(fate);
            }
            return ticks.isEmpty();
        }

        private void tell(Firing fate) {
            if (nextMs != NO_TICK) {
                expect(nextMs - nowMs);
            }
            long lateMs = nowMs - schedule.dueMs();
            if (lateMs > LATE_MS) {
                log.atWarn()
                        .addKeyValue("queue", queue)
                        .addKeyValue("schedule", schedule.name())
                        .addKeyValue(
                                "due", Instant.ofEpochMilli(schedule.dueMs()).toString())
                        .addKeyValue("late_ms", lateMs)
                        .log("A schedule was not fired in time; its misfire policy decided");
            } else if (fate == Firing.LEFT_OUT) {
                log.atInfo()
                        .addKeyValue("queue", queue)
                        .addKeyValue("schedule", schedule.name())
                        .log("A tick was left out, for the task before it lives");
            }
        }
    }
}
