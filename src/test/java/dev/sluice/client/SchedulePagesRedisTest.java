package dev.sluice.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.codec.JsonCodec;
import dev.sluice.redis.RedisLinks;
import dev.sluice.redis.ScheduleRecord;
import dev.sluice.redis.ScheduleStore;
import dev.sluice.redis.ScheduleStore.Shot;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Queue;
import dev.sluice.task.Schedule;
import dev.sluice.task.ScheduleInfo;
import dev.sluice.task.Task;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.RedisWire;
import dev.sluice.testkit.StoredStateMayBeBroken;
import io.lettuce.core.RedisURI;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A walk over the schedules of a queue, page by page, while they change. */
@OnEveryRedis
class SchedulePagesRedisTest {
    private static final Duration SOON = Duration.ofSeconds(20);
    private static final Queue MAILS = Queue.named("mails");
    private static final Task<Integer> TASK = Task.of("t", 1);

    private final RedisLinks links;
    private final RedisWire wire;
    private final ScheduleStore store;
    private final Schedules schedules;

    SchedulePagesRedisTest(RedisServer redis) {
        links = RedisLinks.own(RedisURI.create(redis.uri()), null);
        wire = redis.wire();
        store = links.schedules(MAILS);
        schedules = Schedules.over(
                links.producer(MAILS), store, JsonCodec.standard(), (timing, after) -> after.plus(timing.rate()));
    }

    @AfterEach
    void close() {
        wire.close();
        links.close().block(SOON);
    }

    @Test
    void theNextToFireComeFirstAndThePausedLastByName() {
        declare("c", "b", "e", "a", "d");
        due("c", 3_000);
        due("b", 4_000);
        due("e", 3_000);
        schedules.pause("d").block(SOON);
        schedules.pause("a").block(SOON);

        assertThat(walk(2)).containsExactly("c", "e", "b", "a", "d");
        assertThat(walk(1)).containsExactly("c", "e", "b", "a", "d");
        assertThat(walk(5)).containsExactly("c", "e", "b", "a", "d");
        assertThat(schedules.all().map(ScheduleInfo::name).collectList().block(SOON))
                .containsExactly("c", "e", "b", "a", "d");
        SchedulePage all = page(null, 6);
        assertThat(all.cursor()).isNull();
        assertThat(all.scanned()).isEqualTo(5);
        assertThat(all.schedules().get(0).next()).isEqualTo(Instant.ofEpochMilli(3_000));
        assertThat(all.schedules().get(4).paused()).isTrue();
        assertThat(all.schedules().get(4).next()).isNull();
    }

    @Test
    void whoWalksMeetsWhatIsNotTouchedOnceWhateverBecomesOfTheOthers() {
        String[] names = names(600);
        declare(names);
        for (int i = 0; i < names.length; i++) {
            due(names[i], 1_000 + i % 7); // many at the same time
        }
        List<String> untouched = new ArrayList<>();
        List<String> fired = new ArrayList<>();
        for (int i = 0; i < names.length; i++) {
            (i % 5 == 0 ? fired : i % 5 == 1 ? new ArrayList<String>() : untouched).add(names[i]);
        }
        for (int i = 2; i < names.length; i += 10) {
            schedules.pause(names[i]).block(SOON);
        }

        List<String> met = new ArrayList<>();
        @Nullable String cursor = null;
        int step = 0;
        do {
            SchedulePage page = page(cursor, 10);
            page.schedules().forEach(it -> met.add(it.name()));
            cursor = page.cursor();
            for (int i = 10 * step; i < Math.min(names.length, 10 * step + 10); i++) {
                if (i % 5 == 0) {
                    fire(names[i], 2_000 + i);
                } else if (i % 5 == 1) {
                    schedules.remove(names[i]).block(SOON);
                    declare("new" + names[i]);
                }
            }
            step++;
        } while (cursor != null);

        assertThat(met.stream().filter(untouched::contains)).containsExactlyInAnyOrderElementsOf(untouched);
        assertThat(met).containsAll(fired);
        assertThat(step).isLessThan(100);
    }

    @Test
    void aCursorHoldsThoughItsScheduleIsGoneOrElsewhere() {
        declare("a", "b", "c", "d");
        List.of("a", "b", "c", "d").forEach(name -> due(name, 1_000));
        String behindB = page(null, 2).cursor();

        schedules.remove("b").block(SOON);
        assertThat(page(behindB, 1).schedules()).extracting(ScheduleInfo::name).containsExactly("c");

        schedules.pause("c").block(SOON);
        assertThat(page(behindB, 2).schedules()).extracting(ScheduleInfo::name).containsExactly("d", "c");
        assertThat(page(page(behindB, 2).cursor(), 2)).isEqualTo(new SchedulePage(List.of(), 0, null));
    }

    @Test
    @StoredStateMayBeBroken("somebody else has written into the schedules")
    void whatCannotBeReadIsLeftOutAndTheWalkGoesOn() {
        declare("a", "z");
        due("a", 1_000);
        due("z", 3_000);
        for (int i = 0; i < 300; i++) {
            wire.call("ZADD", "{mails}:schedules:due", "2000.25", "remains" + i);
        }
        wire.call("HSET", "{mails}:schedules", "remains7", "nonsense");

        assertThat(walk(2)).containsExactly("a", "z");
        assertThat(page(null, 2).scanned())
                .isGreaterThanOrEqualTo(256); // one call, or both if they took less than 100 ms
        wire.call("DEL", "{mails}:schedules:due", "{mails}:schedules", "{mails}:schedules:bodies");
    }

    @Test
    void aPageOfNothingAndACursorOfNothingAreRefused() {
        assertThatThrownBy(() -> schedules.page(null, 0))
                .isInstanceOf(InvalidTaskException.class)
                .hasMessage("a page has at least 1 schedule, was 0");
        assertThatThrownBy(() -> page("nonsense", 1))
                .isInstanceOf(InvalidTaskException.class)
                .hasMessage("this is no cursor of a listing of schedules");
        assertThat(page(null, 1)).isEqualTo(new SchedulePage(List.of(), 0, null));
    }

    private List<String> walk(int limit) {
        List<String> names = new ArrayList<>();
        @Nullable String cursor = null;
        do {
            SchedulePage page = page(cursor, limit);
            assertThat(page.schedules()).hasSizeLessThanOrEqualTo(limit);
            page.schedules().forEach(it -> names.add(it.name()));
            cursor = page.cursor();
        } while (cursor != null);
        return names;
    }

    private SchedulePage page(@Nullable String cursor, int limit) {
        return schedules.page(cursor, limit).block(SOON);
    }

    private void declare(String... names) {
        for (String name : names) {
            schedules.put(Schedule.every(name, Duration.ofDays(1), TASK)).block(SOON);
        }
    }

    private void due(String name, long ms) {
        wire.call("ZADD", "{mails}:schedules:due", "XX", Long.toString(ms), name);
    }

    private void fire(String name, long nextMs) {
        ScheduleRecord read = store.find(name).block(SOON);
        store.fire(List.of(new Shot(read, List.of(), read.dueMs(), nextMs))).block(SOON);
    }

    private static String[] names(int count) {
        return IntStream.range(0, count).mapToObj(i -> "s" + (1_000 + i)).toArray(String[]::new);
    }
}
