package dev.sluice.dispatch;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.Sluice;
import dev.sluice.client.QueueEvent;
import dev.sluice.client.QueueEvent.Began;
import dev.sluice.client.QueueEvent.Missed;
import dev.sluice.client.QueueEvent.Moved;
import dev.sluice.client.TaskClient;
import dev.sluice.client.TaskFilter;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Queue;
import dev.sluice.task.Schedule;
import dev.sluice.task.StoreRefusedException;
import dev.sluice.task.StoreUnavailableException;
import dev.sluice.task.Task;
import dev.sluice.task.TaskState;
import dev.sluice.task.Verdict;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Subscription;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Whoever listens to a queue hears what becomes of its tasks, or how much of it was missed; who does not pays nothing. */
@OnEveryRedis
class ListeningRedisTest extends DispatchCase {
    private static final Pattern CALLS = Pattern.compile("cmdstat_publish:calls=(\\d+)");

    private final List<Ear> ears = new ArrayList<>();

    ListeningRedisTest(RedisServer redis) {
        super(redis);
    }

    @AfterEach
    void leave() {
        ears.forEach(Ear::cancel);
    }

    /** A user of Redis 7 may use no channels unless somebody gave them to him. */
    @Test
    void whoMayNotSubscribeIsToldAndHearsOnceHeMay() {
        TaskClient deaf = doorHearing().client(queue);
        for (int i = 0; i < 3; i++) {
            assertThatThrownBy(() -> deaf.events().blockFirst(PATIENCE))
                    .isInstanceOfSatisfying(
                            StoreRefusedException.class,
                            refused -> assertThat(refused.reason()).isEqualTo("permission"));
        }

        assertThatThrownBy(() -> deaf.events().retry(3).blockFirst(PATIENCE))
                .as("also who comes again as it is told")
                .isInstanceOf(StoreRefusedException.class);

        letHear("&{q}:*", "&sluice:pulse");
        enqueue(task("a"));
        assertThat(deaf.events().blockFirst(PATIENCE)).isEqualTo(new Began());
    }

    /** Its channel may be confirmed when it has left it. */
    @Test
    void whoListensAfterOneThatWentAtOnceHears() {
        running(task -> Mono.empty()); // which has a channel, so that the connection stays
        listening().cancel();
        for (int i = 0; i < 4; i++) {
            String id = "a" + i;
            sluice.client(queue).events().subscribe().dispose();
            LockSupport.parkNanos(50_000_000);

            Ear ear = listening();
            enqueue(task(id));

            eventually(() -> assertThat(ear.movesOf(id)).containsExactly("queued", "processing", "succeeded"));
            ear.cancel();
        }
    }

    @Test
    void everyMoveOfATaskIsHeardInItsOrder() {
        Ear ear = listening();
        running(task -> task.attempt() == 1 ? Mono.error(new IllegalStateException("no")) : Mono.empty());

        Instant before = Instant.now().minusMillis(1000);
        enqueue(task("a"));

        eventually(() -> assertThat(ear.movesOf("a"))
                .containsExactly("queued", "processing", "retrying", "queued", "processing", "succeeded"));
        assertThat(ear.heard().get(0)).isEqualTo(new Began());
        assertThat(ear.moves()).allSatisfy(it -> assertThat(it.at()).isAfter(before));
        assertThat(ear.moves()).isSortedAccordingTo((one, other) -> one.at().compareTo(other.at()));
    }

