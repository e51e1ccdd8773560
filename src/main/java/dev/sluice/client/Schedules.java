package dev.sluice.client;

import dev.sluice.codec.Durations;
import dev.sluice.codec.PayloadCodec;
import dev.sluice.redis.ProducerStore;
import dev.sluice.redis.ScheduleRecord;
import dev.sluice.redis.ScheduleRule;
import dev.sluice.redis.ScheduleStore;
import dev.sluice.redis.ScheduleStore.Change;
import dev.sluice.redis.ScheduleStore.Fate;
import dev.sluice.redis.ScheduleStore.MayReplace;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Overlap;
import dev.sluice.task.Queue;
import dev.sluice.task.QueueDrainingException;
import dev.sluice.task.Schedule;
import dev.sluice.task.ScheduleChange;
import dev.sluice.task.ScheduleChange.Outcome;
import dev.sluice.task.ScheduleConflictException;
import dev.sluice.task.ScheduleInfo;
import dev.sluice.task.StoreRefusedException;
import dev.sluice.task.StoreUnavailableException;
import dev.sluice.task.TaskId;
import dev.sluice.task.Timing;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;

/**
 * The schedules of one queue: tasks that are enqueued again and again, by cron or at a fixed rate.
 *
 * <p>They live in Redis. Any dispatcher of the queue fires them, each tick once, whoever declared them and whether that
 * program still runs; every change holds from the next tick on. Share one instance; it is thread-safe, never blocks, and
 * owns nothing that has to be closed. The queue is first asked whether this side fits, as by {@link TaskClient}.
 *
 * <p>All results and errors that come from Redis are signalled on Reactor's {@code parallel} scheduler. Every call fails with
 * {@link StoreRefusedException} (final), with {@link StoreUnavailableException}, whose outcome is unknown and which is safe to
 * repeat, and with {@link InvalidTaskException} (final) for what breaks a rule: then nothing was sent, except that only Redis knows
 * that a queue has as many schedules as it may, and that of several declared at once those before the wrong one are. Cancelling
 * drops the answer and does not undo the call.
 */
public final class Schedules {
    private static final Scheduler SIGNALS = Schedulers.parallel();
    // Of its own: handlers may take all of Reactor's.
    private static final Scheduler COUNTERS =
            Schedulers.newBoundedElastic(2, Integer.MAX_VALUE, "sluice-schedules", 10, true);
    private static final String OF_CODE = "code";
    private static final int TRIES = 5;
    private static final Duration WRONG_CLOCK = Duration.ofHours(3); // and so in common.lua
    private static final Comparator<ScheduleInfo> BY_TIME = Comparator.comparing(
                    ScheduleInfo::next, Comparator.nullsLast(Comparator.naturalOrder()))
            .thenComparing(ScheduleInfo::name);

    private final StoreCalls calls;
    private final ScheduleStore store;
    private final Framer framer;
    private final Calendar calendar;
    private final Queue queue;
    private final String origin;

    private Schedules(
            StoreCalls calls, ScheduleStore store, Framer framer, Calendar calendar, Queue queue, String origin) {
        this.calls = calls;
        this.store = store;
        this.framer = framer;
        this.calendar = calendar;
        this.queue = queue;
        this.origin = origin;
    }

    /** Counts ticks. Internal: for the root package; no API for users. */
    @FunctionalInterface
    public interface Calendar {
        /** The first tick after that time, or null; throws {@link InvalidTaskException} for a cron that cannot be read. */
        @Nullable
        Instant next(Timing timing, Instant after);
    }

    /** The schedules behind {@code store}. Internal: for the root package; no API for users. */
    public static Schedules over(ProducerStore producer, ScheduleStore store, PayloadCodec codec, Calendar calendar) {
        return new Schedules(
                new StoreCalls(producer, 0),
                store,
                new Framer(codec, producer.queue(), false),
                calendar,
                producer.queue(),
                OF_CODE);
    }

    /**
     * The same schedules, declared from here on by {@code word}, which listings show and {@link #declare} goes by. Default
     * {@code code}.
     *
     * @param word 1 to 512 characters, none of them a control character
     * @throws InvalidTaskException if it is not
     */
    public Schedules origin(String word) {
        if (word.isEmpty() || word.length() > 512 || word.chars().anyMatch(Character::isISOControl)) {
            throw new InvalidTaskException(
                    "origin", "an origin must be 1 to 512 characters without control characters");
        }
        return new Schedules(calls, store, framer, calendar, queue, word);
    }

