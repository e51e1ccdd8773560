package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.client.Schedules;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Misfire;
import dev.sluice.task.Overlap;
import dev.sluice.task.QueueDrainingException;
import dev.sluice.task.Schedule;
import dev.sluice.task.ScheduleChange.Outcome;
import dev.sluice.task.ScheduleConflictException;
import dev.sluice.task.ScheduleInfo;
import dev.sluice.task.Task;
import dev.sluice.task.Timing;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.Private;
import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import reactor.core.publisher.Mono;

/** Schedules, from their declaration to the task that a tick makes. */
@OnEveryRedis
class SchedulingRedisTest extends DispatchCase {
    private static final Duration TEN_MINUTES = Duration.ofMinutes(10);
    /** The first under a name that none can have. */
    private static final List<String> BROKEN_RECORDS = List.of(
            "1\tactive\t\tcode\tt\tevery 600000\tonce\tallow",
            "nonsense",
            "1\t\t\tcode\tt\tevery 600000\tonce\tallow",
            "1\tpaused-2\t\tcode\tt\tevery 600000\tonce\tallow",
            "1\tactive\t\tcode\tt\tcron UTC 99 * * * *\tonce\tallow");

    private static final int BROKEN = 100; // more than a page of each
    private static final Task<String> TASK = Task.of("t", "again");

    private final ConcurrentLinkedQueue<String> ran = new ConcurrentLinkedQueue<>();

    SchedulingRedisTest(@Private RedisServer redis) {
        super(redis);
    }

    // ---- declaring

    @Test
    void whatIsDeclaredIsListedWithItsNextTick() {
        Schedules schedules = sluice.schedules(queue);
        Schedule nightly = Schedule.cron("nightly", "0 2 * * *", ZoneId.of("Europe/Berlin"), TASK)
                .misfire(Misfire.catchUp(5))
                .overlap(Overlap.SKIP);
        assertThat(schedules.create(nightly).block().outcome()).isEqualTo(Outcome.CREATED);
        schedules
                .origin("billing")
                .put(Schedule.every("poll", TEN_MINUTES, TASK))
                .block();
        schedules.pause("nightly").block();

        List<ScheduleInfo> listed = schedules.all().collectList().block();

        assertThat(listed).extracting(ScheduleInfo::name).containsExactly("poll", "nightly");
        ScheduleInfo poll = listed.get(0);
        assertThat(poll.origin()).isEqualTo("billing");
        assertThat(poll.next().toEpochMilli() % TEN_MINUTES.toMillis()).isZero();
        assertThat(poll.next())
                .isBetween(Instant.now().minusSeconds(5), Instant.now().plus(TEN_MINUTES));
        assertThat(listed.get(1))
                .isEqualTo(new ScheduleInfo(
                        "nightly",
                        "t",
                        Timing.cron("0 2 * * *", ZoneId.of("Europe/Berlin")),
                        Misfire.catchUp(5),
                        Overlap.SKIP,
                        "code",
                        true,
                        null,
                        null));
        assertThat(schedules.resume("nightly").block()).isTrue();
        assertThat(schedules.resume("nightly").block()).isFalse();
        assertThat(schedules
                        .find("nightly")
                        .block()
                        .next()
                        .atZone(ZoneId.of("Europe/Berlin"))
                        .getHour())
                .isEqualTo(2);
    }

    /** As where Redis' clock was put back by half an hour after the tick of the full hour. */
    @Test
    void noTickComesASecondTimeWhereAScheduleIsResumedOrDeclaredAnew() {
        Schedules schedules = sluice.schedules(queue);
        schedules.put(Schedule.every("poll", Duration.ofHours(1), TASK)).block();
        Instant tick = schedules.find("poll").block().next();
        String[] record = ((String) wire.call("HGET", key("schedules"), "poll")).split("\t", 4);
        record[2] = String.valueOf(tick.toEpochMilli()); // it was the last
        wire.call("HSET", key("schedules"), "poll", String.join("\t", record));

        schedules.pause("poll").block();
        schedules.resume("poll").block();
        assertThat(schedules.find("poll").block().next()).isEqualTo(tick.plus(Duration.ofHours(1)));

        schedules.put(Schedule.every("poll", TEN_MINUTES, TASK)).block();
        assertThat(schedules.find("poll").block().next()).isEqualTo(tick.plus(TEN_MINUTES));
    }