    @Test
    void everyWayToEndIsHeard() {
        Set<String> met = ConcurrentHashMap.newKeySet();
        Ear ear = listening();
        started(dispatcher().handler("t", Object.class, task -> switch (task.id()) {
            case "dead" -> met.add("dead") ? Mono.just(Verdict.dead("never")) : Mono.empty();
            case "discarded" -> Mono.just(Verdict.discarded());
            case "snoozed" -> met.add("snoozed") ? Mono.just(Verdict.snooze(Duration.ofMillis(1))) : Mono.empty();
            case "good" -> Mono.empty();
            default -> Mono.never();
        }));

        enqueue(
                task("dead"),
                task("discarded"),
                task("snoozed"),
                task("good").delay(Duration.ofMillis(20)),
                task("late").timeout(Duration.ofMillis(50)).maxAttempts(1),
                task("later").delay(Duration.ofHours(1)),
                task("running"));
        eventually(() -> assertThat(status("running")).isEqualTo("processing"));
        TaskClient client = sluice.client(queue);
        client.cancel("later").then(client.cancel("running")).block(PATIENCE);
        eventually(() -> assertThat(ear.movesOf("dead")).containsExactly("queued", "processing", "dead"));
        sluice.deadLetters(queue).redrive("dead").block(PATIENCE);

        eventually(() -> {
            assertThat(ear.movesOf("dead"))
                    .containsExactly("queued", "processing", "dead", "queued", "processing", "succeeded");
            assertThat(ear.movesOf("discarded")).containsExactly("queued", "processing", "discarded");
            assertThat(ear.movesOf("snoozed"))
                    .containsExactly("queued", "processing", "scheduled", "queued", "processing", "succeeded");
            assertThat(ear.movesOf("good")).containsExactly("scheduled", "queued", "processing", "succeeded");
            assertThat(ear.movesOf("late")).containsExactly("queued", "processing", "dead");
            assertThat(ear.movesOf("later")).containsExactly("scheduled", "cancelled");
            assertThat(ear.movesOf("running")).containsExactly("queued", "processing", "cancelled");
        });
    }

    @Test
    void whatNoDispatcherDoesIsHeardToo() {
        Ear ear = listening();
        TaskClient client = sluice.client(queue);
        enqueue(task("waiting"));
        client.cancel("waiting").block(PATIENCE);
        sluice.schedules(queue)
                .put(Schedule.every("nightly", Duration.ofDays(300), Task.of("t", 1)))
                .then(sluice.schedules(queue).trigger("nightly"))
                .block(PATIENCE);

        eventually(() -> assertThat(ear.movesOf("waiting")).containsExactly("queued", "cancelled"));
        eventually(() -> assertThat(ear.moves()).anyMatch(it -> it.id().startsWith("nightly")));
    }

    @Test
    void whatIsCancelledAmongManyIsHeardAndNothingElse() {
        enqueue(
                Task.of("mail", 1).id("waiting"),
                Task.of("mail", 1).id("later").delay(Duration.ofHours(1)),
                task("left"),
                task("leftForLater").delay(Duration.ofHours(1)));
        push("foreign", "{\"id\":\"foreign\",\"type\":\"mail\"}");
        Ear ear = listening();
        TaskClient client = sluice.client(queue);
        TaskFilter mails = TaskFilter.all().type("mail");

        client.count(mails).thenMany(client.cancelAll(mails)).blockLast(PATIENCE);
        enqueue(task("last"));

        eventually(() -> assertThat(ear.movesOf("last")).isNotEmpty());
        assertThat(ear.moves())
                .extracting(it -> it.state().word() + " " + it.id())
                .containsExactlyInAnyOrder("cancelled waiting", "cancelled later", "cancelled foreign", "queued last");
    }

    @Test
    void whatACrashGivesBackAndWhatItBuriesIsHeard() {
        Ear ear = listening();
        enqueue(task("poison"));
        killTwoThatHoldIt();

        eventually(() -> assertThat(ear.movesOf("poison"))
                .containsExactly("queued", "processing", "queued", "processing", "dead"));
    }