    /**
     * Declares a schedule that is not to replace another.
     *
     * <p>Cold. Emits {@code CREATED}, or {@code UNCHANGED} if the queue has this very schedule already. Fails with
     * {@link ScheduleConflictException} (final) if it has another of this name. Otherwise as the class says.
     */
    public Mono<ScheduleChange> create(Schedule schedule) {
        return put(schedule, MayReplace.NOBODY, Set.of());
    }

    /**
     * Declares a schedule, in the place of any other of its name. The first tick is the first after this call, or if it
     * fires at the same times stays what it was, overdue or not; a paused schedule stays paused.
     *
     * <p>Cold. Emits what it came to. Otherwise as the class says.
     */
    public Mono<ScheduleChange> put(Schedule schedule) {
        return put(schedule, MayReplace.ANYBODY, Set.of());
    }

    /**
     * Makes these the schedules of this {@linkplain #origin origin}: declares each, and removes what the same origin once
     * declared and does not any more. Of other origins nothing is changed.
     *
     * <p>Cold. Emits one change for each schedule, then one for each that was removed; what was there before is told, so that
     * two programs which declare different ones as the same origin can be seen to do so. Fails with
     * {@link ScheduleConflictException} (final) at the first that another origin has declared otherwise: those before it are
     * declared, and nothing is removed. Otherwise as the class says.
     */
    public Flux<ScheduleChange> declare(Collection<Schedule> schedules) {
        return declare(schedules, Set.of());
    }

    /**
     * The same, but what one of the origins {@code leaving} has declared otherwise is no conflict: it is left as it is, and
     * told as {@code LEFT}. So a program can start with its list though somebody has changed one of them by hand, whose origin
     * is {@code cli} or {@code http}.
     *
     * <p>Cold; otherwise as {@link #declare(Collection)}.
     */
    public Flux<ScheduleChange> declare(Collection<Schedule> schedules, Set<String> leaving) {
        Set<String> left = Set.copyOf(leaving);
        return Flux.defer(() -> {
            Map<String, Schedule> all = new LinkedHashMap<>();
            for (Schedule schedule : schedules) {
                Schedule same = all.put(schedule.name(), schedule);
                if (same != null && !same.equals(schedule)) {
                    return Flux.error(new InvalidTaskException(
                            "schedule", "schedule '" + schedule.name() + "' is declared twice, and not the same"));
                }
            }
            return Flux.fromIterable(all.values())
                    .concatMap(schedule -> put(schedule, MayReplace.ofOrigin(origin), left))
                    .concatWith(Flux.defer(() -> removeOthers(all.keySet())))
                    .publishOn(SIGNALS);
        });
    }

    /**
     * Removes a schedule. Tasks that it has made stay.
     *
     * <p>Cold. Emits false if there is none of this name. Otherwise as the class says.
     */
    public Mono<Boolean> remove(String name) {
        return change(name, () -> store.remove(name, ""))
                .map(change -> change.fate() == Fate.DONE)
                .publishOn(SIGNALS);
    }

    /**
     * Pauses a schedule: no tick fires until {@link #resume}. Ticks that pass meanwhile are not made up for.
     *
     * <p>Cold. Emits whether this call changed anything; empty if there is none of this name. Otherwise as the class says.
     */
    public Mono<Boolean> pause(String name) {
        return change(name, () -> store.pause(name))
                .filter(change -> change.fate() != Fate.UNKNOWN)
                .map(change -> change.fate() == Fate.DONE)
                .publishOn(SIGNALS);
    }

    /**
     * Goes on with a paused schedule from its next tick on.
     *
     * <p>Cold. Emits whether this call changed anything; empty if there is none of this name. Otherwise as the class says.
     */
    public Mono<Boolean> resume(String name) {
        return Mono.defer(() -> calls.afterIntroduction(() -> resume(Schedule.checkName(name), TRIES)))
                .publishOn(SIGNALS);
    }