    @Test
    void twoOfOneNameThatDifferAreAConflictUnlessOneReplacesTheOther() {
        Schedules schedules = sluice.schedules(queue);
        Schedule one = Schedule.every("poll", TEN_MINUTES, TASK);
        Schedule other = Schedule.every("poll", Duration.ofMinutes(5), TASK);
        schedules.create(one).block();

        assertThat(schedules.create(one).block().outcome()).isEqualTo(Outcome.UNCHANGED);
        assertThatThrownBy(() -> schedules.create(other).block())
                .isInstanceOf(ScheduleConflictException.class)
                .hasMessage("queue q has another schedule 'poll' already: every 10m, type t, misfire once, overlap"
                        + " allow, declared by code");
        assertThat(schedules.put(other).block().before()).startsWith("every 10m,");
        assertThat(schedules
                        .create(Schedule.every("poll", Duration.ofMinutes(5), Task.of("t", "another")))
                        .map(created -> "created")
                        .onErrorReturn(ScheduleConflictException.class, "conflict")
                        .block())
                .isEqualTo("conflict");
        assertThat(schedules.remove("poll").block()).isTrue();
        assertThat(schedules.remove("poll").block()).isFalse();
        assertThat(schedules.pause("poll").blockOptional()).isEmpty();
        assertThat(schedules.trigger("poll").blockOptional()).isEmpty();
        assertThat((List<?>) wire.call("KEYS", "*")).allMatch(key -> key.equals(key("meta")));
    }

    @Test
    void anOriginThatDeclaresLessRemovesWhatItDeclaredBeforeAndNothingElse() {
        Schedules yaml = sluice.schedules(queue).origin("yaml a");
        sluice.schedules(queue)
                .create(Schedule.every("by-hand", TEN_MINUTES, TASK))
                .block();
        yaml.declare(List.of(Schedule.every("a", TEN_MINUTES, TASK), Schedule.every("b", TEN_MINUTES, TASK)))
                .blockLast();

        assertThat(yaml.declare(List.of(Schedule.every("a", Duration.ofMinutes(1), TASK)))
                        .map(change -> change.name() + " " + change.outcome())
                        .collectList()
                        .block())
                .containsExactly("a UPDATED", "b REMOVED");
        assertThatThrownBy(() -> yaml.declare(List.of(Schedule.every("by-hand", Duration.ofMinutes(1), TASK)))
                        .blockLast())
                .isInstanceOf(ScheduleConflictException.class);
        assertThat(yaml.all().map(ScheduleInfo::name).collectList().block()).containsExactlyInAnyOrder("a", "by-hand");
    }

    @Test
    void whatACertainOriginHasChangedCanBeLeftAsItIs() {
        Schedules yaml = sluice.schedules(queue).origin("yaml a");
        Duration oneMinute = Duration.ofMinutes(1);
        List<Schedule> declared = List.of(
                Schedule.every("a", TEN_MINUTES, TASK),
                Schedule.every("b", TEN_MINUTES, TASK),
                Schedule.every("c", TEN_MINUTES, TASK));
        yaml.declare(declared).blockLast();
        sluice.schedules(queue)
                .origin("cli")
                .put(Schedule.every("b", Duration.ofMillis(90_500), TASK))
                .block();

        assertThat(yaml.declare(
                                List.of(
                                        Schedule.every("a", oneMinute, TASK),
                                        declared.get(1),
                                        Schedule.every("d", oneMinute, TASK)),
                                Set.of("cli", "http"))
                        .map(change -> change.name() + " " + change.outcome() + " " + change.before())
                        .collectList()
                        .block())
                .containsExactly(
                        "a UPDATED every 10m, type t, misfire once, overlap allow, declared by yaml a",
                        "b LEFT every 90500ms, type t, misfire once, overlap allow, declared by cli",
                        "d CREATED null",
                        "c REMOVED every 10m, type t, misfire once, overlap allow, declared by yaml a");

        assertThat(yaml.find("b").block().origin()).isEqualTo("cli");
        assertThatThrownBy(() -> yaml.declare(declared, Set.of("http")).blockLast())
                .isInstanceOf(ScheduleConflictException.class);
    }

    @Test
    void whatCannotBeAScheduleIsRefusedBeforeAnythingIsSent() {
        Schedules schedules = sluice.schedules(queue);
        assertThatThrownBy(() -> schedules
                        .create(Schedule.cron("x", "61 * * * *", ZoneOffset.UTC, TASK))
                        .block())
                .isInstanceOf(InvalidTaskException.class)
                .hasMessageContaining("minute '61' at position 1");
        assertThatThrownBy(() -> Timing.zone("Europe/Bermuda"))
                .isInstanceOf(InvalidTaskException.class)
                .hasMessageContaining("'Europe/Bermuda' is no time zone");
        assertThatThrownBy(() -> Schedule.every("a b", TEN_MINUTES, TASK)).isInstanceOf(InvalidTaskException.class);
        assertThatThrownBy(() -> Schedule.every("a", Duration.ofMillis(999), TASK))
                .isInstanceOf(InvalidTaskException.class);
        assertThatThrownBy(() -> Schedule.every("a", TEN_MINUTES, TASK.id("x")))
                .hasMessageContaining("no id of its own");
        assertThatThrownBy(() -> Misfire.catchUp(101)).isInstanceOf(InvalidTaskException.class);
        assertThat((List<?>) wire.call("KEYS", "*")).isEmpty();
    }

