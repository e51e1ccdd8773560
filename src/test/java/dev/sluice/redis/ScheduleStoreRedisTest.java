package dev.sluice.redis;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import dev.sluice.redis.ScheduleStore.Fate;
import dev.sluice.redis.ScheduleStore.Firing;
import dev.sluice.redis.ScheduleStore.MayReplace;
import dev.sluice.redis.ScheduleStore.Shot;
import dev.sluice.task.Finding;
import dev.sluice.task.Finding.Kind;
import dev.sluice.task.Misfire;
import dev.sluice.task.Overlap;
import dev.sluice.task.StoreRefusedException;
import dev.sluice.task.StoreUnavailableException;
import dev.sluice.task.Timing;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.Private;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.StoredStateMayBeBroken;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Schedules in Redis: each step is one, whoever takes it. */
@OnEveryRedis
class ScheduleStoreRedisTest {
    private static final long MINUTE = 60_000;
    private static final long NEVER = Long.MAX_VALUE;

    private final OneQueue q;
    private final ScheduleStore store;

    ScheduleStoreRedisTest(@Private RedisServer redis) {
        q = new OneQueue(redis);
        store = q.links.schedules(q.queue);
        OneQueue.await(q.producer.introduce());
    }

    @AfterEach
    void close() {
        q.close();
    }

    @Test
    void ofManyShotsForOneTickOneFires() {
        ScheduleRecord read = declared("a", Overlap.ALLOW);

        List<Firing> fates = Flux.range(0, 20)
                .flatMap(i -> store.fire(List.of(new Shot(read, List.of(MINUTE), MINUTE, 2 * MINUTE))))
                .map(one -> one.get(0))
                .collectList()
                .block();

        assertThat(fates).containsOnlyOnce(Firing.FIRED).contains(Firing.OVERTAKEN);
        assertThat(q.worker("w").drain()).containsExactly("a@1970-01-01T00:01:00Z");
        assertThat(find("a").dueMs()).isEqualTo(2 * MINUTE);
        assertThat(find("a").lastMs()).isEqualTo(MINUTE);
    }

    /** Who declares it anew has counted its first tick before that fired. */
    @Test
    void aTickThatFiredMeanwhileIsCountedAnew() {
        ScheduleRecord read = declared("a", Overlap.ALLOW);
        assertThat(fire(read, MINUTE, MINUTE)).isEqualTo(Firing.FIRED);
        assertThat(q.worker("w").drain()).hasSize(1);
        ScheduleRule other = new ScheduleRule("t", Timing.every(Duration.ofMinutes(2)), Misfire.once(), Overlap.ALLOW);

        assertThat(OneQueue.await(store.put(MayReplace.ANYBODY, "a", "test", other, body(), tick(MINUTE)))
                        .fate())
                .isEqualTo(Fate.OVERTAKEN);
        assertThat(find("a").rule()).isEqualTo(read.rule());
        assertThat(OneQueue.await(store.put(MayReplace.ANYBODY, "a", "test", other, body(), tick(MINUTE + 1)))
                        .fate())
                .isEqualTo(Fate.DONE);
    }

    @Test
    void aShotThatMeansAnotherVersionDoesNotFire() {
        ScheduleRecord old = declared("a", Overlap.ALLOW);
        OneQueue.await(store.put(MayReplace.ANYBODY, "a", "test", rule(Overlap.SKIP), body(), tick(MINUTE)));
        assertThat(fire(old, MINUTE, MINUTE)).isEqualTo(Firing.OVERTAKEN);
        OneQueue.await(store.remove("a", ""));
        ScheduleRecord again = declared("a", Overlap.ALLOW);
        assertThat(fire(old, MINUTE, MINUTE)).isEqualTo(Firing.OVERTAKEN);
        assertThat(fire(again, 2 * MINUTE, MINUTE)).isEqualTo(Firing.OVERTAKEN);
        assertThat(fire(again, MINUTE, MINUTE)).isEqualTo(Firing.FIRED);
    }