    /**
     * Makes the schedule's task now, whatever the time, and also while it is paused or its last task runs. Its ticks stay what
     * they are.
     *
     * <p>Cold. Emits the id of the task; empty if there is none of this name. Subscribing to the same {@code Mono} again is
     * safe: it makes no second task while the first lives. Fails with {@link QueueDrainingException} (final) while the queue
     * takes no tasks. Otherwise as the class says.
     */
    public Mono<String> trigger(String name) {
        String id = name + "@triggered-" + TaskId.random();
        return change(name, () -> store.trigger(name, id))
                .filter(change -> change.fate() != Fate.UNKNOWN)
                .<String>handle((change, sink) -> {
                    if (change.fate() == Fate.DRAINING) {
                        sink.error(new QueueDrainingException(queue.name()));
                    } else {
                        sink.next(id);
                    }
                })
                .publishOn(SIGNALS);
    }

    /** One schedule; empty if there is none of this name. Cold; otherwise as the class says. */
    public Mono<ScheduleInfo> find(String name) {
        return Mono.defer(() -> calls.afterIntroduction(() -> store.find(Schedule.checkName(name))))
                .mapNotNull(ScheduleRecord::info)
                .publishOn(SIGNALS);
    }

    /**
     * Every schedule of the queue, the next to fire first, those that are paused last.
     *
     * <p>Cold. Reads them in pages of about 128, and emits when it has all: at most 10,000, a few hundred bytes each. What
     * cannot be read as a schedule is left out; {@code Sluice.examine} names it. Otherwise as the class says.
     */
    public Flux<ScheduleInfo> all() {
        return Flux.defer(() -> calls.afterIntroduction(() -> records().collectList()))
                .flatMapIterable(records -> records.stream()
                        .map(ScheduleRecord::info)
                        .filter(Objects::nonNull)
                        .sorted(BY_TIME)
                        .toList())
                .publishOn(SIGNALS);
    }

    /**
     * A part of the schedules, for a caller who wants an answer soon: the next to fire first, those that never do last, at
     * equal times by name. It ends with {@code limit} schedules, with 50,000 that were looked at, with about 4 MiB of them, or
     * after 100 ms, whichever comes first.
     *
     * <p>Who goes on with each cursor until that is null meets every schedule that is there all the while and is not touched,
     * once. One that fires on the way may be met again with its next tick. One that is paused, resumed or declared otherwise
     * may be met again, or not at all. What cannot be read as a schedule is left out.
     *
     * <p>Cold; emits one page, which may be empty though its cursor leads on. Fails with {@link InvalidTaskException} too, if
     * {@code cursor} is no cursor. Otherwise as the class says; safe to repeat.
     *
     * @param cursor that of the page before, whose last schedule may be gone; null = from the beginning
     * @param limit the most schedules, at least 1
     */
    public Mono<SchedulePage> page(@Nullable String cursor, int limit) {
        if (limit < 1) {
            throw new InvalidTaskException("limit", "a page has at least 1 schedule, was " + limit);
        }
        return Mono.defer(() -> {
                    byte[] after = cursor == null ? null : Cursor.parse(cursor, "schedules");
                    return calls.afterIntroduction(() -> page(new Paging<>(limit), after));
                })
                .publishOn(SIGNALS);
    }

    private Mono<SchedulePage> page(Paging<ScheduleInfo> paging, byte @Nullable [] after) {
        int most = paging.scanned() == 0 ? paging.room() : ScheduleStore.LONGEST_PAGE; // what is left out may be much
        return store.page(after, most).flatMap(found -> {
            boolean full = false;
            for (int i = 0; i < found.size() && !full; i++) {
                int index = i;
                full = paging.isFullWith(found.get(i).info(), found.length(i), () -> Cursor.of(found.position(index)));
            }
            return full || !found.more()
                    ? Mono.just(new SchedulePage(paging.meant(), paging.scanned(), paging.cursor()))
                    : page(paging, found.position(found.size() - 1));
        });
    }

    private Mono<ScheduleChange> put(Schedule schedule, MayReplace whom, Set<String> left) {
        if (schedule.overlap() == Overlap.SKIP && queue.delivery() == DeliveryMode.AT_MOST_ONCE) {
            return Mono.error(new InvalidTaskException(
                    "overlap",
                    "queue " + queue.name()
                            + " is at-most-once, where nobody knows whether a task still runs: allow overlaps, or"
                            + " use an at-least-once queue"));
        }
        return Mono.fromCallable(() -> {
                    calendar.next(schedule.timing(), Instant.EPOCH); // refuses a cron before anything is sent
                    return framer.body(schedule.task());
                })
                .subscribeOn(COUNTERS)
                .flatMap(body -> calls.afterIntroduction(() -> put(schedule, whom, body)))
                .flatMap(change -> result(schedule.name(), change, left))
                .publishOn(SIGNALS);
    }