    // ---- firing

    @ParameterizedTest
    @EnumSource
    void eachTickIsOneTaskWhoeverIsThereToFireIt(DeliveryMode mode) {
        deliver(mode);
        sluice.schedules(queue)
                .create(Schedule.every("beat", Duration.ofSeconds(1), TASK).misfire(Misfire.catchUp(50)))
                .block();
        Map<String, Long> latenesses = new ConcurrentHashMap<>();
        for (int i = 0; i < 3; i++) {
            started(dispatcher().handler("t", String.class, task -> {
                long tick = Instant.parse(task.id().substring("beat@".length())).toEpochMilli();
                latenesses.put(task.id(), System.currentTimeMillis() - tick);
                ran.add(task.id());
                return Mono.empty();
            }));
        }

        eventually(() -> assertThat(ran).hasSizeGreaterThanOrEqualTo(4));
        sluice.schedules(queue).pause("beat").block();

        List<Long> ticks = ran.stream()
                .map(id -> Instant.parse(id.substring("beat@".length())).toEpochMilli())
                .sorted()
                .toList();
        assertThat(ticks)
                .containsExactlyElementsOf(LongStream.range(0, ticks.size())
                        .mapToObj(i -> ticks.get(0) + i * 1000)
                        .toList());
        System.out.printf("lateness of ticks, %s, in ms: %s%n", mode.word(), latenesses.values());
        assertThat(sluice.schedules(queue).find("beat").block().last()).isNotNull();
    }

    @Test
    void missedTicksAreWhatTheirPolicySays() {
        settings = settings.concurrency(1); // else the order of the runs is that of the handler threads
        declareMissed("once", Misfire.once());
        declareMissed("skip", Misfire.skip());
        declareMissed("three", Misfire.catchUp(3));
        declareMissed("all", Misfire.catchUp(100));
        long now = serverMs();

        collecting();

        long newest = now / 600_000 * 600_000;
        eventually(() -> assertThat(ran).hasSizeGreaterThanOrEqualTo(1 + 3 + 6));
        eventually(() -> assertThat(sluice.schedules(queue)
                        .all()
                        .all(it -> it.next().toEpochMilli() > now)
                        .block())
                .isTrue());
        assertThat(of("once")).containsExactly(newest);
        assertThat(of("three")).containsExactly(newest - 1_200_000, newest - 600_000, newest);
        assertThat(of("all")).hasSize(6).isSorted().endsWith(newest);
        assertThat(of("skip")).hasSizeLessThanOrEqualTo(now - newest <= 60_000 ? 1 : 0);
    }

    @Test
    void aTriggerFiresAtOnceAlsoWhilePausedAndMovesNoTick() {
        Schedules schedules = sluice.schedules(queue);
        schedules.create(Schedule.every("poll", TEN_MINUTES, TASK)).block();
        schedules.pause("poll").block();
        Mono<String> trigger = schedules.trigger("poll");
        Mono<String> misnamed = schedules.trigger("a b");

        assertThatThrownBy(misnamed::block).isInstanceOf(InvalidTaskException.class);
        String id = trigger.block();
        assertThat(trigger.block()).isEqualTo(id); // asked again after a lost answer

        assertThat(waiting()).isOne();
        collecting();
        eventually(() -> assertThat(ran).containsExactly(id));
        assertThat(schedules.find("poll").block().last()).isNull();
    }

    @Test
    void aTickThatMustNotOverlapIsLeftOutWhileTheTaskBeforeItLives() {
        Schedules schedules = sluice.schedules(queue);
        schedules
                .create(Schedule.every("slow", TEN_MINUTES, TASK).overlap(Overlap.SKIP))
                .block();
        makeDue("slow", 1);
        started(dispatcher().handler("t", String.class, task -> {
            ran.add(task.id());
            return Mono.never();
        }));
        eventually(() -> assertThat(ran).hasSize(1));

        makeDue("slow", 0);
        eventually(() -> assertThat(due("slow")).isGreaterThan(serverMs()));
        assertThat(ran).hasSize(1);
        assertThat(waiting()).isZero();

        sluice.client(queue).cancel(ran.peek()).block();
        eventually(() -> assertThat(status(ran.peek())).isNull());
        wire.call("ZADD", key("schedules:due"), "1000", "slow"); // for that tick again: nothing has fired it
        eventually(() -> assertThat(ran).hasSize(2));
    }