    @Test
    void aTickWhoseTaskLivesMakesNoSecond() {
        fire(declared("a", Overlap.ALLOW), MINUTE, MINUTE);
        q.wire.call("ZADD", q.key("schedules:due"), "60000", "a"); // as after a Redis that went back in time

        assertThat(fire(find("a"), MINUTE, MINUTE)).isEqualTo(Firing.FIRED);

        assertThat(q.len("ready")).isEqualTo(1L);
    }

    @Test
    void whatIsFiredIsATaskLikeAnyOther() {
        String id = "a@1970-01-01T00:01:00Z";
        q.pushForeign(id);
        q.cancel(id); // its element lies there still, and a claim may meet it behind the other
        q.bury(Frame.ofClient(id, body()), "{}", 1_000);
        fire(declared("a", Overlap.ALLOW), MINUTE, MINUTE);

        assertThat(q.status(id)).isEqualTo("queued");
        assertThat(q.wire.call("ZCARD", q.key("dead"))).isEqualTo(0L);
        List<OneQueue.Held> held = q.worker("w").claim(5);
        assertThat(held).hasSize(1);
        assertThat(new String(held.get(0).body(), UTF_8))
                .matches("\\{\"type\":\"t\",\"payload\":\\[],\"enqueuedAt\":[1-9][0-9]{12}}");
    }

    @Test
    void aTaskThatIsMadeAtOnceSaysSinceWhenItWaitsAsThatOfATickDoes() {
        declared("a", Overlap.ALLOW);
        assertThat(OneQueue.await(store.trigger("a", "x")).fate()).isEqualTo(Fate.DONE);

        assertThat(new String(q.worker("w").claimOne().body(), UTF_8)).contains(",\"enqueuedAt\":1");
    }

    @Test
    void aStatusThatComesInTheLifeOfATickIsSetRightWhenThatHasDied() {
        String id = "a@1970-01-01T00:01:00Z";
        q.push("{\"id\":\"" + id + "\"}");
        OneQueue.Worker worker = q.worker("w");
        worker.drain();
        fire(declared("a", Overlap.ALLOW), MINUTE, MINUTE);
        OneQueue.Held held = worker.claimOne();
        worker.settle(call -> call.dead(held.token(), "{}"));
        q.wire.call("HSET", q.queue.statusKey(), id, "queued");
        q.enqueue("other");
        q.wire.call("ZADD", q.key("late"), "XX", "0", id); // its next look is due

        q.round();

        assertThat(q.status(id)).isEqualTo("dead");
    }

    @Test
    void severalSchedulesFireInOneCallAsFarAsThereIsRoom() {
        byte[] large = ("{\"type\":\"t\",\"payload\":\"" + "x".repeat(250_000) + "\"}").getBytes(UTF_8);
        for (String name : List.of("a", "b")) {
            OneQueue.await(store.put(MayReplace.NOBODY, name, "test", rule(Overlap.ALLOW), large, tick(MINUTE)));
        }
        List<Long> four = List.of(MINUTE, 2 * MINUTE, 3 * MINUTE, 4 * MINUTE);

        List<Firing> fates = OneQueue.await(store.fire(Stream.of("a", "b")
                .map(this::find)
                .map(it -> new Shot(it, four, MINUTE, 5 * MINUTE))
                .toList()));

        assertThat(fates).containsExactly(Firing.FIRED, Firing.LATER);
        assertThat(q.len("ready")).isEqualTo(4L);
        assertThat(find("b").dueMs()).isEqualTo(MINUTE);
    }

    @Test
    @StoredStateMayBeBroken("a counter is no number")
    void aPauseGoesOnWhereTheCounterIsNoNumber() {
        declared("a", Overlap.ALLOW);
        q.wire.call("HSET", q.key("meta"), "schedules", "x");

        assertThat(OneQueue.await(store.pause("a")).fate()).isEqualTo(Fate.DONE);

        assertThat(find("a").dueMs()).isEqualTo(NEVER);
        assertThat(find("a").paused()).isTrue();
        assertThat(OneQueue.await(store.resume(find("a"), tick(MINUTE))).fate()).isEqualTo(Fate.DONE);
    }