    @Test
    void ofManyTasksOnlyLegalMovesAreHeardAndNoneIsMissing() {
        settings = settings.concurrency(64);
        Ear ear = listening();
        running(task -> switch (Math.floorMod(task.id().hashCode() + task.attempt(), 5)) {
            case 0 -> Mono.error(new IllegalStateException("no"));
            case 1 -> Mono.just(Verdict.discarded());
            case 2 -> Mono.just(Verdict.dead("no"));
            default -> Mono.delay(Duration.ofMillis(1));
        });

        enqueue(0, 1000);

        eventually(() ->
                assertThat(ear.moves()).filteredOn(it -> !it.state().isLive()).hasSize(1000));
        assertThat(ear.heard()).doesNotHaveAnyElementsOfTypes(Missed.class);
        Map<String, TaskState> states = new HashMap<>();
        ear.moves().forEach(move -> {
            TaskState was = states.put(move.id(), move.state());
            assertThat(was == null ? move.state() == TaskState.QUEUED : was.canBecome(move.state()))
                    .as(was + " to " + move)
                    .isTrue();
        });
    }

    @Test
    void nothingIsPublishedWhileNobodyListens() {
        long before = published();
        running(task -> Mono.empty());

        enqueue(0, 100);
        eventually(this::assertEmpty);
        wire.call("HSET", key("meta"), "events", "1 1 " + key("events@0")); // somebody did, until 1970
        enqueue(100, 200);
        eventually(this::assertEmpty);

        assertThat(published()).isEqualTo(before);
    }

    @Test
    void oneMessageTellsAllMovesOfACall() {
        enqueue(0, 1000);
        Ear ear = listening();
        long before = published();

        running(task -> Mono.empty());

        eventually(() -> assertThat(ear.moves()).hasSize(2000));
        assertThat(published() - before).isLessThan(200);
    }

    @Test
    void oneThatAsksForLittleLosesTheOldestIsToldHowManyAndSlowsNobody() {
        settings = settings.concurrency(256);
        Ear slow = listening(new Ear(1));
        Ear quick = listening();
        running(task -> Mono.empty());

        enqueue(0, 1500);
        eventually(() -> assertThat(quick.moves()).hasSize(4500));
        assertThat(slow.heard()).containsExactly(new Began());
        slow.request(Long.MAX_VALUE);

        eventually(() -> assertThat(slow.heard()).hasSize(2 + 4096));
        assertThat(slow.heard().get(1)).isEqualTo(new Missed(4500 - 4096));
        assertThat(slow.moves()).isEqualTo(quick.moves().subList(4500 - 4096, 4500));
    }

    @Test
    void aLostConnectionIsTold() {
        Ear ear = listening();

        eventually(() -> {
            wire.call("CLIENT", "KILL", "TYPE", "pubsub");
            assertThat(ear.heard()).hasSizeGreaterThan(1).containsOnly(new Began());
        });

        eventually(() -> {
            enqueue(Task.of("t", 1));
            assertThat(ear.moves()).isNotEmpty();
        });
    }

    @Test
    void aQueueThatForgotThatSomebodyListensIsRemindedAndThatIsTold() {
        Ear ear = listening();

        wire.call("HDEL", key("meta"), "events");
        enqueue(task("missed"));
        listening(new Ear(Long.MAX_VALUE), door(redis.uri())); // finds it gone, and is not the only one

        eventually(() -> assertThat(ear.heard()).containsExactly(new Began(), new Began()));
        enqueue(task("heard"));
        eventually(() -> assertThat(ear.movesOf("heard")).containsExactly("queued"));
        assertThat(ear.movesOf("missed")).isEmpty();
    }

    @Test
    void whoComesLaterBeginsAtOnceAndWhoLeavesHearsNothing() {
        Ear first = listening();
        Ear second = listening();
        first.cancel();

        enqueue(task("a"));

        eventually(() -> assertThat(second.movesOf("a")).containsExactly("queued"));
        assertThat(first.moves()).isEmpty();
        second.cancel();
        eventually(() ->
                assertThat(wire.call("PUBSUB", "NUMSUB", key("events@0"))).isEqualTo(List.of(key("events@0"), 0L)));
        eventually(() -> assertThat(listening().heard()).isNotEmpty());
    }