    @Test
    void aDrainingQueueTakesNoTickAndAPausedOneKeepsIt() {
        Schedules schedules = sluice.schedules(queue);
        schedules.create(Schedule.every("poll", TEN_MINUTES, TASK)).block();
        sluice.client(queue).drain().block();
        makeDue("poll", 0);
        collecting();
        assertThatThrownBy(() -> schedules.trigger("poll").block()).isInstanceOf(QueueDrainingException.class);
        passRounds(2);
        assertThat(due("poll")).isLessThanOrEqualTo(serverMs());

        sluice.client(queue).resume().block();

        eventually(() -> assertThat(ran).hasSize(1));
        sluice.client(queue).pause().block();
        makeDue("poll", 1);
        eventually(() -> assertThat(waiting()).isOne());
    }

    @Test
    void oneThatCannotBeFiredIsToldOfOnceAndHoldsUpNobody() {
        Schedules schedules = sluice.schedules(queue);
        for (int i = 0; i < BROKEN; i++) {
            String name = i % BROKEN_RECORDS.size() == 0 ? "no name" + i : "broken" + i;
            wire.call("HSET", key("schedules"), name, BROKEN_RECORDS.get(i % BROKEN_RECORDS.size()));
            wire.call("HSET", key("schedules:bodies"), name, "{\"type\":\"t\"}");
            wire.call("ZADD", key("schedules:due"), "1000", name);
        }
        schedules.create(Schedule.every("torn", TEN_MINUTES, TASK)).block();
        wire.call("ZADD", key("schedules:due"), "1000.5", "torn");
        schedules.create(Schedule.every("good", TEN_MINUTES, TASK)).block();
        makeDue("good", 0);
        try (LogTap log = new LogTap()) {
            collecting();

            eventually(() -> assertThat(ran).hasSize(1));
            long calls = scriptCalls();
            passRounds(2);
            assertThat(scriptCalls() - calls)
                    .as("calls of scripts in two rounds of upkeep")
                    .isLessThan(60);
            assertThat(log.warnings().stream().filter(line -> line.contains("cannot be fired")))
                    .hasSize(BROKEN + 1);
        }
        schedules.remove("torn").block();
        wire.call("DEL", key("schedules"), key("schedules:bodies"), key("schedules:due"));
    }

    // ---- plumbing

    private void collecting() {
        started(dispatcher().handler("t", String.class, task -> {
            ran.add(task.id());
            return Mono.empty();
        }));
    }

    private void declareMissed(String name, Misfire policy) {
        sluice.schedules(queue)
                .create(Schedule.every(name, TEN_MINUTES, TASK).misfire(policy))
                .block();
        makeDue(name, 5);
    }

    /** As if the last ticks had passed unseen: the newest and so many before it. */
    private void makeDue(String name, int before) {
        long newest = serverMs() / 600_000 * 600_000;
        wire.call("ZADD", key("schedules:due"), "XX", String.valueOf(newest - before * 600_000L), name);
    }

    private long due(String name) {
        return Long.parseLong((String) wire.call("ZSCORE", key("schedules:due"), name));
    }

    private long scriptCalls() {
        String stats = (String) wire.call("INFO", "commandstats");
        return Long.parseLong(stats.replaceFirst("(?s).*cmdstat_evalsha:calls=([0-9]+),.*", "$1"));
    }

    /** Waits for rounds of upkeep, each of which tells of what is due. */
    private void passRounds(int count) {
        for (int i = 0; i < count; i++) {
            Object seen = wire.call("HGET", key("meta"), "seen");
            eventually(() -> assertThat(wire.call("HGET", key("meta"), "seen")).isNotEqualTo(seen));
        }
    }

    private List<Long> of(String name) {
        return ran.stream()
                .filter(id -> id.startsWith(name + "@"))
                .map(id -> Instant.parse(id.substring(name.length() + 1)).toEpochMilli())
                .toList();
    }

    private long serverMs() {
        List<?> time = (List<?>) wire.call("TIME");
        return Long.parseLong((String) time.get(0)) * 1000 + Long.parseLong((String) time.get(1)) / 1000;
    }

    @Test
    void anAtMostOnceQueueCannotTellWhetherATaskStillRuns() {
        deliver(DeliveryMode.AT_MOST_ONCE);

        assertThatThrownBy(() -> sluice.schedules(queue)
                        .put(Schedule.every("s", Duration.ofHours(1), TASK).overlap(Overlap.SKIP))
                        .block(PATIENCE))
                .isInstanceOf(InvalidTaskException.class)
                .hasMessageContaining("queue q is at-most-once, where nobody knows whether a task still runs");
    }
}