    @Test
    void whoTriesToTakeTheNameOfAnotherIsTold() {
        declared("a", Overlap.ALLOW);
        assertThat(put(MayReplace.NOBODY, Overlap.SKIP)).isEqualTo(Fate.OTHER);
        assertThat(put(MayReplace.ofOrigin("other"), Overlap.SKIP)).isEqualTo(Fate.OTHER);
        assertThat(put(MayReplace.ofOrigin("all"), Overlap.SKIP)).isEqualTo(Fate.OTHER);
        assertThat(put(MayReplace.NOBODY, Overlap.ALLOW)).isEqualTo(Fate.SAME);
        assertThat(OneQueue.await(store.remove("a", "other")).fate()).isEqualTo(Fate.UNKNOWN);
        assertThat(put(MayReplace.ofOrigin("test"), Overlap.SKIP)).isEqualTo(Fate.DONE);
        OneQueue.await(store.pause("a"));
        ScheduleRecord paused = find("a");
        assertThat(put(MayReplace.ANYBODY, Overlap.ALLOW)).isEqualTo(Fate.DONE);
        assertThat(find("a").paused()).isTrue();
        assertThat(find("a").dueMs()).isEqualTo(NEVER);
        assertThat(OneQueue.await(store.resume(paused, tick(MINUTE))).fate()).isEqualTo(Fate.OTHER);
        assertThat(OneQueue.await(store.resume(find("a"), tick(MINUTE))).fate()).isEqualTo(Fate.DONE);
        assertThat(find("a").dueMs()).isEqualTo(MINUTE);
    }

    @Test
    void anotherTaskAtTheSameTimesKeepsWhatIsDue() {
        declared("a", Overlap.ALLOW);
        byte[] another = "{\"type\":\"t\",\"payload\":1}".getBytes(UTF_8);
        assertThat(OneQueue.await(store.put(
                                MayReplace.ANYBODY, "a", "test", rule(Overlap.ALLOW), another, tick(9 * MINUTE)))
                        .fate())
                .isEqualTo(Fate.DONE);
        assertThat(find("a").dueMs()).isEqualTo(MINUTE);
        assertThat(q.wire.call("HGET", q.key("schedules:bodies"), "a")).isEqualTo(new String(another, UTF_8));

        assertThat(OneQueue.await(store.put(
                                MayReplace.ANYBODY, "a", "test", rule(Overlap.SKIP), another, tick(9 * MINUTE)))
                        .fate())
                .isEqualTo(Fate.DONE);
        assertThat(find("a").dueMs()).isEqualTo(MINUTE);
        ScheduleRule atOtherTimes =
                new ScheduleRule("t", Timing.every(Duration.ofMinutes(3)), Misfire.once(), Overlap.SKIP);
        assertThat(OneQueue.await(store.put(MayReplace.ANYBODY, "a", "test", atOtherTimes, another, tick(9 * MINUTE)))
                        .fate())
                .isEqualTo(Fate.DONE);
        assertThat(find("a").dueMs()).isEqualTo(9 * MINUTE);
    }

    @Test
    void whatIsOverdueOutlivesANewTypeAndNewPolicies() {
        declared("a", Overlap.ALLOW);
        ScheduleRule another = new ScheduleRule("u", rule(Overlap.ALLOW).timing(), Misfire.skip(), Overlap.SKIP);

        OneQueue.await(store.put(MayReplace.ofOrigin("test"), "a", "test", another, body(), tick(9 * MINUTE)));

        assertThat(find("a").dueMs()).isEqualTo(MINUTE);
        assertThat(find("a").rule()).isEqualTo(another);
    }

    @Test
    void whoMayReplaceAllTakesOverWhatIsTheSame() {
        ScheduleRecord before = declared("a", Overlap.ALLOW);

        assertThat(OneQueue.await(
                                store.put(MayReplace.ANYBODY, "a", "other", rule(Overlap.ALLOW), body(), tick(MINUTE)))
                        .fate())
                .isEqualTo(Fate.SAME);

        assertThat(find("a").origin()).isEqualTo("other");
        assertThat(fire(before, MINUTE, MINUTE)).isEqualTo(Firing.FIRED);
    }