    private Mono<Change> put(Schedule schedule, MayReplace whom, byte[] body) {
        return fromWhen(schedule.name())
                .flatMap(from -> next(schedule.timing(), from))
                .flatMap(tick -> store.put(whom, schedule.name(), origin, ruleOf(schedule), body, tick))
                .flatMap(change -> change.fate() == Fate.OVERTAKEN ? put(schedule, whom, body) : Mono.just(change));
    }

    private Mono<ScheduleChange> result(String name, Change change, Set<String> left) {
        ScheduleRecord before = change.before();
        String was = before == null ? null : text(before);
        return switch (change.fate()) {
            case DONE -> Mono.just(new ScheduleChange(name, before == null ? Outcome.CREATED : Outcome.UPDATED, was));
            case SAME -> Mono.just(new ScheduleChange(name, Outcome.UNCHANGED, null));
            case OTHER ->
                before != null && left.contains(before.origin())
                        ? Mono.just(new ScheduleChange(name, Outcome.LEFT, was))
                        : Mono.error(new ScheduleConflictException(queue.name(), name, String.valueOf(was)));
            default ->
                Mono.error(new InvalidTaskException(
                        "schedule",
                        "queue " + queue.name() + " has " + ScheduleStore.MOST + " schedules, and that is the most"));
        };
    }

    private Flux<ScheduleChange> removeOthers(Set<String> names) {
        return records()
                .filter(record -> record.origin().equals(origin) && !names.contains(record.name()))
                .concatMap(record -> store.remove(record.name(), origin))
                .filter(change -> change.fate() == Fate.DONE)
                .map(Change::before)
                .map(before -> new ScheduleChange(before.name(), Outcome.REMOVED, text(before)));
    }

    /** A scan may meet one twice. */
    private Flux<ScheduleRecord> records() {
        return store.all()
                .collect(HashMap<String, ScheduleRecord>::new, (all, record) -> all.put(record.name(), record))
                .flatMapIterable(HashMap::values);
    }

    private Mono<Boolean> resume(String name, int tries) {
        return store.find(name)
                .flatMap(record -> Mono.zip(
                        Mono.just(record),
                        store.now().flatMap(now -> next(timingOf(record), later(now, record.lastMs())))))
                .flatMap(both -> store.resume(both.getT1(), both.getT2()))
                .filter(change -> change.fate() != Fate.UNKNOWN)
                .flatMap(change -> change.fate() == Fate.OTHER && tries > 1
                        ? resume(name, tries - 1) // somebody changed it in between
                        : Mono.just(change.fate() == Fate.DONE));
    }

    /** After which time a schedule that is declared fires. */
    private Mono<Instant> fromWhen(String name) {
        return store.now()
                .flatMap(now -> store.record(name)
                        .map(record -> later(now, record.lastMs()))
                        .defaultIfEmpty(now));
    }

    /** After the last tick, where the clock was put back since: none comes a second time. By more than this it was wrong before. */
    private static Instant later(Instant now, long lastMs) {
        Instant last = Instant.ofEpochMilli(lastMs);
        return last.isAfter(now) && last.isBefore(now.plus(WRONG_CLOCK)) ? last : now;
    }

    private Mono<Instant> next(Timing timing, Instant now) {
        return Mono.fromCallable(() -> calendar.next(timing, now)).subscribeOn(COUNTERS);
    }

    private Mono<Change> change(String name, Supplier<Mono<Change>> call) {
        return Mono.defer(() -> {
            Schedule.checkName(name);
            return calls.afterIntroduction(call);
        });
    }

    private static Timing timingOf(ScheduleRecord record) {
        return Objects.requireNonNull(record.rule(), "find leaves out what has none")
                .timing();
    }

    private static ScheduleRule ruleOf(Schedule schedule) {
        return new ScheduleRule(schedule.task().type(), schedule.timing(), schedule.misfire(), schedule.overlap());
    }

    private static String text(ScheduleRecord record) {
        ScheduleRule rule = record.rule();
        return rule == null
                ? "unreadable"
                : text(rule.timing()) + ", type " + rule.type() + ", misfire " + rule.misfire() + ", overlap "
                        + rule.overlap().word() + ", declared by " + record.origin();
    }

    private static String text(Timing timing) {
        Duration rate = timing.rate();
        return rate == null ? timing.toString() : "every " + Durations.text(rate);
    }
}