    @Test
    void twoDatabasesOfOneServerDoNotHearEachOther() {
        Sluice other = door(redis.uri() + "/1");
        Ear here = listening();
        Ear there = listening(new Ear(Long.MAX_VALUE), other);

        enqueue(task("here"));
        other.client(queue).enqueue(task("there")).block(PATIENCE);

        eventually(() -> assertThat(here.movesOf("here")).containsExactly("queued"));
        eventually(() -> assertThat(there.movesOf("there")).containsExactly("queued"));
        assertThat(here.moves()).hasSize(1);
        assertThat(there.moves()).hasSize(1);
    }

    @Test
    void aQueueThatNobodyKnowsIsSilentUntilItsFirstTask() {
        queue = Queue.named("unknown");
        Ear ear = listening();
        assertThat(ear.heard()).containsExactly(new Began());

        enqueue(task("first"));

        eventually(() -> assertThat(ear.movesOf("first")).containsExactly("queued"));
    }

    @Test
    void whatIsNoMessageOfOursIsPassedOver() {
        Ear ear = listening();

        for (String message :
                List.of("", "\n", "now\nqueued a", "12", "12\n", "12\nqueued", "12\nflying a\nqueued b c")) {
            wire.call("PUBLISH", key("events@0"), message);
        }

        eventually(() ->
                assertThat(ear.moves()).containsExactly(new Moved("b c", TaskState.QUEUED, Instant.ofEpochMilli(12))));
    }

    @Test
    void anAtMostOnceQueueIsRefused() {
        deliver(DeliveryMode.AT_MOST_ONCE);

        assertThatThrownBy(() -> sluice.client(queue).events().blockFirst(PATIENCE))
                .isInstanceOf(InvalidTaskException.class)
                .hasMessageContaining("at-most-once");
    }

    @Test
    void itEndsWithTheFrontDoorAndOnlyThen() {
        Sluice other = door(redis.uri());
        Ear ear = listening(new Ear(Long.MAX_VALUE), other);

        other.close().block(PATIENCE);

        eventually(() -> assertThat(ear.failures).hasSize(1));
        assertThat(ear.failures.get(0))
                .isInstanceOf(StoreUnavailableException.class)
                .hasMessageContaining("closed");
    }

    private Ear listening() {
        return listening(new Ear(Long.MAX_VALUE));
    }

    private Ear listening(Ear ear) {
        return listening(ear, sluice);
    }

    /** Returns once it has begun. */
    private Ear listening(Ear ear, Sluice door) {
        ears.add(ear);
        Flux<QueueEvent> events = door.client(queue).events();
        events.subscribe(ear);
        eventually(() -> assertThat(ear.heard()).isNotEmpty());
        return ear;
    }

    private long published() {
        Matcher calls = CALLS.matcher((String) wire.call("INFO", "commandstats"));
        return calls.find() ? Long.parseLong(calls.group(1)) : 0;
    }

    /** One who listens, and asks for so many events at first. */
    private static final class Ear extends BaseSubscriber<QueueEvent> {
        private final java.util.Queue<QueueEvent> events = new ConcurrentLinkedQueue<>();
        final List<Throwable> failures = new CopyOnWriteArrayList<>();
        private final long first;

        Ear(long first) {
            this.first = first;
        }

        @Override
        protected void hookOnSubscribe(Subscription subscription) {
            request(first);
        }

        @Override
        protected void hookOnNext(QueueEvent event) {
            events.add(event);
        }

        @Override
        protected void hookOnError(Throwable failure) {
            failures.add(failure);
        }

        List<QueueEvent> heard() {
            return List.copyOf(events);
        }

        List<Moved> moves() {
            return events.stream()
                    .filter(Moved.class::isInstance)
                    .map(Moved.class::cast)
                    .toList();
        }

        List<String> movesOf(String id) {
            return moves().stream()
                    .filter(it -> it.id().equals(id))
                    .map(it -> it.state().word())
                    .toList();
        }
    }
}