    @Test
    void whatFillsRedisCanBePaused() {
        declared("a", Overlap.ALLOW);
        q.wire.call("CONFIG", "SET", "maxmemory", "1");

        OneQueue.await(store.pause("a"));

        q.wire.call("CONFIG", "SET", "maxmemory", "0");
        assertThat(find("a").paused()).isTrue();
    }

    @Test
    void aDueTimeThatNobodyHasWrittenIsMendedByAnotherDeclaration() {
        declared("a", Overlap.ALLOW);
        q.wire.call("ZADD", q.key("schedules:due"), "1000.5", "a");
        assertThat(find("a").dueMs()).isEqualTo(-1);

        assertThat(put(MayReplace.ofOrigin("test"), Overlap.ALLOW)).isEqualTo(Fate.DONE);

        assertThat(find("a").dueMs()).isEqualTo(MINUTE);
    }

    @Test
    void whileTheQueueDrainsNothingIsDue() {
        declared("a", Overlap.ALLOW);
        OneQueue.await(q.producer.drain());

        assertThat(OneQueue.await(store.due(0)).records()).isEmpty();

        OneQueue.await(q.producer.pause(false));
        assertThat(OneQueue.await(store.due(0)).records()).hasSize(1);
    }

    @Test
    @StoredStateMayBeBroken("the due times of the schedules are in the way of another program's key")
    void upkeepGoesOnWithoutTheSchedules() {
        q.wire.call("SET", q.key("schedules:due"), "in the way");

        assertThat(q.round().lapsed()).isEmpty();
        assertThat(q.round().nextTickMs())
                .as("so that whoever fires them meets it, and tells")
                .isZero();

        q.wire.call("DEL", q.key("schedules:due"));
    }

    @Test
    void whatAWrongClockOfRedisLeftDueFarAheadIsDueAtOnceWhenItIsSetRight() {
        declared("minutely", Overlap.ALLOW);
        declared("paused", Overlap.ALLOW);
        OneQueue.await(store.pause("paused"));
        q.worker("w");
        long hours = Duration.ofHours(1).toMillis();
        for (long ahead : List.of(2 * hours, 4 * hours)) {
            q.round();
            String due = String.valueOf(q.serverMs() + ahead);
            q.wire.call("ZADD", q.key("schedules:due"), "XX", due, "minutely");
            q.wire.call("HSET", q.key("meta"), "seen", due);

            OneQueue.await(q.claims.heartbeat("w", OneQueue.LEASE, OneQueue.LEASE));
            long next = q.round().nextTickMs();

            if (ahead > 3 * hours) {
                assertThat(next).isZero();
                assertThat(OneQueue.await(store.due(0)).records())
                        .extracting(ScheduleRecord::name)
                        .containsExactly("minutely");
            } else {
                assertThat(next).as("less is waited for, as cron does").isBetween(hours, ahead);
            }
        }
        assertThat(find("paused").info().next()).isNull();

        q.wire.call("ZADD", q.key("schedules:due"), "XX", String.valueOf(q.serverMs() + hours), "minutely");
        assertThat(q.round().nextTickMs()).as("once").isPositive();
        q.worker("w").drain();
    }

    @Test
    void thereAreBounds() {
        for (int i = 0; i < ScheduleStore.MOST; i += 1000) {
            q.wire.call(Stream.concat(
                            Stream.of("HSET", q.key("schedules")),
                            IntStream.range(i, i + 1000)
                                    .boxed()
                                    .flatMap(n -> Stream.of("s" + n, "1\tpaused\t\ttest\t" + rule(Overlap.ALLOW))))
                    .toArray(String[]::new));
        }
        assertThat(put(MayReplace.NOBODY, Overlap.ALLOW)).isEqualTo(Fate.TOO_MANY);
        assertThat(store.all().map(ScheduleRecord::name).distinct().count().block())
                .isEqualTo(ScheduleStore.MOST);
        q.wire.call("DEL", q.key("schedules"));
    }

