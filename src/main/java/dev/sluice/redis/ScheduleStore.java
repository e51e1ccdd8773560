package dev.sluice.redis;

import dev.sluice.task.Overlap;
import dev.sluice.task.Queue;
import io.lettuce.core.protocol.CommandArgs;
import io.lettuce.core.protocol.CommandType;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * The schedules of one queue: to declare, to look at, to fire. Thread-safe; every call is bounded and, but for
 * {@link #trigger}, may be repeated when its outcome is unknown.
 */
public final class ScheduleStore {
    /** As many schedules a queue may have. */
    public static final int MOST = 10_000;

    /** As many ticks of a schedule one call fires at most: with the largest bodies that is about a megabyte. */
    public static final int TICKS_AT_ONCE = 4;

    /** As many schedules are read at once if they are due. */
    public static final int PAGE = 16;

    /** As many schedules one page of a listing has at most. */
    public static final int LONGEST_PAGE = 256;

    private static final int LONG_PAGE = 128;
    private static final String NEVER = "";

    private final RedisLink link;
    private final QueueKeys keys;
    private final Duration deadline;

    ScheduleStore(RedisLink link, Queue queue, Duration deadline) {
        this.link = link;
        this.keys = new QueueKeys(queue);
        this.deadline = deadline;
    }

    /** What became of a change. */
    public enum Fate {
        /** It was done. */
        DONE,
        /** There is no such schedule, or none of that origin. */
        UNKNOWN,
        /** It was so already. */
        SAME,
        /** There is another of that name, or meanwhile another version of it. */
        OTHER,
        /** The queue has as many as it may have. */
        TOO_MANY,
        /** The queue takes no tasks now. */
        DRAINING,
        /** The first tick that was given has fired meanwhile: it is to be counted anew. */
        OVERTAKEN
    }

    /** What became of a schedule that was to be fired. */
    public enum Firing {
        /** Its tasks are there and it has its next due time. */
        FIRED,
        /** Somebody else fired or changed it. */
        OVERTAKEN,
        /** The queue is draining; it stays due. */
        DRAINING,
        /** The task before lives; it has its next due time. */
        LEFT_OUT,
        /** There is no task to make; it stays due. */
        BROKEN,
        /** There was no room in this call. */
        LATER
    }

    /** Whom a put may replace, if it is another. */
    public record MayReplace(String word) {
        /** No schedule. */
        public static final MayReplace NOBODY = new MayReplace("");
        /** Any schedule of this name. */
        public static final MayReplace ANYBODY = new MayReplace("\t"); // no origin is that

        /** One of the same origin. */
        public static MayReplace ofOrigin(String origin) {
            return new MayReplace(origin);
        }
    }

    /** The fate of a change, and how the schedule was before; null if there was none. */
    public record Change(Fate fate, @Nullable ScheduleRecord before) {}

    /** The time of the server. */
    public Mono<Instant> now() {
        return link.command(CommandType.TIME, args -> {}, deadline)
                .map(reply -> Instant.ofEpochSecond(reply.number(0), reply.number(1) * 1_000));
    }

    /** Declares a schedule. A paused one stays paused; one at the same times keeps its due time, and no tick comes twice. */
    public Mono<Change> put(
            MayReplace whom, String name, String origin, ScheduleRule rule, byte[] body, @Nullable Instant firstTick) {
        return plan(
                "put",
                name,
                args -> args.add(utf8(whom.word))
                        .add(utf8(origin))
                        .add(utf8(rule.toString()))
                        .add(body)
                        .add(due(firstTick))
                        .add(MOST));
    }

    /** Removes a schedule, if it is of that origin; of any if that is empty. */
    public Mono<Change> remove(String name, String origin) {
        return plan("remove", name, args -> args.add(utf8(origin)));
    }

    public Mono<Change> pause(String name) {
        return plan("pause", name, args -> {});
    }

    /** Goes on with a schedule that is still the version that was read. */
    public Mono<Change> resume(ScheduleRecord read, @Nullable Instant nextTick) {
        return plan("resume", read.name(), args -> args.add(read.version()).add(due(nextTick)));
    }

    /** Makes the schedule's task at once, with this id. */
    public Mono<Change> trigger(String name, String id) {
        return plan("trigger", name, args -> args.add(utf8(id)));
    }

    /** One schedule; empty if there is none of this name. */
    public Mono<ScheduleRecord> find(String name) {
        return record(name).filter(it -> it.rule() != null);
    }

    /** The same, also where its rule cannot be read here. */
    public Mono<ScheduleRecord> record(String name) {
        return agenda("one", name, 1).map(agenda -> agenda.records.get(0));
    }

    /** Every schedule, in no order; one may come twice while others are added. */
    public Flux<ScheduleRecord> all() {
        return agenda("all", "0", LONG_PAGE)
                .expand(agenda -> agenda.next.equals("0") ? Mono.empty() : agenda("all", agenda.next, LONG_PAGE))
                .concatMapIterable(Agenda::records);
    }

    /**
     * Up to so many schedules, {@link #LONGEST_PAGE} or about 1 MiB of them, the next to fire first; at equal times, and those
     * that never fire behind all others, in the order of their names.
     *
     * @param after an {@link AgendaPage#position} to go on after, be it there or not; or null
     */
    public Mono<AgendaPage> page(byte @Nullable [] after, int most) {
        return read(args -> {
                    args.add("page").add(after == null ? new byte[0] : Position.score(after));
                    args.add(Math.min(most, LONGEST_PAGE));
                    if (after != null) {
                        args.add(Position.member(after));
                    }
                })
                .map(AgendaPage::new);
    }

    /** Up to {@link #PAGE} of those that are due, the longest due first. */
    public Mono<Agenda> due(int leaveOut) {
        return agenda("due", Integer.toString(leaveOut), PAGE);
    }

    /** Fires schedules as they were read; the fates in the same order. */
    public Mono<List<Firing>> fire(List<Shot> shots) {
        return link.run(
                        Script.FIRE,
                        keys.withSchedules(),
                        args -> {
                            args.add(shots.size());
                            shots.forEach(shot -> shot.write(args));
                        },
                        deadline)
                .map(reply -> {
                    List<Firing> fates = new ArrayList<>(shots.size());
                    for (int i = 0; i < shots.size(); i++) {
                        fates.add(Firing.values()[(int) reply.number(i)]);
                    }
                    return fates;
                });
    }

    private Mono<Change> plan(String verb, String name, Consumer<CommandArgs<byte[], byte[]>> more) {
        return link.run(
                        Script.PLAN,
                        keys.withSchedules(),
                        args -> {
                            args.add(verb).add(utf8(name));
                            more.accept(args);
                        },
                        deadline)
                .map(reply -> new Change(
                        Fate.values()[(int) reply.number(0)],
                        reply.text(1).isEmpty() ? null : ScheduleRecord.read(name, reply.text(1), -1, true)));
    }

    private Mono<Agenda> agenda(String what, String from, int limit) {
        return read(args -> args.add(what).add(utf8(from)).add(limit)).map(Agenda::of);
    }

    private Mono<Reply> read(Consumer<CommandArgs<byte[], byte[]>> what) {
        return link.run(Script.AGENDA, keys.withSchedules(), what, deadline);
    }

    private static String due(@Nullable Instant tick) {
        return tick == null ? NEVER : Long.toString(tick.toEpochMilli());
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /**
     * A page of schedules.
     *
     * @param nowMs when it was read
     * @param next of due ones the milliseconds until the first behind them fires, -1 if there is none; of all the next cursor
     */
    public record Agenda(long nowMs, String next, List<ScheduleRecord> records) {
        private static Agenda of(Reply reply) {
            AgendaPage page = new AgendaPage(reply);
            List<ScheduleRecord> records = new ArrayList<>();
            for (int i = 0; i < page.size(); i++) {
                records.add(page.get(i));
            }
            return new Agenda(page.nowMs(), page.next(), records);
        }
    }

    /**
     * What is to happen to a schedule as it was read.
     *
     * @param ticks those that make a task, up to {@link #TICKS_AT_ONCE}
     * @param dueMs when it is due, for this shot to count
     * @param nextMs when it is due next; {@link Long#MAX_VALUE} for never
     */
    public record Shot(ScheduleRecord schedule, List<Long> ticks, long dueMs, long nextMs) {
        private void write(CommandArgs<byte[], byte[]> args) {
            boolean skips =
                    schedule.rule() != null && schedule.rule().overlap() == Overlap.SKIP && schedule.lastMs() >= 0;
            args.add(utf8(schedule.name()))
                    .add(schedule.version())
                    .add(dueMs)
                    .add(nextMs == Long.MAX_VALUE ? NEVER : Long.toString(nextMs))
                    .add(ticks.isEmpty() ? "" : Long.toString(ticks.get(ticks.size() - 1)))
                    .add(skips ? utf8(ScheduleRecord.taskId(schedule.name(), schedule.lastMs())) : new byte[0])
                    .add(ticks.size());
            ticks.forEach(tick -> args.add(utf8(ScheduleRecord.taskId(schedule.name(), tick))));
        }
    }
}