    @Test
    void aPageHoldsAboutAMegabyteOfRecordsAndTheNextGoesOnBehindIt() {
        String large = "1\tpaused\t\t" + "o".repeat(10_000) + "\t" + rule(Overlap.ALLOW);
        for (int i = 0; i < 300; i++) {
            q.wire.call("HSET", q.key("schedules"), "s" + (100 + i), large);
            q.wire.call("ZADD", q.key("schedules:due"), "+inf", "s" + (100 + i));
        }

        AgendaPage first = OneQueue.await(store.page(null, 1_000));
        AgendaPage second = OneQueue.await(store.page(first.position(first.size() - 1), 1_000));

        assertThat(first.size()).isBetween(95, 105);
        assertThat(first.more()).isTrue();
        assertThat(second.get(0).name()).isEqualTo("s" + (100 + first.size()));
        q.wire.call("DEL", q.key("schedules"), q.key("schedules:due"));
    }

    @Test
    void whatNeverFiresHasItsPlaceBehindAllOthersAndWakesNobody() {
        declared("b", Overlap.ALLOW);
        declared("c", Overlap.ALLOW);
        declared("a", Overlap.ALLOW);
        OneQueue.await(store.pause("b"));
        OneQueue.await(store.fire(List.of(new Shot(find("a"), List.of(MINUTE), MINUTE, NEVER))));

        assertThat(names(OneQueue.await(store.page(null, 10)))).containsExactly("c", "a", "b");
        assertThat(OneQueue.await(store.due(0)).next()).isEqualTo("-1");
        OneQueue.await(store.remove("c", ""));
        assertThat(q.round().nextTickMs()).isEqualTo(-1);
        assertThat(OneQueue.await(store.due(0)).records()).isEmpty();
        assertThat(OneQueue.await(store.due(0)).next()).isEqualTo("-1");
        assertThat(find("a").info().next()).isNull();
        assertThat(fire(find("a"), NEVER, MINUTE)).isEqualTo(Firing.OVERTAKEN);
        q.worker("w").drain();
    }

    @Test
    void aFullRedisFiresNothingAndKeepsTheTick() {
        ScheduleRecord read = declared("a", Overlap.ALLOW);
        q.wire.call("CONFIG", "SET", "maxmemory", "1");
        assertThatThrownBy(() -> fire(read, MINUTE, MINUTE)).isInstanceOf(StoreUnavailableException.class);
        q.wire.call("CONFIG", "SET", "maxmemory", "0");

        assertThat(q.len("ready")).isEqualTo(0L);
        assertThat(fire(read, MINUTE, MINUTE)).isEqualTo(Firing.FIRED);
    }

    @Test
    @StoredStateMayBeBroken("a key of the schedules holds a value of another type")
    void aCallThatMeetsAKeyOfAnotherTypeFailsAndChangesNothing() {
        ScheduleRecord read = declared("a", Overlap.ALLOW);
        for (String key : List.of("schedules", "schedules:due", "schedules:bodies", "ready", "dead", "meta")) {
            boolean isThere = q.wire.call("EXISTS", q.key(key)).equals(1L);
            if (isThere) {
                q.wire.call("RENAME", q.key(key), "aside");
            }
            q.wire.call("SET", q.key(key), "in the way");
            Map<String, String> before = q.everything();
            for (Mono<?> call : List.of(
                    store.fire(List.of(new Shot(read, List.of(MINUTE), MINUTE, NEVER))),
                    store.put(MayReplace.ANYBODY, "a", "test", rule(Overlap.SKIP), body(), tick(MINUTE)),
                    store.pause("a"),
                    store.remove("a", ""),
                    store.trigger("a", "x"))) {
                assertThatThrownBy(() -> OneQueue.await(call)).as(key).isInstanceOf(StoreRefusedException.class);
                assertThat(q.everything()).as(key).isEqualTo(before);
            }
            q.wire.call("DEL", q.key(key));
            if (isThere) {
                q.wire.call("RENAME", "aside", q.key(key));
            }
        }
    }

    @Test
    void theDoctorFindsWhatIsLeftOfSchedulesAndRepairsIt() {
        declared("never", Overlap.ALLOW);
        declared("deleted", Overlap.ALLOW);
        declared("broken", Overlap.ALLOW);
        declared("empty", Overlap.ALLOW);
        declared("paused", Overlap.ALLOW);
        OneQueue.await(store.pause("paused"));
        assertThat(q.examine().findings()).isEmpty();
        q.wire.call("ZREM", q.key("schedules:due"), "never", "paused");
        q.wire.call("HDEL", q.key("schedules"), "deleted");
        q.wire.call("HSET", q.key("schedules"), "broken", "nonsense");
        q.wire.call("HDEL", q.key("schedules:bodies"), "empty");

        assertThat(OneQueue.await(q.doctor().repair()).findings())
                .extracting(Finding::kind, Finding::subject, Finding::repaired)
                .containsExactlyInAnyOrder(
                        tuple(Kind.SCHEDULE_NEVER_DUE, "never", true),
                        tuple(Kind.SCHEDULE_NEVER_DUE, "paused", true),
                        tuple(Kind.SCHEDULE_REMAINS, "deleted", true),
                        tuple(Kind.SCHEDULE_BROKEN, "broken", false),
                        tuple(Kind.SCHEDULE_BROKEN, "empty", false));

        assertThat(find("never").dueMs()).isGreaterThan(MINUTE).isLessThan(NEVER);
        assertThat(find("paused").dueMs()).isEqualTo(NEVER);
        assertThat(find("paused").paused()).isTrue();
        assertThat(fateOf("broken", MayReplace.NOBODY)).isEqualTo(Fate.OTHER);
        assertThat(fateOf("broken", MayReplace.ofOrigin("a file"))).isEqualTo(Fate.DONE); // it was nobody's
        q.wire.call("HSET", q.key("schedules"), "broken", "1\tasleep\t\tcode\t" + rule(Overlap.ALLOW));
        assertThat(fateOf("broken", MayReplace.ofOrigin("a file"))).isEqualTo(Fate.DONE);
        assertThat(find("broken").rule()).isNotNull();
        OneQueue.await(store.remove("broken", ""));
        OneQueue.await(store.put(MayReplace.NOBODY, "empty", "test", rule(Overlap.ALLOW), body(), tick(MINUTE)));
        assertThat(put(MayReplace.NOBODY, Overlap.ALLOW)).isEqualTo(Fate.DONE);
        OneQueue.await(store.remove("empty", ""));
        assertThat(q.examine().findings()).isEmpty();
    }

    private static List<String> names(AgendaPage page) {
        return IntStream.range(0, page.size()).mapToObj(i -> page.get(i).name()).toList();
    }

    private ScheduleRecord declared(String name, Overlap overlap) {
        assertThat(OneQueue.await(store.put(MayReplace.NOBODY, name, "test", rule(overlap), body(), tick(MINUTE)))
                        .fate())
                .isEqualTo(Fate.DONE);
        return find(name);
    }

    private Fate fateOf(String name, MayReplace whom) {
        return OneQueue.await(store.put(whom, name, "test", rule(Overlap.ALLOW), body(), tick(MINUTE)))
                .fate();
    }

    private Fate put(MayReplace whom, Overlap overlap) {
        return OneQueue.await(store.put(whom, "a", "test", rule(overlap), body(), tick(MINUTE)))
                .fate();
    }

    private ScheduleRecord find(String name) {
        return OneQueue.await(store.find(name));
    }

    private Firing fire(ScheduleRecord read, long due, long tick) {
        return OneQueue.await(store.fire(List.of(new Shot(read, List.of(tick), due, 10 * MINUTE))))
                .get(0);
    }

    private static ScheduleRule rule(Overlap overlap) {
        return new ScheduleRule("t", Timing.every(Duration.ofMinutes(1)), Misfire.once(), overlap);
    }

    private static byte[] body() {
        return "{\"type\":\"t\",\"payload\":[]}".getBytes(UTF_8);
    }

    private static Instant tick(long ms) {
        return Instant.ofEpochMilli(ms);
    }
}
